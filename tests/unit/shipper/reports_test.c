#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Encodes a report of @worker that named a target at @time_ns. */
static struct bytes frame_of(uint64_t worker, uint64_t time_ns)
{
	static const struct wire_function_share function = {{"main", 4}, 1};
	const struct wire_last_named named = {77, time_ns, 3, 1, &function};
	const struct wire_report report = {.worker = worker, .n_named = 1, .named = &named};
	struct bytes frame = BYTES_INIT(1 << 16);

	wire_encode_report(&frame, &report);
	return frame;
}

static void note(struct reports *reports, uint64_t peer, uint64_t worker, uint64_t now_ns)
{
	struct bytes frame = frame_of(worker, now_ns);

	assert_int_equal(reports_note(reports, peer, frame.data, frame.n_bytes, now_ns), 0);
	bytes_deinit(&frame);
}

static uint64_t worker_at(const struct reports *reports, size_t i)
{
	uint64_t seen_ns;

	return reports_at(reports, i, &seen_ns)->worker;
}

static void a_connection_has_one_voice(void **state)
{
	struct reports *reports = reports_new();
	uint64_t seen_ns;

	(void)state;
	note(reports, 1, 10, 100);
	note(reports, 2, 20, 101);
	note(reports, 1, 11, 102); /* says to be another: it is still one */
	assert_int_equal(reports_count(reports), 2);
	assert_int_equal(reports_at(reports, 0, &seen_ns)->worker, 11);
	assert_int_equal(seen_ns, 102);
	assert_int_equal(worker_at(reports, 1), 20);
	reports_free(reports);
}

static void who_is_gone_is_forgotten(void **state)
{
	struct reports *reports = reports_new();

	(void)state;
	note(reports, 1, 10, 100);
	note(reports, 2, 20, 101);
	reports_forget(reports, 1);
	reports_forget(reports, 5);
	assert_int_equal(reports_count(reports), 1);
	assert_int_equal(worker_at(reports, 0), 20);
	reports_free(reports);
}

static void of_too_many_the_longest_silent_goes(void **state)
{
	struct reports *reports = reports_new();

	(void)state;
	for (uint64_t i = 1; i <= REPORTS_MAX; i++)
		note(reports, i, i, i);
	note(reports, 1, 1, 1000);
	note(reports, 500, 500, 1001);
	assert_int_equal(reports_count(reports), REPORTS_MAX);
	assert_int_equal(worker_at(reports, 0), 1);
	assert_int_equal(worker_at(reports, 1), 500);
	reports_free(reports);
}

static void a_garbled_one_leaves_what_was_there(void **state)
{
	struct reports *reports = reports_new();
	struct bytes frame = frame_of(11, 1);

	(void)state;
	note(reports, 1, 10, 100);
	assert_int_equal(reports_note(reports, 1, frame.data, frame.n_bytes - 1, 101),
			 MESSAGE_GARBLED);
	assert_int_equal(reports_note(reports, 1, "", 0, 101), MESSAGE_GARBLED);
	assert_int_equal(worker_at(reports, 0), 10);
	bytes_deinit(&frame);
	reports_free(reports);
}

static void what_was_named_last_is_whoever_named_it(void **state)
{
	struct reports *reports = reports_new();

	(void)state;
	assert_null(reports_find_named(reports, 77));
	note(reports, 1, 10, 300);
	note(reports, 2, 20, 200);
	assert_int_equal(reports_find_named(reports, 77)->time_wall_ns, 300);
	assert_memory_equal(reports_find_named(reports, 77)->functions[0].name.data, "main", 4);
	assert_null(reports_find_named(reports, 78));
	reports_free(reports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_has_one_voice),
		cmocka_unit_test(who_is_gone_is_forgotten),
		cmocka_unit_test(of_too_many_the_longest_silent_goes),
		cmocka_unit_test(a_garbled_one_leaves_what_was_there),
		cmocka_unit_test(what_was_named_last_is_whoever_named_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
