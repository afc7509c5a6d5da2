#pragma once
/* What this process uses, for metrics. Holds its /proc files, so that it works once confined. */
#include <stdint.h>

#include "base/cleanup.h"

struct process_stats; /* opaque */

/* *@ret_stats is owned: process_stats_free(). Returns 0 or a negative errno. */
int process_stats_open(struct process_stats **ret_stats) warn_unused_result;

void process_stats_free(struct process_stats *stats); /* NULL is fine */

struct process_usage {
	double cpu_seconds;
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t n_open_fds;
	uint64_t n_max_fds;
	double start_time_seconds; /* since the epoch */
};

struct process_usage process_stats_read(struct process_stats *stats);
