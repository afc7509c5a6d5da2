#pragma once
/*
 * The page for people: what runs and with which authority, what is wrong with it, whether the books
 * balance, what each target had last. Plain HTML, without a script, readable on a phone. All that
 * others chose (names, labels, messages) is escaped.
 */
#include "base/bytes.h"
#include "pages/debug_information.h"
#include "health.h"
#include "last_profiles.h"
#include "pages/metrics.h"

/* What is beyond is counted, not listed. */
#define STATUS_TARGETS_MAX   1000u
#define STATUS_BYTES_FULL    (3u << 20) /* of the page: no more targets from there on */
#define STATUS_TABLES_MAX    25u        /* of each symbolizer */
#define STATUS_PROCESSES_MAX 50u        /* of those that are profiled */

/* Where it is taken from. All borrowed for the call. */
struct status_sources {
	const struct metrics_sources *metrics;
	const struct debug_sources *debug;
	const struct health *health;
	const struct last_profiles *last;
	const struct process_status *own; /* of this process; NULL: it could not be read */
	const struct bytes *why;          /* lines that say what is missing until samples flow */
	uint64_t now_wall_ns;
};

/* Appends the page. */
void status_page_print(const struct status_sources *sources, struct bytes *out);

/* Its sections: processes and their authority; caches; targets. */
void status_services_print(const struct status_sources *sources, struct bytes *out);
void status_caches_print(const struct status_sources *sources, struct bytes *out);
void status_targets_print(const struct status_sources *sources, struct bytes *out);
