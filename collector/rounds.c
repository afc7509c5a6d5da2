#include "rounds.h"

static struct wire_rounds find(const struct rounds *rounds, uint64_t job)
{
	for (size_t i = 0; i < rounds->n_jobs; i++)
		if (rounds->jobs[i].job == job)
			return rounds->jobs[i];
	return (struct wire_rounds){.job = job};
}

void rounds_set_jobs(struct rounds *rounds, const struct job_set *jobs)
{
	struct rounds before = *rounds;

	rounds->n_jobs = jobs->n_jobs;
	for (size_t i = 0; i < jobs->n_jobs; i++)
		rounds->jobs[i] = find(&before, jobs->jobs[i].id);
}

void rounds_count(struct rounds *rounds, uint8_t ended, bool is_failed)
{
	for (size_t i = 0; i < rounds->n_jobs; i++) {
		if (!(ended & 1u << i))
			continue;
		rounds->jobs[i].n_ended += !is_failed;
		rounds->jobs[i].n_failed += is_failed;
	}
}
