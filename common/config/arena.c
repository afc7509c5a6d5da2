#include "config/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 << 10)

struct config_arena_block {
	struct config_arena_block *next; /* owned */
	size_t n_used;
	size_t n_bytes;
	alignas(max_align_t) unsigned char memory[];
};

static struct config_arena_block *add_block(struct config_arena *arena, size_t n_bytes)
{
	size_t size = n_bytes > BLOCK_BYTES ? n_bytes : BLOCK_BYTES; /* bounded by bytes_max */
	struct config_arena_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		arena->error = -ENOMEM;
		return NULL;
	}
	block->n_bytes = size;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *config_arena_alloc(struct config_arena *arena, size_t n_bytes)
{
	size_t align = alignof(max_align_t);
	struct config_arena_block *block = arena->blocks;
	void *memory;

	if (arena->error)
		return NULL;
	if (n_bytes > arena->bytes_max - arena->n_bytes) {
		arena->error = -EMSGSIZE;
		return NULL;
	}
	arena->n_bytes += n_bytes;
	n_bytes = (n_bytes + align - 1) / align * align;
	if (!block || n_bytes > block->n_bytes - block->n_used)
		block = add_block(arena, n_bytes);
	if (!block)
		return NULL;
	memory = block->memory + block->n_used;
	block->n_used += n_bytes;
	return memory;
}

void *config_arena_array(struct config_arena *arena, size_t n, size_t item_bytes)
{
	if (n > SIZE_MAX / item_bytes) {
		arena->error = arena->error ? arena->error : -EMSGSIZE;
		return NULL;
	}
	return config_arena_alloc(arena, n * item_bytes);
}

char *config_arena_copy(struct config_arena *arena, const void *data, size_t n_bytes)
{
	char *copy = config_arena_alloc(arena, n_bytes + 1);

	if (copy && n_bytes > 0)
		memcpy(copy, data, n_bytes);
	return copy;
}

void config_arena_deinit(struct config_arena *arena)
{
	struct config_arena_block *block = arena->blocks, *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
	*arena = (struct config_arena)CONFIG_ARENA_INIT(arena->bytes_max);
}
