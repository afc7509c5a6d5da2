/*
 * Opening a spool, whatever happened to it.
 *
 * Records count when their crc does. What cannot be a record at a segment's end was never
 * acknowledged (torn) and is cut off; in the middle it is skipped and counted. A record whose
 * window has left the spool is of a segment that was about to be removed: it is passed over.
 * Nothing is ever appended to a segment found here, so it does not matter what state its end is in.
 *
 * Of two records of one window the earlier is an append whose sync failed and whose bytes survived;
 * it may be behind cursors that stand in the later, acknowledged one. So segments are read from the
 * newest to the oldest, and the first that is found counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spool/spool_internal.h"

/* More than a segment ever holds: it may be one record over its bound. */
#define SEGMENT_LOAD_BYTES_MAX (SPOOL_SEGMENT_BYTES + SPOOL_PAYLOAD_BYTES_MAX + (1u << 20))
#define FOUND_MAX              (1u << 20)

struct found {
	uint64_t *sequences; /* owned; of segments, by their names */
	size_t n_sequences;
	size_t capacity;
	struct spool *spool;
};

static int by_value(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* A cursor's file, whoever's: sequences that it has passed must never be given out again. */
static int learn_cursor(struct spool *spool, const char *name)
{
	cleanup_with(free_freep) unsigned char *data = NULL;
	struct spool_cursor cursor;
	size_t n_bytes;
	int r;

	r = spool_files_load(spool->files, name, SPOOL_CURSOR_BYTES_MAX, &data, &n_bytes);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (spool_cursor_decode(data, n_bytes, NULL, &cursor) == 0 &&
	    cursor.sequence >= spool->next_sequence)
		spool->next_sequence = cursor.sequence;
	return 0;
}

static int by_segment(const void *left, const void *right)
{
	const struct spool_segment *a = left, *b = right;

	return by_value(&a->first_sequence, &b->first_sequence);
}

static int by_place(const void *left, const void *right)
{
	const struct spool_entry *a = left, *b = right;
	int order = by_value(&a->segment, &b->segment);

	return order ? order : by_value(&a->offset, &b->offset);
}

static bool is_segment_name(const char *name, uint64_t *ret_sequence)
{
	char expected[SPOOL_NAME_BYTES];
	uint64_t sequence;

	if (sscanf(name, "%20" SCNu64, &sequence) != 1 || sequence == 0 ||
	    sequence > UINT64_MAX / 2)
		return false;
	spool_segment_name(sequence, expected);
	*ret_sequence = sequence;
	return strcmp(name, expected) == 0;
}

static int note_name(void *argument, const char *name)
{
	struct found *found = argument;
	uint64_t sequence;

	if (strncmp(name, SPOOL_CURSOR_PREFIX, strlen(SPOOL_CURSOR_PREFIX)) == 0)
		return learn_cursor(found->spool, name);
	if (!is_segment_name(name, &sequence))
		return 0;
	if (found->n_sequences == found->capacity) {
		size_t capacity = found->capacity ? 2 * found->capacity : 64;
		uint64_t *grown;

		if (capacity > FOUND_MAX)
			return -EOVERFLOW;
		grown = reallocarray(found->sequences, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		found->sequences = grown;
		found->capacity = capacity;
	}
	found->sequences[found->n_sequences++] = sequence;
	return 0;
}

static int note_record(void *argument, const struct spool_record *record, uint64_t offset)
{
	struct spool *spool = argument;
	int r;

	if (record->sequence >= spool->next_sequence)
		spool->next_sequence = record->sequence + 1;
	if (window_ids_contain(&spool->ids, record->window))
		return 0;
	r = spool_reserve_entry(spool);
	if (r == 0)
		r = window_ids_add(&spool->ids, record->window);
	if (r < 0)
		return r;
	spool_add_entry(spool, record, offset);
	spool->state.n_samples_found += record->n_samples;
	return 0;
}

/* Cuts @name down to @n_bytes, for good if the disk lets us: if not, the next start tries again. */
static void cut_tail(struct spool *spool, const char *name, uint64_t n_bytes)
{
	int fd = spool->files->open(spool->files->context, name, O_RDWR);

	if (fd < 0)
		return;
	if (spool->files->truncate(spool->files->context, fd, n_bytes) == 0)
		(void)spool->files->sync(spool->files->context, fd);
	spool->files->close(spool->files->context, fd);
}

static void set_aside(struct spool *spool, const char *name)
{
	char aside[SPOOL_NAME_BYTES + sizeof(SPOOL_NEWER_SUFFIX)];

	(void)snprintf(aside, sizeof(aside), "%s" SPOOL_NEWER_SUFFIX, name);
	(void)spool->files->rename(spool->files->context, name, aside); /* else again next time */
	spool->state.n_segments_newer++;
}

static int recover_segment(struct spool *spool, uint64_t sequence)
{
	cleanup_with(free_freep) unsigned char *data = NULL;
	struct spool_scan scan = {0};
	struct spool_image image;
	char name[SPOOL_NAME_BYTES];
	size_t n_bytes;
	int r;

	spool_segment_name(sequence, name);
	if (sequence >= spool->next_sequence)
		spool->next_sequence = sequence + 1;
	r = spool_reserve_segment(spool);
	if (r == 0)
		r = spool_files_load(spool->files, name, SEGMENT_LOAD_BYTES_MAX, &data, &n_bytes);
	if (r < 0)
		return r;
	spool_add_segment(spool, sequence);
	image = (struct spool_image){data, n_bytes, sequence};
	r = spool_scan_segment(&image, note_record, spool, &scan);
	if (r < 0)
		return r;
	if (r == SPOOL_RECORD_NEWER)
		set_aside(spool, name);
	spool->state.n_damaged += scan.n_damaged;
	spool->state.n_torn_bytes += r == 0 ? n_bytes - scan.good_end : 0;
	if (spool->segments[spool->n_segments - 1].n_entries == 0) {
		spool->n_segments--;
		if (r == 0)
			(void)spool->files->unlink(spool->files->context, name);
	} else if (scan.good_end < n_bytes) {
		cut_tail(spool, name, scan.good_end);
	}
	return 0;
}

static int recover_ids(struct spool *spool)
{
	cleanup_with(free_freep) unsigned char *data = NULL;
	size_t n_bytes;
	int r;

	r = spool_files_load(spool->files, SPOOL_IDS_NAME, SPOOL_IDS_BYTES_MAX, &data, &n_bytes);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = window_ids_decode(&spool->ids, data, n_bytes);
	if (r == WINDOW_IDS_DAMAGED) {
		spool->state.n_damaged++; /* costs the memory of repeats, no record */
		return 0;
	}
	return r;
}

int spool_recover(struct spool *spool)
{
	struct found found = {.spool = spool};
	int r;

	r = spool->files->list(spool->files->context, note_name, &found);
	if (r == 0)
		r = recover_ids(spool);
	if (r == 0 && found.n_sequences > 0)
		qsort(found.sequences, found.n_sequences, sizeof(*found.sequences), by_value);
	for (size_t i = found.n_sequences; r == 0 && i > 0; i--)
		r = recover_segment(spool, found.sequences[i - 1]);
	if (spool->n_segments > 1) {
		qsort(spool->segments, spool->n_segments, sizeof(*spool->segments), by_segment);
		qsort(spool->entries, spool->n_entries, sizeof(*spool->entries), by_place);
	}
	free(found.sequences);
	return r;
}
