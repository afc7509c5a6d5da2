#pragma once
/*
 * Memory for many small things that live and die together: the names of one window, the messages of
 * one profile. Bounded in bytes. Not threaded. A zeroed slab with a bound is empty.
 */
#include <stddef.h>
#include <stdint.h>

struct slab_block;

struct slab {
	struct slab_block *blocks; /* owned */
	size_t n_bytes;            /* taken from the machine so far */
	size_t bytes_max;          /* inclusive */
};

/*
 * Returns zeroed memory for @n_elements of @element_bytes each, aligned for any type, borrowed
 * until slab_deinit(). NULL when the product overflows, the bound is reached or the machine has no
 * memory: to the caller all three are -ENOMEM.
 */
void *slab_take(struct slab *slab, size_t n_elements, size_t element_bytes);

/* Frees everything; the slab is then empty, with the same bound. */
void slab_deinit(struct slab *slab);
