#pragma once
/*
 * Finds the items of a flat array by their content: the hashes of items 0, 1, 2… and an open
 * addressing table over them. The items themselves stay with whoever owns the array and says
 * whether one is what is looked for. Hashes are seeded by the caller. A zeroed one is empty.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define ITEM_NONE UINT32_MAX

struct item_index {
	uint32_t *slots;  /* owned; 0: empty, else the item's number + 1 */
	size_t n_slots;   /* a power of two, or 0 */
	uint64_t *hashes; /* owned; of each item */
	size_t n_hashes_max;
	size_t n_items;
};

/* Whether item number @item of @owner's array is @key. */
typedef bool item_is_fn(const void *owner, uint32_t item, const void *key);

/* The number of the item with @hash that @is accepts, or ITEM_NONE. */
uint32_t item_index_find(const struct item_index *index, uint64_t hash, item_is_fn *is,
			 const void *owner, const void *key);

/* Makes room for @n_more items. Returns 0, or -ENOMEM with nothing changed that matters. */
int item_index_reserve(struct item_index *index, size_t n_more) warn_unused_result;

/* Adds the next item, for which room was reserved. Returns its number. */
uint32_t item_index_add(struct item_index *index, uint64_t hash);

/*
 * Grows @array (owned by the caller; of items of @item_bytes) to hold @n_needed, doubling
 * *@capacity. Returns where it is now, owned, or NULL without memory: @array then stays valid and
 * as it was.
 */
void *item_array_reserve(void *array, size_t *capacity, size_t n_needed,
			 size_t item_bytes) warn_unused_result;

void item_index_deinit(struct item_index *index);
