#include "config_case.h"

#include <errno.h>

static void literals_are_worth_what_they_say(void **state)
{
	static const struct value_row rows[] = {
		{"null", "null"},
		{"true", "true"},
		{"false", "false"},
		{"0", "0"},
		{"97", "97"},
		{"010", "8"},
		{"00", "0"},
		{"0777", "511"},
		{"08", "8f"},
		{"9223372036854775807", "9223372036854775807"},
		{"9223372036854775808", "9223372036854775808u"},
		{"18446744073709551615", "18446744073709551615u"},
		{"18446744073709551616", "1.84467e+19f"},
		{"1.5", "1.5f"},
		{".5", "0.5f"},
		{"1.", "1f"},
		{"1e3", "1000f"},
		{"25E-1", "2.5f"},
		{"010.5", "10.5f"},
		{"1e999", "1:1: this number is too large"},
		{"\"\"", "\"\""},
		{"\"a b\"", "\"a b\""},
		{"\"\\\\\\\"\"", "\"\\\"\""},
		{"\"\\a\\b\\f\\n\\r\\t\\v\"", "\"\a\b\f\n\r\t\v\""},
		{"\"\\101\\x41\\u0041\\U00000041\"", "\"AAAA\""},
		{"\"\\u00e9\\u20ac\\U0001F600\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\"\\377\\xfe\"", "\"\xff\xfe\""},
		{"\"\xc3\xa9\"", "\"\xc3\xa9\""},
		{"\"\\400\"", "1:2: found the escape \\4, an octal escape needs three digits"},
		{"\"\\18\"", "1:2: found the escape \\1, an octal escape needs three digits"},
		{"\"\\8\"", "1:2: found the escape \\8, known are"},
		{"\"\\xg0\"", "1:2: found the escape \\x, \\x needs two hexadecimal digits"},
		{"\"a\\x4\"", "1:3: found the escape \\x, \\x needs two hexadecimal digits"},
		{"\"\\ud800\"", "1:2: found the escape \\u, \\u needs the four"},
		{"\"\\U00110000\"", "1:2: found the escape \\U, \\U needs the eight"},
		{"\"\\'\"", "1:2: found the escape \\', known are"},
		{"\"\\q\"", "1:2: found the escape \\q, known are"},
		{"`a\\n\"b`", "\"a\\n\"b\""},
		{"`a\r\nb\rc`", "\"a\nb\rc\""},
		{"[1, \"a\", [true]]", "[1 \"a\" [true]]"},
		{"{ b = 1, \"a\" = 2 }", "{a=2 b=1}"},
		{"{ a = 1, b = 2, a = 3 }", "{a=3 b=2}"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

static void operators_do_what_the_table_says(void **state)
{
	static const struct value_row rows[] = {
		{"1 + 2", "3"},
		{"1 + 2.5", "3.5f"},
		{"7 / 2", "3"},
		{"-7 / 2", "-3"},
		{"7 / 2.0", "3.5f"},
		{"7 % 3", "1"},
		{"-7 % 3", "-1"},
		{"7.5 % 2", "1.5f"},
		{"2 - 3", "-1"},
		{"3 * 4", "12"},
		{"2 ^ 10", "1024"},
		{"2 ^ 0", "1"},
		{"0 ^ 0", "1"},
		{"2 ^ 63", "9223372036854775808u"},
		{"2 ^ -1", "0"},
		{"-1 ^ -3", "-1"},
		{"2.0 ^ -1", "0.5f"},
		{"1 ^ 9223372036854775807", "1"},
		{"\"a\" + \"b\"", "\"ab\""},
		{"\"a\" + \"b\" + \"\"", "\"ab\""},
		{"1 < 2", "true"},
		{"2 <= 2.0", "true"},
		{"2 > 3", "false"},
		{"3 >= 3", "true"},
		{"-1 < 18446744073709551615", "true"},
		{"\"a\" < \"b\"", "true"},
		{"\"a\" < \"ab\"", "true"},
		{"\"Z\" < \"a\"", "true"},
		{"3 == 3.0", "true"},
		{"3 != 3.0", "false"},
		{"3 == \"3\"", "false"},
		{"null == null", "true"},
		{"null == false", "false"},
		{"[1, {a = 2}] == [1.0, {a = 2}]", "true"},
		{"{a = 1, b = 2} == {b = 2, a = 1}", "true"},
		{"{a = 1} == {b = 1}", "false"},
		{"[1] == [1, 2]", "false"},
		{"coalesce == coalesce", "true"},
		{"coalesce == concat", "false"},
		{"true && false", "false"},
		{"true && true", "true"},
		{"false || true", "true"},
		{"!true", "false"},
		{"!!true", "true"},
		{"-(1 + 2)", "-3"},
		{"--1", "1"},
		{"-1.5", "-1.5f"},
		{"-9223372036854775808", "-9223372036854775808"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

static void precedence_is_that_of_the_language(void **state)
{
	static const struct value_row rows[] = {
		{"1 + 2 * 3", "7"},
		{"(1 + 2) * 3", "9"},
		{"10 - 2 - 3", "5"},
		{"100 / 10 / 2", "5"},
		{"2 * 3 % 4", "2"},
		{"2 ^ 3 ^ 2", "512"},
		{"-2 ^ 2", "4"},
		{"2 * 3 ^ 2", "18"},
		{"1 + 1 == 2", "true"},
		{"1 < 2 == true", "true"},
		{"true || false && false", "true"},
		{"(true || false) && false", "false"},
		{"!false && false", "false"},
		{"1 + 2 < 2 * 2 && 2 == 2", "true"},
		{"-[1][0]", "-1"},
		{"!{a = true}.a", "false"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

static void wrong_operands_are_said_at_the_operator(void **state)
{
	static const struct value_row rows[] = {
		{"1 + \"a\"",
		 "1:3: `+` stands between a number and a string, it needs two numbers or"},
		{"\"a\" - \"b\"",
		 "1:5: `-` stands between a string and a string, it needs two numbers"},
		{"[1] + [2]", "1:5: `+` stands between a list and a list"},
		{"true + 1", "1:6: `+` stands between a bool and a number"},
		{"1 < \"2\"", "1:3: `<` stands between a number and a string"},
		{"true <= true", "1:6: `<=` stands between a bool and a bool"},
		{"1 && true", "1:3: `&&` stands between a number and a bool, it needs two bools"},
		{"true || null", "1:6: `||` stands between a bool and null"},
		{"!1", "1:1: `!` stands before a number, it needs a bool"},
		{"-\"a\"", "1:1: `-` stands before a string, it needs a number"},
		{"1 / 0", "1:3: this divides by zero"},
		{"1 % 0", "1:3: this divides by zero"},
		{"1 / 0.0", "1:3: this divides by zero"},
		{"0 ^ -1", "1:3: 0 to a negative power divides by zero"},
		{"9223372036854775807 * 3", "1:21: this result does not fit 64 bits"},
		{"18446744073709551615 + 1", "1:22: this result does not fit 64 bits"},
		{"0 - 9223372036854775809", "1:3: this result does not fit 64 bits"},
		{"-18446744073709551615", "1:1: this result does not fit 64 bits"},
		{"10 ^ 100", "1:4: this power does not fit 64 bits"},
		{"1e300 * 1e300", "1:7: this result is no finite number"},
		{"-8.0 ^ 0.5", "1:6: this result is no finite number"},
		/* both sides are evaluated, and so both can be wrong */
		{"false && 1 / 0 == 1", "1:12: this divides by zero"},
		{"true || nothing", "1:9: found the unknown name nothing"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

static void suffixes_take_apart(void **state)
{
	static const struct value_row rows[] = {
		{"[10, 20][1]", "20"},
		{"[10, 20][1.0]", "20"},
		{"{a = {b = 5}}.a.b", "5"},
		{"{a = {b = 5}}[\"a\"][\"b\"]", "5"},
		{"{a = 1}[\"z\"]", "null"},
		{"[[1], [2]][1][0]", "2"},
		{"{a = 1}.z", "1:9: there is no field z here, there is for example a"},
		{"{service = 1}.servcie",
		 "1:15: there is no field servcie here, did you mean service?"},
		{"{}.z", "1:4: there is no field z here, there are none"},
		{"[1].a", "1:5: found .a behind a list, only an object has fields"},
		{"[1][1]", "1:5: the index is 1, the list has 1 elements"},
		{"[1][-1]", "1:5: the index is -1, the list has 1 elements"},
		{"[1][0.5]", "1:5: the index is a number, a list needs a whole number"},
		{"[1][\"a\"]", "1:5: the index is a string, a list needs a whole number"},
		{"{a = 1}[1]", "1:9: found a number as the index of an object"},
		{"1[1]", "1:3: found a number as the index of a number"},
		{"1(2)", "1:2: found a number before (, only a function can be called"},
		{"nothing", "1:1: found the unknown name nothing, names are those of"},
		{"sys.enf(\"A\")", "1:1: found the unknown name sys.enf, did you mean sys.env?"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

/* A component `a.b` whose exports are a secret and a number, and `a.c`, which is broken. */
static enum config_lookup find(const void *context, const struct config_path *path,
			       size_t *ret_n_used, struct config_value *ret_value)
{
	if (path->n_names < 2 || !config_text_equals(path->names[0], "a"))
		return CONFIG_LOOKUP_UNKNOWN;
	if (config_text_equals(path->names[1], "c"))
		return CONFIG_LOOKUP_BROKEN;
	*ret_n_used = 2;
	*ret_value = (struct config_value){.type = CONFIG_OBJECT,
					   .object = *(const struct config_object *)context};
	return config_text_equals(path->names[1], "b") ? CONFIG_LOOKUP_FOUND
						       : CONFIG_LOOKUP_UNKNOWN;
}

static void references_give_what_a_component_exports(void **state)
{
	static const struct value_row rows[] = {
		{"a.b.count", "7"},
		{"a.b.count + 1", "8"},
		{"[a.b.count][0]", "7"},
		{"a.b", "{count=7 token=secret}"},
		{"a.b.token", "secret"},
		{"a.b.token + \"x\"", "secret"},
		{"\"x\" + a.b.token", "secret"},
		{"convert.nonsensitive(\"x\" + a.b.token)", "\"xt0k\""},
		{"nonsensitive(a.b.token)", "\"t0k\""},
		{"a.b.token == a.b.token", "true"},
		{"a.b.token == \"t0k\"", "false"},
		{"a.b.token < \"x\"", "1:11: `<` stands between a secret and a string"},
		{"string.join([a.b.token], \"\")", "1:13: argument 1 is a list, string.join(list"},
		{"a.b.tokn", "1:5: there is no field tokn here, did you mean token?"},
		{"a.d.x", "1:1: found the unknown name a.d.x"},
	};
	struct config_field fields[] = {
		{.key = CONFIG_TEXT("token"),
		 .value = {.type = CONFIG_SECRET, .text = CONFIG_TEXT("t0k")}},
		{.key = CONFIG_TEXT("count"),
		 .value = {.type = CONFIG_NUMBER, .number = {.kind = CONFIG_INT, .i = 7}}},
	};
	struct config_object exports = config_object_make(fields, 2);
	struct config_scope scope = {.find = find, .context = &exports};

	(void)state;
	check_values(rows, N_ROWS(rows), &scope);
}

static void what_refers_to_a_broken_component_fails_without_a_word(void **state)
{
	static const char text[] = "[1, a.c.x + 1]";
	struct config_scope scope = {.find = find};
	struct config_evaluator evaluator = {.scope = scope};
	const struct config_expression *e;
	struct config_value value;
	struct config_case c;

	(void)state;
	case_open(&c, text, strlen(text));
	evaluator.diagnostics = &c.diagnostics;
	assert_int_equal(config_parse_expression(&c.source, &c.diagnostics, &e), 0);
	assert_int_equal(config_evaluate(&evaluator, e, &value), CONFIG_REFUSED);
	assert_int_equal(c.diagnostics.n_errors, 0);
	case_close(&c);
}

static void evaluation_has_a_memory_bound(void **state)
{
	static const char text[] = "string.format(\"%1000s%1000s\", \"a\", \"b\")";
	const struct config_expression *e;
	struct config_evaluator evaluator = {.scope = {NULL, NULL, NULL}};
	struct config_value value;
	struct config_case c;

	(void)state;
	case_open(&c, text, strlen(text));
	evaluator.diagnostics = &c.diagnostics;
	assert_int_equal(config_parse_expression(&c.source, &c.diagnostics, &e), 0);
	c.arena.bytes_max = c.arena.n_bytes + 1000;
	assert_int_equal(config_evaluate(&evaluator, e, &value), -EMSGSIZE);
	case_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_worth_what_they_say),
		cmocka_unit_test(operators_do_what_the_table_says),
		cmocka_unit_test(precedence_is_that_of_the_language),
		cmocka_unit_test(wrong_operands_are_said_at_the_operator),
		cmocka_unit_test(suffixes_take_apart),
		cmocka_unit_test(references_give_what_a_component_exports),
		cmocka_unit_test(what_refers_to_a_broken_component_fails_without_a_word),
		cmocka_unit_test(evaluation_has_a_memory_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
