#include "item_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64u
#define ITEMS_MIN 32u
#define ITEMS_MAX (1u << 24) /* of one window: its bytes allow far fewer */

uint32_t item_index_find(const struct item_index *index, uint64_t hash, item_is_fn *is,
			 const void *owner, const void *key)
{
	size_t mask = index->n_slots - 1;
	size_t at;

	if (index->n_slots == 0)
		return ITEM_NONE;
	for (at = hash & mask; index->slots[at] != 0; at = (at + 1) & mask) {
		uint32_t item = index->slots[at] - 1;

		if (index->hashes[item] == hash && is(owner, item, key))
			return item;
	}
	return ITEM_NONE;
}

static void put(uint32_t *slots, size_t n_slots, uint64_t hash, uint32_t item)
{
	size_t mask = n_slots - 1;
	size_t at = hash & mask;

	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = item + 1;
}

void *item_array_reserve(void *array, size_t *capacity, size_t n_needed, size_t item_bytes)
{
	size_t n = *capacity ? *capacity : ITEMS_MIN;
	void *grown;

	if (array && n_needed <= *capacity)
		return array;
	if (n_needed > ITEMS_MAX)
		return NULL;
	while (n < n_needed)
		n *= 2;
	grown = realloc(array, n * item_bytes);
	if (grown)
		*capacity = n;
	return grown;
}

/* Half of the slots stay empty, so that a search ends soon. */
int item_index_reserve(struct item_index *index, size_t n_more)
{
	size_t n_needed = index->n_items + n_more;
	size_t n_slots = index->n_slots ? index->n_slots : SLOTS_MIN;
	uint64_t *hashes;
	uint32_t *slots;

	hashes = item_array_reserve(index->hashes, &index->n_hashes_max, n_needed, sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	index->hashes = hashes;
	while (n_slots < 2 * n_needed)
		n_slots *= 2;
	if (n_slots == index->n_slots)
		return 0;

	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->n_items; i++)
		put(slots, n_slots, index->hashes[i], (uint32_t)i);
	free(index->slots);
	index->slots = slots;
	index->n_slots = n_slots;
	return 0;
}

uint32_t item_index_add(struct item_index *index, uint64_t hash)
{
	uint32_t item = (uint32_t)index->n_items++;

	index->hashes[item] = hash;
	put(index->slots, index->n_slots, hash, item);
	return item;
}

void item_index_deinit(struct item_index *index)
{
	free(index->slots);
	free(index->hashes);
	*index = (struct item_index){0};
}
