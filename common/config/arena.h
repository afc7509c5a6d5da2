#pragma once
/*
 * Memory of one configuration: source text, syntax tree and values, freed as one.
 *
 * The arena has a bound in bytes, so whatever a file can make us build is bounded. The first
 * failure stays in `error`: callers give up on NULL and the one who owns the arena asks why, once.
 */
#include <stddef.h>

struct config_arena_block;

struct config_arena {
	struct config_arena_block *blocks; /* owned */
	size_t n_bytes;                    /* handed out so far */
	size_t bytes_max;                  /* inclusive */
	int error;                         /* 0, -ENOMEM, or -EMSGSIZE past the bound */
};

#define CONFIG_ARENA_BYTES_MAX ((size_t)64 << 20)

#define CONFIG_ARENA_INIT(max)                                                                     \
	{                                                                                          \
		.bytes_max = (max)                                                                 \
	}

/* Returns @n_bytes zeroed bytes, aligned for any type, valid until deinit; or NULL. */
void *config_arena_alloc(struct config_arena *arena, size_t n_bytes);

/* The same for @n items of @item_bytes each; the product cannot overflow. */
void *config_arena_array(struct config_arena *arena, size_t n, size_t item_bytes);

/* Returns a copy of @n_bytes at @data with a NUL behind it, or NULL. */
char *config_arena_copy(struct config_arena *arena, const void *data, size_t n_bytes);

/* Frees all of it. The arena is then empty and usable again with the same bound. */
void config_arena_deinit(struct config_arena *arena);
