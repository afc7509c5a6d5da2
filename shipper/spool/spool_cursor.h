#pragma once
/*
 * Where a reader of the spool stands, and the bytes of the small file that says so. Pure functions.
 *
 * A cursor stands before a part of a record, because a request may end within one. What was done of
 * that record is kept with it, so that the books can go on without reading the record.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SPOOL_KEY_BYTES_MAX    16384u
#define SPOOL_CURSOR_BYTES_MAX (SPOOL_KEY_BYTES_MAX + 64u)

struct spool_cursor {
	uint64_t sequence;       /* of the first record that is not done */
	uint32_t part;           /* its first part that is not done */
	uint64_t n_part_samples; /* of its parts before that one */
	uint64_t n_part_bytes;
};

/* Appends the file's bytes to @out. @key says whose it is; it is read back and compared. */
void spool_cursor_encode(const struct spool_cursor *cursor, const char *key, struct bytes *out);

/*
 * Reads @n_bytes of a file back.
 *   @key  whose it must be, or NULL for anybody's
 * Returns 0 or SPOOL_CURSOR_DAMAGED.
 */
enum spool_cursor_outcome { SPOOL_CURSOR_DAMAGED = 1 };

int spool_cursor_decode(const unsigned char *data, size_t n_bytes, const char *key,
			struct spool_cursor *ret_cursor) warn_unused_result;
