#include "spool/window_ids.h"

#include <errno.h>
#include <string.h>

#include <zlib.h>

#include "base/hash.h"
#include "little_endian.h"

#define SLOTS_MIN   1024u
#define ID_BYTES    16u
#define FILE_MAGIC  "TRIPTIDS"
#define MAGIC_BYTES 8u
#define CRC_BYTES   4u

static bool is_zero(struct window_id id)
{
	return id.instance == 0 && id.sequence == 0;
}

static bool is_same(struct window_id a, struct window_id b)
{
	return a.instance == b.instance && a.sequence == b.sequence;
}

static size_t home_of(const struct window_ids *ids, struct window_id id)
{
	uint64_t hash = hash_word(hash_word(ids->seed, id.instance), id.sequence);

	return (size_t)hash & (ids->n_slots - 1);
}

/* The slot of @id, or the empty one where it would go. One is always empty. */
static size_t slot_of(const struct window_ids *ids, struct window_id id)
{
	size_t at = home_of(ids, id);

	while (!is_zero(ids->slots[at]) && !is_same(ids->slots[at], id))
		at = (at + 1) & (ids->n_slots - 1);
	return at;
}

static int grow(struct window_ids *ids)
{
	struct window_ids bigger = {
		.n_slots = ids->n_slots ? ids->n_slots * 2 : SLOTS_MIN,
		.seed = ids->n_slots ? ids->seed : hash_new_seed(),
	};

	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < ids->n_slots; i++)
		if (!is_zero(ids->slots[i]))
			bigger.slots[slot_of(&bigger, ids->slots[i])] = ids->slots[i];
	free(ids->slots);
	ids->slots = bigger.slots;
	ids->n_slots = bigger.n_slots;
	ids->seed = bigger.seed;
	return 0;
}

void window_ids_deinit(struct window_ids *ids)
{
	free(ids->slots);
	free(ids->retired);
	*ids = (struct window_ids){0};
}

int window_ids_reserve(struct window_ids *ids)
{
	return 2 * (ids->n_used + 1) > ids->n_slots ? grow(ids) : 0;
}

int window_ids_add(struct window_ids *ids, struct window_id id)
{
	size_t at;
	int r;

	if (is_zero(id)) {
		ids->holds_zero = true;
		return 0;
	}
	r = window_ids_reserve(ids);
	if (r < 0)
		return r;
	at = slot_of(ids, id);
	if (is_zero(ids->slots[at]))
		ids->n_used++;
	ids->slots[at] = id;
	return 0;
}

bool window_ids_contain(const struct window_ids *ids, struct window_id id)
{
	if (is_zero(id))
		return ids->holds_zero;
	return ids->n_slots > 0 && !is_zero(ids->slots[slot_of(ids, id)]);
}

/* Empties the slot of @id and moves up those behind it that it stood in the way of. */
static void forget(struct window_ids *ids, struct window_id id)
{
	const size_t mask = ids->n_slots - 1;
	size_t hole, at;

	if (is_zero(id)) {
		ids->holds_zero = false;
		return;
	}
	if (ids->n_slots == 0)
		return;
	hole = slot_of(ids, id);
	if (is_zero(ids->slots[hole]))
		return;
	for (at = (hole + 1) & mask; !is_zero(ids->slots[at]); at = (at + 1) & mask) {
		size_t home = home_of(ids, ids->slots[at]);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue; /* it stands between its home and the hole: the hole is no help */
		ids->slots[hole] = ids->slots[at];
		hole = at;
	}
	ids->slots[hole] = (struct window_id){0};
	ids->n_used--;
}

int window_ids_retire(struct window_ids *ids, struct window_id id)
{
	size_t at;

	if (!ids->retired) {
		ids->retired = calloc(WINDOW_IDS_RETIRED_MAX, sizeof(*ids->retired));
		if (!ids->retired) {
			forget(ids, id);
			return -ENOMEM;
		}
	}
	at = (ids->first_retired + ids->n_retired) % WINDOW_IDS_RETIRED_MAX;
	if (ids->n_retired == WINDOW_IDS_RETIRED_MAX) {
		forget(ids, ids->retired[at]);
		ids->first_retired = (ids->first_retired + 1) % WINDOW_IDS_RETIRED_MAX;
		ids->n_retired--;
	}
	ids->retired[at] = id;
	ids->n_retired++;
	return 0;
}

void window_ids_encode(const struct window_ids *ids, struct bytes *out)
{
	unsigned char id[ID_BYTES], crc[CRC_BYTES];

	bytes_append(out, FILE_MAGIC, MAGIC_BYTES);
	for (size_t i = 0; i < ids->n_retired; i++) {
		size_t at = (ids->first_retired + i) % WINDOW_IDS_RETIRED_MAX;

		put_le64(id, ids->retired[at].instance);
		put_le64(id + 8, ids->retired[at].sequence);
		bytes_append(out, id, sizeof(id));
	}
	if (out->error)
		return;
	put_le32(crc, (uint32_t)crc32(0, out->data, (uInt)out->n_bytes));
	bytes_append(out, crc, sizeof(crc));
}

int window_ids_decode(struct window_ids *ids, const unsigned char *data, size_t n_bytes)
{
	const unsigned char *end;
	int r = 0;

	if (n_bytes < MAGIC_BYTES + CRC_BYTES || memcmp(data, FILE_MAGIC, MAGIC_BYTES) != 0 ||
	    (n_bytes - MAGIC_BYTES - CRC_BYTES) % ID_BYTES != 0)
		return WINDOW_IDS_DAMAGED;
	end = data + n_bytes - CRC_BYTES;
	if ((uint32_t)crc32(0, data, (uInt)(n_bytes - CRC_BYTES)) != get_le32(end))
		return WINDOW_IDS_DAMAGED;
	for (const unsigned char *at = data + MAGIC_BYTES; at < end && r == 0; at += ID_BYTES) {
		struct window_id id = {get_le64(at), get_le64(at + 8)};

		r = window_ids_add(ids, id);
		if (r == 0)
			r = window_ids_retire(ids, id);
	}
	return r;
}
