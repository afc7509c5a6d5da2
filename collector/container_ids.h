#pragma once
/*
 * Which containers processes are in: as many ids as the configuration allows, in memory that grows
 * with what is in it. The one that was used longest ago goes first; its holder finds it gone, and
 * reads it again when it is needed. A process that is in no container takes no room. Not threaded.
 */
#include <stddef.h>
#include <stdint.h>

#include "container_id.h"

#define CONTAINER_IDS_DEFAULT 1024u

/* One that is kept: its holder's pointer to it becomes NULL when it goes. */
struct cached_container_id {
	struct cached_container_id **holder;
	struct cached_container_id *newer;
	struct cached_container_id *older;
	uint8_t n_bytes;
	char bytes[CONTAINER_ID_BYTES_MAX];
};

/* A zeroed one with a bound is empty. */
struct container_ids {
	size_t n_max; /* at least 1 */
	size_t n;
	uint64_t n_evicted; /* ever */
	struct cached_container_id *newest;
	struct cached_container_id *oldest;
};

/*
 * Keeps @id, of 1 … CONTAINER_ID_BYTES_MAX bytes, in place of what *@holder was; @holder must stay
 * where it is for as long. Without memory *@holder is NULL behind the call, as if it had gone.
 */
void container_ids_keep(struct container_ids *ids, struct cached_container_id **holder,
			struct wire_bytes id);

/* The bytes of *@holder, which counts as used now; empty when it is NULL. Borrowed until any keep.
 */
struct wire_bytes container_ids_use(struct container_ids *ids,
				    struct cached_container_id *const *holder);

/* Forgets *@holder; NULL is fine. */
void container_ids_forget(struct container_ids *ids, struct cached_container_id **holder);

/* From now on at most @n_max (0 counts as 1) are kept. */
void container_ids_limit(struct container_ids *ids, size_t n_max);
