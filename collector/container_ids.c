#include "container_ids.h"

#include <stdlib.h>
#include <string.h>

static void take_out(struct container_ids *ids, struct cached_container_id *id)
{
	if (id->newer)
		id->newer->older = id->older;
	else
		ids->newest = id->older;
	if (id->older)
		id->older->newer = id->newer;
	else
		ids->oldest = id->newer;
}

static void put_first(struct container_ids *ids, struct cached_container_id *id)
{
	id->newer = NULL;
	id->older = ids->newest;
	if (ids->newest)
		ids->newest->newer = id;
	else
		ids->oldest = id;
	ids->newest = id;
}

void container_ids_forget(struct container_ids *ids, struct cached_container_id **holder)
{
	struct cached_container_id *id = *holder;

	if (!id)
		return;
	take_out(ids, id);
	ids->n--;
	free(id);
	*holder = NULL;
}

static void hold_to_bound(struct container_ids *ids)
{
	while (ids->n > ids->n_max) {
		container_ids_forget(ids, ids->oldest->holder);
		ids->n_evicted++;
	}
}

void container_ids_keep(struct container_ids *ids, struct cached_container_id **holder,
			struct wire_bytes id)
{
	struct cached_container_id *kept = calloc(1, sizeof(*kept));

	container_ids_forget(ids, holder);
	if (!kept)
		return;
	kept->holder = holder;
	kept->n_bytes = (uint8_t)id.n_bytes;
	memcpy(kept->bytes, id.data, id.n_bytes);
	put_first(ids, kept);
	ids->n++;
	*holder = kept;
	hold_to_bound(ids);
}

struct wire_bytes container_ids_use(struct container_ids *ids,
				    struct cached_container_id *const *holder)
{
	struct cached_container_id *id = *holder;

	if (!id)
		return (struct wire_bytes){NULL, 0};
	take_out(ids, id);
	put_first(ids, id);
	return (struct wire_bytes){id->bytes, id->n_bytes};
}

void container_ids_limit(struct container_ids *ids, size_t n_max)
{
	ids->n_max = n_max > 0 ? n_max : 1;
	hold_to_bound(ids);
}
