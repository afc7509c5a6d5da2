#pragma once
/*
 * The jobs that are sampled for: what each pyroscope.ebpf asks of the collector, but its targets.
 * A set never changes and is a counted reference, because a sample that waits keeps the period that
 * it was taken at. A job is called by its index in a set; from one set to the next, by its id.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "sample.h"
#include "wire/wire.h"

#define JOB_NONE JOBS_MAX /* an index that no job has */

struct job {
	uint64_t id;
	uint64_t period_ns; /* CPU time that one of its samples stands for */
	uint64_t interval_ns;
	bool collect_user;
	bool collect_kernel;
};

struct job_set {
	unsigned n_refs;
	size_t n_jobs; /* 1 … JOBS_MAX */
	struct job jobs[JOBS_MAX];
};

/*
 * Makes a set of what SETTINGS said; @n_jobs is 1 … JOBS_MAX and no rate is 0.
 * Returns 0 or -ENOMEM; *@ret_set is owned, with one reference: job_set_release().
 */
int job_set_new(const struct wire_job *jobs, size_t n_jobs,
		struct job_set **ret_set) warn_unused_result;

struct job_set *job_set_retain(struct job_set *set);
void job_set_release(struct job_set *set); /* NULL is fine */

/* Whether samples are taken alike for both: all but the intervals is equal. */
bool job_set_samples_alike(const struct job_set *a, const struct job_set *b);

/*
 * The index in @set of what is job @index of @of, or JOB_NONE. The only job of a set is the only
 * one of another, whatever it is called.
 */
size_t job_set_find(const struct job_set *set, const struct job_set *of, size_t index);

/* Its jobs as bits. */
static inline uint8_t job_set_mask(const struct job_set *set)
{
	return (uint8_t)((1u << set->n_jobs) - 1);
}

static inline void job_set_releasep(struct job_set **set)
{
	job_set_release(*set);
}
