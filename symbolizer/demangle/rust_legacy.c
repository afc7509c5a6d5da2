#include "demangle/demangle_rust.h"

#include <stdint.h>
#include <string.h>

#include "demangle/rust_name.h"

#define HASH_BYTES        20u /* 17h, 16 digits, E */
#define HASH_DIGITS_MIN   5u  /* different ones: C++ names that end alike rarely have them */
#define ESCAPE_DIGITS_MAX 6u
#define LENGTH_MAX        1000000u

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether @name, up to its E, ends in a hash as rustc makes it. */
static bool has_hash(const char *name, size_t n_bytes)
{
	const char *hash = name + n_bytes - HASH_BYTES;
	uint32_t seen = 0;

	if (n_bytes < 3 + HASH_BYTES || memcmp(hash, "17h", 3) != 0 || name[n_bytes - 1] != 'E')
		return false;
	for (size_t i = 3; i < HASH_BYTES - 1; i++) {
		if (hex_digit(hash[i]) < 0)
			return false;
		seen |= UINT32_C(1) << hex_digit(hash[i]);
	}
	return __builtin_popcount(seen) >= (int)HASH_DIGITS_MIN;
}

/* $u<digits>$: any character. Returns the bytes that it takes, 0 when it is none. */
static size_t put_escaped_character(struct rust *r, const char *text, size_t n_bytes)
{
	uint32_t c = 0;
	size_t i;

	for (i = 2; i < n_bytes && i < 2 + ESCAPE_DIGITS_MAX && hex_digit(text[i]) >= 0; i++)
		c = c << 4 | (uint32_t)hex_digit(text[i]);
	if (i == 2 || i >= n_bytes || text[i] != '$' || c < ' ' || (c >= 0x7f && c < 0xa0) ||
	    c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	rust_put_character(r, c);
	return i + 1;
}

/* The escape at @text, which begins with $. Returns the bytes that it takes, 0 when it is none. */
static size_t put_escape(struct rust *r, const char *text, size_t n_bytes)
{
	static const struct {
		const char *code;
		const char *meaning;
	} escapes[] = {
		{"$SP$", "@"}, {"$BP$", "*"}, {"$RF$", "&"}, {"$LT$", "<"},
		{"$GT$", ">"}, {"$LP$", "("}, {"$RP$", ")"}, {"$C$", ","},
	};

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		size_t n_code = strlen(escapes[i].code);

		if (n_bytes >= n_code && memcmp(text, escapes[i].code, n_code) == 0) {
			rust_put_text(r, escapes[i].meaning);
			return n_code;
		}
	}
	return n_bytes > 1 && text[1] == 'u' ? put_escaped_character(r, text, n_bytes) : 0;
}

static void put_element(struct rust *r, const char *text, size_t n_bytes)
{
	size_t at = n_bytes >= 2 && text[0] == '_' && text[1] == '$' ? 1 : 0, n;

	for (; at < n_bytes && !r->has_failed; at += n) {
		n = 1;
		if (text[at] == '$') {
			n = put_escape(r, text + at, n_bytes - at);
			if (n == 0) { /* nothing that is known: the rest stays as it is */
				rust_put(r, text + at, n_bytes - at);
				return;
			}
		} else if (text[at] == '.' && at + 1 < n_bytes && text[at + 1] == '.') {
			rust_put_text(r, "::");
			n = 2;
		} else {
			rust_put(r, text + at, 1);
		}
	}
}

/* <length> <element> each, as C++ has them. */
static void elements(struct rust *r)
{
	for (bool is_first = true; !r->has_failed && r->at < r->end; is_first = false) {
		size_t n_bytes = 0;

		while (rust_peek(r) >= '0' && rust_peek(r) <= '9' && n_bytes < LENGTH_MAX)
			n_bytes = n_bytes * 10 + (size_t)(rust_next(r) - '0');
		if (n_bytes == 0 || n_bytes > (size_t)(r->end - r->at)) {
			rust_fail(r);
			return;
		}
		rust_put_text(r, is_first ? "" : "::");
		put_element(r, r->at, n_bytes);
		if (!r->has_failed)
			r->at += n_bytes;
	}
}

size_t demangle_rust_legacy(struct wire_bytes name, struct rust_output *out)
{
	const char *text = name.data, *dot = memrchr(text, '.', name.n_bytes);
	size_t n_bytes = name.n_bytes;
	struct rust r = {.out = out->text, .bytes_max = out->bytes_max};

	while (dot && dot[-1] != 'E')
		dot = memrchr(text, '.', (size_t)(dot - text));
	if (dot) /* llvm's suffix */
		n_bytes = (size_t)(dot - text);
	out->n_steps = 1;
	if (!has_hash(text, n_bytes))
		return 0;
	r.start = r.at = text + 3;
	r.end = text + n_bytes - HASH_BYTES;
	elements(&r);
	return r.has_failed ? 0 : r.n_bytes;
}
