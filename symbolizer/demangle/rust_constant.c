#include "demangle/rust_name.h"

#include <string.h>

/* Digits of a constant up to "_", without leading zeros. */
struct hex {
	const char *text;
	size_t n;
	uint64_t value; /* when it has at most 16 */
};

static struct hex hex(struct rust *r)
{
	struct hex hex = {.text = r->at};

	while (!r->has_failed && rust_peek(r) != '_') {
		char c = rust_next(r);

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			rust_fail(r);
		hex.value = hex.value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		hex.n++;
	}
	(void)rust_next(r);
	return hex;
}

static void unsigned_constant(struct rust *r)
{
	struct hex number = hex(r);

	if (number.n == 0)
		rust_fail(r);
	if (number.n <= 16) {
		rust_put_number(r, number.value);
		return;
	}
	rust_put_text(r, "0x");
	rust_put(r, number.text, number.n);
}

static void put_quoted(struct rust *r, uint32_t c, char quote)
{
	static const char digits[] = "0123456789abcdef";
	char text[8], escaped[2] = {'\\', (char)c};
	size_t at = sizeof(text);

	if (c == '\t' || c == '\r' || c == '\n')
		escaped[1] = c == '\t' ? 't' : c == '\r' ? 'r' : 'n';
	if (escaped[1] != (char)c || c == '\\' || c == (uint32_t)quote) {
		rust_put(r, escaped, 2);
		return;
	}
	if (c >= ' ' && c <= '~') {
		rust_put(r, &escaped[1], 1);
		return;
	}
	do
		text[--at] = digits[c & 15];
	while ((c >>= 4) > 0);
	rust_put_text(r, "\\u{");
	rust_put(r, text + at, sizeof(text) - at);
	rust_put_text(r, "}");
}

static void character_constant(struct rust *r)
{
	struct hex number = hex(r);

	if (number.n == 0 || number.n > 6 || number.value > 0x10ffff)
		rust_fail(r);
	rust_put_text(r, "'");
	put_quoted(r, (uint32_t)number.value, '\'');
	rust_put_text(r, "'");
}

static unsigned char byte_at(const struct hex *text, size_t i)
{
	char high = text->text[2 * i], low = text->text[2 * i + 1];

	return (unsigned char)((high <= '9' ? high - '0' : high - 'a' + 10) << 4 |
			       (low <= '9' ? low - '0' : low - 'a' + 10));
}

/* A string's bytes; those beyond ASCII are UTF-8 and stay so. */
static void string_constant(struct rust *r)
{
	struct hex text = hex(r);

	if (text.n % 2 != 0)
		rust_fail(r);
	rust_put_text(r, "\"");
	for (size_t i = 0; i < text.n / 2 && !r->has_failed; i++) {
		char c = (char)byte_at(&text, i);

		if (c < 0)
			rust_put(r, &c, 1);
		else
			put_quoted(r, (uint32_t)c, '"');
	}
	rust_put_text(r, "\"");
}

static void inner_constant(struct rust *r)
{
	rust_constant(r, true);
}

static void field(struct rust *r)
{
	(void)rust_disambiguator(r);
	rust_put_identifier(r, rust_identifier(r));
	rust_put_text(r, ": ");
	rust_constant(r, true);
}

/* path, then nothing, a list, or named fields. */
static void structure_constant(struct rust *r)
{
	rust_path(r, true);
	switch (rust_next(r)) {
	case 'U':
		break;
	case 'T':
		rust_put_text(r, "(");
		(void)rust_list(r, inner_constant, ", ");
		rust_put_text(r, ")");
		break;
	case 'S':
		rust_put_text(r, " { ");
		(void)rust_list(r, field, ", ");
		rust_put_text(r, " }");
		break;
	default:
		rust_fail(r);
	}
}

/* What is no literal: in braces where it is an argument by itself. */
static void compound_constant(struct rust *r, char tag)
{
	switch (tag) {
	case 'e':
		rust_put_text(r, "*");
		string_constant(r);
		break;
	case 'R':
	case 'Q':
		rust_put_text(r, tag == 'R' ? "&" : "&mut ");
		rust_constant(r, true);
		break;
	case 'A':
		rust_put_text(r, "[");
		(void)rust_list(r, inner_constant, ", ");
		rust_put_text(r, "]");
		break;
	case 'T':
		rust_put_text(r, "(");
		rust_put_text(r, rust_list(r, inner_constant, ", ") == 1 ? ",)" : ")");
		break;
	case 'V':
		structure_constant(r);
		break;
	default:
		rust_fail(r);
	}
}

static void boolean_constant(struct rust *r)
{
	struct hex number = hex(r);

	if (number.n != 1 || number.value > 1)
		rust_fail(r);
	rust_put_text(r, number.value ? "true" : "false");
}

static void constant_of(struct rust *r, bool is_inside)
{
	const char *here;
	char tag = rust_peek(r);

	if (tag == 'B') {
		if (rust_go_back(r, &here)) {
			rust_constant(r, is_inside);
			rust_come_back(r, here);
		}
		return;
	}
	(void)rust_next(r);
	if (tag == 'p') {
		rust_put_text(r, "_");
	} else if (tag == 'b') {
		boolean_constant(r);
	} else if (tag == 'c') {
		character_constant(r);
	} else if (tag && strchr("htmyoj", tag)) {
		unsigned_constant(r);
	} else if (tag && strchr("aslxni", tag)) {
		rust_put_text(r, rust_eat(r, 'n') ? "-" : "");
		unsigned_constant(r);
	} else if (tag == 'R' && rust_eat(r, 'e')) { /* &*"…" is what it is, "…" what is written */
		string_constant(r);
	} else {
		rust_put_text(r, is_inside ? "" : "{");
		compound_constant(r, tag);
		rust_put_text(r, is_inside ? "" : "}");
	}
}

void rust_constant(struct rust *r, bool is_inside)
{
	if (rust_enter(r))
		constant_of(r, is_inside);
	rust_leave(r);
}
