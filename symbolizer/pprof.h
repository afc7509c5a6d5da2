#pragma once
/*
 * From the named stacks of one target to pprof profiles, gzip'd, within the server's limits.
 *
 * Sample type and period type cpu/nanoseconds; leaf first; outermost the process's comm. A location
 * carries its address in the file's own address space and a mapping with the build id. Equal stacks
 * are summed. What would exceed a limit goes on in another part, one nanosecond later. The same
 * window and names give the same bytes, always.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "frames.h"
#include "wire/counters.h"
#include "wire/wire.h"

struct pprof_limits {
	size_t samples_max; /* of one part */
	size_t bytes_max;   /* of one part, before compression */
	size_t parts_max;
};

/* Pyroscope's defaults: 16 000 samples; a burst of 2 MiB, labels included, or never accepted. */
#define PPROF_LIMITS_DEFAULT                                                                       \
	((struct pprof_limits){                                                                    \
		.samples_max = 16000,                                                              \
		.bytes_max = 1900u << 10,                                                          \
		.parts_max = 900,                                                                  \
	})

/* What has been built so far. A zeroed one is empty. */
struct pprof_parts {
	size_t n_parts;
	size_t capacity;
	struct wire_part *parts; /* owned; labels borrowed from the window, pprof_gz owned */
};

enum pprof_outcome {
	PPROF_TOO_BIG = 1, /* one stack alone is over a limit, or there are too many parts */
};

struct pprof_builder;

/*
 *   @window, @frames  borrowed for the builder's life; @frames gets the names of processes
 *   @counters  borrowed likewise: frames by outcome, flat stacks, parts beyond the first
 * Returns 0 or -ENOMEM.
 */
int pprof_builder_new(const struct wire_window *window, struct frames *frames,
		      const struct pprof_limits *limits, struct counters *counters,
		      struct pprof_builder **ret_builder) warn_unused_result;

/* Appends the profiles of @target (one of the window's). Returns 0, a negative errno, an outcome.
 */
int pprof_builder_add(struct pprof_builder *builder, const struct wire_target *target,
		      struct pprof_parts *parts) warn_unused_result;

void pprof_builder_free(struct pprof_builder *builder); /* NULL is fine */

void pprof_parts_deinit(struct pprof_parts *parts);
