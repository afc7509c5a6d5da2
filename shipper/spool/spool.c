#include "spool/spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define ROTATE_PARTS 8 /* a segment is closed after this part of the age: whole ones must age */

void spool_segment_name(uint64_t first_sequence, char ret_name[SPOOL_NAME_BYTES])
{
	(void)snprintf(ret_name, SPOOL_NAME_BYTES, "%020" PRIu64 SPOOL_SEGMENT_SUFFIX,
		       first_sequence);
}

static void cursor_name(const char *key, char ret_name[SPOOL_NAME_BYTES])
{
	(void)snprintf(ret_name, SPOOL_NAME_BYTES, SPOOL_CURSOR_PREFIX "%016" PRIx64,
		       hash_bytes(0, key, strlen(key)));
}

/* Makes room in an array of @item_bytes each for one more than @n. */
static int reserve(void **items, size_t *capacity, size_t n, size_t item_bytes)
{
	size_t more = *capacity ? 2 * *capacity : 64;
	void *grown;

	if (n < *capacity)
		return 0;
	/* What is in the spool bounds both arrays. */
	grown = reallocarray(*items, more, item_bytes);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = more;
	return 0;
}

int spool_reserve_entry(struct spool *spool)
{
	return reserve((void **)&spool->entries, &spool->entries_capacity, spool->n_entries,
		       sizeof(*spool->entries));
}

int spool_reserve_segment(struct spool *spool)
{
	return reserve((void **)&spool->segments, &spool->segments_capacity, spool->n_segments,
		       sizeof(*spool->segments));
}

void spool_add_segment(struct spool *spool, uint64_t first_sequence)
{
	spool->segments[spool->n_segments++] = (struct spool_segment){
		.first_sequence = first_sequence,
		.end = SPOOL_SEGMENT_HEADER_BYTES,
		.oldest_wall_ns = UINT64_MAX,
	};
}

static uint64_t record_bytes(const struct spool_record *record)
{
	return SPOOL_RECORD_HEADER_BYTES + (uint64_t)record->n_payload_bytes;
}

static uint64_t charge_of(const struct spool_record *record)
{
	uint64_t n_bytes = record_bytes(record);

	return n_bytes < SPOOL_RECORD_CHARGE_MIN ? SPOOL_RECORD_CHARGE_MIN : n_bytes;
}

void spool_add_entry(struct spool *spool, const struct spool_record *record, uint64_t offset)
{
	struct spool_segment *segment = &spool->segments[spool->n_segments - 1];

	spool->entries[spool->n_entries++] = (struct spool_entry){
		.record = *record,
		.segment = segment->first_sequence,
		.offset = offset,
	};
	segment->n_entries++;
	segment->end = offset + record_bytes(record);
	segment->n_charged += charge_of(record);
	if (record->time_wall_ns < segment->oldest_wall_ns)
		segment->oldest_wall_ns = record->time_wall_ns;
	if (record->time_wall_ns > segment->newest_wall_ns)
		segment->newest_wall_ns = record->time_wall_ns;
	spool->state.n_bytes += charge_of(record);
}

/* The position in entries of the first record at or behind @sequence. */
static size_t lower_bound(const struct spool *spool, uint64_t sequence)
{
	size_t lo = 0, hi = spool->n_entries;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (spool->entries[mid].record.sequence < sequence)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void amount_add(struct spool_amount *sum, const struct spool_record *record)
{
	sum->n_samples += record->n_samples;
	sum->n_profiles += record->n_parts;
	sum->n_bytes += record->n_profile_bytes;
}

/* Takes away what @cursor has done of the record that it stands in, which is part of @sum. */
static void amount_subtract_done(struct spool_amount *sum, const struct spool_cursor *cursor)
{
	sum->n_samples -= cursor->n_part_samples;
	sum->n_profiles -= cursor->part;
	sum->n_bytes -= cursor->n_part_bytes;
}

/* What @reader has before it among the first @n_entries records. */
static struct spool_amount amount_ahead(const struct spool *spool,
					const struct spool_reader *reader, size_t n_entries)
{
	struct spool_amount sum = {0};
	size_t first = lower_bound(spool, reader->cursor.sequence);

	for (size_t i = first; i < n_entries; i++)
		amount_add(&sum, &spool->entries[i].record);
	if (first < n_entries && spool->entries[first].record.sequence == reader->cursor.sequence)
		amount_subtract_done(&sum, &reader->cursor);
	return sum;
}

struct spool_amount spool_held(const struct spool *spool, size_t reader)
{
	return amount_ahead(spool, &spool->readers[reader], spool->n_entries);
}

static void close_active(struct spool *spool)
{
	if (spool->active_fd >= 0)
		spool->files->close(spool->files->context, spool->active_fd);
	spool->active_fd = -1;
}

/* Writes the ids of what left the spool, before their records go. */
static void save_ids(struct spool *spool)
{
	struct bytes out = BYTES_INIT(SPOOL_IDS_BYTES_MAX);
	int r;

	window_ids_encode(&spool->ids, &out);
	r = out.error;
	if (r == 0)
		r = spool_files_replace(spool->files, SPOOL_IDS_NAME, out.data, out.n_bytes);
	if (r < 0)
		spool->state.n_unsaved++;
	bytes_deinit(&out);
}

/* Removes the oldest segment and its records. Readers are beyond it already. */
static void remove_oldest(struct spool *spool)
{
	struct spool_segment oldest = spool->segments[0];
	char name[SPOOL_NAME_BYTES];

	if (spool->n_segments == 1)
		close_active(spool);
	for (size_t i = 0; i < oldest.n_entries; i++)
		if (window_ids_retire(&spool->ids, spool->entries[i].record.window) < 0)
			spool->state.n_unsaved++;
	save_ids(spool); /* and go on if it could not: a full disk needs this segment gone */
	spool_segment_name(oldest.first_sequence, name);
	(void)spool->files->unlink(spool->files->context, name); /* else the next start does */

	spool->n_entries -= oldest.n_entries;
	memmove(spool->entries, spool->entries + oldest.n_entries,
		spool->n_entries * sizeof(*spool->entries));
	spool->n_segments--;
	memmove(spool->segments, spool->segments + 1, spool->n_segments * sizeof(*spool->segments));
	spool->state.n_bytes -= oldest.n_charged;
}

/* Drops the oldest segment, whoever still needed it. */
static void drop_oldest(struct spool *spool, enum spool_drop reason)
{
	size_t n_entries = spool->segments[0].n_entries;
	uint64_t behind = spool->entries[n_entries - 1].record.sequence + 1;

	for (size_t i = 0; i < SPOOL_READERS_MAX; i++) {
		struct spool_reader *reader = &spool->readers[i];
		struct spool_amount lost;

		if (!spool->keys[i] || reader->cursor.sequence >= behind)
			continue;
		lost = amount_ahead(spool, reader, n_entries);
		reader->dropped[reason].n_samples += lost.n_samples;
		reader->dropped[reason].n_profiles += lost.n_profiles;
		reader->dropped[reason].n_bytes += lost.n_bytes;
		reader->cursor = (struct spool_cursor){.sequence = behind};
	}
	remove_oldest(spool);
}

/* Removes the segments that every reader has passed, but for the one that is being written. */
static void trim(struct spool *spool)
{
	uint64_t passed = spool->next_sequence;

	for (size_t i = 0; i < SPOOL_READERS_MAX; i++)
		if (spool->keys[i] && spool->readers[i].cursor.sequence < passed)
			passed = spool->readers[i].cursor.sequence;
	while (spool->n_segments > 0) {
		size_t n_entries = spool->segments[0].n_entries;

		if (spool->n_segments == 1 && spool->active_fd >= 0)
			return;
		if (spool->entries[n_entries - 1].record.sequence >= passed)
			return;
		remove_oldest(spool);
	}
}

/* Starts a new segment, durable in its directory before anything is written behind its header. */
static int open_segment(struct spool *spool)
{
	unsigned char header[SPOOL_SEGMENT_HEADER_BYTES];
	char name[SPOOL_NAME_BYTES];
	int fd, r;

	r = spool_reserve_segment(spool);
	if (r < 0)
		return r;
	spool_segment_name(spool->next_sequence, name);
	spool_segment_encode(spool->next_sequence, header);
	fd = spool->files->open(spool->files->context, name, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0) {
		spool->next_sequence++; /* whatever stands in the way is not in it the next time */
		return fd;
	}
	r = spool_files_write_all(spool->files, fd, header, sizeof(header), 0);
	if (r == 0)
		r = spool->files->sync_directory(spool->files->context);
	if (r < 0) {
		spool->files->close(spool->files->context, fd);
		(void)spool->files->unlink(spool->files->context, name); /* empty: no harm done */
		spool->next_sequence++;
		return r;
	}
	spool_add_segment(spool, spool->next_sequence);
	spool->active_fd = fd;
	return 0;
}

/* Never to be written again. What is behind its last good record was not acknowledged. */
static void abandon_active(struct spool *spool)
{
	struct spool_segment *segment = &spool->segments[spool->n_segments - 1];
	char name[SPOOL_NAME_BYTES];

	(void)spool->files->truncate(spool->files->context, spool->active_fd, segment->end);
	close_active(spool);
	if (segment->n_entries > 0)
		return;
	spool_segment_name(segment->first_sequence, name);
	(void)spool->files->unlink(spool->files->context, name); /* else the next start does */
	spool->n_segments--;
}

/*
 * Tries once to append at the end of the active segment.
 *   @ret_sync_failed  set always: whether it was the sync that failed
 */
static int write_record(struct spool *spool, struct spool_record *record, const void *payload,
			bool *ret_sync_failed)
{
	unsigned char header[SPOOL_RECORD_HEADER_BYTES];
	uint64_t offset;
	int r;

	*ret_sync_failed = false;
	if (spool->active_fd < 0) {
		r = open_segment(spool);
		if (r < 0)
			return r;
	}
	offset = spool->segments[spool->n_segments - 1].end;
	record->sequence = spool->next_sequence++; /* never used again, whatever comes of it */
	spool_record_encode(record, payload, header);
	r = spool_files_write_all(spool->files, spool->active_fd, header, sizeof(header), offset);
	if (r == 0)
		r = spool_files_write_all(spool->files, spool->active_fd, payload,
					  record->n_payload_bytes, offset + sizeof(header));
	if (r == 0) {
		r = spool->files->sync(spool->files->context, spool->active_fd);
		*ret_sync_failed = r < 0;
	}
	if (r < 0) {
		abandon_active(spool);
		return r;
	}
	spool_add_entry(spool, record, offset);
	return 0;
}

static void make_room(struct spool *spool, uint64_t n_more)
{
	while (spool->n_segments > 0 && spool->state.n_bytes + n_more > spool->options.bytes_max)
		drop_oldest(spool, SPOOL_DROP_FULL);
	if (spool->active_fd >= 0) {
		struct spool_segment *active = &spool->segments[spool->n_segments - 1];

		if (active->n_charged > 0 &&
		    active->n_charged + n_more > spool->options.segment_bytes)
			close_active(spool);
	}
}

static void count_appended(struct spool *spool, const struct spool_record *record)
{
	spool->state.n_appended++;
	spool->state.n_samples_appended += record->n_samples;
	for (size_t i = 0; i < SPOOL_READERS_MAX; i++)
		if (spool->keys[i])
			amount_add(&spool->readers[i].spooled, record);
}

int spool_append(struct spool *spool, const struct spool_record *record, const void *payload)
{
	struct spool_record placed = *record;
	bool sync_failed;
	int r;

	if (window_ids_contain(&spool->ids, record->window)) {
		spool->state.n_repeats++;
		return SPOOL_KNOWN;
	}
	if (record->n_payload_bytes > SPOOL_PAYLOAD_BYTES_MAX)
		return -EMSGSIZE;
	r = spool_reserve_entry(spool);
	if (r == 0)
		r = window_ids_reserve(&spool->ids);
	if (r < 0)
		return r;
	make_room(spool, charge_of(record));
	r = write_record(spool, &placed, payload, &sync_failed);
	if (r < 0 && sync_failed) {
		spool->state.n_sync_failures++;
		r = write_record(spool, &placed, payload, &sync_failed);
	}
	spool->state.append_error = r;
	if (r < 0) {
		spool->state.n_sync_failures += sync_failed;
		spool->state.n_write_failures += !sync_failed;
		spool->state.n_refused++;
		return r;
	}
	r = window_ids_add(&spool->ids, record->window);
	count_appended(spool, record);
	trim(spool); /* what was the active segment may have been passed by all */
	return r;
}

bool spool_find(const struct spool *spool, uint64_t sequence, struct spool_entry *ret_entry)
{
	size_t at = lower_bound(spool, sequence);

	if (at == spool->n_entries)
		return false;
	*ret_entry = spool->entries[at];
	return true;
}

static int read_record(struct spool *spool, const struct spool_entry *entry, unsigned char *data,
		       size_t n_bytes)
{
	char name[SPOOL_NAME_BYTES];
	size_t n_read = 0;
	ssize_t n = 1;
	int fd;

	spool_segment_name(entry->segment, name);
	fd = spool->files->open(spool->files->context, name, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT ? SPOOL_DAMAGED : fd;
	while (n > 0 && n_read < n_bytes) {
		n = spool->files->read_at(spool->files->context, fd, data + n_read,
					  n_bytes - n_read, entry->offset + n_read);
		n_read += n > 0 ? (size_t)n : 0;
	}
	spool->files->close(spool->files->context, fd);
	if (n == -EIO)
		return SPOOL_DAMAGED; /* a bad place of the disk: waiting does not heal it */
	if (n < 0)
		return (int)n;
	return n_read == n_bytes ? 0 : SPOOL_DAMAGED;
}

int spool_read(struct spool *spool, const struct spool_entry *entry, struct bytes *out)
{
	size_t n_bytes = (size_t)record_bytes(&entry->record);
	cleanup_with(free_freep) unsigned char *data = malloc(n_bytes); /* bounded when appended */
	struct spool_record record;
	int r;

	if (!data)
		return -ENOMEM;
	r = read_record(spool, entry, data, n_bytes);
	if (r != 0)
		return r;
	if (spool_record_parse(data, n_bytes, &record) != 0 ||
	    record.sequence != entry->record.sequence ||
	    record.n_payload_bytes != entry->record.n_payload_bytes)
		return SPOOL_DAMAGED;
	bytes_clear(out);
	bytes_append(out, data + SPOOL_RECORD_HEADER_BYTES, record.n_payload_bytes);
	return out->error;
}

/* Reads the cursor of @key back; one that is lost or makes no sense costs repeats, no more. */
static int load_cursor(struct spool *spool, const char *key, struct spool_cursor *ret_cursor)
{
	cleanup_with(free_freep) unsigned char *data = NULL;
	struct spool_cursor cursor = {0};
	struct spool_entry entry;
	char name[SPOOL_NAME_BYTES];
	size_t n_bytes;
	int r;

	cursor_name(key, name);
	r = spool_files_load(spool->files, name, SPOOL_CURSOR_BYTES_MAX, &data, &n_bytes);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && spool_cursor_decode(data, n_bytes, key, &cursor) != 0)
		spool->state.n_damaged++;
	if (cursor.sequence > spool->next_sequence) /* it could not be read when the spool opened */
		cursor.sequence = spool->next_sequence;
	if (!spool_find(spool, cursor.sequence, &entry) ||
	    entry.record.sequence != cursor.sequence || cursor.part >= entry.record.n_parts ||
	    cursor.n_part_samples > entry.record.n_samples ||
	    cursor.n_part_bytes > entry.record.n_profile_bytes)
		cursor = (struct spool_cursor){.sequence = cursor.sequence};
	*ret_cursor = cursor;
	return 0;
}

int spool_reader_add(struct spool *spool, const char *key, size_t *ret_reader)
{
	struct spool_reader reader = {0};
	size_t at = 0;
	int r;

	while (at < SPOOL_READERS_MAX && spool->keys[at])
		at++;
	if (at == SPOOL_READERS_MAX || strlen(key) > SPOOL_KEY_BYTES_MAX)
		return -E2BIG;
	r = load_cursor(spool, key, &reader.cursor);
	if (r < 0)
		return r;
	reader.spooled = amount_ahead(spool, &reader, spool->n_entries);
	spool->keys[at] = strdup(key);
	if (!spool->keys[at])
		return -ENOMEM;
	spool->readers[at] = reader;
	*ret_reader = at;
	return 0;
}

void spool_reader_remove(struct spool *spool, size_t reader)
{
	char name[SPOOL_NAME_BYTES];

	cursor_name(spool->keys[reader], name);
	/* It may never have been written; one that stays is where the same key would go on. */
	(void)spool->files->unlink(spool->files->context, name);
	free(spool->keys[reader]);
	spool->keys[reader] = NULL;
	trim(spool);
}

const struct spool_reader *spool_reader(const struct spool *spool, size_t reader)
{
	return &spool->readers[reader];
}

void spool_advance(struct spool *spool, size_t reader, const struct spool_cursor *cursor)
{
	struct bytes out = BYTES_INIT(SPOOL_CURSOR_BYTES_MAX);
	char name[SPOOL_NAME_BYTES];
	int r;

	spool->readers[reader].cursor = *cursor;
	cursor_name(spool->keys[reader], name);
	spool_cursor_encode(cursor, spool->keys[reader], &out);
	r = out.error;
	if (r == 0)
		r = spool_files_replace(spool->files, name, out.data, out.n_bytes);
	if (r < 0)
		spool->state.n_unsaved++;
	bytes_deinit(&out);
	trim(spool);
}

void spool_pass_damaged(struct spool *spool, size_t reader)
{
	struct spool_amount *dropped = &spool->readers[reader].dropped[SPOOL_DROP_DAMAGED];
	struct spool_cursor *cursor = &spool->readers[reader].cursor;
	struct spool_entry entry;

	if (!spool_find(spool, cursor->sequence, &entry))
		return;
	amount_add(dropped, &entry.record);
	if (entry.record.sequence == cursor->sequence)
		amount_subtract_done(dropped, cursor);
	spool->state.n_damaged++;
	spool_advance(spool, reader, &(struct spool_cursor){.sequence = entry.record.sequence + 1});
}

void spool_expire(struct spool *spool, uint64_t now_wall_ns)
{
	const uint64_t age_max_ns = spool->options.age_max_ns;

	if (spool->active_fd >= 0) {
		struct spool_segment *active = &spool->segments[spool->n_segments - 1];

		if (active->oldest_wall_ns < now_wall_ns &&
		    now_wall_ns - active->oldest_wall_ns > age_max_ns / ROTATE_PARTS)
			close_active(spool);
	}
	trim(spool);
	while (spool->n_segments > 0 && spool->segments[0].newest_wall_ns < now_wall_ns &&
	       now_wall_ns - spool->segments[0].newest_wall_ns > age_max_ns)
		drop_oldest(spool, SPOOL_DROP_AGED);
}

struct spool_state spool_state(const struct spool *spool)
{
	struct spool_state state = spool->state;

	state.n_records = spool->n_entries;
	state.n_segments = spool->n_segments;
	return state;
}

int spool_open(const struct spool_options *options, struct spool **ret_spool)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool)
		return -ENOMEM;
	spool->options = *options;
	spool->files = options->files;
	spool->next_sequence = 1;
	spool->active_fd = -1;
	r = spool_recover(spool);
	if (r < 0) {
		spool_close(spool);
		return r;
	}
	*ret_spool = spool;
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	close_active(spool);
	for (size_t i = 0; i < SPOOL_READERS_MAX; i++)
		free(spool->keys[i]);
	window_ids_deinit(&spool->ids);
	free(spool->entries);
	free(spool->segments);
	free(spool);
}
