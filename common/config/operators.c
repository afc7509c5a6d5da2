#include "config/operators.h"

#include <math.h>
#include <string.h>

/* Whole numbers meet in 128 bits, where sums, differences and products of 64 bits fit. */
typedef __int128 wide;

static wide widen(struct config_number number)
{
	return number.kind == CONFIG_UINT ? (wide)number.u : (wide)number.i;
}

/* Returns false when @whole fits no 64 bits. */
static bool narrow(wide whole, struct config_number *ret_number)
{
	if (whole < INT64_MIN || whole > UINT64_MAX)
		return false;
	if (whole > INT64_MAX)
		*ret_number = (struct config_number){.kind = CONFIG_UINT, .u = (uint64_t)whole};
	else
		*ret_number = (struct config_number){.kind = CONFIG_INT, .i = (int64_t)whole};
	return true;
}

static bool refuse(struct config_diagnostics *d, struct config_span at, const char *what)
{
	config_error(d, at, "%s", what);
	return false;
}

/* A negative exponent is a division of 1, which leaves 0 unless the base is 1 or -1. */
static bool power_whole(struct config_diagnostics *d, struct config_span at, wide base,
			wide exponent, wide *ret_power)
{
	wide power = 1;

	if (exponent < 0) {
		if (base == 0)
			return refuse(
				d, at,
				"0 to a negative power divides by zero, expected another base");
		if (base != 1 && base != -1) {
			*ret_power = 0;
			return true;
		}
		exponent = -exponent;
	}
	if (base == 0 || base == 1 || base == -1) {
		*ret_power = exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base;
		return true;
	}
	for (; exponent > 0; exponent--) { /* at most 64 rounds before it fits no 64 bits */
		if (__builtin_mul_overflow(power, base, &power) || power > UINT64_MAX ||
		    power < INT64_MIN)
			return refuse(d, at,
				      "this power does not fit 64 bits, expected a smaller one");
	}
	*ret_power = power;
	return true;
}

static bool calculate_whole(struct config_diagnostics *d, const struct config_term *term, wide a,
			    wide b, struct config_number *ret_number)
{
	wide result = 0;

	switch (term->kind) {
	case CONFIG_TOKEN_ADD:
		result = a + b;
		break;
	case CONFIG_TOKEN_SUB:
		result = a - b;
		break;
	case CONFIG_TOKEN_MUL:
		if (__builtin_mul_overflow(a, b, &result))
			return refuse(d, term->span,
				      "this product does not fit 64 bits, expected a smaller one");
		break;
	case CONFIG_TOKEN_DIV:
	case CONFIG_TOKEN_MOD:
		if (b == 0)
			return refuse(d, term->span,
				      "this divides by zero, expected another divisor");
		result = term->kind == CONFIG_TOKEN_DIV ? a / b : a % b;
		break;
	default:
		if (!power_whole(d, term->span, a, b, &result))
			return false;
		break;
	}
	if (!narrow(result, ret_number))
		return refuse(d, term->span,
			      "this result does not fit 64 bits, expected a smaller one");
	return true;
}

static bool calculate_float(struct config_diagnostics *d, const struct config_term *term, double a,
			    double b, struct config_number *ret_number)
{
	struct config_number number = {.kind = CONFIG_FLOAT};

	switch (term->kind) {
	case CONFIG_TOKEN_ADD:
		number.f = a + b;
		break;
	case CONFIG_TOKEN_SUB:
		number.f = a - b;
		break;
	case CONFIG_TOKEN_MUL:
		number.f = a * b;
		break;
	case CONFIG_TOKEN_DIV:
	case CONFIG_TOKEN_MOD:
		if (b == 0)
			return refuse(d, term->span,
				      "this divides by zero, expected another divisor");
		number.f = term->kind == CONFIG_TOKEN_DIV ? a / b : fmod(a, b);
		break;
	default:
		number.f = pow(a, b);
		break;
	}
	if (!isfinite(number.f))
		return refuse(d, term->span, "this result is no finite number, expected one");
	*ret_number = number;
	return true;
}

static bool is_text(const struct config_value *value)
{
	return value->type == CONFIG_STRING || value->type == CONFIG_SECRET;
}

/* Joins two texts; what a secret went into is a secret. */
static int join(struct config_arena *arena, const struct config_value *a,
		const struct config_value *b, struct config_value *ret_value)
{
	struct config_value joined = {.type = CONFIG_STRING};
	size_t n_bytes = a->text.n_bytes + b->text.n_bytes;
	char *text = config_arena_alloc(arena, n_bytes + 1);

	if (!text)
		return arena->error;
	memcpy(text, a->text.data, a->text.n_bytes);
	memcpy(text + a->text.n_bytes, b->text.data, b->text.n_bytes);
	if (a->type == CONFIG_SECRET || b->type == CONFIG_SECRET)
		joined.type = CONFIG_SECRET;
	joined.text = (struct config_text){text, n_bytes};
	*ret_value = joined;
	return 0;
}

static int refuse_types(struct config_diagnostics *d, const struct config_term *term,
			const struct config_value *a, const struct config_value *b,
			const char *wanted)
{
	uint32_t n = term->span.end - term->span.start;

	config_error(d, term->span, "`%.*s` stands between %s and %s, it needs %s", (int)n,
		     d->source->text.data + term->span.start, config_value_describe(a),
		     config_value_describe(b), wanted);
	return CONFIG_REFUSED;
}

static int calculate(struct config_diagnostics *d, const struct config_term *term,
		     const struct config_value *a, const struct config_value *b,
		     struct config_value *ret_value)
{
	struct config_value result = {.type = CONFIG_NUMBER};
	bool done;

	if (term->kind == CONFIG_TOKEN_ADD && is_text(a) && is_text(b))
		return join(d->arena, a, b, ret_value);
	if (a->type != CONFIG_NUMBER || b->type != CONFIG_NUMBER)
		return refuse_types(d, term, a, b,
				    term->kind == CONFIG_TOKEN_ADD ? "two numbers or two strings"
								   : "two numbers");
	if (a->number.kind == CONFIG_FLOAT || b->number.kind == CONFIG_FLOAT)
		done = calculate_float(d, term, config_number_to_float(a->number),
				       config_number_to_float(b->number), &result.number);
	else
		done = calculate_whole(d, term, widen(a->number), widen(b->number), &result.number);
	if (!done)
		return CONFIG_REFUSED;
	*ret_value = result;
	return 0;
}

static int order(struct config_diagnostics *d, const struct config_term *term,
		 const struct config_value *a, const struct config_value *b, bool *ret_holds)
{
	int compared;

	if (a->type == CONFIG_NUMBER && b->type == CONFIG_NUMBER)
		compared = config_number_compare(a->number, b->number);
	else if (a->type == CONFIG_STRING && b->type == CONFIG_STRING)
		compared = config_text_compare(a->text, b->text);
	else
		return refuse_types(d, term, a, b, "two numbers or two strings");
	*ret_holds = term->kind == CONFIG_TOKEN_LESS         ? compared < 0
		     : term->kind == CONFIG_TOKEN_LESS_EQUAL ? compared <= 0
		     : term->kind == CONFIG_TOKEN_GREATER    ? compared > 0
							     : compared >= 0;
	return 0;
}

int config_apply_binary(struct config_diagnostics *diagnostics, const struct config_term *term,
			const struct config_value *left, const struct config_value *right,
			struct config_value *ret_value)
{
	struct config_value result = {.type = CONFIG_BOOL};
	int r = 0;

	switch (term->kind) {
	case CONFIG_TOKEN_OR:
	case CONFIG_TOKEN_AND:
		if (left->type != CONFIG_BOOL || right->type != CONFIG_BOOL)
			return refuse_types(diagnostics, term, left, right, "two bools");
		result.boolean = term->kind == CONFIG_TOKEN_OR ? left->boolean || right->boolean
							       : left->boolean && right->boolean;
		break;
	case CONFIG_TOKEN_EQUAL:
		result.boolean = config_value_equals(left, right);
		break;
	case CONFIG_TOKEN_NOT_EQUAL:
		result.boolean = !config_value_equals(left, right);
		break;
	case CONFIG_TOKEN_LESS:
	case CONFIG_TOKEN_LESS_EQUAL:
	case CONFIG_TOKEN_GREATER:
	case CONFIG_TOKEN_GREATER_EQUAL:
		r = order(diagnostics, term, left, right, &result.boolean);
		break;
	default:
		return calculate(diagnostics, term, left, right, ret_value);
	}
	if (r == 0)
		*ret_value = result;
	return r;
}

int config_apply_unary(struct config_diagnostics *diagnostics, const struct config_operator *op,
		       const struct config_value *value, struct config_value *ret_value)
{
	struct config_value result = *value;

	if (op->kind == CONFIG_TOKEN_NOT && value->type == CONFIG_BOOL) {
		result.boolean = !value->boolean;
	} else if (op->kind == CONFIG_TOKEN_SUB && value->type == CONFIG_NUMBER) {
		if (value->number.kind == CONFIG_FLOAT)
			result.number.f = -value->number.f;
		else if (!narrow(-widen(value->number), &result.number)) {
			config_error(diagnostics, op->span,
				     "this result does not fit 64 bits, expected a smaller one");
			return CONFIG_REFUSED;
		}
	} else {
		config_error(diagnostics, op->span, "`%c` stands before %s, it needs %s",
			     op->kind == CONFIG_TOKEN_NOT ? '!' : '-', config_value_describe(value),
			     op->kind == CONFIG_TOKEN_NOT ? "a bool" : "a number");
		return CONFIG_REFUSED;
	}
	*ret_value = result;
	return 0;
}
