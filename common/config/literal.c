#include "config/literal.h"

#include <stdlib.h>
#include <string.h>

/* Reads exactly @n digits of @base. Returns 0, or CONFIG_REFUSED when there are fewer. */
static int read_code(const char *at, size_t n_bytes, unsigned base, size_t n, uint32_t *ret_code)
{
	uint32_t code = 0;

	if (n > n_bytes)
		return CONFIG_REFUSED;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)at[i], lower = c | 0x20;
		unsigned digit = c >= '0' && c <= '9'           ? c - (unsigned)'0'
				 : lower >= 'a' && lower <= 'f' ? lower - (unsigned)'a' + 10
								: 16;

		if (digit >= base)
			return CONFIG_REFUSED;
		code = code * base + digit;
	}
	*ret_code = code;
	return 0;
}

struct escape {
	char letter;
	unsigned base; /* 0: @code is the character itself */
	unsigned n_digits;
	uint32_t code;
	uint32_t code_max;
	bool is_character; /* else a byte */
	const char *form;
};

static const struct escape escapes[] = {
	{'\\', 0, 0, '\\', 0, false, NULL},
	{'"', 0, 0, '"', 0, false, NULL},
	{'a', 0, 0, '\a', 0, false, NULL},
	{'b', 0, 0, '\b', 0, false, NULL},
	{'f', 0, 0, '\f', 0, false, NULL},
	{'n', 0, 0, '\n', 0, false, NULL},
	{'r', 0, 0, '\r', 0, false, NULL},
	{'t', 0, 0, '\t', 0, false, NULL},
	{'v', 0, 0, '\v', 0, false, NULL},
	{'x', 16, 2, 0, 0xff, false, "\\x needs two hexadecimal digits"},
	{'u', 16, 4, 0, 0xffff, true, "\\u needs the four hexadecimal digits of a character"},
	{'U', 16, 8, 0, 0x10ffff, true, "\\U needs the eight hexadecimal digits of a character"},
};

static const struct escape octal = {
	'0', 8, 3, 0, 0xff, false, "an octal escape needs three digits, at most \\377"};

static const struct escape *escape_of(char letter)
{
	if (letter >= '0' && letter <= '7')
		return &octal;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (escapes[i].letter == letter)
			return &escapes[i];
	return NULL;
}

/* Decodes the escape at @at, a backslash, to *@to and returns its length, or 0 when it is none. */
static size_t decode_escape(const char *at, size_t n_bytes, char **to, const char **ret_form)
{
	const struct escape *escape = n_bytes > 1 ? escape_of(at[1]) : NULL;
	size_t n_before = escape == &octal ? 1 : 2;
	uint32_t code;

	*ret_form =
		"known are \\\\ \\\" \\a \\b \\f \\n \\r \\t \\v \\NNN \\xNN \\uNNNN \\UNNNNNNNN";
	if (!escape)
		return 0;
	*ret_form = escape->form;
	code = escape->code;
	if (escape->base && read_code(at + n_before, n_bytes - n_before, escape->base,
				      escape->n_digits, &code) != 0)
		return 0;
	if (escape->base && code > escape->code_max)
		return 0;
	if (escape->is_character && code >= 0xd800 && code < 0xe000)
		return 0; /* half of a surrogate pair */
	if (escape->is_character)
		*to += config_utf8_write(code, *to);
	else
		*(*to)++ = (char)code;
	return n_before + escape->n_digits;
}

static int decode_string(struct config_token token, const char *quoted,
			 struct config_diagnostics *d, struct config_value *ret_value)
{
	size_t n_bytes = token.span.end - token.span.start - 2;
	char *decoded = config_arena_alloc(d->arena, n_bytes + 1), *to = decoded;
	const char *at = quoted + 1, *end = at + n_bytes, *form;
	size_t n;

	if (!decoded)
		return d->arena->error;
	for (; at < end; at += n) { /* an escape is never shorter than what it stands for */
		n = 1;
		if (*at != '\\') {
			*to++ = *at;
			continue;
		}
		n = decode_escape(at, (size_t)(end - at), &to, &form);
		if (n == 0) {
			uint32_t start = token.span.start + (uint32_t)(at - quoted);

			config_error(d, (struct config_span){start, start + 2},
				     "found the escape \\%c, %s", end - at > 1 ? at[1] : ' ', form);
			return CONFIG_REFUSED;
		}
	}
	*ret_value = (struct config_value){.type = CONFIG_STRING,
					   .text = {decoded, (size_t)(to - decoded)}};
	return 0;
}

/* Takes the bytes as they are, but a CRLF as the LF that it would be in another editor. */
static int decode_raw_string(struct config_token token, const char *quoted,
			     struct config_diagnostics *d, struct config_value *ret_value)
{
	size_t n_bytes = token.span.end - token.span.start - 2;
	char *decoded = config_arena_alloc(d->arena, n_bytes + 1), *to = decoded;
	const char *at = quoted + 1;

	if (!decoded)
		return d->arena->error;
	for (size_t i = 0; i < n_bytes; i++)
		if (at[i] != '\r' || at[i + 1] != '\n')
			*to++ = at[i];
	*ret_value = (struct config_value){.type = CONFIG_STRING,
					   .text = {decoded, (size_t)(to - decoded)}};
	return 0;
}

/* Reads digits of @base. Returns false when one is none, or they fit no 64 bits. */
static bool read_whole(const char *digits, size_t n_digits, unsigned base, uint64_t *ret_whole)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < n_digits; i++) {
		unsigned digit = (unsigned)(digits[i] - '0');

		if (digit >= base || __builtin_mul_overflow(whole, (uint64_t)base, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)digit, &whole))
			return false;
	}
	*ret_whole = whole;
	return true;
}

/* Digits behind a 0 are octal where they can be; few expect it, so it is said. */
static bool whole_number(struct config_token token, const char *digits, size_t n_digits,
			 struct config_diagnostics *d, uint64_t *ret_whole)
{
	if (n_digits < 2 || digits[0] != '0')
		return read_whole(digits, n_digits, 10, ret_whole);
	if (read_whole(digits, n_digits, 8, ret_whole)) {
		if (*ret_whole > 7)
			config_warn(d, token.span,
				    "%s begins with 0 and is therefore octal: it is worth %llu",
				    digits, (unsigned long long)*ret_whole);
		return true;
	}
	config_warn(d, token.span, "%s begins with 0 but is not octal: it is read as decimal",
		    digits);
	return false;
}

/* A whole number that fits no 64 bits is a float, as in Go; so is 08. */
static int decode_number(struct config_token token, const char *text, struct config_diagnostics *d,
			 struct config_value *ret_value)
{
	size_t n_bytes = token.span.end - token.span.start;
	struct config_number number = {.kind = CONFIG_FLOAT};
	char *copy = config_arena_copy(d->arena, text, n_bytes);
	uint64_t whole = 0;
	bool is_whole;

	if (!copy)
		return d->arena->error;
	is_whole =
		token.kind == CONFIG_TOKEN_NUMBER && whole_number(token, copy, n_bytes, d, &whole);
	if (is_whole && whole <= INT64_MAX)
		number = (struct config_number){.kind = CONFIG_INT, .i = (int64_t)whole};
	else if (is_whole)
		number = (struct config_number){.kind = CONFIG_UINT, .u = whole};
	else
		number.f = strtod(copy, NULL);
	if (number.kind == CONFIG_FLOAT && number.f > 0x1.fffffffffffffp1023) {
		config_error(d, token.span,
			     "this number is too large, expected one that fits a 64-bit float");
		return CONFIG_REFUSED;
	}
	*ret_value = (struct config_value){.type = CONFIG_NUMBER, .number = number};
	return 0;
}

int config_literal_value(const struct config_source *source, struct config_token token,
			 struct config_diagnostics *diagnostics, struct config_value *ret_value)
{
	const char *text = source->text.data + token.span.start;

	switch (token.kind) {
	case CONFIG_TOKEN_NUMBER:
	case CONFIG_TOKEN_FLOAT:
		return decode_number(token, text, diagnostics, ret_value);
	case CONFIG_TOKEN_STRING:
		return decode_string(token, text, diagnostics, ret_value);
	case CONFIG_TOKEN_RAW_STRING:
		return decode_raw_string(token, text, diagnostics, ret_value);
	case CONFIG_TOKEN_TRUE:
	case CONFIG_TOKEN_FALSE:
		*ret_value = (struct config_value){.type = CONFIG_BOOL,
						   .boolean = token.kind == CONFIG_TOKEN_TRUE};
		return 0;
	default:
		*ret_value = (struct config_value){.type = CONFIG_NULL};
		return 0;
	}
}
