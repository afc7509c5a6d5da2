/* What a configuration makes of targets, and of several blocks that have some. */
#include "configuration_case.h"

#include <stdlib.h>

#include "endpoint_names.h"
#include "routes.h"

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

static void what_is_wrong_in_a_published_target_costs_that_target_only(void **state)
{
	struct loaded loaded =
		load_text(EBPF("\ttargets = concat([{__process_pid__ = \"1\"}], "
			       "[{__process_pid__ = \"2\", \"a-b\" = \"c\"}, \"x\"])\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_targets, 1);
	assert_non_null(strstr((const char *)loaded.messages.data,
			       "warning: the label name \"a-b\" is wrong, expected letters, digits "
			       "and _, and no digit first; this target is passed over"));
	assert_non_null(
		strstr((const char *)loaded.messages.data,
		       "warning: found a string among the targets, expected maps of labels; "
		       "this target is passed over"));
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
		cmocka_unit_test(what_is_wrong_in_a_published_target_costs_that_target_only),
		cmocka_unit_test(several_blocks_are_jobs_of_their_own),
		cmocka_unit_test(a_target_that_nothing_identifies_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
