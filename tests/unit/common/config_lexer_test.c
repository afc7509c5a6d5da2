#include "config_case.h"

#include "config/lexer.h"

/* One letter a token: n for a terminator, i identifier, k keyword, 0 number, f float, s string, r
 * raw string, ! illegal; symbols stand for themselves, of two characters the first twice. */
static char letter_of(const struct config_case *c, struct config_token token)
{
	switch (token.kind) {
	case CONFIG_TOKEN_END:
		return '\0';
	case CONFIG_TOKEN_TERMINATOR:
		return 'n';
	case CONFIG_TOKEN_ILLEGAL:
		return '?';
	case CONFIG_TOKEN_IDENTIFIER:
		return 'i';
	case CONFIG_TOKEN_TRUE:
	case CONFIG_TOKEN_FALSE:
	case CONFIG_TOKEN_NULL:
		return 'k';
	case CONFIG_TOKEN_NUMBER:
		return '0';
	case CONFIG_TOKEN_FLOAT:
		return 'f';
	case CONFIG_TOKEN_STRING:
		return 's';
	case CONFIG_TOKEN_RAW_STRING:
		return 'r';
	default:
		return c->source.text.data[token.span.start];
	}
}

struct token_row {
	const char *text;
	const char *tokens;
};

static void check_tokens(const struct token_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		char tokens[128];
		size_t n = 0;
		struct config_lexer lexer;
		struct config_case c;

		case_open(&c, rows[i].text, strlen(rows[i].text));
		config_lexer_init(&lexer, &c.source, 0, &c.diagnostics);
		while ((tokens[n] = letter_of(&c, config_lexer_next(&lexer))) != '\0')
			assert_true(++n < sizeof(tokens));
		if (strcmp(tokens, rows[i].tokens) != 0)
			fail_msg("%s gives %s, not %s", rows[i].text, tokens, rows[i].tokens);
		case_close(&c);
	}
}

static void tokens_are_told_apart(void **state)
{
	static const struct token_row rows[] = {
		{"", ""},
		{"a _b c9 \xc3\xa9t\xc3\xa9 \xe5\x90\x8d", "iiiiin"},
		{"a\xd9\xa3", "in"}, /* an Arabic digit goes on an identifier */
		{"true false null truely", "kkkin"},
		{"0 12 010", "000n"},
		{"1.5 .5 1. 1e9 1E+9 1e-9 .5e1", "fffffffn"},
		{"1.a", "fin"},
		{"a.b", "i.in"},
		{"\"\" \"a\\\"b\" \"\\\\\"", "sssn"},
		{"`a\nb` ``", "rrn"},
		{"|| && == != <= >= < > + - * / % ^ ! = . , ( [ {", "|&=!<><>+-*/%^!=.,([{"},
		{"===", "=="},
		{"!==", "!="},
		{"<=>", "<>"},
	};

	(void)state;
	check_tokens(rows, N_ROWS(rows));
}

static void a_newline_ends_only_what_can_end(void **state)
{
	static const struct token_row rows[] = {
		{"a\n", "in"},
		{"a", "in"},
		{"1\n1.\n\"s\"\n`r`\ntrue\nnull\n)\n]\n}\n", "0nfnsnrnknkn)n]n}n"},
		{"\n\n\n", ""},
		{"+\n-\n(\n[\n{\n,\n.\n=\n", "+-([{,.="},
		{"a\n\n\nb", "inin"},
		{"a\r\nb\r\n", "inin"},
		{"a // to the end\nb", "inin"},
		{"a // to the end", "in"},
		{"a /* within */ b", "iin"},
		{"a /* over\nlines */ b", "inin"},
		{"a /* one */ /* two */\n", "in"},
		{"a = /* over\nlines */ b", "i=in"},
		{"// only\n/* comments */", ""},
		{"/**/a", "in"},
	};

	(void)state;
	check_tokens(rows, N_ROWS(rows));
}

static void a_byte_order_mark_may_stand_at_the_start(void **state)
{
	static const struct token_row rows[] = {{"\xef\xbb\xbfx = 1\n", "i=0n"}};

	(void)state;
	check_tokens(rows, N_ROWS(rows));
}

static void what_is_no_token_is_said_where_it_is(void **state)
{
	static const struct value_row rows[] = {
		{"# no", "1:1: found #, a comment begins with //"},
		{"'a'", "1:1: found a single quote, strings stand between double quotes"},
		{"1 & 2", "1:3: found &, the operator is &&"},
		{"1 | 2", "1:3: found |, the operator is ||"},
		{"1;", "1:2: found ;, a statement ends with its line"},
		{"1 \xe2\x82\xac", "1:3: found \xe2\x82\xac, which means nothing"},
		{"\"a", "1:1: this string does not end on its line"},
		{"\"a\\", "1:1: this string does not end on its line"},
		{"\"a\nb\"", "1:1: this string does not end on its line"},
		{"`a", "1:1: this raw string has no end"},
		{"1 /* a", "1:3: this comment has no end"},
		{"1e", "1:1: this number's exponent has no digits"},
		{"1e+", "1:1: this number's exponent has no digits"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

static void a_text_is_checked_before_it_is_read(void **state)
{
	static const struct {
		const char *text;
		size_t n_bytes;
		const char *message;
	} rows[] = {
		{"a\0b", 3, "t:1:2: found a NUL byte"},
		{"\"a\"\n\"\xff\"", 7, "t:2:2: byte 0xff is not UTF-8"},
		{"\xc0\x80", 2, "t:1:1: byte 0xc0 is not UTF-8"},
		{"\xed\xa0\x80", 3, "t:1:1: byte 0xed is not UTF-8"},
		{"\xf4\x90\x80\x80", 4, "t:1:1: byte 0xf4 is not UTF-8"},
		{"\xe2\x82", 2, "t:1:1: byte 0xe2 is not UTF-8"},
		{"a\xef\xbb\xbf", 4, "t:1:2: found a byte order mark"},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct config_case c;
		const char *messages;

		case_open(&c, rows[i].text, rows[i].n_bytes);
		assert_int_equal(config_source_check(&c.source, &c.diagnostics), CONFIG_REFUSED);
		messages = case_messages(&c);
		if (strncmp(messages, rows[i].message, strlen(rows[i].message)) != 0)
			fail_msg("%s, not %s", messages, rows[i].message);
		case_close(&c);
	}
}

static void a_text_over_the_bound_is_refused(void **state)
{
	static char text[CONFIG_SOURCE_BYTES_MAX + 1];
	struct config_case c;

	(void)state;
	memset(text, ' ', sizeof(text));
	case_open(&c, text, sizeof(text) - 1);
	assert_int_equal(config_source_check(&c.source, &c.diagnostics), 0);
	case_close(&c);
	case_open(&c, text, sizeof(text));
	assert_int_equal(config_source_check(&c.source, &c.diagnostics), CONFIG_REFUSED);
	assert_non_null(strstr(case_messages(&c), "more than 1048576 bytes"));
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_told_apart),
		cmocka_unit_test(a_newline_ends_only_what_can_end),
		cmocka_unit_test(a_byte_order_mark_may_stand_at_the_start),
		cmocka_unit_test(what_is_no_token_is_said_where_it_is),
		cmocka_unit_test(a_text_is_checked_before_it_is_read),
		cmocka_unit_test(a_text_over_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
