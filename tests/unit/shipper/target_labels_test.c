#include "configuration/target_labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

#define LABELS_OF_ROW_MAX 8

struct row {
	const char *labels[LABELS_OF_ROW_MAX][2];
	enum target_key kind; /* 0: nothing identifies it */
	const char *key;
	const char *set; /* name=value with commas between; NULL: not looked at */
};

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

static struct config_object object_of(struct config_field *fields, const char *const (*labels)[2])
{
	size_t n = 0;

	for (; n < LABELS_OF_ROW_MAX && labels[n][0]; n++) {
		fields[n].key = text_of(labels[n][0]);
		fields[n].value =
			(struct config_value){.type = CONFIG_STRING, .text = text_of(labels[n][1])};
	}
	return config_object_make(fields, n);
}

static void print_set(struct wire_bytes encoded, struct bytes *out)
{
	struct wire_arena arena = {NULL};
	const struct wire_label *labels;
	size_t n_labels;

	assert_int_equal(
		wire_decode_labels(encoded.data, encoded.n_bytes, &arena, &labels, &n_labels), 0);
	for (size_t i = 0; i < n_labels; i++)
		bytes_printf(out, "%s%.*s=%.*s", i ? "," : "", (int)labels[i].name.n_bytes,
			     (const char *)labels[i].name.data, (int)labels[i].value.n_bytes,
			     (const char *)labels[i].value.data);
	bytes_append(out, "", 1);
	wire_arena_deinit(&arena);
}

static void check_rows(const struct row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
		struct bytes set = BYTES_INIT(1 << 16);
		struct config_field fields[LABELS_OF_ROW_MAX] = {0};
		struct config_object labels = object_of(fields, rows[i].labels);
		struct label_flaws flaws;
		struct wire_target_rule rule;
		int r = target_labels_make(
			&labels,
			&(struct target_defaults){.is_default = rows[i].kind == TARGET_DEFAULT},
			&arena, &rule, &flaws);

		assert_int_equal(r, rows[i].kind ? 0 : TARGET_LABELS_UNIDENTIFIED);
		if (r == 0) {
			assert_int_equal(rule.key_kind, rows[i].kind);
			assert_int_equal(rule.key.n_bytes, strlen(rows[i].key));
			assert_memory_equal(rule.key.data, rows[i].key, rule.key.n_bytes);
			print_set(rule.labels, &set);
		}
		if (r == 0 && rows[i].set)
			assert_string_equal((const char *)set.data, rows[i].set);
		bytes_deinit(&set);
		config_arena_deinit(&arena);
	}
}

#define PID        "__process_pid__"
#define CONTAINER  "__container_id__"
#define KUBERNETES "__meta_kubernetes_pod_container_id"
#define DOCKER     "__meta_docker_container_id"
#define SWARM      "__meta_dockerswarm_task_container_id"

static void the_first_usable_label_identifies(void **state)
{
	static const struct row rows[] = {
		{{{PID, "1"}}, TARGET_PID, "1", NULL},
		{{{PID, "0012"}}, TARGET_PID, "12", NULL},
		{{{PID, "4294967295"}}, TARGET_PID, "4294967295", NULL},
		{{{PID, "7"}, {CONTAINER, "c"}, {DOCKER, "d"}}, TARGET_PID, "7", NULL},
		{{{PID, "0"}, {CONTAINER, "c"}}, TARGET_CONTAINER, "c", NULL},
		{{{PID, "x"}, {CONTAINER, "c"}}, TARGET_CONTAINER, "c", NULL},
		{{{PID, "-1"}, {CONTAINER, "c"}}, TARGET_CONTAINER, "c", NULL},
		{{{PID, "4294967296"}, {CONTAINER, "c"}}, TARGET_CONTAINER, "c", NULL},
		{{{PID, ""}}, 0, NULL, NULL},
		{{{CONTAINER, "docker://c"}}, TARGET_CONTAINER, "docker://c", NULL},
		{{{CONTAINER, "c"}, {KUBERNETES, "docker://k"}}, TARGET_CONTAINER, "c", NULL},
		{{{CONTAINER, ""}, {KUBERNETES, "docker://k"}}, TARGET_CONTAINER, "k", NULL},
		{{{KUBERNETES, "containerd://k"}}, TARGET_CONTAINER, "k", NULL},
		{{{KUBERNETES, "cri-o://k"}, {DOCKER, "d"}}, TARGET_CONTAINER, "k", NULL},
		/* a foreign prefix ends the search */
		{{{KUBERNETES, "rkt://k"}, {DOCKER, "d"}}, 0, NULL, NULL},
		{{{KUBERNETES, "k"}, {DOCKER, "d"}}, 0, NULL, NULL},
		{{{KUBERNETES, "docker://"}, {DOCKER, "d"}}, 0, NULL, NULL},
		{{{KUBERNETES, ""}, {DOCKER, "d"}}, TARGET_CONTAINER, "d", NULL},
		{{{DOCKER, "d"}, {SWARM, "s"}}, TARGET_CONTAINER, "d", NULL},
		{{{SWARM, "s"}}, TARGET_CONTAINER, "s", NULL},
		{{{"service_name", "s"}}, 0, NULL, NULL},
		{{{NULL, NULL}}, 0, NULL, NULL},
		{{{PID, "1"}}, TARGET_DEFAULT, "", NULL},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void profiles_carry_what_does_not_begin_with_underscores(void **state)
{
	static const struct row rows[] = {
		{{{PID, "1"}, {"b", "2"}, {"a", "1"}, {"__meta_x", "y"}, {"_c", "3"}},
		 TARGET_PID,
		 "1",
		 "__name__=process_cpu,_c=3,a=1,b=2,service_name=unspecified"},
		{{{PID, "1"}, {"__name__", "mine"}, {"__delta__", "false"}},
		 TARGET_PID,
		 "1",
		 "__name__=mine,service_name=unspecified"},
		{{{PID, "1"}, {"__name__", ""}, {"empty", ""}, {"service_name", ""}},
		 TARGET_PID,
		 "1",
		 "__name__=process_cpu,service_name=unspecified"},
		{{{CONTAINER, "c"}, {"service_name", "s"}},
		 TARGET_CONTAINER,
		 "c",
		 "__name__=process_cpu,service_name=s"},
		{{{NULL, NULL}},
		 TARGET_DEFAULT,
		 "",
		 "__name__=process_cpu,service_name=unspecified"},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

#define ANNOTATION    "__meta_kubernetes_pod_annotation_pyroscope_io_service_name"
#define NAMESPACE     "__meta_kubernetes_namespace"
#define POD_NAME      "__meta_kubernetes_pod_container_name"
#define DOCKER_NAME   "__meta_docker_container_name"
#define SWARM_LABEL   "__meta_dockerswarm_container_label_service_name"
#define SWARM_NAME    "__meta_dockerswarm_service_name"
#define SERVICE(name) "__name__=process_cpu,service_name=" name

static void the_service_is_inferred_in_the_order_of_the_code(void **state)
{
	static const struct row rows[] = {
		{{{"service_name", "own"}, {ANNOTATION, "a"}}, TARGET_DEFAULT, "", SERVICE("own")},
		{{{ANNOTATION, "a"}, {NAMESPACE, "n"}, {POD_NAME, "p"}, {DOCKER_NAME, "/d"}},
		 TARGET_DEFAULT,
		 "",
		 SERVICE("a")},
		{{{NAMESPACE, "n"}, {POD_NAME, "p"}, {DOCKER_NAME, "/d"}},
		 TARGET_DEFAULT,
		 "",
		 SERVICE("ebpf/n/p")},
		{{{NAMESPACE, "n"}, {DOCKER_NAME, "/d"}, {SWARM_LABEL, "l"}},
		 TARGET_DEFAULT,
		 "",
		 SERVICE("/d")},
		{{{NAMESPACE, "n"}, {POD_NAME, ""}, {DOCKER_NAME, "/d"}},
		 TARGET_DEFAULT,
		 "",
		 SERVICE("/d")},
		{{{SWARM_LABEL, "l"}, {SWARM_NAME, "s"}}, TARGET_DEFAULT, "", SERVICE("l")},
		{{{SWARM_NAME, "s"}}, TARGET_DEFAULT, "", SERVICE("s")},
		{{{POD_NAME, "p"}}, TARGET_DEFAULT, "", SERVICE("unspecified")},
		{{{DOCKER, "d"}, {DOCKER_NAME, "/web"}}, TARGET_CONTAINER, "d", SERVICE("/web")},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void label_names_are_those_of_the_server(void **state)
{
	(void)state;
	assert_true(label_name_is_valid(text_of("a")));
	assert_true(label_name_is_valid(text_of("_A9")));
	assert_false(label_name_is_valid(text_of("")));
	assert_false(label_name_is_valid(text_of("9a")));
	assert_false(label_name_is_valid(text_of("a.b")));
	assert_false(label_name_is_valid(text_of("\xc3\xa9")));
}

struct left_out {
	const char *name;
	struct config_text value;
	enum label_flaw flaw; /* N_LABEL_FLAWS: it stays */
	const char *label;    /* which is left out; NULL: the one called name */
};

static void check_left_out(const struct left_out *row)
{
	struct config_field fields[] = {
		{.key = CONFIG_TEXT(PID),
		 .value = {.type = CONFIG_STRING, .text = CONFIG_TEXT("1")}},
		{.key = text_of(row->name), .value = {.type = CONFIG_STRING, .text = row->value}},
		{.key = CONFIG_TEXT("zone"),
		 .value = {.type = CONFIG_STRING, .text = CONFIG_TEXT("z")}},
	};
	struct config_object labels = config_object_make(fields, 3);
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
	struct bytes set = BYTES_INIT(1 << 16);
	const char *label = row->label ? row->label : row->name;
	struct wire_target_rule rule;
	struct label_flaws flaws;

	assert_int_equal(target_labels_make(&labels, &(struct target_defaults){.is_default = false},
					    &arena, &rule, &flaws),
			 0);
	print_set(rule.labels, &set);
	for (int i = 0; i < N_LABEL_FLAWS; i++)
		assert_int_equal(flaws.n[i], i == (int)row->flaw);
	if (row->flaw != N_LABEL_FLAWS) {
		assert_int_equal(flaws.first_flaw, row->flaw);
		assert_string_equal(flaws.first.data, label);
		assert_string_equal((const char *)set.data,
				    "__name__=process_cpu,service_name=unspecified,zone=z");
	}
	bytes_deinit(&set);
	config_arena_deinit(&arena);
}

static void what_the_server_would_refuse_is_left_out(void **state)
{
	static char value[LABEL_VALUE_BYTES_MAX + 2], name[LABEL_NAME_BYTES_MAX + 2];
	const struct left_out rows[] = {
		{"a-b", CONFIG_TEXT("x"), LABEL_FLAW_NAME, NULL},
		{"9", CONFIG_TEXT("x"), LABEL_FLAW_NAME, NULL},
		{"\xc3\xa9", CONFIG_TEXT("x"), LABEL_FLAW_NAME, NULL},
		{"a", CONFIG_TEXT("\xff"), LABEL_FLAW_TEXT, NULL},
		{"a", {value, sizeof(value) - 1}, LABEL_FLAW_LENGTH, NULL},
		{"a", {value, sizeof(value) - 2}, N_LABEL_FLAWS, NULL},
		{name, CONFIG_TEXT("x"), LABEL_FLAW_LENGTH, NULL},
		{name + 1, CONFIG_TEXT("x"), N_LABEL_FLAWS, NULL},
		{"__name__", {value, sizeof(value) - 1}, LABEL_FLAW_LENGTH, NULL},
		{"service_name", CONFIG_TEXT("\xff"), LABEL_FLAW_TEXT, NULL},
		/* what stays here may look as it likes, unless a service is named after it */
		{"__meta-x", CONFIG_TEXT("\xff"), N_LABEL_FLAWS, NULL},
		{DOCKER_NAME, CONFIG_TEXT("\xff"), LABEL_FLAW_TEXT, "service_name"},
	};

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_left_out(&rows[i]);
}

static void dots_in_names_become_underscores_as_at_the_server(void **state)
{
	static const struct row rows[] = {
		{{{PID, "1"}, {"a.b.c", "1"}},
		 TARGET_PID,
		 "1",
		 "__name__=process_cpu,a_b_c=1,service_name=unspecified"},
		{{{PID, "1"}, {"a.b", "1"}, {"a_b", "2"}}, /* that one is there already */
		 TARGET_PID,
		 "1",
		 "__name__=process_cpu,a_b=2,service_name=unspecified"},
		{{{PID, "1"}, {"service.name", "s"}}, TARGET_PID, "1", SERVICE("s")},
		{{{PID, "1"}, {"1.a", "s"}}, TARGET_PID, "1", SERVICE("unspecified")},
	};

	(void)state;
	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void a_target_may_set_options_for_itself(void **state)
{
	static const struct {
		const char *name, *value;
		enum demangle_mode demangle; /* where the block says simplified */
		bool kernel_of_true, kernel_of_false;
	} rows[] = {
		{"demangle", "full", DEMANGLE_FULL, true, false},
		{"demangle", "templates", DEMANGLE_TEMPLATES, true, false},
		{"demangle", "simplified", DEMANGLE_SIMPLIFIED, true, false},
		{"demangle", "none", DEMANGLE_NONE, true, false},
		{"demangle", "Full", DEMANGLE_NONE, true, false}, /* as Alloy: unknown is none */
		{"demangle", "", DEMANGLE_SIMPLIFIED, true, false},
		{"collect_kernel", "true", DEMANGLE_SIMPLIFIED, true, true},
		{"collect_kernel", "false", DEMANGLE_SIMPLIFIED, false, false},
		{"collect_kernel", "1", DEMANGLE_SIMPLIFIED, false, false},
		{"collect_kernel", "TRUE", DEMANGLE_SIMPLIFIED, false, false},
		{"collect_kernel", "", DEMANGLE_SIMPLIFIED, true, false},
		{"python_enabled", "false", DEMANGLE_SIMPLIFIED, true, false},
		{"go_table_fallback", "true", DEMANGLE_SIMPLIFIED, true, false},
		{"python_full_file_path", "x", DEMANGLE_SIMPLIFIED, true, false},
		{"of_another_day", "x", DEMANGLE_SIMPLIFIED, true, false},
	};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 2;
		const struct target_defaults defaults = {.is_default = true,
							 .demangle = DEMANGLE_SIMPLIFIED,
							 .collect_kernel = i % 2 == 0};
		struct config_field field = {.value.type = CONFIG_STRING};
		struct config_object labels = {&field, 1};
		struct label_flaws flaws;
		struct wire_target_rule rule;
		char name[64];

		(void)snprintf(name, sizeof(name), "__meta_pyroscope_ebpf_options_%s",
			       rows[row].name);
		field.key = text_of(name);
		field.value.text = text_of(rows[row].value);
		assert_int_equal(target_labels_make(&labels, &defaults, &arena, &rule, &flaws), 0);
		assert_int_equal(rule.demangle, rows[row].demangle);
		assert_int_equal(rule.collect_kernel, defaults.collect_kernel
							      ? rows[row].kernel_of_true
							      : rows[row].kernel_of_false);
	}
	config_arena_deinit(&arena);
}

static void more_labels_than_the_wire_takes_are_refused(void **state)
{
	static struct config_field fields[LABELS_MAX + 1];
	static char names[LABELS_MAX + 1][8];
	const struct target_defaults of_all = {.is_default = true};
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
	struct label_flaws flaws;
	struct config_object labels;
	struct wire_target_rule rule;

	(void)state;
	for (size_t i = 0; i <= LABELS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "l%zu", i);
		fields[i].key = text_of(names[i]);
		fields[i].value =
			(struct config_value){.type = CONFIG_STRING, .text = CONFIG_TEXT("v")};
	}
	labels = config_object_make(fields, TARGET_LABELS_MAX - 2);
	assert_int_equal(target_labels_make(&labels, &of_all, &arena, &rule, &flaws), 0);
	labels = config_object_make(fields, TARGET_LABELS_MAX - 1);
	assert_int_equal(target_labels_make(&labels, &of_all, &arena, &rule, &flaws),
			 TARGET_LABELS_TOO_MUCH);
	config_arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_usable_label_identifies),
		cmocka_unit_test(profiles_carry_what_does_not_begin_with_underscores),
		cmocka_unit_test(the_service_is_inferred_in_the_order_of_the_code),
		cmocka_unit_test(label_names_are_those_of_the_server),
		cmocka_unit_test(what_the_server_would_refuse_is_left_out),
		cmocka_unit_test(dots_in_names_become_underscores_as_at_the_server),
		cmocka_unit_test(a_target_may_set_options_for_itself),
		cmocka_unit_test(more_labels_than_the_wire_takes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
