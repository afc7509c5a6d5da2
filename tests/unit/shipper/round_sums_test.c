#include "round_sums.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void take(struct round_sums *sums, uint64_t job, uint64_t n_ended, uint64_t n_failed)
{
	round_sums_take(sums, &(struct wire_rounds){job, n_ended, n_failed});
}

static void assert_sum(const struct round_sums *sums, uint64_t job, uint64_t n_ended,
		       uint64_t n_failed)
{
	struct wire_rounds sum = round_sums_of(sums, job);

	assert_int_equal(sum.job, job);
	assert_int_equal(sum.n_ended, n_ended);
	assert_int_equal(sum.n_failed, n_failed);
}

static void the_same_said_twice_is_counted_once(void **state)
{
	struct round_sums sums = {0};

	(void)state;
	assert_sum(&sums, 7, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		take(&sums, 7, 3, 0);
		take(&sums, 8, 1, 1);
		take(&sums, 7, 5, 2);
	}
	/* what went back from 5 to 3 began anew */
	assert_sum(&sums, 7, 5 + 3 + 2, 2 + 0 + 2);
	assert_sum(&sums, 8, 1, 1);
}

static void a_collector_that_is_new_adds_to_what_was(void **state)
{
	struct round_sums sums = {0};

	(void)state;
	take(&sums, 7, 10, 1);
	round_sums_begin(&sums);
	assert_sum(&sums, 7, 10, 1);
	take(&sums, 7, 12, 0); /* more than the one before ever said, and all of it news */
	assert_sum(&sums, 7, 22, 1);
	take(&sums, 7, 13, 0);
	assert_sum(&sums, 7, 23, 1);
}

static void of_more_jobs_than_fit_those_not_heard_of_longest_go(void **state)
{
	struct round_sums sums = {0};

	(void)state;
	for (uint64_t job = 1; job <= ROUND_SUMS_MAX; job++)
		take(&sums, job, job, 0);
	take(&sums, 1, 100, 0); /* heard of again */
	take(&sums, 1000, 1, 0);
	assert_sum(&sums, 2, 0, 0);
	assert_sum(&sums, 1, 100, 0);
	assert_sum(&sums, 3, 3, 0);
	assert_sum(&sums, ROUND_SUMS_MAX, ROUND_SUMS_MAX, 0);
	assert_sum(&sums, 1000, 1, 0);
	assert_int_equal(sums.n, ROUND_SUMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_said_twice_is_counted_once),
		cmocka_unit_test(a_collector_that_is_new_adds_to_what_was),
		cmocka_unit_test(of_more_jobs_than_fit_those_not_heard_of_longest_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
