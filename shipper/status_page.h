#pragma once
/*
 * The page for people: what runs, what is wrong with it, and whether the books balance. Plain HTML,
 * without a script, readable on a phone. All that others chose (names, labels, messages) is
 * escaped.
 */
#include "base/bytes.h"
#include "health.h"
#include "metrics.h"

/* Targets beyond are counted, not listed. */
#define STATUS_TARGETS_MAX 1000u

/*
 * Appends the page. All is borrowed for the call.
 *   @why  lines that say what is missing until samples can flow
 */
void status_page_print(const struct metrics_sources *metrics,
		       const struct configuration *configuration, const struct health *health,
		       const struct bytes *why, struct bytes *out);
