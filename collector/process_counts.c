#include "process_record.h"

void processes_limit_container_ids(struct processes *processes, size_t n_max)
{
	container_ids_limit(&processes->container_ids, n_max);
}

void processes_count(const struct processes *processes)
{
	struct counters *counters = processes->options.counters;

	counters_set(counters, COUNTER_PROCESSES, processes->n);
	counters_set(counters, COUNTER_CONTAINER_IDS, processes->container_ids.n);
	counters_set(counters, COUNTER_CONTAINER_IDS_EVICTED, processes->container_ids.n_evicted);
}

size_t processes_n(const struct processes *processes)
{
	return processes->n;
}
