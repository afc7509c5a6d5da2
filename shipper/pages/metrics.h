#pragma once
/*
 * /metrics: the numbers of all three services as Prometheus' text format 0.0.4. The collector's
 * come with its STATE, the symbolizers' are summed over workers, the shipper's own are read where
 * they are. A family's HELP and TYPE stand once, its samples together.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "control.h"
#include "endpoints/endpoints.h"
#include "health.h"
#include "pages/pages.h"
#include "process_stats.h"
#include "profiles.h"
#include "spool/spool.h"
#include "tallies.h"
#include "workers.h"

/* What came of requests to read the configuration again. */
struct reload_counts {
	uint64_t n;
	uint64_t n_failed; /* the configuration before stayed */
	bool is_last_failed;
};

/* Where the numbers are. All borrowed for the call. */
struct metrics_sources {
	const struct spool *spool;
	const struct endpoints *endpoints;
	const struct control_state *control;
	const struct workers *workers;
	const struct profiles_counts *profiles;
	const struct process_usage *process;
	const struct reload_counts *reloads;
	const struct configuration_losses *losses; /* summed over configurations */
	const struct tallies *tallies;
	const struct configuration *configuration;
	const struct health *health;
	const struct pages *pages;
	uint64_t now_ns;
	bool is_ready;
};

void metrics_print(const struct metrics_sources *sources, struct bytes *out);

/* Of these, the families that Alloy's pyroscope.ebpf has, under its names. */
void metrics_print_ebpf(const struct metrics_sources *sources, struct bytes *out);

#define READY_COLLECTOR_NS   UINT64_C(5000000000)
#define READY_SYMBOLIZERS_NS UINT64_C(45000000000) /* an idle one speaks every 30 s */

/*
 * Whether everything is in place for samples to flow: the collector answered within 5 s, a
 * symbolizer is connected and was heard within 45 s, and the spool took what it was last given. A
 * backend that is down does not count: the spool is for that.
 *   @why  a line for each thing that is missing, and one for each endpoint that fails
 */
bool readiness_check(const struct metrics_sources *sources, struct bytes *why);
