#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/relabel.h"

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LABELS_MAX   32u
#define SOURCES_MAX  4u
#define STEPS_MAX    ((uint64_t)1 << 24)

/* One rule on one target; labels are "name=value" in one string, separated by commas. */
struct rule_row {
	const char *labels;
	enum relabel_action action;
	const char *sources; /* separated by commas */
	const char *separator;
	const char *regex;
	const char *target;
	const char *replacement;
	uint64_t modulus;
	const char *wanted; /* sorted; NULL: the target is dropped */
};

static struct config_text text(const char *string)
{
	return (struct config_text){string, strlen(string)};
}

/* Cuts @string (changed, kept by the result) at commas. */
static size_t split(char *string, struct config_text *parts, size_t n_max)
{
	size_t n = 0;

	for (char *rest = string, *part; *string && (part = strsep(&rest, ",")); n++) {
		assert_true(n < n_max);
		parts[n] = text(part);
	}
	return n;
}

static struct config_object make_labels(char *string, struct config_field fields[LABELS_MAX])
{
	struct config_text parts[LABELS_MAX];
	size_t n = split(string, parts, LABELS_MAX);

	for (size_t i = 0; i < n; i++) {
		size_t n_name = strcspn(parts[i].data, "=");

		assert_true(n_name < parts[i].n_bytes);
		fields[i] = (struct config_field){
			{parts[i].data, n_name},
			{.type = CONFIG_STRING, .text = text(parts[i].data + n_name + 1)},
			0};
	}
	return config_object_make(fields, n);
}

static void write_labels(const struct config_object *labels, struct bytes *out)
{
	for (size_t i = 0; i < labels->n_fields; i++) {
		const struct config_field *field = &labels->fields[i];

		bytes_printf(out, "%s%.*s=%.*s", i > 0 ? "," : "", (int)field->key.n_bytes,
			     field->key.data, (int)field->value.text.n_bytes,
			     field->value.text.data);
	}
	bytes_append(out, "", 1);
}

static void check_row(const struct rule_row *row)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct bytes out = BYTES_INIT(1 << 16);
	struct config_text sources[SOURCES_MAX];
	struct config_field fields[LABELS_MAX];
	struct relabel_rule rule = {.action = row->action, .source_labels = sources};
	char *source_names = strdup(row->sources), *given = strdup(row->labels);
	struct config_object labels = make_labels(given, fields);
	struct regex_engine *engine;
	struct relabel *relabel;
	struct regex_fault fault;
	struct regex *regex;
	int r;

	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	assert_int_equal(regex_compile(engine, text(row->regex), &regex, &fault), 0);
	rule.n_source_labels = split(source_names, sources, SOURCES_MAX);
	rule.regex = regex;
	rule.separator = text(row->separator);
	rule.target_label = text(row->target);
	rule.replacement = text(row->replacement);
	rule.modulus = row->modulus;
	assert_int_equal(relabel_new(engine, &rule, 1, &arena, &relabel), 0);
	r = relabel_apply(relabel, &labels, &labels);
	assert_int_equal(r, row->wanted ? 0 : RELABEL_DROPPED);
	if (row->wanted) {
		write_labels(&labels, &out);
		assert_string_equal((const char *)out.data, row->wanted);
	}
	relabel_free(relabel);
	regex_engine_free(engine);
	config_arena_deinit(&arena);
	bytes_deinit(&out);
	free(source_names);
	free(given);
}

static void check_rows(const struct rule_row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		print_message("row %zu: %s\n", i, rows[i].labels);
		check_row(&rows[i]);
	}
}

static const struct rule_row replace_rows[] = {
	{"a=x", RELABEL_REPLACE, "a", ";", "(.*)", "b", "$1", 0, "a=x,b=x"},
	{"a=x,b=y", RELABEL_REPLACE, "a,b", ";", "(.*)", "c", "$1", 0, "a=x,b=y,c=x;y"},
	{"a=x", RELABEL_REPLACE, "a,none,a", "-", "(.*)", "c", "$1", 0, "a=x,c=x--x"},
	{"a=x", RELABEL_REPLACE, "", ";", "(.*)", "b", "y", 0, "a=x,b=y"},
	{"a=x", RELABEL_REPLACE, "", ";", "", "b", "y", 0, "a=x,b=y"},
	{"a=x", RELABEL_REPLACE, "a", ";", "y", "b", "z", 0, "a=x"},
	{"a=xyz", RELABEL_REPLACE, "a", ";", "y", "b", "z", 0, "a=xyz"},
	{"a=x\ny", RELABEL_REPLACE, "a", ";", "x.y", "b", "z", 0, "a=x\ny,b=z"},
	{"a=x", RELABEL_REPLACE, "none", ";", "(.*)", "a", "$1", 0, ""},
	{"a=x,b=", RELABEL_REPLACE, "b", ";", "(.*)", "c", "$1", 0, "a=x"},
	{"a=n/c", RELABEL_REPLACE, "a", ";", "(.*)/(.*)", "s", "ebpf/${1}/${2}", 0,
	 "a=n/c,s=ebpf/n/c"},
	{"a=x", RELABEL_REPLACE, "a", ";", "(.*)", "${1}_b", "$1", 0, "a=x,x_b=x"},
	{"a=x-y", RELABEL_REPLACE, "a", ";", "(.*)", "$1", "z", 0, "a=x-y"},
	{"a=x", RELABEL_REPLACE, "a", ";", "(.*)", "b", "$1_y", 0, "a=x"},
	{"a=x", RELABEL_REPLACE, "a", ";", "(.*)", "b", "$$1", 0, "a=x,b=$1"},
	{"a=x", RELABEL_REPLACE, "a", ";", "(?P<n>.*)", "b", "${n}-$n", 0, "a=x,b=x-x"},
	{"a=x", RELABEL_REPLACE, "a", ";", "x(y)?", "b", "<$1>", 0, "a=x,b=<>"},
};

static const struct rule_row other_rows[] = {
	{"a=x", RELABEL_KEEP, "a", ";", "x|y", "", "", 0, "a=x"},
	{"a=xx", RELABEL_KEEP, "a", ";", "x|y", "", "", 0, NULL},
	{"a=x", RELABEL_KEEP, "none", ";", "", "", "", 0, "a=x"},
	{"a=x", RELABEL_DROP, "a", ";", "x|y", "", "", 0, NULL},
	{"a=xx", RELABEL_DROP, "a", ";", "x|y", "", "", 0, "a=xx"},
	{"a=x,b=x", RELABEL_KEEPEQUAL, "a", ";", "(.*)", "b", "$1", 0, "a=x,b=x"},
	{"a=x,b=y", RELABEL_KEEPEQUAL, "a", ";", "(.*)", "b", "$1", 0, NULL},
	{"a=x", RELABEL_KEEPEQUAL, "none", ";", "(.*)", "b", "$1", 0, "a=x"},
	{"a=x,b=x", RELABEL_DROPEQUAL, "a", ";", "(.*)", "b", "$1", 0, NULL},
	{"a=x,b=y", RELABEL_DROPEQUAL, "a", ";", "(.*)", "b", "$1", 0, "a=x,b=y"},
	{"a=x;y,b=x,c=y", RELABEL_DROPEQUAL, "b,c", ";", "(.*)", "a", "$1", 0, NULL},
	/* the last eight bytes of MD5: of "" e9800998ecf8427e, of "x" 5555e1b268d41cd6 */
	{"", RELABEL_HASHMOD, "", ";", "(.*)", "h", "$1", UINT64_MAX, "h=16825458760271544958"},
	{"a=foo,b=baz", RELABEL_HASHMOD, "b", ";", "(.*)", "h", "$1", 1000, "a=foo,b=baz,h=976"},
	{"a=foo", RELABEL_HASHMOD, "a", ";", "(.*)", "h", "$1", 1, "a=foo,h=0"},
	{"p_x=1,p_y=2,q=3", RELABEL_LABELMAP, "", ";", "p_(.+)", "", "$1", 0,
	 "p_x=1,p_y=2,q=3,x=1,y=2"},
	{"p_x=1,x=2", RELABEL_LABELMAP, "", ";", "p_(.+)", "", "$1", 0, "p_x=1,x=1"},
	{"p_x=1,p_y=2", RELABEL_LABELMAP, "", ";", "p_.*", "", "z", 0, "p_x=1,p_y=2,z=2"},
	{"p_x=1", RELABEL_LABELMAP, "", ";", "p_(.+)", "", "n_${1}", 0, "n_x=1,p_x=1"},
	{"ab=1,b=2,abc=3", RELABEL_LABELDROP, "", ";", "a.", "", "$1", 0, "abc=3,b=2"},
	{"ab=1,b=2,abc=3", RELABEL_LABELKEEP, "", ";", "a.", "", "$1", 0, "ab=1"},
	{"a=1", RELABEL_LABELDROP, "", ";", ".*", "", "$1", 0, ""},
	{"a=ÄbC", RELABEL_LOWERCASE, "a", ";", "(.*)", "b", "$1", 0, "a=ÄbC,b=äbc"},
	{"a=äbC,c=d", RELABEL_UPPERCASE, "a,c", "x", "(.*)", "b", "$1", 0, "a=äbC,b=ÄBCXD,c=d"},
	{"a=x,b=y", RELABEL_LOWERCASE, "none", ";", "(.*)", "b", "$1", 0, "a=x"},
};

static void replace_writes_what_matched(void **state)
{
	(void)state;
	check_rows(replace_rows, N_ROWS(replace_rows));
}

static void every_other_action_does_what_prometheus_says(void **state)
{
	(void)state;
	check_rows(other_rows, N_ROWS(other_rows));
}

static void rules_apply_in_order_and_a_drop_ends_them(void **state)
{
	static const char *const wanted[] = {"a=x,b=x,c=x", NULL};
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_text a = text("a"), b = text("b");
	struct config_field field = {text("a"), {.type = CONFIG_STRING, .text = text("x")}, 0};
	struct config_object given = {&field, 1}, labels;
	struct regex_engine *engine;
	struct relabel *relabel;
	struct regex_fault fault;
	struct regex *regex, *never;
	struct relabel_rule rules[] = {
		{.source_labels = &a,
		 .n_source_labels = 1,
		 .target_label = text("b"),
		 .replacement = text("$1")},
		{.source_labels = &b,
		 .n_source_labels = 1,
		 .target_label = text("c"),
		 .replacement = text("$1")},
		{.action = RELABEL_DROP, .source_labels = &b, .n_source_labels = 1},
	};

	(void)state;
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	assert_int_equal(regex_compile(engine, text("(.*)"), &regex, &fault), 0);
	assert_int_equal(regex_compile(engine, text("y"), &never, &fault), 0);
	rules[0].regex = rules[1].regex = regex;
	for (size_t i = 0; i < N_ROWS(wanted); i++) {
		struct bytes out = BYTES_INIT(1 << 16);

		rules[2].regex = i == 0 ? never : regex;
		assert_int_equal(relabel_new(engine, rules, 3, &arena, &relabel), 0);
		assert_int_equal(relabel_apply(relabel, &given, &labels),
				 wanted[i] ? 0 : RELABEL_DROPPED);
		if (wanted[i]) {
			write_labels(&labels, &out);
			assert_string_equal((const char *)out.data, wanted[i]);
		}
		relabel_free(relabel);
		bytes_deinit(&out);
	}
	regex_engine_free(engine);
	config_arena_deinit(&arena);
}

/* @n copies of one rule, on a target with the label a=x. Returns what was lost in all. */
static struct relabel_losses repeat_rule(struct relabel_rule rule, size_t n, const char *expression,
					 size_t *ret_n_labels)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_field field = {text("a"), {.type = CONFIG_STRING, .text = text("x")}, 0};
	struct relabel_rule *rules = calloc(n, sizeof(*rules));
	struct config_object labels = {&field, 1};
	struct relabel_losses losses = {0};
	struct regex_engine *engine;
	struct relabel *relabel;
	struct regex_fault fault;
	struct regex *regex;

	assert_non_null(rules);
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	assert_int_equal(regex_compile(engine, text(expression), &regex, &fault), 0);
	rule.regex = regex;
	for (size_t i = 0; i < n; i++)
		rules[i] = rule;
	assert_int_equal(relabel_new(engine, rules, n, &arena, &relabel), 0);
	assert_int_equal(relabel_apply(relabel, &labels, &labels), 0);
	for (size_t i = 0; i < n; i++) {
		losses.n_too_long += rules[i].losses.n_too_long;
		losses.n_too_many += rules[i].losses.n_too_many;
	}
	*ret_n_labels = labels.n_fields;
	relabel_free(relabel);
	regex_engine_free(engine);
	config_arena_deinit(&arena);
	free(rules);
	return losses;
}

static void values_and_labels_that_double_stop_at_their_bounds(void **state)
{
	struct config_text a = text("a");
	struct relabel_losses losses;
	size_t n_labels;

	(void)state;
	losses = repeat_rule((struct relabel_rule){.source_labels = &a,
						   .n_source_labels = 1,
						   .target_label = text("a"),
						   .replacement = text("$1$1")},
			     24, "(.*)", &n_labels);
	assert_int_equal(n_labels, 1);
	assert_int_equal(losses.n_too_long, 8); /* 64 KiB after 16 */
	losses = repeat_rule((struct relabel_rule){.action = RELABEL_LABELMAP,
						   .replacement = text("${1}b"),
						   .separator = text("")},
			     1, "(.*)", &n_labels);
	assert_int_equal(n_labels, 2);
	losses = repeat_rule(
		(struct relabel_rule){.action = RELABEL_LABELMAP, .replacement = text("${1}${1}b")},
		24, "(.*)", &n_labels);
	assert_true(losses.n_too_long > 0);
}

static void no_target_has_more_labels_than_the_bound(void **state)
{
	static struct config_field fields[RELABEL_LABELS_MAX + 1];
	static char names[RELABEL_LABELS_MAX + 1][8];
	struct relabel_rule rule = {.action = RELABEL_LABELMAP, .replacement = text("m$1")};
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_object labels;
	struct regex_engine *engine;
	struct relabel *relabel;
	struct regex_fault fault;
	struct regex *regex;

	(void)state;
	for (size_t i = 0; i <= RELABEL_LABELS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "l%zu", i);
		fields[i].key = text(names[i]);
		fields[i].value = (struct config_value){.type = CONFIG_STRING, .text = text("x")};
	}
	labels = config_object_make(fields, RELABEL_LABELS_MAX + 1);
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	assert_int_equal(regex_compile(engine, text("l(.*)"), &regex, &fault), 0);
	rule.regex = regex;
	assert_int_equal(relabel_new(engine, &rule, 1, &arena, &relabel), 0);
	assert_int_equal(relabel_apply(relabel, &labels, &labels), RELABEL_TOO_MANY);
	labels.n_fields--;
	assert_int_equal(relabel_apply(relabel, &labels, &labels), 0);
	assert_int_equal(labels.n_fields, RELABEL_LABELS_MAX);
	assert_int_equal(rule.losses.n_too_many, RELABEL_LABELS_MAX);
	relabel_free(relabel);
	regex_engine_free(engine);
	config_arena_deinit(&arena);
}

static void names_and_templates_are_told_from_others(void **state)
{
	static const struct {
		const char *text;
		bool is_name;
		bool is_template;
	} rows[] = {
		{"a", true, true},       {"_a1", true, true},      {"1a", false, false},
		{"", false, false},      {"a-b", false, false},    {"ä", false, false},
		{"$1", false, true},     {"${1}_a", false, true},  {"a$1", false, true},
		{"$name", false, true},  {"${name", false, false}, {"$", false, false},
		{"$$", false, false},    {"${}", false, false},    {"a$-", false, false},
		{"$11a_9", false, true}, {"${a-b}", false, false}, {"a.b", false, false},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		print_message("%s\n", rows[i].text);
		assert_int_equal(relabel_name_is_valid(text(rows[i].text)), rows[i].is_name);
		assert_int_equal(relabel_template_is_valid(text(rows[i].text)),
				 rows[i].is_template);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replace_writes_what_matched),
		cmocka_unit_test(every_other_action_does_what_prometheus_says),
		cmocka_unit_test(rules_apply_in_order_and_a_drop_ends_them),
		cmocka_unit_test(values_and_labels_that_double_stop_at_their_bounds),
		cmocka_unit_test(no_target_has_more_labels_than_the_bound),
		cmocka_unit_test(names_and_templates_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
