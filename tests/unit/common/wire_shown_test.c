/* VIEW and REPORT: what their senders bound themselves to. */
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What the senders bound themselves to fits the rows of the table, with the longest of everything.
 */
static void the_largest_view_and_report_fit_their_caps(void **state)
{
	static char text[SHOWN_NAME_BYTES_MAX];
	static struct wire_mapped_file many_files[VIEW_FILES_MAX];
	static uint32_t indices[VIEW_PROCESS_FILES_MAX];
	static struct wire_target_name many_names[VIEW_PROCESS_TARGETS_MAX];
	static struct wire_profiled many[VIEW_PROCESSES_MAX];
	static struct wire_table many_tables[REPORT_TABLES_MAX];
	static struct wire_table_file many_table_files[REPORT_FILES_MAX];
	static struct wire_function_share many_functions[REPORT_FUNCTIONS_MAX];
	static struct wire_last_named many_named[REPORT_TARGETS_MAX];
	const struct wire_bytes name = {text, sizeof(text)};
	struct wire_view largest = {
		.n_profiled = UINT64_MAX, .instance = UINT64_MAX, .round = UINT64_MAX};
	struct wire_report longest = {.worker = UINT64_MAX};
	struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_VIEW);

	(void)state;
	memset(indices, 0x07, sizeof(indices));
	memset(many_names, 0xff, sizeof(many_names));
	memset(many_table_files, 0xff, sizeof(many_table_files));
	for (size_t i = 0; i < VIEW_FILES_MAX; i++)
		many_files[i] = (struct wire_mapped_file){UINT64_MAX, UINT64_MAX, name};
	for (size_t i = 0; i < VIEW_PROCESS_FILES_MAX; i++)
		indices[i] = VIEW_FILES_MAX - 1;
	for (size_t i = 0; i < VIEW_PROCESSES_MAX; i++)
		many[i] = (struct wire_profiled){
			UINT32_MAX,
			{text, VIEW_COMM_BYTES_MAX},
			UINT64_MAX,
			VIEW_PROCESS_TARGETS_MAX,
			many_names,
			UINT32_MAX,
			VIEW_PROCESS_FILES_MAX,
			indices,
		};
	largest.n_files = VIEW_FILES_MAX;
	largest.files = many_files;
	largest.n_processes = VIEW_PROCESSES_MAX;
	largest.processes = many;
	wire_encode_view(&out, &largest);
	assert_int_equal(out.error, 0);
	bytes_deinit(&out);

	out.bytes_max = MESSAGE_BYTES_MAX_REPORT;
	for (size_t i = 0; i < REPORT_TABLES_MAX; i++)
		many_tables[i] = (struct wire_table){
			UINT64_MAX, {text, REPORT_BUILD_ID_BYTES_MAX},
			name,       UINT64_MAX,
			UINT64_MAX, UINT64_MAX,
			true,
		};
	for (size_t i = 0; i < REPORT_FUNCTIONS_MAX; i++)
		many_functions[i] = (struct wire_function_share){name, UINT64_MAX};
	for (size_t i = 0; i < REPORT_TARGETS_MAX; i++)
		many_named[i] = (struct wire_last_named){UINT64_MAX, UINT64_MAX, UINT64_MAX,
							 REPORT_FUNCTIONS_MAX, many_functions};
	for (size_t i = 0; i < REPORT_CACHES; i++)
		longest.caches[i] = (struct wire_table_cache){UINT64_MAX, UINT64_MAX,
							      REPORT_TABLES_MAX, many_tables};
	longest.n_files = REPORT_FILES_MAX;
	longest.files = many_table_files;
	longest.n_named = REPORT_TARGETS_MAX;
	longest.named = many_named;
	wire_encode_report(&out, &longest);
	assert_int_equal(out.error, 0);
	bytes_deinit(&out);
}

static void a_name_is_shown_from_its_end(void **state)
{
	static char text[SHOWN_NAME_BYTES_MAX + 3] = "abc";
	struct wire_bytes shown = wire_shown_name((struct wire_bytes){text, sizeof(text)});

	(void)state;
	assert_int_equal(shown.n_bytes, SHOWN_NAME_BYTES_MAX);
	assert_ptr_equal(shown.data, text + 3);
	shown = wire_shown_name((struct wire_bytes){text, 3});
	assert_int_equal(shown.n_bytes, 3);
	assert_ptr_equal(shown.data, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_view_and_report_fit_their_caps),
		cmocka_unit_test(a_name_is_shown_from_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
