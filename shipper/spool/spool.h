#pragma once
/*
 * What was acknowledged and is not yet everywhere: an append-only log on disk, read by one cursor
 * an endpoint.
 *
 * spool_append() returns 0 only when the record would survive a power cut. A record leaves the
 * spool when every reader's cursor passed it, or, a whole segment at a time and counted for each
 * reader that had not seen it, when the spool would exceed its bytes or its age. A repeated window
 * is recognised as long as it is in the spool and well after (window_ids.h).
 *
 * A file whose sync failed is never written or synced again: the kernel may have marked lost pages
 * as clean, and a second sync would lie. The record goes into a new segment, once; else the append
 * fails and the sender keeps it.
 *
 * One thread. Wall-clock times are arguments: nothing in here reads a clock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "spool/spool_cursor.h"
#include "spool/spool_files.h"
#include "spool/spool_record.h"

#define SPOOL_SEGMENT_BYTES (16u << 20)
#define SPOOL_BYTES_DEFAULT (UINT64_C(512) << 20)
#define SPOOL_BYTES_MIN     (UINT64_C(40) << 20) /* two of the longest records, and a bit */
#define SPOOL_AGE_MAX_NS    (UINT64_C(55) * 60 * 1000000000) /* servers take one hour */
#define SPOOL_READERS_MAX   64u

/* What a tiny record counts for: bounds their number, too. */
#define SPOOL_RECORD_CHARGE_MIN 4096u

struct spool_options {
	const struct spool_files *files; /* borrowed until spool_close() */
	uint64_t bytes_max;
	uint64_t age_max_ns;
	uint64_t segment_bytes; /* at most SPOOL_SEGMENT_BYTES */
};

struct spool_amount {
	uint64_t n_samples;
	uint64_t n_profiles; /* parts */
	uint64_t n_bytes;    /* of gzip'd pprof */
};

enum spool_drop {
	SPOOL_DROP_FULL,    /* the oldest segment made room */
	SPOOL_DROP_AGED,    /* older than any server would take */
	SPOOL_DROP_DAMAGED, /* it could not be read back */
	N_SPOOL_DROPS,
};

/* One endpoint's view. spooled = what it advanced over + sum(dropped) + spool_held(). */
struct spool_reader {
	struct spool_cursor cursor;  /* what is done: everything before it */
	struct spool_amount spooled; /* found at start or appended since */
	struct spool_amount dropped[N_SPOOL_DROPS];
};

/* One record's place. A value; it stays true until its record leaves the spool. */
struct spool_entry {
	struct spool_record record;
	uint64_t segment; /* its first sequence */
	uint64_t offset;
};

struct spool_state {
	size_t n_records;
	size_t n_segments;
	uint64_t n_bytes; /* as charged against bytes_max */
	uint64_t n_appended;
	uint64_t n_samples_appended;
	uint64_t n_samples_found; /* in the spool when it was opened */
	uint64_t n_repeats;       /* appends of known windows */
	uint64_t n_refused;       /* appends that the disk refused */
	int append_error;         /* of the last append; 0: the spool can be written */
	uint64_t n_sync_failures;
	uint64_t n_write_failures;
	uint64_t n_torn_bytes; /* cut off segments when the spool was opened */
	uint64_t n_damaged;    /* places skipped then, and records that could not be read since */
	uint64_t n_segments_newer; /* moved aside then */
	uint64_t n_unsaved;        /* cursors or window ids that could not be written: repeats, if
				    * the process dies before the next one */
};

struct spool; /* opaque */

/* Opens what is there, repairing it. *@ret_spool is owned: spool_close(). 0 or a negative errno. */
int spool_open(const struct spool_options *options, struct spool **ret_spool) warn_unused_result;

void spool_close(struct spool *spool); /* NULL is fine */

/* What spool_append() found. */
enum spool_outcome {
	SPOOL_KNOWN = 1, /* the window was taken in before: nothing to do */
	SPOOL_DAMAGED,   /* spool_read(): the bytes are not what was appended */
};

/*
 * Appends a record and makes it durable. Of @record, the sequence is ignored.
 *   @payload  borrowed; record->n_payload_bytes of it, at most SPOOL_PAYLOAD_BYTES_MAX
 * Returns 0, SPOOL_KNOWN, or a negative errno: then the record is not in it.
 */
int spool_append(struct spool *spool, const struct spool_record *record,
		 const void *payload) warn_unused_result;

/* Fills in the first record at or behind @sequence and returns true, or returns false. */
bool spool_find(const struct spool *spool, uint64_t sequence, struct spool_entry *ret_entry);

/* Replaces the content of @out by the payload of @entry. 0, a negative errno, SPOOL_DAMAGED. */
int spool_read(struct spool *spool, const struct spool_entry *entry,
	       struct bytes *out) warn_unused_result;

/*
 * Adds the reader called @key (borrowed for the call; at most SPOOL_KEY_BYTES_MAX), which goes on
 * where it was, or starts at the oldest record. Returns 0 or a negative errno.
 */
int spool_reader_add(struct spool *spool, const char *key, size_t *ret_reader) warn_unused_result;

/* Forgets @reader and its cursor, for good: its number is void, what it alone needed may go. */
void spool_reader_remove(struct spool *spool, size_t reader);

const struct spool_reader *spool_reader(const struct spool *spool, size_t reader);

/* Moves the cursor of @reader forward and saves it; records that all have passed may go. */
void spool_advance(struct spool *spool, size_t reader, const struct spool_cursor *cursor);

/* Passes over what @reader has not done of the record at its cursor, counting it as damaged. */
void spool_pass_damaged(struct spool *spool, size_t reader);

/* What is in the spool that @reader has not passed. Walks over all records. */
struct spool_amount spool_held(const struct spool *spool, size_t reader);

/* Drops what is too old. Call every few seconds. */
void spool_expire(struct spool *spool, uint64_t now_wall_ns);

struct spool_state spool_state(const struct spool *spool);
