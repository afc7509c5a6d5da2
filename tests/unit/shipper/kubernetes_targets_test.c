#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/kubernetes_answers.h"

/* Pods and nodes as the API has them, and the targets: labels in order, a line each. */

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[" items "]}"
#define META(more)                                                                                 \
	"\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-1\",\"uid\":\"u-1\"" more "}"
#define CONTAINER(more) "{\"name\":\"app\",\"image\":\"shop/web:2\"" more "}"
#define ONE             CONTAINER("")
#define SPEC(more)      "\"spec\":{\"nodeName\":\"node-1\",\"containers\":[" ONE "]" more "}"
#define ID              "containerd://0123"
#define CONTAINER_STATUS                                                                           \
	"\"containerStatuses\":[{\"name\":\"side\",\"containerID\":\"x\"},"                        \
	"{\"name\":\"app\",\"containerID\":\"" ID "\"}]"
#define STATUS(more)                                                                               \
	"\"status\":{\"phase\":\"Running\",\"podIP\":\"10.1.2.3\",\"hostIP\":\"192.0.2.7\","       \
	"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]," CONTAINER_STATUS more "}"
#define POD(meta, spec, status) "{" META(meta) "," SPEC(spec) "," STATUS(status) "}"

/* What comes of @text; its memory is the arena's. */
static struct config_array make_targets(const char *text, const char *nodes_text,
					struct config_arena *arena)
{
	struct kubernetes_objects pods = {.n = 0}, nodes = {.n = 0};
	const struct kubernetes_objects *const sets[] = {&pods};
	struct bytes token = BYTES_INIT(64), why = BYTES_INIT(512);
	char version[KUBERNETES_VERSION_BYTES];
	struct config_value list;
	int r = kubernetes_page_read((struct config_text){text, strlen(text)}, KUBERNETES_POD,
				     &pods, version, &token, &why);

	if (r == 0 && nodes_text)
		r = kubernetes_page_read((struct config_text){nodes_text, strlen(nodes_text)},
					 KUBERNETES_NODE, &nodes, version, &token, &why);
	if (r != 0)
		fail_msg("%s: %.*s", text, (int)why.n_bytes, (const char *)why.data);
	assert_int_equal(kubernetes_targets_make(sets, 1, nodes_text ? &nodes : NULL, arena, &list),
			 0);
	kubernetes_objects_deinit(&pods);
	kubernetes_objects_deinit(&nodes);
	bytes_deinit(&token);
	bytes_deinit(&why);
	return list.array;
}

static void print_targets(struct config_array targets, struct bytes *out)
{
	for (size_t i = 0; i < targets.n_items; i++) {
		const struct config_object *labels = &targets.items[i].object;

		bytes_printf(out, "%s", i > 0 ? "--\n" : "");
		for (size_t j = 0; j < labels->n_fields; j++)
			bytes_printf(out, "%s=%s\n", labels->fields[j].key.data,
				     labels->fields[j].value.text.data);
	}
	bytes_append(out, "", 1);
}

static void assert_targets(const char *pods, const char *nodes, const char *expected)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct bytes text = BYTES_INIT(1 << 16);

	print_targets(make_targets(pods, nodes, &arena), &text);
	assert_string_equal((const char *)text.data, expected);
	bytes_deinit(&text);
	config_arena_deinit(&arena);
}

#define POD_LABELS                                                                                 \
	"__meta_kubernetes_pod_host_ip=192.0.2.7\n"                                                \
	"__meta_kubernetes_pod_ip=10.1.2.3\n"                                                      \
	"__meta_kubernetes_pod_name=web-1\n"                                                       \
	"__meta_kubernetes_pod_node_name=node-1\n"                                                 \
	"__meta_kubernetes_pod_phase=Running\n"                                                    \
	"__meta_kubernetes_pod_ready=true\n"                                                       \
	"__meta_kubernetes_pod_uid=u-1\n"
#define CONTAINER_LABELS(name, id, image, init)                                                    \
	"__meta_kubernetes_pod_container_id=" id "\n"                                              \
	"__meta_kubernetes_pod_container_image=" image "\n"                                        \
	"__meta_kubernetes_pod_container_init=" init "\n"                                          \
	"__meta_kubernetes_pod_container_name=" name "\n"
#define NAMESPACE        "__meta_kubernetes_namespace=shop\n"
#define ADDRESS(address) "__address__=" address "\n"
#define APP              CONTAINER_LABELS("app", ID, "shop/web:2", "false")

static void a_container_without_ports_is_one_target(void **state)
{
	(void)state;
	assert_targets(LIST(POD("", "", "")), NULL, ADDRESS("10.1.2.3") NAMESPACE APP POD_LABELS);
}

#define PORT(number, name, protocol)                                                               \
	"{\"containerPort\":" number ",\"name\":\"" name "\",\"protocol\":\"" protocol "\"}"
#define PORT_LABELS(name, number, protocol)                                                        \
	"__meta_kubernetes_pod_container_port_name=" name "\n"                                     \
	"__meta_kubernetes_pod_container_port_number=" number "\n"                                 \
	"__meta_kubernetes_pod_container_port_protocol=" protocol "\n"

static void each_port_of_each_container_is_a_target_and_init_containers_come_last(void **state)
{
	(void)state;
	assert_targets(
		LIST("{" META(
			"") ",\"spec\":{\"nodeName\":\"node-1\",\"initContainers\":[{\"name\":"
			    "\"setup\","
			    "\"image\":\"i:1\"}],\"containers\":[" CONTAINER(
				    ",\"ports\":[" PORT("8080", "http", "TCP") "," PORT(
					    "53", "",
					    "UDP") "]") ",{\"name\":\"side\",\"image\":\"s:1\"}]}"
							"," STATUS(",\"initContainerStatuses\":[{"
								   "\"name\":\"setup\","
								   "\"containerID\":\"cri-o://"
								   "i\"}]") "}"),
		NULL,
		ADDRESS("10.1.2.3:8080") NAMESPACE APP PORT_LABELS("http", "8080", "TCP") POD_LABELS
		"--\n" ADDRESS("10.1.2.3:53") NAMESPACE APP PORT_LABELS("", "53", "UDP") POD_LABELS
		"--\n" ADDRESS("10.1.2.3") NAMESPACE CONTAINER_LABELS("side", "x", "s:1", "false")
			POD_LABELS "--\n" ADDRESS("10.1.2.3")
				NAMESPACE CONTAINER_LABELS("setup", "cri-o://i", "i:1", "true")
					POD_LABELS);
}

static void without_an_address_there_is_no_target(void **state)
{
	(void)state;
	assert_targets(LIST("{" META("") "," SPEC("") ",\"status\":{\"phase\":\"Pending\"}}"), NULL,
		       "");
	assert_targets(LIST("{" META("") "," SPEC("") "}"), NULL, "");
	assert_targets(LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"\"}}"), NULL, "");
	assert_targets(LIST("{" META("") "," STATUS("") "}"), NULL, "");
	assert_targets("{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":null}", NULL, "");
}

static void targets_come_by_namespace_and_name_whatever_the_order_is(void **state)
{
	struct config_arena arena = CONFIG_ARENA_INIT(1 << 20);
	struct config_array targets = make_targets(
		LIST("{\"metadata\":{\"namespace\":\"b\",\"name\":\"a\"}," SPEC("") "," STATUS(
			"") "},{\"metadata\":{\"namespace\":\"a\",\"name\":\"z\"}"
			    "," SPEC("") "," STATUS("") "},{\"metadata\":{"
							"\"namespace\":\"a\",\"name\":"
							"\"b\"}," SPEC("") "," STATUS("") "}"),
		NULL, &arena);
	static const char *const names[] = {"b", "z", "a"};

	(void)state;
	assert_int_equal(targets.n_items, 3);
	for (size_t i = 0; i < 3; i++) {
		struct config_text key = CONFIG_TEXT("__meta_kubernetes_pod_name");
		const struct config_value *name = config_object_find(&targets.items[i].object, key);

		assert_string_equal(name->text.data, names[i]);
	}
	config_arena_deinit(&arena);
}

static const struct {
	const char *what, *pods, *label, *value; /* NULL: there is none */
} rules[] = {
	{"a label", LIST(POD(",\"labels\":{\"app\":\"web\"}", "", "")),
	 "__meta_kubernetes_pod_label_app", "web"},
	{"its presence", LIST(POD(",\"labels\":{\"app\":\"web\"}", "", "")),
	 "__meta_kubernetes_pod_labelpresent_app", "true"},
	{"the presence of an empty one", LIST(POD(",\"labels\":{\"app\":\"\"}", "", "")),
	 "__meta_kubernetes_pod_labelpresent_app", "true"},
	{"characters that names do not have",
	 LIST(POD(",\"labels\":{\"app.kubernetes.io/part-of\":\"shop\"}", "", "")),
	 "__meta_kubernetes_pod_label_app_kubernetes_io_part_of", "shop"},
	{"a character of several bytes is one underscore",
	 LIST(POD(",\"labels\":{\"a\xc3\xa4z\":\"1\"}", "", "")), "__meta_kubernetes_pod_label_a_z",
	 "1"},
	{"of two that are one when they are clean the last by name",
	 LIST(POD(",\"labels\":{\"a/b\":\"slash\",\"a.b\":\"dot\"}", "", "")),
	 "__meta_kubernetes_pod_label_a_b", "slash"},
	{"whatever their order is",
	 LIST(POD(",\"labels\":{\"a.b\":\"dot\",\"a/b\":\"slash\"}", "", "")),
	 "__meta_kubernetes_pod_label_a_b", "slash"},
	{"an annotation",
	 LIST(POD(",\"annotations\":{\"pyroscope.io/service_name\":\"x y\"}", "", "")),
	 "__meta_kubernetes_pod_annotation_pyroscope_io_service_name", "x y"},
	{"its presence",
	 LIST(POD(",\"annotations\":{\"pyroscope.io/service_name\":\"x y\"}", "", "")),
	 "__meta_kubernetes_pod_annotationpresent_pyroscope_io_service_name", "true"},
	{"no labels at all", LIST(POD(",\"labels\":null", "", "")),
	 "__meta_kubernetes_pod_label_app", NULL},
	{"the controller",
	 LIST(POD(",\"ownerReferences\":[{\"kind\":\"A\",\"name\":\"a\"},{\"kind\":\"ReplicaSet\","
		  "\"name\":\"web\",\"controller\":true}]",
		  "", "")),
	 "__meta_kubernetes_pod_controller_kind", "ReplicaSet"},
	{"its name",
	 LIST(POD(",\"ownerReferences\":[{\"kind\":\"Job\",\"name\":\"j\",\"controller\":true},"
		  "{\"kind\":\"ReplicaSet\",\"name\":\"web\",\"controller\":true}]",
		  "", "")),
	 "__meta_kubernetes_pod_controller_name", "j"},
	{"an owner that is no controller",
	 LIST(POD(",\"ownerReferences\":[{\"kind\":\"A\",\"name\":\"a\",\"controller\":false}]", "",
		  "")),
	 "__meta_kubernetes_pod_controller_kind", NULL},
	{"a controller without a name",
	 LIST(POD(",\"ownerReferences\":[{\"kind\":\"A\",\"name\":\"\",\"controller\":true}]", "",
		  "")),
	 "__meta_kubernetes_pod_controller_name", NULL},
	{"no readiness",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\",\"conditions\":"
					"[{\"type\":\"Initialized\",\"status\":\"True\"}]}}"),
	 "__meta_kubernetes_pod_ready", "unknown"},
	{"not ready",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\",\"conditions\":"
					"[{\"type\":\"Ready\",\"status\":\"False\"}]}}"),
	 "__meta_kubernetes_pod_ready", "false"},
	{"a phase",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\","
					"\"phase\":\"Succeeded\"}}"),
	 "__meta_kubernetes_pod_phase", "Succeeded"},
	{"a container that has no status yet",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\"}}"),
	 "__meta_kubernetes_pod_container_id", ""},
	{"a status of another container",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\","
					"\"containerStatuses\":[{\"name\":\"other\","
					"\"containerID\":\"x\"}]}}"),
	 "__meta_kubernetes_pod_container_id", ""},
	{"a status of an init container is not one of a container",
	 LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"10.1.2.3\","
					"\"initContainerStatuses\":[{\"name\":\"app\","
					"\"containerID\":\"x\"}]}}"),
	 "__meta_kubernetes_pod_container_id", ""},
	{"an ephemeral container is none",
	 LIST("{" META("") ",\"spec\":{\"ephemeralContainers\":[" CONTAINER(
		 "") "],\"containers\":[{\"name\":\"only\"}]}," STATUS("") "}"),
	 "__meta_kubernetes_pod_container_name", "only"},
	{"an address of IPv6 with a port",
	 LIST("{" META("") ",\"spec\":{\"containers\":[" CONTAINER(
		 ",\"ports\":[{\"containerPort\":80}]") "]},\"status\":{\"podIP\":\"fd00::3\"}}"),
	 "__address__", "[fd00::3]:80"},
	{"one without", LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":\"fd00::3\"}}"),
	 "__address__", "fd00::3"},
	{"a pod that is on no node",
	 LIST("{" META("") ",\"spec\":{\"containers\":[" CONTAINER("") "]}," STATUS("") "}"),
	 "__meta_kubernetes_pod_node_name", ""},
};

static void each_rule_gives_its_label(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(rules); i++) {
		struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
		struct config_array targets = make_targets(rules[i].pods, NULL, &arena);
		struct config_text key = {rules[i].label, strlen(rules[i].label)};
		const struct config_value *value;

		assert_int_equal(targets.n_items, 1);
		value = config_object_find(&targets.items[0].object, key);
		if (!rules[i].value && value)
			fail_msg("%s: %s is there", rules[i].what, rules[i].label);
		if (rules[i].value && (!value || strcmp(value->text.data, rules[i].value) != 0))
			fail_msg("%s: %s is %s", rules[i].what, rules[i].label,
				 value ? value->text.data : "not there");
		config_arena_deinit(&arena);
	}
}

#define NODE                                                                                       \
	"{\"metadata\":{\"name\":\"node-1\",\"labels\":{\"zone/x\":\"b\"},"                        \
	"\"annotations\":{\"rack\":\"7\"}}}"
#define NODE_LABELS                                                                                \
	"__meta_kubernetes_node_annotation_rack=7\n"                                               \
	"__meta_kubernetes_node_annotationpresent_rack=true\n"                                     \
	"__meta_kubernetes_node_label_zone_x=b\n"                                                  \
	"__meta_kubernetes_node_labelpresent_zone_x=true\n"                                        \
	"__meta_kubernetes_node_name=node-1\n"

static void metadata_of_its_node_is_attached(void **state)
{
	(void)state;
	assert_targets(LIST(POD("", "", "")), LIST(NODE),
		       ADDRESS("10.1.2.3") NAMESPACE NODE_LABELS APP POD_LABELS);
	assert_targets(LIST(POD("", "", "")), LIST("{\"metadata\":{\"name\":\"node-2\"}}"),
		       ADDRESS("10.1.2.3") NAMESPACE APP POD_LABELS);
}

static const struct {
	const char *text, *message;
	int outcome;
} faults[] = {
	{"<html>", "no JSON", KUBERNETES_MALFORMED},
	{"{}", "resourceVersion is none", KUBERNETES_MALFORMED},
	{"[]", "the list is a list, expected an object", KUBERNETES_MALFORMED},
	{"{\"metadata\":{\"resourceVersion\":\"1\"}}", "there are no items", KUBERNETES_MALFORMED},
	{"{\"metadata\":{\"resourceVersion\":7},\"items\":[]}",
	 "resourceVersion is a number, expected a string", KUBERNETES_MALFORMED},
	{"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}",
	 "items is an object, expected a list", KUBERNETES_MALFORMED},
	{"{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":1},\"items\":[]}",
	 "continue is a number", KUBERNETES_MALFORMED},
	{LIST("7"), "an item is a number, expected an object", KUBERNETES_MALFORMED},
	{LIST("{}"), "name is none", KUBERNETES_MALFORMED},
	{LIST("{\"metadata\":{\"name\":\"a\\u0000b\"}}"), "has a NUL", KUBERNETES_MALFORMED},
	{LIST("{\"metadata\":{\"name\":\"a\"},\"spec\":[]}"), "spec is a list",
	 KUBERNETES_MALFORMED},
	{LIST("{" META("") "," SPEC("") ",\"status\":{\"podIP\":7}}"), "podIP is a number",
	 KUBERNETES_MALFORMED},
	{LIST(POD(",\"labels\":{\"a\":1}", "", "")), "labels is a number, expected a string",
	 KUBERNETES_MALFORMED},
	{LIST("{" META("") ",\"spec\":{\"containers\":[7]}," STATUS("") "}"),
	 "a container is a number", KUBERNETES_MALFORMED},
	{LIST("{" META("") ",\"spec\":{\"containers\":[" CONTAINER(
		 ",\"ports\":[{\"containerPort\":65536}]") "]}," STATUS("") "}"),
	 "containerPort is 65536, expected 0 ... 65535", KUBERNETES_MALFORMED},
	{LIST("{" META("") ",\"spec\":{\"containers\":[" CONTAINER(
		 ",\"ports\":[{\"containerPort\":\"80\"}]") "]}," STATUS("") "}"),
	 "containerPort is a string", KUBERNETES_MALFORMED},
	{LIST(POD("", "", ",\"conditions\":[null]")), "a condition is null", KUBERNETES_MALFORMED},
};

static void what_is_no_list_of_pods_is_refused_for_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(faults); i++) {
		struct kubernetes_objects pods = {.n = 0};
		struct bytes token = BYTES_INIT(64), why = BYTES_INIT(512);
		char version[KUBERNETES_VERSION_BYTES];
		struct config_text text = {faults[i].text, strlen(faults[i].text)};
		int r = kubernetes_page_read(text, KUBERNETES_POD, &pods, version, &token, &why);

		bytes_append(&why, "", 1);
		if (r != faults[i].outcome || !strstr((char *)why.data, faults[i].message))
			fail_msg("%s: %d, %s", faults[i].text, r, (char *)why.data);
		kubernetes_objects_deinit(&pods);
		bytes_deinit(&token);
		bytes_deinit(&why);
	}
}

/* A list of one pod whose labels, ports or containers are @n times @item, in member @where. */
static size_t count_left_out(const char *before, const char *item, size_t n, const char *after,
			     size_t *ret_n_targets)
{
	struct kubernetes_objects pods = {.n = 0};
	struct bytes token = BYTES_INIT(64), why = BYTES_INIT(512), text = BYTES_INIT(1 << 26);
	char version[KUBERNETES_VERSION_BYTES];
	size_t n_left_out;

	bytes_printf(&text, "%s", before);
	for (size_t i = 0; i < n; i++)
		bytes_printf(&text, item, i > 0 ? "," : "", (unsigned)i);
	bytes_printf(&text, "%s", after);
	assert_int_equal(kubernetes_page_read((struct config_text){(char *)text.data, text.n_bytes},
					      KUBERNETES_POD, &pods, version, &token, &why),
			 0);
	assert_int_equal(pods.n, 1);
	*ret_n_targets = pods.items[0]->n_targets;
	n_left_out = pods.n_left_out;
	kubernetes_objects_deinit(&pods);
	bytes_deinit(&token);
	bytes_deinit(&why);
	bytes_deinit(&text);
	return n_left_out;
}

#define HEAD       "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
#define IN_LABELS  HEAD "{\"metadata\":{\"name\":\"a\",\"labels\":{"
#define END_LABELS "}}," SPEC("") "," STATUS("") "}]}"
#define IN_PORTS   HEAD "{" META("") ",\"spec\":{\"containers\":[{\"name\":\"a\",\"ports\":["
#define END_PORTS  "]}]}," STATUS("") "}]}"
#define IN_LIST    HEAD "{" META("") ",\"spec\":{\"containers\":["
#define END_LIST   "]}," STATUS("") "}]}"

static void what_a_pod_has_too_much_of_is_left_out_and_counted(void **state)
{
	size_t n_targets;

	(void)state;
	assert_int_equal(count_left_out(IN_LABELS, "%s\"l%u\":\"\"", 500, END_LABELS, &n_targets),
			 0);
	assert_int_equal(n_targets, 1);
	assert_true(count_left_out(IN_LABELS, "%s\"l%u\":\"\"", 600, END_LABELS, &n_targets) > 80);
	assert_int_equal(n_targets, 1);
	assert_int_equal(
		count_left_out(IN_PORTS, "%s{\"containerPort\":%u}", 100, END_PORTS, &n_targets),
		0);
	assert_int_equal(n_targets, 100);
	assert_true(count_left_out(IN_PORTS, "%s{\"containerPort\":%u}", 5000, END_PORTS,
				   &n_targets) > 4000);
	assert_in_range(n_targets, 100, 1024);
	assert_int_equal(count_left_out(IN_LIST, "%s{\"name\":\"c%u\"}", 300, END_LIST, &n_targets),
			 44);
	assert_int_equal(n_targets, KUBERNETES_CONTAINERS_MAX);
}

static void a_label_that_is_too_long_is_left_out_and_the_pod_stays(void **state)
{
	cleanup_with(free_freep) char *value = malloc(10 << 20);
	struct bytes before = BYTES_INIT(1 << 26);
	size_t n_targets;

	(void)state;
	assert_non_null(value);
	memset(value, 'x', 10 << 20);
	bytes_printf(&before, "%s\"big\":\"", IN_LABELS);
	bytes_append(&before, value, 10 << 20);
	bytes_append(&before, "\",", sizeof("\","));
	assert_int_equal(count_left_out((const char *)before.data, "%s\"small%u\":\"\"", 1,
					END_LABELS, &n_targets),
			 1);
	assert_int_equal(n_targets, 1);
	bytes_deinit(&before);
}

static void a_value_with_a_nul_is_left_out(void **state)
{
	size_t n_targets;

	(void)state;
	assert_int_equal(
		count_left_out(IN_LABELS, "%s\"l%u\":\"a\\u0000b\"", 2, END_LABELS, &n_targets), 2);
	assert_int_equal(n_targets, 1);
}

static void a_pod_whose_text_is_too_long_has_no_targets_and_costs_no_other_its_own(void **state)
{
	cleanup_with(free_freep) char *item = malloc(70000);
	size_t n_targets;

	(void)state;
	assert_non_null(item);
	memset(item, 'x', 65536);
	memcpy(item, "%s\"l%u\":\"", 9);
	memcpy(item + 60000, "\"", 2);
	assert_int_equal(count_left_out(IN_LABELS, item, 30, END_LABELS, &n_targets), 1);
	assert_int_equal(n_targets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_without_ports_is_one_target),
		cmocka_unit_test(
			each_port_of_each_container_is_a_target_and_init_containers_come_last),
		cmocka_unit_test(without_an_address_there_is_no_target),
		cmocka_unit_test(targets_come_by_namespace_and_name_whatever_the_order_is),
		cmocka_unit_test(each_rule_gives_its_label),
		cmocka_unit_test(metadata_of_its_node_is_attached),
		cmocka_unit_test(what_is_no_list_of_pods_is_refused_for_a_reason),
		cmocka_unit_test(what_a_pod_has_too_much_of_is_left_out_and_counted),
		cmocka_unit_test(a_label_that_is_too_long_is_left_out_and_the_pod_stays),
		cmocka_unit_test(a_value_with_a_nul_is_left_out),
		cmocka_unit_test(
			a_pod_whose_text_is_too_long_has_no_targets_and_costs_no_other_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
