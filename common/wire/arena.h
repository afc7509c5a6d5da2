#pragma once
/* What the decoders take from a wire_arena; its owner only ever frees it. Internal to wire/. */
#include <stddef.h>

#include "wire/wire.h"

/*
 * Returns zeroed memory for @n_elements of @element_bytes each, aligned for any type, borrowed from
 * @arena; NULL when there is no memory. The caller has bounded the product by its frame's length.
 */
void *arena_take(struct wire_arena *arena, size_t n_elements, size_t element_bytes);
