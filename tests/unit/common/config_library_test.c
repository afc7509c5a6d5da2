#include "config_case.h"

#include <stdlib.h>

#include "config/library.h"

static void functions_give_what_the_page_says(void **state)
{
	static const struct value_row rows[] = {
		{"sys.env(\"TRIPTYCH_TEST_WORD\")", "\"word\""},
		{"env(\"TRIPTYCH_TEST_WORD\")", "\"word\""},
		{"sys.env(\"TRIPTYCH_TEST_NOTHING\")", "\"\""},
		{"sys.env(\"TRIPTYCH_TEST_WORD\\x00\")", "\"\""},
		{"array.concat()", "[]"},
		{"array.concat([1], [], [2, 3])", "[1 2 3]"},
		{"concat([1], [2])", "[1 2]"},
		{"coalesce()", "null"},
		{"coalesce(null, 0, \"\", [], {}, false)", "false"},
		{"coalesce(0, \"\")", "\"\""},
		{"coalesce(\"\", \"a\", \"b\")", "\"a\""},
		{"coalesce(0.0, -1)", "-1"},
		{"constants.os", "\"linux\""},
		{"constants.arch == \"amd64\" || constants.arch == \"arm64\"", "true"},
		{"constants.hostname != \"\"", "true"},
		{"string.join([\"a\", \"b\", 3], \", \")", "\"a, b, 3\""},
		{"string.join([], \",\")", "\"\""},
		{"join([\"a\"], \",\")", "\"a\""},
		{"string.split(\"a, b, c\", \", \")", "[\"a\" \"b\" \"c\"]"},
		{"string.split(\"a,\", \",\")", "[\"a\" \"\"]"},
		{"string.split(\"\", \",\")", "[\"\"]"},
		{"string.split(\"a\xc3\xa9\", \"\")", "[\"a\" \"\xc3\xa9\"]"},
		{"string.split(\"\", \"\")", "[]"},
		{"split(\"ab\", \"x\")", "[\"ab\"]"},
		{"string.replace(\"1 + 2 + 3\", \"+\", \"--\")", "\"1 -- 2 -- 3\""},
		{"string.replace(\"aaa\", \"aa\", \"b\")", "\"ba\""},
		{"string.replace(\"abc\", \"x\", \"y\")", "\"abc\""},
		{"string.replace(\"abc\", \"\", \"y\")", "\"yaybycy\""},
		{"string.trim(\"?!hello?!\", \"!?\")", "\"hello\""},
		{"string.trim(\"\xc3\xa9x\xc3\xa9\", \"\xc3\xa9\")", "\"x\""},
		{"string.trim(\"xx\", \"x\")", "\"\""},
		{"string.trim_prefix(\"helloworld\", \"hello\")", "\"world\""},
		{"string.trim_prefix(\"hello\", \"world\")", "\"hello\""},
		{"string.trim_suffix(\"helloworld\", \"world\")", "\"hello\""},
		{"string.trim_suffix(\"a\", \"ba\")", "\"a\""},
		{"string.trim_space(\" \\n\\t a b \\r\\u00a0\")", "\"a b\""},
		{"string.to_lower(\"HeLLo\")", "\"hello\""},
		{"string.to_upper(\"hello1\")", "\"HELLO1\""},
		{"to_upper(\"a\")", "\"A\""},
		{"string.format(\"plain\")", "\"plain\""},
		{"string.format(\"Hello, %s!\", \"Ander\")", "\"Hello, Ander!\""},
		{"string.format(\"%d of %d %%\", 3, 010)", "\"3 of 8 %\""},
		{"string.format(\"%5d|%-5d|%05d|%x|%X|%o\", 7, 7, 7, 255, 255, 8)",
		 "\"    7|7    |00007|ff|FF|10\""},
		{"string.format(\"%.2f %e\", 3.14159, 1500)", "\"3.14 1.500000e+03\""},
		{"string.format(\"%s %s\", 1.5, true)", "\"1.5 true\""},
		{"string.format(\"%v %t\", null, false)", "\"null false\""},
		{"string.format(\"%q\", \"a\\\"\\n\")", "\"\"a\\\"\\n\"\""},
		{"string.format(\"%3s|%-3s|%.1s\", \"\xc3\xa9\", \"a\", \"bc\")",
		 "\"  \xc3\xa9|a  |b\""},
		{"format(\"%s\", \"a\")", "\"a\""},
		{"string.format(\"%[2]s %[1]s\", \"a\", \"b\")", "\"b a\""},
		{"string.format(\"%b|%08b\", 5, -5)", "\"101|    -101\""},
		{"string.to_upper(\"\u00e9\u00df\u0131\u03c2\")", "\"\u00c9\u00dfI\u03a3\""},
		{"string.to_lower(\"\u00c9\u0130\u1e9e\u2c6f\")", "\"\u00e9i\u00df\u0250\""},
		{"string.to_upper(null)", "\"\""},
		{"encoding.from_json(`{\"a\": [1, 2.5, true, null]}`)", "{a=[1f 2.5f true null]}"},
		{"json_decode(\"\\\"x\\\"\")", "\"x\""},
		{"encoding.from_yaml(\"a: [1, 2.5, yes, ~]\")", "{a=[1 2.5f \"yes\" null]}"},
		{"yaml_decode(\"a: &x {b: 1}\\nc: {<<: *x, d: 2}\")", "{a={b=1} c={b=1 d=2}}"},
		{"encoding.to_json({b = [1, null], a = \"<\"})",
		 "\"{\"a\":\"\\u003c\",\"b\":[1,null]}\""},
		{"encoding.from_base64(\"aGk=\")", "\"hi\""},
		{"base64_decode(encoding.to_base64(\"a\"))", "\"a\""},
		{"encoding.to_URLbase64(\"\\xff\\xff\")", "\"__8=\""},
		{"encoding.from_URLbase64(\"__8=\") == \"\\xff\\xff\"", "true"},
		{"json_path(`{\"a\": [{\"b\": 1}, {\"b\": 2}]}`, \"$.a[*].b\")", "[1 2]"},
		{"json_path(`{\"a\": [{\"b\": 1}, {\"b\": 2}]}`, \".a[?(@.b > 1)]\")", "[{b=2}]"},
		{"json_path(`{}`, \".a\")", "[]"},
		{"json_path(`{\"a\": {\"k\": [7]}}`, \"$..k[0]\")", "[7]"},
		{"file.path_join(\"/a/\", \"../b\", \"\", \"c\")", "\"/b/c\""},
		{"file.path_join()", "\"\""},
		{"array.combine_maps([{a = \"1\", b = 1}], [{a = \"1\", b = 2}, {a = \"2\"}], "
		 "[\"a\"])",
		 "[{a=\"1\" b=2}]"},
		{"array.combine_maps([{a = 1}, {a = 2}], [{a = 2, c = 3}], [\"a\"], true)",
		 "[{a=1} {a=2 c=3}]"},
	};

	(void)state;
	assert_int_equal(setenv("TRIPTYCH_TEST_WORD", "word", 1), 0);
	assert_int_equal(unsetenv("TRIPTYCH_TEST_NOTHING"), 0);
	check_values(rows, N_ROWS(rows), NULL);
}

static void wrong_calls_are_said_at_the_argument(void **state)
{
	static const struct value_row rows[] = {
		{"sys.env()", "1:8: found 0 arguments, the form is sys.env(name)"},
		{"sys.env(\"a\", \"b\")", "1:8: found 2 arguments, the form is sys.env(name)"},
		{"sys.env([])", "1:9: argument 1 is a list, sys.env(name) needs a string here"},
		{"array.concat([1], 2)",
		 "1:19: argument 2 is a number, array.concat(list, ...) needs a list"},
		{"string.join(\"a\", \"b\")",
		 "1:13: argument 1 is a string, string.join(list, separator) needs a list"},
		{"string.join([[]], \"b\")", "1:13: argument 1 is a list, string.join(list, "
					     "separator) needs a list of strings"},
		{"string.split(\"a\", true)", "1:19: argument 2 is a bool"},
		{"encoding.from_json(\"[1,\")",
		 "1:20: this cannot be read as JSON, expected one that can: line 1"},
		{"encoding.from_yaml(\"[1\")",
		 "1:20: this cannot be read as YAML, expected one that can: line 2"},
		{"encoding.from_yaml(\"&a [*a]\")",
		 "1:20: this cannot be read as YAML, expected one that can: line 1, column 1: "
		 "found an alias to"},
		{"encoding.from_yaml(\"{a: 1, a: 2}\")",
		 "1:20: this cannot be read as YAML, expected one that can: line 1, column 1: "
		 "found a key twice"},
		{"encoding.from_base64(\"a\")", "1:22: this is no base64"},
		{"encoding.to_json([1])", "1:18: argument 1 is a list"},
		{"encoding.to_json({a = concat})", "1:18: argument 1 is an object"},
		{"json_path(\"{\", \".a\")", "1:11: this cannot be read as JSON"},
		{"json_path(\"{}\", \".a[\")", "1:17: this cannot be read as a JSONPath, expected "
					       "one that can: expected a name in quotes"},
		{"array.combine_maps([], [], [])", "1:28: argument 3 is a list"},
		{"array.combine_maps([1], [], [\"a\"])", "1:20: argument 1 is a list"},
		{"string.format(\"%d\", \"x\")",
		 "1:21: argument 2 is a string, string.format(format, value, ...) needs a number"},
		{"string.format(\"%d\", 1.5)",
		 "1:21: argument 2 is a number, string.format(format, value, ...) needs a whole"},
		{"string.format(\"%t\", 1)",
		 "1:21: argument 2 is a number, string.format(format, value, ...) needs a bool"},
		{"string.format(\"%s\", [])", "1:21: argument 2 is a list"},
		{"string.format(\"%s\")", "1:15: this format and its 0 values do not match"},
		{"string.format(\"a\", 1)", "1:15: this format and its 1 values do not match"},
		{"string.format(\"%n\", 1)", "1:15: found the verb %n, known are"},
		{"string.format(\"%\")", "1:15: this format ends amid a verb"},
		{"string.format(\"%99999999999s\", 1)",
		 "1:15: this format ends amid a verb, or asks"},
		{"string.format(\"%.5000f\", 1)", "1:15: this format ends amid a verb, or asks"},
		{"string.trim(\"a\", string.format(\"%257s\", \"a\"))",
		 "1:18: argument 2 is a string, string.trim(string, characters) needs at most 256"},
		{"convert.nonsensitive(1)", "1:22: argument 1 is a number"},
		{"constants.hostnam",
		 "1:11: there is no field hostnam here, did you mean hostname?"},
		{"string", "1:1: found the unknown name string"},
	};

	(void)state;
	check_values(rows, N_ROWS(rows), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_give_what_the_page_says),
		cmocka_unit_test(wrong_calls_are_said_at_the_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
