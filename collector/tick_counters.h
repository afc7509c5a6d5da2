#pragma once
/* What the programs count, under the names of counters.def. */
#include <stdint.h>

#include "ticks.h"
#include "wire/counters.h"

/* Sets the kernel's counters among @counters to @sums. */
void tick_counters_copy(struct counters *counters, const uint64_t sums[N_TICK_COUNTERS]);
