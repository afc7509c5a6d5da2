#include "round_sums.h"

#include <string.h>

void round_sums_begin(struct round_sums *sums)
{
	for (size_t i = 0; i < sums->n; i++)
		sums->all[i].said = (struct wire_rounds){.job = sums->all[i].said.job};
}

static size_t find(const struct round_sums *sums, uint64_t job)
{
	size_t i = 0;

	while (i < sums->n && sums->all[i].sum.job != job)
		i++;
	return i;
}

static uint64_t growth(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

void round_sums_take(struct round_sums *sums, const struct wire_rounds *rounds)
{
	struct round_sum sum = {.sum.job = rounds->job};
	size_t i = find(sums, rounds->job);

	if (i < sums->n)
		sum = sums->all[i];
	else if (sums->n < ROUND_SUMS_MAX)
		sums->n++;
	else
		i = 0;
	sum.sum.n_ended += growth(sum.said.n_ended, rounds->n_ended);
	sum.sum.n_failed += growth(sum.said.n_failed, rounds->n_failed);
	sum.said = *rounds;
	memmove(&sums->all[i], &sums->all[i + 1], (sums->n - i - 1) * sizeof(*sums->all));
	sums->all[sums->n - 1] = sum;
}

struct wire_rounds round_sums_of(const struct round_sums *sums, uint64_t job)
{
	size_t i = find(sums, job);

	return i < sums->n ? sums->all[i].sum : (struct wire_rounds){.job = job};
}
