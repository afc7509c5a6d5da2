#include "batch.h"

#include <errno.h>

void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_records; i++) {
		wire_arena_deinit(&batch->arenas[i]);
		bytes_deinit(&batch->frames[i]);
	}
	batch->n_records = 0;
	batch->n_items = 0;
}

bool batch_item_is_behind(const struct batch_item *item, const struct spool_cursor *cursor)
{
	if (item->at.sequence != cursor->sequence)
		return item->at.sequence < cursor->sequence;
	return item->at.part < cursor->part;
}

/* What a server counts of @part. Foreign numbers: the sum must not wrap. */
static uint64_t uncompressed_bytes(const struct wire_part *part)
{
	uint64_t n_bytes;

	if (__builtin_add_overflow(part->uncompressed_bytes, part->labels.n_bytes, &n_bytes))
		return UINT64_MAX;
	return n_bytes;
}

static bool fits(const struct batch_limits *room, const struct wire_part *part)
{
	return part->pprof_gz.n_bytes <= room->n_bytes &&
	       uncompressed_bytes(part) <= room->uncompressed_bytes;
}

/* Takes @part out of @room, in which the first of a batch need not fit. */
static void occupy(struct batch_limits *room, const struct wire_part *part)
{
	bool has_room = fits(room, part);

	room->n_parts--;
	room->n_bytes = has_room ? room->n_bytes - part->pprof_gz.n_bytes : 0;
	room->uncompressed_bytes =
		has_room ? room->uncompressed_bytes - uncompressed_bytes(part) : 0;
}

/*
 * Adds the parts of a decoded record from @cursor on, while there is room. Moves @cursor behind the
 * last part that was added, and returns whether that was the record's last.
 */
static bool add_parts(struct batch *batch, const struct wire_profile *profile,
		      struct batch_limits *room, struct spool_cursor *cursor)
{
	for (size_t i = cursor->part; i < profile->n_parts; i++) {
		const struct wire_part *part = &profile->parts[i];
		struct batch_item *item = &batch->items[batch->n_items];

		if (room->n_parts == 0 || (batch->n_items > 0 && !fits(room, part)))
			return false;
		occupy(room, part);
		*item = (struct batch_item){.at = *cursor,
					    .window = profile->window,
					    .time_wall_ns = profile->time_wall_ns,
					    .part = *part};
		cursor->part++;
		cursor->n_part_samples += part->n_samples;
		cursor->n_part_bytes += part->pprof_gz.n_bytes;
		if (cursor->part == profile->n_parts)
			*cursor = (struct spool_cursor){.sequence = cursor->sequence + 1};
		item->behind = *cursor;
		batch->n_items++;
	}
	return true;
}

/* Reads and decodes the record of @entry into the batch's next place. */
static int take_record(struct batch *batch, struct spool *spool, const struct spool_entry *entry,
		       struct wire_profile *ret_profile)
{
	struct bytes *frame = &batch->frames[batch->n_records];
	struct wire_arena *arena = &batch->arenas[batch->n_records];
	struct wire_profile profile;
	int r;

	*frame = (struct bytes)BYTES_INIT(SPOOL_PAYLOAD_BYTES_MAX);
	*arena = (struct wire_arena){0};
	batch->n_records++;
	r = spool_read(spool, entry, frame);
	if (r < 0)
		return r;
	if (r == SPOOL_DAMAGED)
		return BATCH_DAMAGED;
	r = wire_decode_profile(frame->data, frame->n_bytes, arena, &profile);
	if (r < 0)
		return r;
	if (r != 0 || profile.n_parts != entry->record.n_parts || profile.n_parts == 0)
		return BATCH_DAMAGED;
	*ret_profile = profile;
	return 0;
}

static int gather(struct batch *batch, struct spool *spool, size_t reader, struct batch_limits room)
{
	struct spool_cursor cursor = spool_reader(spool, reader)->cursor;
	struct wire_profile profile;
	struct spool_entry entry;
	int r;

	if (!spool_find(spool, cursor.sequence, &entry))
		return BATCH_EMPTY;
	do {
		if (entry.record.sequence != cursor.sequence)
			cursor = (struct spool_cursor){.sequence = entry.record.sequence};
		r = take_record(batch, spool, &entry, &profile);
		if (r != 0)
			return batch->n_items > 0 ? 0 : r; /* it comes first in the next batch */
		if (!add_parts(batch, &profile, &room, &cursor))
			return 0;
	} while (batch->n_records < BATCH_RECORDS_MAX && room.n_parts > 0 &&
		 spool_find(spool, cursor.sequence, &entry) &&
		 entry.record.n_payload_bytes <= room.n_bytes); /* a record is in memory whole */
	return 0;
}

int batch_gather(struct batch *batch, struct spool *spool, size_t reader,
		 const struct batch_limits *limits)
{
	struct batch_limits room = *limits;
	int r;

	if (room.n_parts > BATCH_PARTS_MAX)
		room.n_parts = BATCH_PARTS_MAX;
	batch_clear(batch);
	r = gather(batch, spool, reader, room);
	if (r != 0)
		batch_clear(batch);
	return r;
}
