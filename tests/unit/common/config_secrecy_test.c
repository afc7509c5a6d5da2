#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/secrecy.h"

/* A text, and the same as people may read it. */
struct row {
	const char *text;
	const char *shown;
};

static void check(const struct row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		size_t n = strlen(rows[i].text);
		struct config_source source = {.name = "f", .text = {rows[i].text, n}};
		bool *marks = calloc(n + 1, sizeof(*marks));
		char *shown = strdup(rows[i].text);

		assert_non_null(marks);
		assert_non_null(shown);
		config_secrets_mark(&source, (struct config_span){0, (uint32_t)n}, marks);
		for (size_t j = 0; j < n; j++)
			if (marks[j])
				shown[j] = '*';
		assert_string_equal(shown, rows[i].shown);
		free(shown);
		free(marks);
	}
}

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static void what_is_set_to_a_secret_name_is_hidden(void **state)
{
	static const struct row rows[] = {
		{"password = \"abc\"", "password = \"***\""},
		{"  bearer_token=`ab\nc`\nurl = \"x\"", "  bearer_token=`****`\nurl = \"x\""},
		{"client_secret = \"a\" + \"b\\\"c\" + name\n",
		 "client_secret = \"*\" + \"****\" + name\n"},
		{"credentials = nonsensitive(\"abc\")\nother = \"abc\"",
		 "credentials = nonsensitive(\"***\")\nother = \"abc\""},
		{"key_pem = `-----BEGIN\nx\n`", "key_pem = `*************`"},
		{"password = \"abc\" \"def", "password = \"***\" \"***"},
		{"password = 'abc'", "password = '***'"},
		{"password = \"abc", "password = \"***"},
		{"token = `abc\ndef\n", "token = `********"},
		{"password = (\n \"a\" +\n \"b\")\nname = \"c\"",
		 "password = (\n \"*\" +\n \"*\")\nname = \"c\""},
	};

	(void)state;
	check(rows, N_ROWS(rows));
}

static void where_a_secret_is_kept_is_shown(void **state)
{
	static const struct row rows[] = {
		{"password_file = \"/a\"", "password_file = \"/a\""},
		{"token_url = \"http://h/t\"", "token_url = \"http://h/t\""},
		{"authorization {\n type = \"Bearer\"\n}",
		 "authorization {\n type = \"Bearer\"\n}"},
		{"// password = x\nname = \"a\"", "// password = x\nname = \"a\""},
		{"/* \" */ name = \"a\"", "/* \" */ name = \"a\""},
	};

	(void)state;
	check(rows, N_ROWS(rows));
}

static void values_of_maps_are_hidden_and_their_names_are_not(void **state)
{
	static const struct row rows[] = {
		{"http_headers = { \"X-A\" = [\"abc\", \"d\"], b = [\"e\"] }\nurl = \"u\"",
		 "http_headers = { \"X-A\" = [\"***\", \"*\"], b = [\"*\"] }\nurl = \"u\""},
		{"proxy_connect_header = {\n  \"P\" = [\n    \"abc\",\n  ],\n}\nurl = \"u\"",
		 "proxy_connect_header = {\n  \"P\" = [\n    \"***\",\n  ],\n}\nurl = \"u\""},
		{"headers = { \"X-Scope-OrgID\" = \"me\", \"Authorization\" = \"Bearer x\", k = "
		 "\"v\" }",
		 "headers = { \"X-Scope-OrgID\" = \"me\", \"Authorization\" = \"********\", k = "
		 "\"v\" }"},
	};

	(void)state;
	check(rows, N_ROWS(rows));
}

static void the_user_of_a_url_is_hidden_everywhere(void **state)
{
	static const struct row rows[] = {
		{"url = \"http://u:p@h:1/x\"", "url = \"http://***@h:1/x\""},
		{"url = \"http://u:p@q/r@h\"", "url = \"http://*******@h\""},
		{"x = [\"http://h/a\", \"https://t@h\"]", "x = [\"http://h/a\", \"https://*@h\"]"},
		{"// was http://u:p@h before", "// was http://***@h before"},
	};

	(void)state;
	check(rows, N_ROWS(rows));
}

static void a_range_gets_its_marks_only(void **state)
{
	static const char text[] = "password = \"abcdef\"\n";
	struct config_source source = {.name = "f", .text = {text, sizeof(text) - 1}};
	bool marks[3] = {false};

	(void)state;
	config_secrets_mark(&source, (struct config_span){16, 19}, marks);
	assert_true(marks[0] && marks[1]);
	assert_false(marks[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_to_a_secret_name_is_hidden),
		cmocka_unit_test(where_a_secret_is_kept_is_shown),
		cmocka_unit_test(values_of_maps_are_hidden_and_their_names_are_not),
		cmocka_unit_test(the_user_of_a_url_is_hidden_everywhere),
		cmocka_unit_test(a_range_gets_its_marks_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
