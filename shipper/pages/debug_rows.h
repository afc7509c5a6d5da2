#pragma once
/*
 * JSON of what others said, within bounds: rows that are counted in bytes, text that is made UTF-8.
 * Internal to debug_*.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct json_t; /* jansson.h; include it first */

/* An array on its way, and how many bytes it may still take. */
struct debug_rows {
	struct json_t *array; /* owned, until taken; NULL without memory */
	size_t left_bytes;
	bool is_truncated;
};

struct debug_rows debug_rows_begin(size_t bytes_max);

/* Appends @row (consumed; NULL: no memory), or lets it go when it does not fit: nothing that comes
 * after it is appended then, so that what is left is the beginning. */
void debug_rows_add(struct debug_rows *rows, struct json_t *row);

/* Text of foreign bytes. */
struct json_t *debug_text(struct wire_bytes bytes);

/* A count; what JSON's readers could not tell apart is at its largest. */
struct json_t *debug_count(uint64_t value);

/* An id, in 16 digits of hex. */
struct json_t *debug_id(uint64_t value);

/* The same for any number of bytes; of more than 64 the first. */
struct json_t *debug_hex(struct wire_bytes bytes);

/* A label set, without the labels that are of the shipper's own making, as an object. */
struct json_t *debug_labels(struct wire_bytes labels);

/* What a process of ours may do, as the kernel has it. */
struct json_t *debug_status(const struct process_status *status);
