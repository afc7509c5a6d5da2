/* Which of the processes that somebody wants profiled had samples last. */
#include <errno.h>
#include <stdlib.h>

#include "process_record.h"

static bool is_profiled(const struct process_record *record)
{
	return record->process.decision == DECISION_YES && !record->process.is_exited &&
	       !record->is_superseded;
}

size_t processes_n_profiled(const struct processes *processes)
{
	size_t n = 0;

	for (const struct process_record *at = processes->first; at; at = at->next)
		n += is_profiled(at);
	return n;
}

/* Most recently used first; of equals, the lowest pid. */
static int by_use(const void *left, const void *right)
{
	const struct process *const *a = left, *const *b = right;

	if ((*a)->used_round != (*b)->used_round)
		return (*a)->used_round > (*b)->used_round ? -1 : 1;
	return ((*a)->image.pid > (*b)->image.pid) - ((*a)->image.pid < (*b)->image.pid);
}

int processes_most_used(const struct processes *processes, size_t n_max,
			const struct process *ret_used[], size_t *ret_n)
{
	size_t n = processes_n_profiled(processes), i = 0;
	const struct process **all;

	*ret_n = 0;
	if (n == 0)
		return 0;
	all = calloc(n, sizeof(const struct process *)); /* at most PROCESSES_MAX */
	if (!all)
		return -ENOMEM;
	for (const struct process_record *at = processes->first; at; at = at->next)
		if (is_profiled(at))
			all[i++] = &at->process;
	qsort(all, n, sizeof(const struct process *), by_use);
	*ret_n = n < n_max ? n : n_max;
	for (i = 0; i < *ret_n; i++)
		ret_used[i] = all[i];
	free(all);
	return 0;
}
