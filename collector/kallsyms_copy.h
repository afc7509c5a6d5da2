#pragma once
/*
 * A memory copy of /proc/kallsyms, made from an fd opened while SYSLOG was held: the addresses that
 * the kernel prints depend on who opened the file, not on who reads it. The text is not looked
 * into.
 *
 * Reading it all takes the kernel some 60 ms, so the copy is made in steps, between the event
 * loop's other work. Equal texts are one generation, whichever collector copied them, so a
 * symbolizer keeps its table when a collector is started again. Not threaded.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "objects.h"

#define KALLSYMS_BYTES_MAX  (64u << 20)
#define KALLSYMS_AGE_NS     UINT64_C(60000000000)   /* a copy younger than this is not made again */
#define KALLSYMS_AGE_NS_MAX UINT64_C(240000000000) /* nor is one that was found unchanged */

struct kallsyms_copy {
	int source_fd; /* owned; -1: there is none, kernel frames stay addresses */
	int copy_fd;   /* owned; -1: no copy is under way */
	uint64_t n_bytes;
	uint64_t generation;        /* a hash of the text; 0: there is no copy */
	uint64_t generation_so_far; /* of what has been copied */
	uint64_t made_ns;           /* monotonic */
	uint64_t age_ns; /* at which it may be made again: doubles with each copy that is equal */
};

#define KALLSYMS_COPY_NULL                                                                         \
	{                                                                                          \
		.source_fd = -1, .copy_fd = -1                                                     \
	}

/* Opens /proc/kallsyms. Returns 0 or a negative errno. */
int kallsyms_copy_open(struct kallsyms_copy *copy) warn_unused_result;

/* Begins a copy unless one is under way or young. */
void kallsyms_copy_begin(struct kallsyms_copy *copy, uint64_t now_ns);

/*
 * Copies the next piece; the last one hands the copy to @objects.
 * Returns whether there is more to do.
 */
bool kallsyms_copy_step(struct kallsyms_copy *copy, struct objects *objects, uint64_t now_ns);

void kallsyms_copy_deinit(struct kallsyms_copy *copy);
