#include <jansson.h>

#include "pages/debug_information.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "pages/debug_rows.h"
#include "pages/pages.h"

#define JOB    UINT64_C(5)
#define SECOND UINT64_C(1000000000)

/* A host with one target, one process of it, and a symbolizer. */
struct host {
	struct bytes labels;
	struct wire_target_rule rule;
	struct wire_job job;
	const char *id;
	struct configuration configuration;
	struct wire_mapped_file files[2];
	uint32_t indices[2];
	struct wire_target_name name;
	struct wire_profiled process;
	struct wire_service service;
	struct wire_view view;
	struct debug_sources sources;
};

static struct wire_bytes bytes_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static void note_report(struct reports *reports)
{
	const struct wire_table tables[] = {
		{1, bytes_of("\x01\xab"), bytes_of("/bin/one"), 12, 4096, 7, false},
		{2, bytes_of("\x02"), bytes_of("/bin/\xff"), 5, 512, 6, true},
	};
	const struct wire_table_file file = {2049, 77, 1};
	const struct wire_report report = {
		.worker = UINT64_C(0xabc),
		.status = {.pid = 9, .uid = 967, .seccomp = 2, .no_new_privs = true},
		.round = 7,
		.caches = {{.n = 3, .n_max = 64, .n_tables = 2, .tables = tables}},
		.n_files = 1,
		.files = &file,
	};
	struct bytes frame = BYTES_INIT(1 << 16);

	wire_encode_report(&frame, &report);
	assert_int_equal(reports_note(reports, 1, frame.data, frame.n_bytes, 5 * SECOND), 0);
	bytes_deinit(&frame);
}

static int set_up(void **state)
{
	struct host *host = calloc(1, sizeof(*host));
	struct reports *reports = reports_new();
	const struct wire_label labels[] = {
		{bytes_of("__block__"), bytes_of("0000000000000005")},
		{bytes_of("__name__"), bytes_of("process_cpu")},
		{bytes_of("service_name"), bytes_of("shop")},
	};

	host->labels = (struct bytes)BYTES_INIT(1 << 16);
	wire_encode_labels(&host->labels, labels, 3);
	host->rule = (struct wire_target_rule){TARGET_CONTAINER,
					       bytes_of("0123456789abcdef"),
					       {host->labels.data, host->labels.n_bytes},
					       DEMANGLE_NONE,
					       true};
	host->job = (struct wire_job){.id = JOB, .n_targets = 1, .targets = &host->rule};
	host->id = "pyroscope.ebpf.shop";
	host->configuration = (struct configuration){
		.n_jobs = 1, .jobs = &host->job, .job_ids = &host->id, .n_targets = 1};
	host->files[0] = (struct wire_mapped_file){2049, 77, bytes_of("/bin/one")};
	host->files[1] = (struct wire_mapped_file){2049, 78, bytes_of("/lib/<odd>\n\xff")};
	host->indices[1] = 1;
	host->name = (struct wire_target_name){JOB, wire_labels_hash(host->rule.labels)};
	host->process = (struct wire_profiled){4711, bytes_of("shop"), 12, 1, &host->name, 9,
					       2,    host->indices};
	host->service = (struct wire_service){SERVICE_MAIN, {.pid = 3, .uid = 966}};
	host->view =
		(struct wire_view){1, 12, 1, 1, &host->service, 2, host->files, 1, &host->process};
	note_report(reports);
	host->sources = (struct debug_sources){
		.configuration = &host->configuration,
		.view = &host->view,
		.reports = reports,
		.now_ns = 7 * SECOND,
	};
	*state = host;
	return 0;
}

static int tear_down(void **state)
{
	struct host *host = *state;

	reports_free((struct reports *)host->sources.reports);
	bytes_deinit(&host->labels);
	free(host);
	return 0;
}

/* What stands at a path of keys and, between them, numbers of elements. */
static json_t *at(json_t *json, const char *path)
{
	char copy[128], *rest = copy, *key;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while ((key = strsep(&rest, "/")))
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(key))
					   : json_object_get(json, key);
	if (!json)
		fail_msg("nothing at %s", path);
	return json;
}

static void assert_text(json_t *json, const char *path, const char *text)
{
	assert_string_equal(json_string_value(at(json, path)), text);
}

static void assert_count(json_t *json, const char *path, json_int_t n)
{
	if (json_integer_value(at(json, path)) != n)
		fail_msg("%s is %lld", path, (long long)json_integer_value(at(json, path)));
}

static void the_seeds_names_have_what_the_services_said(void **state)
{
	struct host *host = *state;
	json_t *json = debug_information(&host->sources);

	assert_text(json, "targets/0/service_name", "shop");
	assert_text(json, "targets/0/__name__", "process_cpu");
	assert_text(json, "targets/0/__container_id__", "0123456789abcdef");
	assert_int_equal(json_object_size(at(json, "targets/0")), 3);
	assert_count(json, "elf_cache/build_id_cache/lru_size", 3);
	assert_count(json, "elf_cache/build_id_cache/round_size", 1);
	assert_count(json, "elf_cache/build_id_cache/current_round", 7);
	assert_true(json_is_true(at(json, "elf_cache/build_id_cache/truncated"))); /* 2 of 3 */
	assert_text(json, "elf_cache/build_id_cache/lru_dump/0/name", "01ab");
	assert_text(json, "elf_cache/build_id_cache/lru_dump/0/file", "/bin/one");
	assert_count(json, "elf_cache/build_id_cache/lru_dump/0/symbol_count", 12);
	assert_count(json, "elf_cache/build_id_cache/lru_dump/0/last_used_round", 7);
	assert_text(json, "elf_cache/build_id_cache/lru_dump/1/file", "/bin/?");
	assert_true(json_is_true(at(json, "elf_cache/build_id_cache/lru_dump/1/mini_debug_info")));
	assert_int_equal(json_array_size(at(json, "elf_cache/build_id_cache/round_dump")), 1);
	assert_count(json, "elf_cache/same_file_cache/lru_size", 0);
	assert_count(json, "pid_cache/lru_size", 1);
	assert_count(json, "pid_cache/lru_dump/0/pid", 4711);
	assert_count(json, "pid_cache/lru_dump/0/size", 2);
	assert_false(json_is_true(at(json, "pid_cache/truncated")));
	assert_true(json_is_string(at(json, "session/arch")));
	assert_true(json_is_string(at(json, "session/kernel")));
	assert_count(json, "symbolizers/0/heard_seconds_ago", 2);
	assert_count(json, "symbolizers/0/process/uid", 967);
	assert_count(json, "collector/processes/0/uid", 966);
	json_decref(json);
}

static void a_process_has_the_tables_of_its_files(void **state)
{
	struct host *host = *state;
	json_t *json = debug_information(&host->sources);
	json_t *elfs = at(json, "pid_cache/lru_dump/0/elfs");
	json_t *known = json_object_get(elfs, "801 4d /bin/one");
	json_t *unknown = json_object_get(elfs, "801 4e /lib/<odd>\n?");

	assert_int_equal(json_object_size(elfs), 2);
	assert_count(known, "symbol_count", 12);
	assert_count(known, "last_used_round", 7);
	assert_count(unknown, "symbol_count", 0);
	json_decref(json);
}

static void a_block_has_its_own_targets_and_processes(void **state)
{
	struct host *host = *state;
	json_t *json = debug_information_of_job(&host->sources, 0);

	assert_text(json, "targets/0/service_name", "shop");
	assert_count(json, "session/elf_cache/build_id_cache/lru_size", 3);
	assert_count(json, "session/pid_cache/lru_dump/0/pid", 4711);
	assert_count(json, "pid_targets/processes/0/pid", 4711);
	assert_text(json, "pid_targets/processes/0/target/service_name", "shop");
	json_decref(json);
	host->name.job = JOB + 1; /* another block's */
	json = debug_information_of_job(&host->sources, 0);
	assert_int_equal(json_array_size(at(json, "pid_targets/processes")), 0);
	json_decref(json);
}

static void without_anybody_there_are_the_targets(void **state)
{
	struct host *host = *state;
	json_t *json;

	host->sources.view = NULL;
	reports_forget((struct reports *)host->sources.reports, 1);
	json = debug_information(&host->sources);
	assert_text(json, "instances/pyroscope.ebpf.shop/targets/0/service_name", "shop");
	assert_count(json, "pid_cache/lru_size", 0);
	assert_count(json, "elf_cache/build_id_cache/lru_size", 0);
	assert_int_equal(json_array_size(at(json, "symbolizers")), 0);
	json_decref(json);
}

/* As many of everything as may be, with text that JSON escapes to six times its length. */
static void the_largest_of_everything_fits_a_page(void **state)
{
	enum { N = 4096 };
	static char text[SHOWN_NAME_BYTES_MAX];
	static struct wire_table tables[REPORT_TABLES_MAX];
	static struct wire_mapped_file files[VIEW_FILES_MAX];
	static struct wire_profiled processes[VIEW_PROCESSES_MAX];
	static struct wire_target_rule rules[N];
	static uint32_t indices[VIEW_PROCESS_FILES_MAX];
	const struct wire_bytes name = {text, sizeof(text)};
	struct wire_report report = {.round = 1};
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_REPORT);
	struct host *host = *state;
	json_t *json;

	memset(text, 1, sizeof(text));
	for (size_t i = 0; i < REPORT_TABLES_MAX; i++)
		tables[i] = (struct wire_table){i, {0}, name, 1, 1, 1, false};
	for (size_t i = 0; i < REPORT_CACHES; i++)
		report.caches[i] = (struct wire_table_cache){REPORT_TABLES_MAX, UINT64_MAX,
							     REPORT_TABLES_MAX, tables};
	wire_encode_report(&frame, &report);
	for (uint64_t peer = 1; peer <= REPORTS_MAX; peer++)
		assert_int_equal(reports_note((struct reports *)host->sources.reports, peer,
					      frame.data, frame.n_bytes, 1),
				 0);
	bytes_deinit(&frame);
	for (uint32_t i = 0; i < VIEW_PROCESS_FILES_MAX; i++)
		indices[i] = i;
	for (size_t i = 0; i < VIEW_FILES_MAX; i++)
		files[i] = (struct wire_mapped_file){i, i, name};
	for (uint32_t i = 0; i < VIEW_PROCESSES_MAX; i++)
		processes[i] = (struct wire_profiled){
			i, name, 12, 1, &host->name, 1, VIEW_PROCESS_FILES_MAX, indices};
	for (size_t i = 0; i < N; i++)
		rules[i] = host->rule;
	host->view.n_profiled = host->view.n_processes = VIEW_PROCESSES_MAX;
	host->view.processes = processes;
	host->view.n_files = VIEW_FILES_MAX;
	host->view.files = files;
	host->job.n_targets = N;
	host->job.targets = rules;
	json = debug_information(&host->sources);
	assert_in_range(json_dumpb(json, NULL, 0, JSON_COMPACT), 1 << 20, PAGE_BYTES_MAX - 1);
	assert_true(json_is_true(at(json, "pid_cache/truncated")));
	assert_true(json_is_true(at(json, "elf_cache/build_id_cache/truncated")));
	json_decref(json);
	json = debug_information_of_job(&host->sources, 0);
	assert_in_range(json_dumpb(json, NULL, 0, JSON_COMPACT), 1 << 20, PAGE_BYTES_MAX - 1);
	json_decref(json);
}

static void rows_that_do_not_fit_are_left_out_and_it_is_said(void **state)
{
	struct debug_rows rows = debug_rows_begin(10);

	(void)state;
	debug_rows_add(&rows, json_pack("[s]", "a")); /* six bytes, with its comma */
	assert_false(rows.is_truncated);
	debug_rows_add(&rows, json_pack("[s]", "b"));
	assert_true(rows.is_truncated);
	debug_rows_add(&rows, json_array()); /* would fit, but is not the beginning */
	assert_int_equal(json_array_size(rows.array), 1);
	json_decref(rows.array);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_seeds_names_have_what_the_services_said),
		TEST(a_process_has_the_tables_of_its_files),
		TEST(a_block_has_its_own_targets_and_processes),
		TEST(without_anybody_there_are_the_targets),
		TEST(the_largest_of_everything_fits_a_page),
		cmocka_unit_test(rows_that_do_not_fit_are_left_out_and_it_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
