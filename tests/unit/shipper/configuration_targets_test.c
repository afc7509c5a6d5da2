/* What a configuration makes of targets, and of several blocks that have some. */
#include "configuration_case.h"

#include <stdlib.h>

#include "endpoints/endpoint_names.h"
#include "endpoints/routes.h"

/* A write and an ebpf block with @arguments in it. */
#define EBPF(arguments)                                                                            \
	"pyroscope.write \"w\" {\n\tendpoint {\n\t\turl = \"http://h:4040\"\n\t}\n}\n"             \
	"pyroscope.ebpf \"e\" {\n\tforward_to = [pyroscope.write.w.receiver]\n" arguments "}\n"

static void literal_targets_become_rules(void **state)
{
	struct loaded loaded =
		load_text(EBPF("\ttargets = concat(\n"
			       "\t\t[{\"__process_pid__\" = \"1\", service_name = \"init\"}],\n"
			       "\t\t[{__container_id__ = \"c1\", team = \"a\", n = 5}],\n"
			       "\t)\n"
			       "\tdefault_target = {region = \"x\"}\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	assert_int_equal(loaded.configuration->n_targets, 3);
	assert_int_equal(loaded.configuration->jobs[0].targets[0].key_kind, TARGET_PID);
	assert_memory_equal(loaded.configuration->jobs[0].targets[0].key.data, "1", 1);
	assert_labels(loaded.configuration->jobs[0].targets[0].labels,
		      "__name__=process_cpu,service_name=init");
	assert_int_equal(loaded.configuration->jobs[0].targets[1].key_kind, TARGET_CONTAINER);
	assert_labels(loaded.configuration->jobs[0].targets[1].labels,
		      "__name__=process_cpu,n=5,service_name=unspecified,team=a");
	assert_int_equal(loaded.configuration->jobs[0].targets[2].key_kind, TARGET_DEFAULT);
	assert_labels(loaded.configuration->jobs[0].targets[2].labels,
		      "__name__=process_cpu,region=x,service_name=unspecified");
	unload(&loaded);
}

#define ONE_KEY_A "{__container_id__ = \"c\", n = \"1\"}"
#define ONE_KEY_B "{__meta_docker_container_id = \"c\", n = \"2\"}"
#define ONE_KEY_C "{__container_id__ = \"c\", n = \"1\", a = \"\", b = \"0\"}"

static void of_targets_with_one_key_the_same_stays_in_whatever_order(void **state)
{
	static const char *const lists[] = {
		ONE_KEY_A ", " ONE_KEY_B ", " ONE_KEY_C,
		ONE_KEY_B ", " ONE_KEY_A ", " ONE_KEY_C,
		ONE_KEY_C ", " ONE_KEY_B ", " ONE_KEY_A,
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(lists); i++) {
		char text[1024];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text),
			       EBPF("\ttargets = [{__process_pid__ = \"7\"}, %s]\n"), lists[i]);
		loaded = load_text(text);
		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->n_targets, 2);
		assert_labels(loaded.configuration->jobs[0].targets[1].labels,
			      "__name__=process_cpu,n=1,service_name=unspecified");
		unload(&loaded);
	}
}

static void what_is_passed_over_for_another_is_said_unless_they_are_equal(void **state)
{
	struct loaded loaded =
		load_text(EBPF("\ttargets = [\n"
			       "\t\t{__container_id__ = \"c\", n = \"2\"},\n"
			       "\t\t{__meta_docker_container_id = \"c\", n = \"1\"},\n"
			       "\t\t{__container_id__ = \"c\", n = \"1\"},\n"
			       "\t]\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_targets, 1);
	assert_string_equal((const char *)loaded.messages.data,
			    CASE_PATH ":9:3: warning: another target is the same container c and "
				      "its labels come first, this one is passed over\n"
				      "\t\t{__container_id__ = \"c\", n = \"2\"},\n\t\t^\n");
	unload(&loaded);
}

static void what_is_wrong_in_a_published_target_costs_that_only(void **state)
{
	struct loaded loaded = load_text(
		EBPF("\ttargets = concat([{__process_pid__ = \"1\"}], "
		     "[{__process_pid__ = \"2\", \"a-b\" = \"c\", z = \"1\"}, \"x\"])\n"));
	const struct configuration *c = loaded.configuration;

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(c->n_targets, 2);
	assert_labels(c->jobs[0].targets[1].labels,
		      "__name__=process_cpu,service_name=unspecified,z=1");
	assert_int_equal(c->losses.n_labels[LABEL_FLAW_NAME], 1);
	assert_int_equal(c->losses.n_targets, 1);
	assert_string_equal(c->losses.component_id, "pyroscope.ebpf.e");
	assert_non_null(strstr(c->losses.first, "\"a-b\" is wrong"));
	assert_non_null(strstr((const char *)loaded.messages.data,
			       "warning: the label name \"a-b\" is wrong, expected letters, digits "
			       "and _, and no digit first; the target goes without it"));
	unload(&loaded);
	loaded = load_text(EBPF("\ttargets = concat([5])\n"));
	assert_int_equal(loaded.r, 0);
	assert_non_null(
		strstr((const char *)loaded.messages.data,
		       "warning: found a number among the targets, expected maps of labels; "
		       "this target is passed over"));
	unload(&loaded);
}

static void labels_that_a_rule_makes_are_left_out_where_servers_refuse_them(void **state)
{
	static const struct {
		const char *rule, *labels;
		uint64_t n_flaws[N_LABEL_FLAWS];
	} rows[] = {
		{"action = \"labelmap\"\n  regex = \"__meta_(ok|1|a-b)\"",
		 "__name__=process_cpu,ok=1,service_name=s",
		 {[LABEL_FLAW_NAME] = 2}},
		{"source_labels = [\"__meta_bytes\"]\n  target_label = \"v\"",
		 "__name__=process_cpu,service_name=s",
		 {[LABEL_FLAW_TEXT] = 1}},
		{"source_labels = [\"__meta_long\", \"__meta_long\"]\n  target_label = \"v\"",
		 "__name__=process_cpu,service_name=s",
		 {[LABEL_FLAW_LENGTH] = 1}},
		{"source_labels = [\"__meta_long\", \"__meta_long\"]\n"
		 "  target_label = \"service_name\"",
		 "__name__=process_cpu,service_name=unspecified",
		 {[LABEL_FLAW_LENGTH] = 1}},
		{"source_labels = [\"__meta_long\"]\n  target_label = \"long\"\n"
		 "  regex = \"(x).*\"",
		 "__name__=process_cpu,long=x,service_name=s",
		 {0}},
	};
	char text[4096], ones[1500] = "";

	(void)state;
	memset(ones, 'x', sizeof(ones) - 1);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct loaded loaded;

		(void)snprintf(
			text, sizeof(text),
			EBPF("\ttargets = discovery.relabel.r.output\n") "discovery.relabel \"r\" "
									 "{\n targets = [{\n"
									 "  __container_id__ = "
									 "\"c\",\n  service_name = "
									 "\"s\",\n"
									 "  __meta_ok = \"1\",\n  "
									 "\"__meta_a-b\" = \"2\",\n"
									 "  __meta_1 = \"3\",\n  "
									 "__meta_bytes = "
									 "\"\\xff\",\n  "
									 "__meta_long = \"%s\",\n "
									 "}]\n"
									 " rule {\n  %s\n }\n}\n",
			ones, rows[i].rule);
		loaded = load_text(text);
		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->n_targets, 1);
		assert_labels(loaded.configuration->jobs[0].targets[0].labels, rows[i].labels);
		for (size_t flaw = 0; flaw < N_LABEL_FLAWS; flaw++)
			assert_int_equal(loaded.configuration->losses.n_labels[flaw],
					 rows[i].n_flaws[flaw]);
		unload(&loaded);
	}
}

static void a_crowded_target_stays_and_is_warned_of(void **state)
{
	char text[2048];

	(void)state;
	/* beside __name__ and service_name */
	for (unsigned n = LABELS_USUAL_MAX - 2; n <= LABELS_USUAL_MAX - 1; n++) {
		bool is_crowded = n + 2 > LABELS_USUAL_MAX;
		struct loaded loaded;
		int at = snprintf(text, sizeof(text),
				  "pyroscope.ebpf \"e\" {\n forward_to = []\n targets = [{\n"
				  "  __process_pid__ = \"1\",\n");

		for (unsigned i = 0; i < n; i++)
			at += snprintf(text + at, sizeof(text) - (size_t)at, "  l%u = \"v\",\n", i);
		(void)snprintf(text + at, sizeof(text) - (size_t)at, " }]\n}\n");
		loaded = load_text(text);
		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->n_targets, 1);
		assert_int_equal(loaded.configuration->losses.n_crowded, is_crowded);
		assert_int_equal(strstr((const char *)loaded.messages.data,
					"warning: this target has 31 labels, more than the 30") !=
					 NULL,
				 is_crowded);
		unload(&loaded);
	}
}

static void more_targets_than_there_is_room_for_are_passed_over(void **state)
{
	struct bytes text = BYTES_INIT(1 << 22);
	struct loaded loaded;

	(void)state;
	bytes_printf(&text, "pyroscope.ebpf \"e\" {\n\tforward_to = []\n\ttargets = concat([\n");
	for (size_t i = 0; i < 16384 + 16; i++)
		bytes_printf(&text, "{__container_id__ = \"%zu\"},\n", i);
	bytes_printf(&text, "])\n}\n");
	loaded = load_bytes(text.data, text.n_bytes);
	bytes_deinit(&text);
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_targets, 16384);
	assert_int_equal(loaded.configuration->losses.n_targets, 16);
	assert_string_equal(loaded.configuration->ailments->id, "pyroscope.ebpf.e");
	assert_string_equal(loaded.configuration->ailments->message,
			    "there are 16400 targets, 16384 is the most: 16 are passed over");
	unload(&loaded);
}

#define TWO_WRITES                                                                                 \
	"pyroscope.write \"a\" {\n\tendpoint {\n\t\turl = \"http://a\"\n\t}\n}\n"                  \
	"pyroscope.write \"b\" {\n\tendpoint {\n\t\turl = \"http://b\"\n\t}\n}\n"
#define BLOCK(name, to, arguments)                                                                 \
	"pyroscope.ebpf \"" name "\" {\n\tforward_to = [" to "]\n" arguments "}\n"
#define TO(label) "pyroscope.write." label ".receiver"

static uint64_t route_to(const struct configuration *configuration, const char *url)
{
	for (size_t i = 0; i < configuration->n_endpoints; i++) {
		if (strcmp(configuration->endpoints[i].url, url) == 0) {
			char *key = endpoint_key_new(configuration, i);
			uint64_t route = route_of(key);

			free(key);
			return route;
		}
	}
	fail_msg("no endpoint %s", url);
	return 0;
}

static void several_blocks_are_jobs_of_their_own(void **state)
{
	static const struct {
		const char *label;
		uint32_t hz;
		bool to_a, to_b;
	} rows[] = {{"x", 97, true, false}, {"y", 31, false, true}, {"z", 10, true, true}};
	struct loaded loaded =
		load_text(TWO_WRITES BLOCK("x", TO("a"),
					   "\tdefault_target = {service_name = \"x\"}\n"
					   "\tpid_map_size = 100\n")
				  BLOCK("y", TO("b"),
					"\tdefault_target = {service_name = \"y\"}\n"
					"\tsample_rate = 31\n\tcollect_interval = \"1s\"\n"
					"\tpid_map_size = 300\n\tcollect_kernel_profile = false\n")
					  BLOCK("z", TO("a") ", " TO("b"),
						"\tdefault_target = {service_name = \"z\"}\n"
						"\tsample_rate = 10\n\tpid_map_size = 200\n"));
	const struct configuration *c = loaded.configuration;

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	assert_int_equal(c->n_jobs, 3);
	assert_int_equal(c->n_targets, 3);
	assert_int_equal(c->settings.pid_map_size, 300);
	assert_int_equal(c->settings.caches.build_id_entries, 3 * 64);
	assert_int_equal(c->settings.container_id_cache_size, 3 * 1024);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		size_t at = 0;
		const struct wire_target_rule *rule;

		while (at < 3 && c->jobs[at].sample_rate_hz != rows[i].hz)
			at++;
		assert_in_range(at, 0, 2);
		rule = &c->jobs[at].targets[0];
		assert_int_equal(rule->collect_kernel, rows[i].hz != 31);
		assert_int_equal(route_includes(rule->labels, route_to(c, "http://a")),
				 rows[i].to_a);
		assert_int_equal(route_includes(rule->labels, route_to(c, "http://b")),
				 rows[i].to_b);
		assert_int_equal(c->jobs[at].id == c->jobs[(at + 1) % 3].id, 0);
	}
	unload(&loaded);
}

static void a_target_that_nothing_identifies_is_passed_over(void **state)
{
	struct loaded loaded = load_text(EBPF("\ttargets = [{service_name = \"x\"}]\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_targets, 0);
	assert_non_null(strstr((const char *)loaded.messages.data,
			       ":8:13: warning: no label says which process or container"));
	unload(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literal_targets_become_rules),
		cmocka_unit_test(of_targets_with_one_key_the_same_stays_in_whatever_order),
		cmocka_unit_test(what_is_passed_over_for_another_is_said_unless_they_are_equal),
		cmocka_unit_test(what_is_wrong_in_a_published_target_costs_that_only),
		cmocka_unit_test(labels_that_a_rule_makes_are_left_out_where_servers_refuse_them),
		cmocka_unit_test(a_crowded_target_stays_and_is_warned_of),
		cmocka_unit_test(more_targets_than_there_is_room_for_are_passed_over),
		cmocka_unit_test(several_blocks_are_jobs_of_their_own),
		cmocka_unit_test(a_target_that_nothing_identifies_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
