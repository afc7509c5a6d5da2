#include "job_set.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

static_assert(JOBS_MAX == SETTINGS_JOBS_MAX, "the programs know as many as the message brings");

int job_set_new(const struct wire_job *jobs, size_t n_jobs, struct job_set **ret_set)
{
	struct job_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->n_refs = 1;
	set->n_jobs = n_jobs;
	for (size_t i = 0; i < n_jobs; i++)
		set->jobs[i] = (struct job){
			.id = jobs[i].id,
			.period_ns = NS_PER_S / jobs[i].sample_rate_hz,
			.interval_ns = jobs[i].collect_interval_ms * NS_PER_MS,
			.collect_user = jobs[i].collect_user,
			.collect_kernel = jobs[i].collect_kernel,
		};
	*ret_set = set;
	return 0;
}

struct job_set *job_set_retain(struct job_set *set)
{
	set->n_refs++;
	return set;
}

void job_set_release(struct job_set *set)
{
	if (set && --set->n_refs == 0)
		free(set);
}

bool job_set_samples_alike(const struct job_set *a, const struct job_set *b)
{
	if (a->n_jobs != b->n_jobs)
		return false;
	for (size_t i = 0; i < a->n_jobs; i++) {
		const struct job *x = &a->jobs[i], *y = &b->jobs[i];

		if (x->id != y->id || x->period_ns != y->period_ns ||
		    x->collect_user != y->collect_user || x->collect_kernel != y->collect_kernel)
			return false;
	}
	return true;
}

size_t job_set_find(const struct job_set *set, const struct job_set *of, size_t index)
{
	if (set == of)
		return index;
	if (set->n_jobs == 1 && of->n_jobs == 1)
		return 0;
	for (size_t i = 0; i < set->n_jobs; i++)
		if (set->jobs[i].id == of->jobs[index].id)
			return i;
	return JOB_NONE;
}
