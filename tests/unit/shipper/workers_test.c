#include "workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void note(struct workers *workers, uint64_t id, uint32_t counter, uint64_t value)
{
	struct wire_counter row = {counter, value};
	struct wire_stats stats = {.worker = id, .n_counters = 1, .counters = &row};

	workers_note_peer(workers, id, id);
	workers_note_stats(workers, id, &stats, id);
}

static uint64_t sum_of(const struct workers *workers, enum counter_id id)
{
	struct counters sum;

	workers_sum(workers, &sum);
	return counters_get(&sum, id);
}

static void counters_are_summed_and_outlive_their_workers(void **state)
{
	struct workers *workers = workers_new();

	(void)state;
	assert_int_equal(workers_seen_ns(workers), WORKERS_NEVER);
	note(workers, 1, COUNTER_FRAMES_NAMED, 5);
	note(workers, 2, COUNTER_FRAMES_NAMED, 7);
	note(workers, 2, COUNTER_TABLE_BYTES, 100);
	assert_int_equal(workers_connected(workers), 2);
	assert_int_equal(sum_of(workers, COUNTER_FRAMES_NAMED), 12);
	assert_int_equal(sum_of(workers, COUNTER_TABLE_BYTES), 100);
	workers_note_gone(workers, 2);
	assert_int_equal(workers_connected(workers), 1);
	assert_int_equal(sum_of(workers, COUNTER_FRAMES_NAMED), 12);
	assert_int_equal(sum_of(workers, COUNTER_TABLE_BYTES), 0);
	note(workers, 2, COUNTER_FRAMES_NAMED, 8); /* it came back, and is not counted twice */
	assert_int_equal(sum_of(workers, COUNTER_FRAMES_NAMED), 13);
	workers_free(workers);
}

static void a_sum_survives_any_number_of_workers(void **state)
{
	struct workers *workers = workers_new();
	const uint64_t n = 3 * WORKERS_MAX;

	(void)state;
	for (uint64_t id = 1; id <= n; id++) {
		note(workers, id, COUNTER_WINDOWS_DONE, 2);
		assert_int_equal(sum_of(workers, COUNTER_WINDOWS_DONE), 2 * id);
		workers_note_gone(workers, id);
	}
	assert_int_equal(workers_connected(workers), 0);
	assert_int_equal(workers_seen_ns(workers), n);
	workers_free(workers);
}

static void what_goes_back_or_is_not_theirs_is_passed_over(void **state)
{
	struct workers *workers = workers_new();

	(void)state;
	note(workers, 1, COUNTER_FRAMES_NAMED, 5);
	note(workers, 1, COUNTER_FRAMES_NAMED, 3);
	note(workers, 1, COUNTER_TICKS, 9);
	note(workers, 1, 4000000, 9);
	assert_int_equal(sum_of(workers, COUNTER_FRAMES_NAMED), 5);
	assert_int_equal(sum_of(workers, COUNTER_TICKS), 0);
	workers_free(workers);
}

static void numbers_without_bounds_do_not_turn_a_sum_back(void **state)
{
	struct workers *workers = workers_new();

	(void)state;
	note(workers, 1, COUNTER_FRAMES_NAMED, UINT64_MAX);
	note(workers, 2, COUNTER_FRAMES_NAMED, 2);
	assert_int_equal(sum_of(workers, COUNTER_FRAMES_NAMED), UINT64_MAX);
	workers_free(workers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_summed_and_outlive_their_workers),
		cmocka_unit_test(a_sum_survives_any_number_of_workers),
		cmocka_unit_test(what_goes_back_or_is_not_theirs_is_passed_over),
		cmocka_unit_test(numbers_without_bounds_do_not_turn_a_sum_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
