#pragma once
/*
 * Of each target, what its latest window had: how many samples, and which functions most of them
 * were in. For people: the status page shows it. Bounded: of too many targets, those that were
 * named longest ago go. Not threaded.
 */
#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "wire/wire.h"

struct last_function {
	uint64_t n_samples;
	size_t n_name_bytes;
	char name[SHOWN_NAME_BYTES_MAX];
};

struct last_target {
	uint64_t labels_hash;
	uint64_t time_wall_ns;
	uint64_t n_samples;
	uint64_t noted_at; /* counts up */
	size_t n_functions;
	struct last_function functions[REPORT_FUNCTIONS_MAX]; /* most samples first */
};

/* A zeroed one is empty. */
struct last_named {
	uint64_t n_noted;
	size_t n_targets;
	struct last_target targets[REPORT_TARGETS_MAX];
};

/* Notes the targets of @window, whose @frames have their names. Returns 0 or -ENOMEM. */
int last_named_note(struct last_named *last, const struct wire_window *window,
		    const struct frames *frames) warn_unused_result;
