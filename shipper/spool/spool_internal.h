#pragma once
/* The spool from within: shared by spool.c (running) and spool_recovery.c (opening). */
#include "spool/spool.h"
#include "spool/window_ids.h"

#define SPOOL_SEGMENT_SUFFIX ".seg"
#define SPOOL_NEWER_SUFFIX   ".newer"
#define SPOOL_CURSOR_PREFIX  "cursor-"
#define SPOOL_IDS_NAME       "windows"
#define SPOOL_IDS_BYTES_MAX  (WINDOW_IDS_RETIRED_MAX * 16u + 64u)

struct spool_segment {
	uint64_t first_sequence; /* also its file's name */
	uint64_t end;            /* bytes of the file that count */
	uint64_t n_charged;
	uint64_t oldest_wall_ns;
	uint64_t newest_wall_ns;
	size_t n_entries;
};

struct spool {
	struct spool_options options;
	const struct spool_files *files;
	struct spool_state state;
	struct window_ids ids;
	uint64_t next_sequence;

	/* In order of sequence; the entries of the first segment come first. */
	struct spool_entry *entries; /* owned */
	size_t n_entries;
	size_t entries_capacity;
	struct spool_segment *segments; /* owned */
	size_t n_segments;
	size_t segments_capacity;
	int active_fd; /* of the last segment while it may be appended to; else -1 */

	struct spool_reader readers[SPOOL_READERS_MAX];
	char *keys[SPOOL_READERS_MAX]; /* owned; NULL: no such reader */
};

void spool_segment_name(uint64_t first_sequence, char ret_name[SPOOL_NAME_BYTES]);

/* Make room for one more, so that adding it cannot fail. 0 or -ENOMEM. */
int spool_reserve_entry(struct spool *spool) warn_unused_result;
int spool_reserve_segment(struct spool *spool) warn_unused_result;

/* Adds what was reserved, at the end. */
void spool_add_segment(struct spool *spool, uint64_t first_sequence);
void spool_add_entry(struct spool *spool, const struct spool_record *record, uint64_t offset);

/* Reads everything in the directory. Returns 0 or a negative errno. */
int spool_recover(struct spool *spool) warn_unused_result;
