#include "endpoints/batch.h"

#include <errno.h>

#include "endpoints/routes.h"

void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_records; i++) {
		wire_arena_deinit(&batch->arenas[i]);
		bytes_deinit(&batch->frames[i]);
	}
	batch->n_records = 0;
	batch->n_items = 0;
	batch->n_passed = 0;
}

bool batch_is_behind(const struct spool_cursor *at, const struct spool_cursor *cursor)
{
	if (at->sequence != cursor->sequence)
		return at->sequence < cursor->sequence;
	return at->part < cursor->part;
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

/* Moves @cursor behind the next part of @profile. */
static void step_over(const struct wire_profile *profile, struct spool_cursor *cursor)
{
	const struct wire_part *part = &profile->parts[cursor->part];

	cursor->part++;
	cursor->n_part_samples += part->n_samples;
	cursor->n_part_bytes += part->pprof_gz.n_bytes;
	if (cursor->part == profile->n_parts)
		*cursor = (struct spool_cursor){.sequence = cursor->sequence + 1};
}

/* Adds the part at @cursor or passes it, and moves @cursor behind it; false when it has no room. */
static bool add_part(struct batch *batch, const struct wire_profile *profile,
		     struct batch_limits *room, bool is_passed, struct spool_cursor *cursor)
{
	const struct wire_part *part = &profile->parts[cursor->part];
	struct batch_item *item = &batch->items[batch->n_items];
	struct batch_passed *passed = &batch->passed[batch->n_passed];

	if (is_passed) {
		if (batch->n_passed == BATCH_PARTS_MAX)
			return false;
		*passed = (struct batch_passed){.at = *cursor,
						.n_samples = part->n_samples,
						.n_bytes = part->pprof_gz.n_bytes};
		step_over(profile, cursor);
		passed->behind = *cursor;
		batch->n_passed++;
		return true;
	}
	if (room->n_parts == 0 || (batch->n_items > 0 && !fits(room, part)))
		return false;
	occupy(room, part);
	*item = (struct batch_item){.at = *cursor,
				    .window = profile->window,
				    .time_wall_ns = profile->time_wall_ns,
				    .part = *part};
	step_over(profile, cursor);
	item->behind = *cursor;
	batch->n_items++;
	return true;
}

/*
 * Adds the parts of a decoded record from @cursor on, while there is room, and moves @cursor behind
 * the last of them. Returns 1 when that was the record's last, 0 when it was not, or -ENOMEM.
 */
static int add_parts(struct batch *batch, const struct wire_profile *profile,
		     struct batch_limits *room, struct spool_cursor *cursor)
{
	for (size_t i = cursor->part; i < profile->n_parts; i++) {
		int is_ours = route_includes(profile->parts[i].labels, room->route);

		if (is_ours < 0)
			return is_ours;
		if (!add_part(batch, profile, room, is_ours == 0, cursor))
			return 0;
	}
	return 1;
}

/* Lets go of the record that was taken last, of which nothing is in the batch. */
static void forget_record(struct batch *batch)
{
	batch->n_records--;
	wire_arena_deinit(&batch->arenas[batch->n_records]);
	bytes_deinit(&batch->frames[batch->n_records]);
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
	size_t n_before;
	int r;

	if (!spool_find(spool, cursor.sequence, &entry))
		return BATCH_EMPTY;
	do {
		n_before = batch->n_items;
		if (entry.record.sequence != cursor.sequence)
			cursor = (struct spool_cursor){.sequence = entry.record.sequence};
		r = take_record(batch, spool, &entry, &profile);
		if (r == 0)
			r = add_parts(batch, &profile, &room, &cursor);
		else if (batch->n_items + batch->n_passed > 0)
			return 0; /* it comes first in the next batch */
		else
			return r;
		if (r <= 0)
			return r;
		if (batch->n_items == n_before)
			forget_record(batch);
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
