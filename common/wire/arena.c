#include "wire/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ARENA_BLOCK_BYTES_MIN (64u * 1024u)

struct wire_arena_block {
	struct wire_arena_block *next; /* owned */
	size_t n_used;
	size_t capacity_bytes;
	alignas(max_align_t) unsigned char memory[]; /* zeroed when the block is made */
};

static struct wire_arena_block *block_new(size_t n_bytes)
{
	size_t capacity = n_bytes > ARENA_BLOCK_BYTES_MIN ? n_bytes : ARENA_BLOCK_BYTES_MIN;
	struct wire_arena_block *block = calloc(1, sizeof(*block) + capacity);

	if (block)
		block->capacity_bytes = capacity;
	return block;
}

void *arena_take(struct wire_arena *arena, size_t n_elements, size_t element_bytes)
{
	struct wire_arena_block *block = arena->blocks;
	size_t n_bytes, alignment = alignof(max_align_t);
	void *taken;

	if (__builtin_mul_overflow(n_elements, element_bytes, &n_bytes) || n_bytes > SIZE_MAX / 2)
		return NULL;
	n_bytes = (n_bytes + alignment - 1) / alignment * alignment;
	if (!block || n_bytes > block->capacity_bytes - block->n_used) {
		block = block_new(n_bytes);
		if (!block)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	taken = block->memory + block->n_used;
	block->n_used += n_bytes;
	return taken;
}

void wire_arena_deinit(struct wire_arena *arena)
{
	while (arena->blocks) {
		struct wire_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}
