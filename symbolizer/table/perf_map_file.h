#pragma once
/*
 * The perf-PID.map of one process, as far as it was read: what was appended since is all that is
 * read of it again.
 *
 * A file that grew is taken to have been appended to when its first bytes and those before the old
 * end are what they were; one that changed otherwise is read again, whole. Of one that is larger
 * than PERF_MAP_TEXT_BYTES_MAX that much of its end is read: what lies there is said last.
 */
#include "elf/object_image.h"
#include "table/perf_map.h"

/* Where reading stands. A zeroed one has read nothing. */
struct perf_map_file {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t change_time_ns;
	uint64_t n_read_bytes; /* up to there all whole lines are in the table */
	uint64_t head_hash;    /* of its first bytes */
	uint64_t tail_hash;    /* of the last that were read */
};

enum perf_map_file_outcome {
	PERF_MAP_FILE_SAME = 1, /* there is nothing new: the table stands */
	PERF_MAP_FILE_NONE,     /* no file, not the process's own, or it cannot be read now */
	PERF_MAP_FILE_TOO_BIG,
};

/* A table built anew, and what that took. */
struct perf_map_made {
	void *block; /* owned by whoever takes it, free(); NULL: there is none */
	size_t n_bytes;
	uint64_t n_fetched_bytes;
};

/*
 * Reads what is new of @object's file, and builds the table anew.
 *   @object    an OBJECT_CODE; borrowed for the call
 *   @before    the table made when @file was read last (borrowed); NULL: @file is zeroed
 *   @file      moves on with what was read, on 0 only
 *   @ret_made  always set; the block on 0 only
 * Returns 0, a negative errno or an outcome.
 */
int perf_map_file_read(const struct wire_object *object, const struct object_reader *reader,
		       const struct symbol_table *before, struct perf_map_file *file,
		       struct perf_map_made *ret_made) warn_unused_result;
