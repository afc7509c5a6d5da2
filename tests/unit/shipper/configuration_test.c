#include "configuration_case.h"

#include <errno.h>

/* A write and an ebpf block with @arguments in it. */
#define EBPF(arguments)                                                                            \
	"pyroscope.write \"w\" {\n\tendpoint {\n\t\turl = \"http://h:4040\"\n\t}\n}\n"             \
	"pyroscope.ebpf \"e\" {\n\tforward_to = [pyroscope.write.w.receiver]\n" arguments "}\n"

static void assert_seed_defaults(const struct configuration *configuration)
{
	const struct wire_settings *s = &configuration->settings;
	const struct wire_job *job = &configuration->jobs[0];

	assert_int_equal(configuration->n_jobs, 1);
	assert_int_equal(job->sample_rate_hz, 97);
	assert_int_equal(job->collect_interval_ms, 15000);
	assert_true(job->collect_user);
	assert_true(job->collect_kernel);
	assert_int_equal(s->pid_map_size, 2048);
	assert_int_equal(s->container_id_cache_size, 1024);
	assert_int_equal(s->caches.build_id_entries, 64);
	assert_int_equal(s->caches.same_file_entries, 8);
	assert_int_equal(s->caches.pid_entries, 32);
}

static void the_built_in_text_profiles_the_host_into_a_directory(void **state)
{
	struct loaded loaded;

	(void)state;
	assert_int_equal(unsetenv("TRIPTYCH_URL") | unsetenv("TRIPTYCH_COLLECT_INTERVAL"), 0);
	loaded = load_file(NULL);
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	assert_seed_defaults(loaded.configuration);
	assert_int_equal(loaded.configuration->n_targets, 1);
	assert_int_equal(loaded.configuration->jobs[0].targets[0].key_kind, TARGET_DEFAULT);
	assert_int_equal(loaded.configuration->jobs[0].targets[0].key.n_bytes, 0);
	assert_labels(loaded.configuration->jobs[0].targets[0].labels,
		      "__name__=process_cpu,service_name=host");
	assert_int_equal(loaded.configuration->n_endpoints, 1);
	assert_string_equal(loaded.configuration->endpoints[0].url,
			    "file:///var/lib/triptych/profiles");
	unload(&loaded);
}

static void the_environment_changes_the_built_in_text(void **state)
{
	struct loaded loaded;

	(void)state;
	assert_int_equal(setenv("TRIPTYCH_URL", "http://127.0.0.1:4040/", 1), 0);
	assert_int_equal(setenv("TRIPTYCH_COLLECT_INTERVAL", "100ms", 1), 0);
	loaded = load_file(NULL);
	assert_int_equal(loaded.r, 0);
	assert_string_equal(loaded.configuration->endpoints[0].url, "http://127.0.0.1:4040");
	assert_int_equal(loaded.configuration->jobs[0].collect_interval_ms, 100);
	unload(&loaded);
	assert_int_equal(setenv("TRIPTYCH_COLLECT_INTERVAL", "0s", 1), 0);
	loaded = load_file(NULL);
	assert_int_equal(loaded.r, CONFIGURATION_INVALID);
	unload(&loaded);
	assert_int_equal(unsetenv("TRIPTYCH_URL") | unsetenv("TRIPTYCH_COLLECT_INTERVAL"), 0);
}

static void every_argument_of_the_page_is_taken(void **state)
{
	struct loaded loaded = load_text(EBPF("\ttargets = []\n"
					      "\tbuild_id_cache_size = 65\n"
					      "\tcollect_interval = \"1m30s\"\n"
					      "\tcollect_kernel_profile = false\n"
					      "\tcollect_user_profile = true\n"
					      "\tcontainer_id_cache_size = 1025\n"
					      "\tdemangle = \"templates\"\n"
					      "\tpid_cache_size = \"33\"\n"
					      "\tpid_map_size = 2049\n"
					      "\tpython_enabled = false\n"
					      "\tsame_file_cache_size = 9\n"
					      "\tsample_rate = 90 + 9\n"
					      "\tsymbols_map_size = 16385\n"));
	const struct wire_settings *s;
	const struct wire_job *job;

	(void)state;
	assert_int_equal(loaded.r, 0);
	s = &loaded.configuration->settings;
	job = &loaded.configuration->jobs[0];
	assert_int_equal(job->sample_rate_hz, 99);
	assert_int_equal(job->collect_interval_ms, 90000);
	assert_true(job->collect_user);
	assert_false(job->collect_kernel);
	assert_int_equal(s->pid_map_size, 2049);
	assert_int_equal(s->container_id_cache_size, 1025);
	assert_int_equal(s->caches.build_id_entries, 65);
	assert_int_equal(s->caches.same_file_entries, 9);
	assert_int_equal(s->caches.pid_entries, 33);
	unload(&loaded);
}

static void what_is_left_out_has_the_default_of_the_page(void **state)
{
	struct loaded loaded = load_text(EBPF("\ttargets = []\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	assert_seed_defaults(loaded.configuration);
	assert_int_equal(loaded.configuration->n_targets, 0);
	assert_int_equal(loaded.configuration->log_level, LOG_INFO);
	unload(&loaded);
}

static void each_demangle_word_has_its_mode(void **state)
{
	static const char *const words[] = {"none", "simplified", "templates", "full"};

	(void)state;
	for (size_t i = 0; i < N_ROWS(words); i++) {
		char text[512];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text),
			       EBPF("\tdefault_target = {}\n\tdemangle = \"%s\"\n"), words[i]);
		loaded = load_text(text);
		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->jobs[0].targets[0].demangle, i);
		assert_null(strstr((const char *)loaded.messages.data, "demangle"));
		unload(&loaded);
	}
}

static void an_endpoint_has_the_documented_defaults(void **state)
{
	struct loaded loaded = load_text(EBPF("\ttargets = []\n"));
	const struct endpoint_configuration *e;

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_endpoints, 1);
	e = &loaded.configuration->endpoints[0];
	assert_string_equal(e->url, "http://h:4040");
	assert_string_equal(e->name, "");
	assert_int_equal(e->remote_timeout_ms, 10000);
	assert_int_equal(e->min_backoff_ms, 500);
	assert_int_equal(e->max_backoff_ms, 300000);
	assert_int_equal(e->max_backoff_retries, 10);
	assert_int_equal(e->n_headers, 0);
	assert_int_equal(e->n_external_labels, 0);
	unload(&loaded);
}

static void an_endpoint_takes_all_of_its_arguments(void **state)
{
	struct loaded loaded = load_text(
		"pyroscope.write \"w\" {\n"
		"\tendpoint {\n"
		"\t\turl = \"https://user@[::1]:4040/base//\"\n"
		"\t\tname = \"first\"\n"
		"\t\tremote_timeout = \"3s\"\n"
		"\t\theaders = {\"X-Scope-OrgID\" = \"tenant\", a = 1}\n"
		"\t\tmin_backoff_period = \"100ms\"\n"
		"\t\tmax_backoff_period = \"100ms\"\n"
		"\t\tmax_backoff_retries = 0\n"
		"\t}\n"
		"\tendpoint {\n\t\turl = \"file:///srv/profiles/\"\n\t}\n"
		"\texternal_labels = {zone = \"z\", cluster = \"c\"}\n"
		"}\n"
		"pyroscope.ebpf \"e\" {\n"
		"\tforward_to = [pyroscope.write.w.receiver, null, pyroscope.write.w.receiver]\n"
		"\ttargets = []\n}\n");
	const struct endpoint_configuration *e;

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_endpoints, 2);
	e = loaded.configuration->endpoints;
	assert_string_equal(e[0].url, "https://user@[::1]:4040/base");
	assert_string_equal(e[0].name, "first");
	assert_int_equal(e[0].remote_timeout_ms, 3000);
	assert_int_equal(e[0].min_backoff_ms, 100);
	assert_int_equal(e[0].max_backoff_ms, 100);
	assert_int_equal(e[0].max_backoff_retries, 0);
	assert_int_equal(e[0].n_headers, 2);
	assert_string_equal(e[0].headers[0].name, "X-Scope-OrgID");
	assert_string_equal(e[0].headers[0].value, "tenant");
	assert_string_equal(e[0].headers[1].value, "1");
	assert_string_equal(e[1].url, "file:///srv/profiles");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(e[i].n_external_labels, 2);
		assert_string_equal(e[i].external_labels[0].name, "cluster");
		assert_string_equal(e[i].external_labels[1].name, "zone");
		assert_string_equal(e[i].external_labels[1].value, "z");
	}
	unload(&loaded);
}

static void only_what_is_forwarded_to_is_an_endpoint(void **state)
{
	struct loaded loaded = load_text(
		EBPF("\ttargets = []\n") "pyroscope.write \"unused\" {\n"
					 "\tendpoint {\n\t\turl = \"http://u\"\n\t}\n}\n");

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_endpoints, 1);
	assert_string_equal(loaded.configuration->endpoints[0].url, "http://h:4040");
	assert_non_null(strstr((const char *)loaded.messages.data,
			       "warning: nothing is forwarded to pyroscope.write.unused"));
	unload(&loaded);
}

static void two_receivers_are_both_forwarded_to(void **state)
{
	struct loaded loaded = load_text(
		"pyroscope.ebpf \"e\" {\n"
		"\tforward_to = [pyroscope.write.b.receiver, pyroscope.write.a.receiver]\n"
		"\ttargets = []\n}\n"
		"pyroscope.write \"a\" {\n\tendpoint {\n\t\turl = \"http://a\"\n\t}\n}\n"
		"pyroscope.write \"b\" {\n\tendpoint {\n\t\turl = \"http://b\"\n\t}\n}\n");

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_endpoints, 2);
	assert_string_equal(loaded.configuration->endpoints[0].url, "http://b");
	assert_string_equal(loaded.configuration->endpoints[1].url, "http://a");
	unload(&loaded);
}

static void what_has_no_effect_is_said_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		const char *warning; /* behind the file's name */
	} rows[] = {
		{EBPF("\ttargets = []\n\tpython_enabled = true\n"),
		 ":9:2: warning: python_enabled is accepted but has no effect in this version\n"},
		{EBPF("\ttargets = []\n\tsymbols_map_size = 1\n"),
		 ":9:2: warning: symbols_map_size is"},
		{EBPF("\ttargets = []\n\tcache_rounds = 3\n"), ":9:2: warning: cache_rounds is"},
		{EBPF("\ttargets = []\n\tgo_table_fallback = true\n"),
		 ":9:2: warning: go_table_fallback is"},
		{EBPF("\ttargets = []\n\tcollect_user_profile = false\n"
		      "\tcollect_kernel_profile = false\n"),
		 ":9:25: warning: neither user nor kernel stacks are collected"},
		{"logging {\n\twrite_to = []\n}\n" EBPF("\ttargets = []\n"),
		 ":2:2: warning: write_to is accepted"},
		{"tracing {\n\tsampling_fraction = 1\n}\n" EBPF("\ttargets = []\n"),
		 ":1:1: warning: tracing is accepted but has no effect here"},
		{"http { }\n" EBPF("\ttargets = []\n"), ":1:1: warning: http is accepted"},
		{"livedebugging { }\n" EBPF("\ttargets = []\n"), ":1:1: warning: livedebugging is"},
		{"declare \"d\" {\n\targument \"a\" { }\n}\n" EBPF("\ttargets = []\n"),
		 ":1:1: warning: declare is accepted, but what it defines cannot be used here"},
		{"import.git \"d\" {\n\trepository = \"x\"\n}\n" EBPF("\ttargets = []\n"),
		 ":1:1: warning: import.git is accepted"},
		{"remotecfg { }\n" EBPF("\ttargets = []\n"), ":1:1: warning: remotecfg is"},
		{"pyroscope.ebpf \"e\" {\n\tforward_to = []\n\ttargets = []\n}\n",
		 ":2:15: warning: no endpoint is forwarded to, nothing is sent"},
		{"pyroscope.write \"w\" {\n\tendpoint {\n\t\turl = \"http://h\"\n"
		 "\t\theaders = {\"content-type\" = \"x\", \"a\" = \"b\"}\n\t}\n}\n"
		 "pyroscope.ebpf \"e\" {\n\tforward_to = [pyroscope.write.w.receiver]\n"
		 "\ttargets = []\n}\n",
		 ":4:13: warning: every push sets content-type itself, this one is not used"},
		{"", ":1:1: warning: there is no pyroscope.ebpf block, nothing is profiled"},
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct loaded loaded = load_text(rows[i].text);
		const char *messages = (const char *)loaded.messages.data;
		size_t n_path = strlen(CASE_PATH);

		assert_int_equal(loaded.r, 0);
		if (strncmp(messages, CASE_PATH, n_path) != 0 ||
		    strncmp(messages + n_path, rows[i].warning, strlen(rows[i].warning)) != 0)
			fail_msg("%s\ngives %s", rows[i].text, messages);
		assert_null(strstr(messages + n_path, CASE_PATH)); /* it is the only one */
		unload(&loaded);
	}
}

static void the_level_of_logging_is_kept(void **state)
{
	static const char *const words[] = {"error", "warn", "info", "debug"};

	(void)state;
	for (size_t i = 0; i < N_ROWS(words); i++) {
		char text[512];
		struct loaded loaded;

		(void)snprintf(text, sizeof(text), "logging {\n\tlevel = \"%s\"\n}\n", words[i]);
		loaded = load_text(text);
		assert_int_equal(loaded.r, 0);
		assert_int_equal(loaded.configuration->log_level, i);
		assert_int_equal(loaded.configuration->log_format, LOG_LOGFMT);
		unload(&loaded);
	}
}

static void the_format_of_logging_is_kept(void **state)
{
	struct loaded loaded =
		load_text("logging {\n\tformat = \"json\"\n}\n" EBPF("\ttargets = []\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	assert_int_equal(loaded.configuration->log_format, LOG_JSON);
	unload(&loaded);
}

static void a_file_of_another_editor_is_read(void **state)
{
	struct loaded loaded = load_text("\xef\xbb\xbf" EBPF("\ttargets = [] // \xc3\xa9\r\n\r\n"));

	(void)state;
	assert_int_equal(loaded.r, 0);
	assert_string_equal((const char *)loaded.messages.data, "");
	unload(&loaded);
}

static void a_file_that_cannot_be_read_is_an_errno(void **state)
{
	struct loaded loaded = load_file("nowhere.alloy");

	(void)state;
	assert_int_equal(loaded.r, -ENOENT);
	assert_null(loaded.configuration);
	unload(&loaded);
	loaded = load_file("/proc/self"); /* a directory without such files */
	assert_int_equal(loaded.r, -ENOENT);
	assert_non_null(strstr((const char *)loaded.messages.data, "no *.alloy file"));
	unload(&loaded);
	loaded = load_file("/dev/null");
	assert_int_equal(loaded.r, -EINVAL);
	unload(&loaded);
}

static void a_file_over_the_bound_is_invalid(void **state)
{
	static const size_t sizes[] = {(1u << 20) + 1, (1u << 20) + 5, 3u << 20};
	char *text = malloc(3u << 20);
	struct loaded loaded;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', 3u << 20);
	for (size_t i = 0; i < N_ROWS(sizes); i++) {
		loaded = load_bytes(text, sizes[i]);
		assert_int_equal(loaded.r, CONFIGURATION_INVALID);
		assert_non_null(
			strstr((const char *)loaded.messages.data, "more than 1048576 bytes"));
		unload(&loaded);
	}
	loaded = load_bytes(text, 1u << 20);
	assert_int_equal(loaded.r, 0);
	unload(&loaded);
	free(text);
}

/* The two examples of the component's page: nothing in them is wrong but a discovery that is not
 * known. */
static void the_examples_of_the_page_fail_only_for_their_discovery(void **state)
{
	static const char *const paths[] = {
		CONFIG_CORPUS "/kubernetes.alloy",
		CONFIG_CORPUS "/docker.alloy",
	};
	static const char expected[] = "found the unknown component discovery.";

	(void)state;
	for (size_t i = 0; i < N_ROWS(paths); i++) {
		struct loaded loaded = load_file(paths[i]);
		const char *at = (const char *)loaded.messages.data;

		while ((at = strstr(at, paths[i]))) {
			at = strstr(at, ": ") + 2;
			if (strncmp(at, "warning: ", strlen("warning: ")) != 0)
				assert_memory_equal(at, expected, strlen(expected));
		}
		unload(&loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_built_in_text_profiles_the_host_into_a_directory),
		cmocka_unit_test(the_environment_changes_the_built_in_text),
		cmocka_unit_test(every_argument_of_the_page_is_taken),
		cmocka_unit_test(what_is_left_out_has_the_default_of_the_page),
		cmocka_unit_test(each_demangle_word_has_its_mode),
		cmocka_unit_test(an_endpoint_has_the_documented_defaults),
		cmocka_unit_test(an_endpoint_takes_all_of_its_arguments),
		cmocka_unit_test(only_what_is_forwarded_to_is_an_endpoint),
		cmocka_unit_test(two_receivers_are_both_forwarded_to),
		cmocka_unit_test(what_has_no_effect_is_said_and_nothing_else),
		cmocka_unit_test(the_level_of_logging_is_kept),
		cmocka_unit_test(the_format_of_logging_is_kept),
		cmocka_unit_test(a_file_of_another_editor_is_read),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_errno),
		cmocka_unit_test(a_file_over_the_bound_is_invalid),
		cmocka_unit_test(the_examples_of_the_page_fail_only_for_their_discovery),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
