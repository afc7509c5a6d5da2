#pragma once
/*
 * How often the interval of each pyroscope.ebpf ended, in the lives of all collectors that were
 * heard. Bounded: of more blocks than fit, those that were not heard of longest are forgotten. A
 * zeroed one is empty.
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define ROUND_SUMS_MAX (4u * SETTINGS_JOBS_MAX)

struct round_sum {
	struct wire_rounds sum;  /* over all lives */
	struct wire_rounds said; /* last, by the collector that lives */
};

struct round_sums {
	size_t n;
	struct round_sum all[ROUND_SUMS_MAX]; /* who was heard of last stands last */
};

/* Another collector speaks from now on: it counts from 0. */
void round_sums_begin(struct round_sums *sums);

/* It said @rounds of a job. A count that went back began anew. */
void round_sums_take(struct round_sums *sums, const struct wire_rounds *rounds);

/* Of @job; zeroes when it was never heard of. */
struct wire_rounds round_sums_of(const struct round_sums *sums, uint64_t job);
