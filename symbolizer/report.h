#pragma once
/*
 * What this symbolizer shows of itself: its own process as the kernel describes it, what is in its
 * caches, and what it named last. For people; nothing depends on it. Bounded by wire.h: what was
 * used most recently is in it.
 */
#include <stdint.h>

#include "last_named.h"
#include "table/table_cache.h"

/* Where it is taken from. All borrowed for the call. */
struct report_sources {
	uint64_t worker;
	int status_fd; /* our own /proc/self/status */
	struct table_cache *tables;
	const struct last_named *last;
};

/*
 * Appends a REPORT to @out, which keeps the first error. Returns 0, a negative errno, or
 * PROCESS_STATUS_MALFORMED.
 */
int report_encode(const struct report_sources *sources, struct bytes *out) warn_unused_result;
