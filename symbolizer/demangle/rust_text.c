#include "demangle/rust_name.h"

#include <string.h>

#define CHARACTERS_MAX 256u /* of one punycode identifier */

void rust_fail(struct rust *r)
{
	r->has_failed = true;
	r->at = r->end;
}

void rust_put(struct rust *r, const char *text, size_t n_bytes)
{
	if (r->n_skipping > 0 || r->has_failed)
		return;
	if (n_bytes > r->bytes_max - r->n_bytes) {
		rust_fail(r);
		return;
	}
	memcpy(r->out + r->n_bytes, text, n_bytes);
	r->n_bytes += n_bytes;
}

void rust_put_number(struct rust *r, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	rust_put(r, digits + at, sizeof(digits) - at);
}

void rust_put_character(struct rust *r, uint32_t c)
{
	char text[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		rust_fail(r);
		return;
	}
	for (size_t i = n; i-- > 1; c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	text[0] = (char)(leads[n] | c);
	rust_put(r, text, n);
}

/* Digits and letters, then "_", which alone is 0: the others are one more than they say. */
uint64_t rust_base_62(struct rust *r)
{
	uint64_t value = 0;

	if (rust_eat(r, '_'))
		return 0;
	while (!r->has_failed && rust_peek(r) != '_') {
		char c = rust_next(r);
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10
				 : c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') + 36
							: 62;

		if (digit == 62 || value > (UINT64_MAX - 61) / 62)
			rust_fail(r);
		value = value * 62 + digit;
	}
	(void)rust_next(r);
	return value + 1;
}

uint64_t rust_disambiguator(struct rust *r)
{
	return rust_eat(r, 's') ? rust_base_62(r) + 1 : 0;
}

struct rust_identifier rust_identifier(struct rust *r)
{
	struct rust_identifier id = {.is_punycode = rust_eat(r, 'u')};

	if (rust_peek(r) < '0' || rust_peek(r) > '9')
		rust_fail(r);
	do {
		id.n_bytes = id.n_bytes * 10 + (size_t)(rust_next(r) - '0');
		if (id.n_bytes > (size_t)(r->end - r->at))
			rust_fail(r);
	} while (!r->has_failed && id.n_bytes > 0 && rust_peek(r) >= '0' && rust_peek(r) <= '9');
	(void)rust_eat(r, '_');
	id.text = r->at;
	if (r->has_failed || id.n_bytes > (size_t)(r->end - r->at)) {
		rust_fail(r);
		return (struct rust_identifier){0};
	}
	r->at += id.n_bytes;
	return id;
}

/* What RFC 3492 calls the bias after @delta. */
static uint64_t adapt(uint64_t delta, uint64_t n_characters, bool is_first)
{
	uint64_t bias = 0;

	delta /= is_first ? 700 : 2;
	delta += delta / n_characters;
	for (; delta > 455; bias += 36)
		delta /= 35;
	return bias + 36 * delta / (delta + 38);
}

/* One of punycode's numbers. */
static uint64_t delta_of(struct rust *r, const char **at, const char *end, uint64_t bias)
{
	uint64_t value = 0, weight = 1;

	for (uint64_t k = 36;; k += 36) {
		uint64_t threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
		unsigned char c = *at < end ? (unsigned char)*(*at)++ : 0;
		unsigned digit = (unsigned)(c >= 'a' && c <= 'z'   ? c - 'a'
					    : c >= 'A' && c <= 'Z' ? c - 'A'
					    : c >= '0' && c <= '9' ? c - '0' + 26
								   : 36);

		if (digit == 36 || weight > UINT32_MAX) {
			rust_fail(r);
			return 0;
		}
		value += digit * weight;
		if (digit < threshold)
			return value;
		weight *= 36 - threshold;
	}
}

static void put_punycode(struct rust *r, struct rust_identifier id)
{
	const char *end = id.text + id.n_bytes, *at = memrchr(id.text, '_', id.n_bytes);
	uint32_t characters[CHARACTERS_MAX];
	uint64_t c = 128, i = 0, bias = 72;
	size_t n = at ? (size_t)(at - id.text) : 0;

	if (n > CHARACTERS_MAX || r->n_skipping > 0) {
		if (n > CHARACTERS_MAX)
			rust_fail(r);
		return;
	}
	for (size_t j = 0; j < n; j++)
		characters[j] = (unsigned char)id.text[j];
	at = at ? at + 1 : id.text;
	for (bool is_first = true; at < end && !r->has_failed; is_first = false) {
		uint64_t delta = delta_of(r, &at, end, bias);

		if (n == CHARACTERS_MAX || (c += (i + delta) / (n + 1)) > 0x10ffff) {
			rust_fail(r);
			return;
		}
		i = (i + delta) % (n + 1);
		bias = adapt(delta, ++n, is_first);
		memmove(&characters[i + 1], &characters[i], (n - 1 - i) * sizeof(characters[0]));
		characters[i++] = (uint32_t)c;
	}
	for (size_t j = 0; j < n; j++)
		rust_put_character(r, characters[j]);
}

void rust_put_identifier(struct rust *r, struct rust_identifier id)
{
	if (id.is_punycode)
		put_punycode(r, id);
	else
		rust_put(r, id.text, id.n_bytes);
}

bool rust_go_back(struct rust *r, const char **ret_at)
{
	const char *here = r->at;
	uint64_t offset;

	r->at++;
	offset = rust_base_62(r);
	*ret_at = r->at;
	if (!r->has_failed && offset >= (uint64_t)(here - r->start))
		rust_fail(r);
	if (r->has_failed || r->n_skipping > 0)
		return false;
	r->at = r->start + offset;
	return true;
}

void rust_come_back(struct rust *r, const char *at)
{
	if (!r->has_failed)
		r->at = at;
}

size_t rust_list(struct rust *r, void (*thing)(struct rust *), const char *between)
{
	size_t n = 0;

	while (!r->has_failed && !rust_eat(r, 'E')) {
		rust_put_text(r, n++ > 0 ? between : "");
		thing(r);
	}
	return n;
}
