#include "configuration_case.h"

#include "config/graph.h"
#include "configuration/configuration_text.h"

/* discovery.relabel as users write it: what each wrong rule says, and what right ones make. */

#define RELABEL(body) "discovery.relabel \"r\" {\n targets = [{a = \"x\"}]\n" body "}\n"
#define RULE(body)    RELABEL(" rule {\n" body " }\n")

struct error_row {
	const char *text;
	const char *errors; /* each line of a place begins with "@" for the file's name */
};

static const struct error_row rows_of_errors[] = {
	{"discovery.relabel \"r\" {\n}\n",
	 "@:1:1: discovery.relabel misses the argument targets, which is required\n"
	 "discovery.relabel \"r\" {\n^\n"},
	{"discovery.relabel \"r\" {\n targets = 1\n}\n",
	 "@:2:12: targets is a number, expected a list of maps of labels\n targets = 1\n"
	 "           ^\n"},
	{"discovery.relabel \"r\" {\n targets = [{}, 1]\n}\n",
	 "@:2:17: found a number among the targets, expected maps of labels\n"
	 " targets = [{}, 1]\n                ^\n"},
	{"discovery.relabel \"r\" {\n targets = [{a = []}]\n}\n",
	 "@:2:13: the value of the label a is no string, expected one\n targets = [{a = []}]\n"
	 "            ^\n"},
	{RULE("  action = \"keepe\"\n"),
	 "@:4:12: action is \"keepe\", expected one of replace, keep, drop, hashmod, labelmap, "
	 "labeldrop, labelkeep, lowercase, uppercase, keepequal, dropequal; did you mean keep?\n"
	 "  action = \"keepe\"\n           ^\n"},
	{RULE("  target_label = \"b\"\n  source_labels = \"a\"\n"),
	 "@:5:19: source_labels is a string, expected a list of labels: [\"name\"]\n"
	 "  source_labels = \"a\"\n                  ^\n"},
	{RULE("  target_label = \"b\"\n  source_labels = [{}]\n"),
	 "@:5:19: found an object in source_labels, expected names of labels\n"
	 "  source_labels = [{}]\n                  ^\n"},
	{RULE("  target_label = \"b\"\n  regex = \"(?=x)\"\n"),
	 "@:5:11: regex is wrong: found the look-ahead (?=, expected RE2's groups: (, (?:, "
	 "(?P<name>, or flags of imsU\n  regex = \"(?=x)\"\n          ^\n"},
	{RULE("  target_label = \"b\"\n  regex = \"(x)\\\\1\"\n"),
	 "@:5:11: regex is wrong: found the back-reference \\1, expected an escape that RE2 "
	 "has\n  regex = \"(x)\\\\1\"\n          ^\n"},
	{RULE("  target_label = \"b\"\n  modulus = -1\n"),
	 "@:5:13: modulus is no whole number from 0 to 18446744073709551615, expected one, at "
	 "least 1 for hashmod\n  modulus = -1\n            ^\n"},
	{RULE(""), "@:3:2: rule misses the argument target_label, which the action replace "
		   "requires\n rule {\n ^\n"},
	{RULE("  target_label = \"1\"\n"),
	 "@:4:18: target_label is \"1\", expected letters, digits and _, and no digit first; or "
	 "groups of the regex, as in \"${1}_name\"\n  target_label = \"1\"\n                 ^\n"},
	{RULE("  action = \"lowercase\"\n  target_label = \"$1\"\n"),
	 "@:5:18: target_label is \"$1\", expected letters, digits and _, and no digit first\n"
	 "  target_label = \"$1\"\n                 ^\n"},
	{RULE("  action = \"uppercase\"\n"),
	 "@:3:2: rule misses the argument target_label, which the action uppercase requires\n"
	 " rule {\n ^\n"},
	{RULE("  action = \"uppercase\"\n  target_label = \"b\"\n  replacement = \"x\"\n"),
	 "@:6:17: replacement has no meaning with the action uppercase, expected a rule without "
	 "it\n  replacement = \"x\"\n                ^\n"},
	{RULE("  action = \"hashmod\"\n  target_label = \"b\"\n"),
	 "@:3:2: rule misses the argument modulus, which the action hashmod requires\n rule {\n "
	 "^\n"},
	{RULE("  action = \"hashmod\"\n  target_label = \"b\"\n  modulus = 0\n"),
	 "@:6:13: modulus is 0, expected at least 1\n  modulus = 0\n            ^\n"},
	{RULE("  action = \"labelmap\"\n  replacement = \"a-b\"\n"),
	 "@:5:17: replacement is \"a-b\", expected a label's name of letters, digits and _, or "
	 "groups of the regex, as in \"${1}_name\"\n  replacement = \"a-b\"\n                ^\n"},
	{RULE("  action = \"labeldrop\"\n  source_labels = [\"a\"]\n  separator = \"-\"\n"
	      "  modulus = 2\n  target_label = \"b\"\n  replacement = \"c\"\n"),
	 "@:5:19: source_labels has no meaning with the action labeldrop, expected a rule "
	 "without it\n  source_labels = [\"a\"]\n                  ^\n"
	 "@:6:15: separator has no meaning with the action labeldrop, expected a rule without "
	 "it\n  separator = \"-\"\n              ^\n"
	 "@:7:13: modulus has no meaning with the action labeldrop, expected a rule without it\n"
	 "  modulus = 2\n            ^\n"
	 "@:8:18: target_label has no meaning with the action labeldrop, expected a rule without "
	 "it\n  target_label = \"b\"\n                 ^\n"
	 "@:9:17: replacement has no meaning with the action labeldrop, expected a rule without "
	 "it\n  replacement = \"c\"\n                ^\n"},
	{RULE("  action = \"labelkeep\"\n  target_label = \"b\"\n"),
	 "@:5:18: target_label has no meaning with the action labelkeep, expected a rule without "
	 "it\n  target_label = \"b\"\n                 ^\n"},
	{RULE("  action = \"keepequal\"\n  regex = \"a\"\n  target_label = \"b\"\n"),
	 "@:5:11: regex has no meaning with the action keepequal, expected a rule without it\n"
	 "  regex = \"a\"\n          ^\n"},
	{RULE("  action = \"dropequal\"\n  modulus = 1\n  target_label = \"b\"\n"),
	 "@:5:13: modulus has no meaning with the action dropequal, expected a rule without it\n"
	 "  modulus = 1\n            ^\n"},
};

static void each_wrong_argument_is_reported_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rows_of_errors); i++) {
		struct loaded loaded = load_text(rows_of_errors[i].text);
		struct bytes text = BYTES_INIT(1 << 16);
		const char *at = (const char *)loaded.messages.data, *next;

		for (; (next = strstr(at, CASE_PATH)); at = next + strlen(CASE_PATH)) {
			bytes_append(&text, at, (size_t)(next - at));
			bytes_append(&text, "@", 1);
		}
		bytes_append(&text, at, strlen(at) + 1);
		if (loaded.r != CONFIGURATION_INVALID ||
		    strcmp((const char *)text.data, rows_of_errors[i].errors) != 0)
			fail_msg("%s\ngives %d\n%s\nnot\n%s", rows_of_errors[i].text, loaded.r,
				 (const char *)text.data, rows_of_errors[i].errors);
		bytes_deinit(&text);
		unload(&loaded);
	}
}

static void what_only_says_the_default_is_accepted(void **state)
{
	static const char *const texts[] = {
		RULE("  action = \"labeldrop\"\n  source_labels = []\n  separator = \";\"\n"
		     "  modulus = 0\n  target_label = \"\"\n  replacement = \"$1\"\n"),
		RULE("  action = \"keepequal\"\n  target_label = \"b\"\n  regex = \"(.*)\"\n"),
		RULE("  action = \"hashmod\"\n  target_label = \"b\"\n  modulus = \"7\"\n"),
		RULE("  target_label = \"${1}_b\"\n  source_labels = [\"a\"]\n"),
		RELABEL(""),
		"discovery.relabel \"r\" {\n targets = null\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(texts); i++) {
		struct loaded loaded = load_text(texts[i]);

		if (loaded.r != 0)
			fail_msg("%s\n%s", texts[i], (const char *)loaded.messages.data);
		unload(&loaded);
	}
}

/* Writes values as the language would. */
static void write_value(const struct config_value *value, struct bytes *out)
{
	bool is_map = value->type == CONFIG_OBJECT;
	size_t n = is_map                        ? value->object.n_fields
		   : value->type == CONFIG_ARRAY ? value->array.n_items
						 : 0;

	if (value->type == CONFIG_STRING)
		bytes_printf(out, "%s", value->text.data);
	else if (value->type == CONFIG_NUMBER)
		bytes_printf(out, "%g", config_number_to_float(value->number));
	else
		bytes_printf(out, is_map ? "{" : "[");
	for (size_t i = 0; i < n; i++) {
		bytes_printf(out, i > 0 ? " " : "");
		if (is_map)
			bytes_printf(out, "%s=", value->object.fields[i].key.data);
		write_value(is_map ? &value->object.fields[i].value : &value->array.items[i], out);
	}
	if (is_map || value->type == CONFIG_ARRAY)
		bytes_printf(out, is_map ? "}" : "]");
}

/* Of the component discovery.relabel.r. */
static void write_exports(void *context, const struct config_graph *graph)
{
	for (size_t i = 0; i < graph->n_components; i++)
		if (strcmp(graph->components[i].id, "discovery.relabel.r") == 0)
			for (size_t j = 0; j < graph->components[i].exports.n_fields; j++)
				write_value(&graph->components[i].exports.fields[j].value, context);
}

static void exports_are_plain_values(void **state)
{
	static const char text[] =
		"discovery.relabel \"first\" {\n"
		" targets = [{a = \"x\", n = 5, e = \"\"}, {drop = true}]\n"
		" rule {\n  action = \"drop\"\n  source_labels = [\"drop\"]\n  regex = \"true\"\n "
		"}\n"
		" rule {\n  source_labels = [\"a\", \"n\"]\n  target_label = \"b\"\n }\n"
		"}\n"
		"discovery.relabel \"r\" {\n"
		" targets = discovery.relabel.first.output\n"
		" rule {\n  action = \"labelmap\"\n  regex = \"(b)\"\n  replacement = \"${1}2\"\n "
		"}\n"
		"}\n";
	struct bytes out = BYTES_INIT(1 << 16), messages = BYTES_INIT(1 << 16);
	const struct configuration_world world = {.evaluated = write_exports, .context = &out};
	struct configuration *configuration;
	FILE *file = fopen(CASE_PATH, "w");

	(void)state;
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
	assert_int_equal(configuration_load(CASE_PATH, &world, &configuration, &messages), 0);
	bytes_append(&out, "", 1);
	assert_string_equal((const char *)out.data,
			    "[{a=x b=x;5 b2=x;5 n=5}]"
			    "[{action=labelmap modulus=0 regex=(b) replacement=${1}2 separator=; "
			    "source_labels=[] target_label=}]");
	configuration_free(configuration);
	bytes_deinit(&messages);
	bytes_deinit(&out);
}

static void an_expression_that_takes_too_long_counts_as_no_match_and_is_an_ailment(void **state)
{
	static const char text[] =
		"discovery.relabel \"r\" {\n"
		" targets = [{a = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}]\n"
		" rule {\n  source_labels = [\"a\"]\n  regex = \"(a+)+b?\"\n  target_label = "
		"\"b\"\n }\n"
		"}\n";
	struct loaded loaded = load_text(text);

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_non_null(strstr((const char *)loaded.messages.data, ":5:11: warning: the regex"));
	assert_non_null(loaded.configuration->ailments);
	assert_string_equal(loaded.configuration->ailments->id, "discovery.relabel.r");
	assert_non_null(strstr(loaded.configuration->ailments->message, "line 5: the regex"));
	assert_null(loaded.configuration->ailments->next);
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_argument_is_reported_at_its_place),
		cmocka_unit_test(what_only_says_the_default_is_accepted),
		cmocka_unit_test(exports_are_plain_values),
		cmocka_unit_test(
			an_expression_that_takes_too_long_counts_as_no_match_and_is_an_ailment),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
