#pragma once
/*
 * What this service shows of itself: its own processes, and those that it profiles, each with its
 * targets and the files that it has mapped. For people; nothing depends on it. Bounded by wire.h:
 * what was used most recently is in it.
 */
#include <stdint.h>

#include "job_set.h"
#include "processes.h"
#include "services.h"

/* Where it is taken from. All borrowed for the call. */
struct view_sources {
	uint64_t instance;
	uint64_t round; /* drains so far */
	const struct services *services;
	const struct processes *processes;
	const struct job_set *jobs;
};

/* Appends a VIEW to @out, which keeps the first error. Returns 0 or -ENOMEM. */
int view_encode(const struct view_sources *sources, struct bytes *out) warn_unused_result;
