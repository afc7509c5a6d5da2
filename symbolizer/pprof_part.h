#pragma once
/*
 * One pprof message while it is filled: tables of what it refers to, ids from 1 in order of first
 * use. Knows pprof, not windows. Memory is the slab's; a part is closed, then begun again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "frames.h"
#include "slab.h"

/* Which id something has in this part. Forgets in the time that it took to fill. */
struct id_map {
	uint32_t *ids; /* 0: none */
	uint32_t *noted;
	size_t n_noted;
};

struct pprof_part;

struct pprof_head {
	uint64_t time_wall_ns;
	uint64_t duration_ns;
	uint64_t period_ns;
};

/* @frames is borrowed for life. Returns 0 or -ENOMEM; *@ret_part is owned. */
int pprof_part_new(const struct frames *frames, size_t n_locations, size_t samples_max,
		   struct pprof_part **ret_part) warn_unused_result;

/* A place in a stack: a frame of a location, or a function without one (comm, marks). */
struct pprof_place {
	bool is_function;
	uint32_t index; /* into functions, or 2 × location + is_caller */
};

/* Pyroscope's depth limit, with room for marks: deeper stacks would be cut there at the leaf. */
#define PPROF_PLACES_MAX 1024u

/* How many bytes the message would at most grow by. */
size_t pprof_part_cost(const struct pprof_part *part, const struct pprof_place *places,
		       size_t n_places);

size_t pprof_part_bytes(const struct pprof_part *part); /* at most, so far */
size_t pprof_part_samples(const struct pprof_part *part);

/*
 * Adds @value (at most INT64_MAX) to the sample of this stack (at most PPROF_PLACES_MAX, leaf
 * first); a sum that would be more is INT64_MAX. Returns 0 or -ENOMEM.
 */
int pprof_part_add(struct pprof_part *part, const struct pprof_place *places, size_t n_places,
		   uint64_t value) warn_unused_result;

/*
 * Appends the message to @out and empties the part. Returns 0, -ENOMEM or -EMSGSIZE.
 */
int pprof_part_close(struct pprof_part *part, const struct pprof_head *head,
		     struct bytes *out) warn_unused_result;

void pprof_part_free(struct pprof_part *part); /* NULL is fine */
