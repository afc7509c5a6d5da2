#include "rounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void set(struct rounds *rounds, const uint64_t *ids, size_t n)
{
	struct wire_job jobs[JOBS_MAX] = {0};
	struct job_set *set;

	for (size_t i = 0; i < n; i++)
		jobs[i] = (struct wire_job){
			.id = ids[i], .sample_rate_hz = 97, .collect_interval_ms = 1000};
	assert_int_equal(job_set_new(jobs, n, &set), 0);
	rounds_set_jobs(rounds, set);
	job_set_release(set);
}

static void each_job_counts_its_own_intervals(void **state)
{
	struct rounds rounds = {0};

	(void)state;
	set(&rounds, (const uint64_t[]){5, 6, 7}, 3);
	rounds_count(&rounds, 0x5, false);
	rounds_count(&rounds, 0x4, false);
	rounds_count(&rounds, 0x6, true);
	rounds_count(&rounds, 0xf8, true); /* nobody's */
	assert_int_equal(rounds.jobs[0].n_ended, 1);
	assert_int_equal(rounds.jobs[0].n_failed, 0);
	assert_int_equal(rounds.jobs[1].n_ended, 0);
	assert_int_equal(rounds.jobs[1].n_failed, 1);
	assert_int_equal(rounds.jobs[2].n_ended, 2);
	assert_int_equal(rounds.jobs[2].n_failed, 1);
}

static void a_job_that_stays_goes_on_counting_wherever_it_stands(void **state)
{
	struct rounds rounds = {0};

	(void)state;
	set(&rounds, (const uint64_t[]){5, 6}, 2);
	rounds_count(&rounds, 0x3, false);
	rounds_count(&rounds, 0x2, false);
	set(&rounds, (const uint64_t[]){6, 8, 5}, 3);
	rounds_count(&rounds, 0x3, false);
	assert_int_equal(rounds.n_jobs, 3);
	assert_int_equal(rounds.jobs[0].job, 6);
	assert_int_equal(rounds.jobs[0].n_ended, 3);
	assert_int_equal(rounds.jobs[1].n_ended, 1);
	assert_int_equal(rounds.jobs[2].n_ended, 1);
	set(&rounds, (const uint64_t[]){8}, 1);
	assert_int_equal(rounds.n_jobs, 1);
	assert_int_equal(rounds.jobs[0].n_ended, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_job_counts_its_own_intervals),
		cmocka_unit_test(a_job_that_stays_goes_on_counting_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
