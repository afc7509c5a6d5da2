#pragma once
/*
 * How often the interval of each job ended, for STATE. A job that stays, by its id, goes on
 * counting whatever else changes in the set.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job_set.h"
#include "wire/wire.h"

struct rounds {
	size_t n_jobs;
	struct wire_rounds jobs[JOBS_MAX]; /* in the order of the set */
};

/* From now on @jobs are counted. */
void rounds_set_jobs(struct rounds *rounds, const struct job_set *jobs);

/*
 * The intervals of the jobs in @ended, bits by index, came to their end.
 *   @is_failed  what was sampled could not be read: it stays in the kernel for the next one
 */
void rounds_count(struct rounds *rounds, uint8_t ended, bool is_failed);
