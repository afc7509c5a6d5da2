#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/diagnostics.h"
#include "config/value.h"

#define NUMBER_BYTES_MAX 400 /* the longest double, written without an exponent, has 309 digits */

double config_number_to_float(struct config_number number)
{
	switch (number.kind) {
	case CONFIG_INT:
		return (double)number.i;
	case CONFIG_UINT:
		return (double)number.u;
	case CONFIG_FLOAT:
		break;
	}
	return number.f;
}

static int compare_whole(struct config_number a, struct config_number b)
{
	if (a.kind != b.kind) /* a CONFIG_UINT is above every CONFIG_INT */
		return a.kind == CONFIG_INT ? -1 : 1;
	if (a.kind == CONFIG_INT)
		return (a.i > b.i) - (a.i < b.i);
	return (a.u > b.u) - (a.u < b.u);
}

int config_number_compare(struct config_number a, struct config_number b)
{
	double x, y;

	if (a.kind != CONFIG_FLOAT && b.kind != CONFIG_FLOAT)
		return compare_whole(a, b);
	x = config_number_to_float(a);
	y = config_number_to_float(b);
	if (isnan(x) || isnan(y))
		return (int)!isnan(x) - (int)!isnan(y);
	return (x > y) - (x < y);
}

int config_number_to_int(struct config_number number, int64_t *ret_int)
{
	if (number.kind == CONFIG_UINT)
		return CONFIG_REFUSED;
	if (number.kind == CONFIG_INT) {
		*ret_int = number.i;
		return 0;
	}
	/* 2^63 is the first double that does not fit; NaN fails the comparison. */
	if (!(number.f >= -0x1p63 && number.f < 0x1p63) || number.f != trunc(number.f))
		return CONFIG_REFUSED;
	*ret_int = (int64_t)number.f;
	return 0;
}

/* Writes the shortest decimal that reads back as @f, without an exponent. */
static void write_float(double f, char *at, size_t n_bytes)
{
	int precision = 0, exponent, n_decimals;
	const char *mark;

	do
		(void)snprintf(at, n_bytes, "%.*e", precision, f);
	while (strtod(at, NULL) != f && ++precision < 17);
	mark = strchr(at, 'e');
	exponent = mark ? (int)strtol(mark + 1, NULL, 10) : 0;
	n_decimals = precision > exponent ? precision - exponent : 0;
	(void)snprintf(at, n_bytes, "%.*f", n_decimals, f);
}

static int number_to_text(struct config_arena *arena, struct config_number number,
			  struct config_text *ret_text)
{
	char at[NUMBER_BYTES_MAX + 32];
	const char *copy;

	if (number.kind == CONFIG_INT)
		(void)snprintf(at, sizeof(at), "%lld", (long long)number.i);
	else if (number.kind == CONFIG_UINT)
		(void)snprintf(at, sizeof(at), "%llu", (unsigned long long)number.u);
	else if (isnan(number.f) || isinf(number.f))
		(void)snprintf(at, sizeof(at), "%s",
			       isnan(number.f) ? "NaN"
			       : number.f > 0  ? "+Inf"
					       : "-Inf");
	else
		write_float(number.f, at, sizeof(at));
	copy = config_arena_copy(arena, at, strlen(at));
	if (!copy)
		return arena->error;
	*ret_text = (struct config_text){copy, strlen(copy)};
	return 0;
}

int config_value_to_text(struct config_arena *arena, const struct config_value *value,
			 struct config_text *ret_text)
{
	static const struct config_text empty = CONFIG_TEXT(""), yes = CONFIG_TEXT("true"),
					no = CONFIG_TEXT("false");

	switch (value->type) {
	case CONFIG_NULL:
		*ret_text = empty;
		return 0;
	case CONFIG_BOOL:
		*ret_text = value->boolean ? yes : no;
		return 0;
	case CONFIG_NUMBER:
		return number_to_text(arena, value->number, ret_text);
	case CONFIG_STRING:
		*ret_text = value->text;
		return 0;
	default:
		return CONFIG_REFUSED;
	}
}

int config_parse_uint(struct config_text text, uint64_t *ret_uint)
{
	uint64_t sum = 0;

	if (text.n_bytes == 0)
		return CONFIG_REFUSED;
	for (size_t i = 0; i < text.n_bytes; i++) {
		unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(sum, UINT64_C(10), &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return CONFIG_REFUSED;
	}
	*ret_uint = sum;
	return 0;
}

/* Reads a decimal float; strtod() alone would take "inf", "0x1p3" and leading blanks, too. */
static int parse_float(struct config_text text, double *ret_float)
{
	char *end;
	double f;

	if (text.n_bytes == 0 || text.data[strspn(text.data, "0123456789.eE+-")] != '\0' ||
	    strlen(text.data) != text.n_bytes)
		return CONFIG_REFUSED;
	f = strtod(text.data, &end);
	if (end != text.data + text.n_bytes || isinf(f))
		return CONFIG_REFUSED;
	*ret_float = f;
	return 0;
}

static int text_to_number(struct config_text text, struct config_number *ret_number)
{
	struct config_number number = {.kind = CONFIG_FLOAT};
	bool negative = text.n_bytes > 0 && text.data[0] == '-';
	uint64_t magnitude;
	int r;

	if (text.data[strcspn(text.data, ".eE")] != '\0') {
		r = parse_float(text, &number.f);
		if (r == 0)
			*ret_number = number;
		return r;
	}
	text.data += negative;
	text.n_bytes -= negative;
	r = config_parse_uint(text, &magnitude);
	if (r != 0 || (negative && magnitude > (uint64_t)INT64_MAX + 1))
		return CONFIG_REFUSED;
	number.kind = !negative && magnitude > INT64_MAX ? CONFIG_UINT : CONFIG_INT;
	if (number.kind == CONFIG_UINT)
		number.u = magnitude;
	else
		number.i = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	*ret_number = number;
	return 0;
}

int config_value_to_number(const struct config_value *value, struct config_number *ret_number)
{
	switch (value->type) {
	case CONFIG_NULL:
		*ret_number = (struct config_number){.kind = CONFIG_INT};
		return 0;
	case CONFIG_NUMBER:
		*ret_number = value->number;
		return 0;
	case CONFIG_STRING:
		return text_to_number(value->text, ret_number);
	default:
		return CONFIG_REFUSED;
	}
}
