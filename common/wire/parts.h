#pragma once
/* Structs that travel inside more than one message. Internal to wire/. */
#include <stddef.h>

#include "wire/pack.h"
#include "wire/unpack.h"
#include "wire/wire.h"

/* What an array may be: bytes that an element takes on the wire, at least, and in memory. */
struct array_shape {
	size_t wire_bytes_min;
	size_t element_bytes;
	size_t n_max;
};

void pack_window_id(struct bytes *out, const struct window_id *id);
struct window_id unpack_window_id(struct unpacker *u);

void pack_cache_limits(struct bytes *out, const struct wire_cache_limits *limits);
struct wire_cache_limits unpack_cache_limits(struct unpacker *u);

#define OBJECT_WIRE_BYTES_MIN 9u /* on the wire: an array head, six numbers, two bytes of name */

void pack_object(struct bytes *out, const struct wire_object *object);
struct wire_object unpack_object(struct unpacker *u);

void pack_counters(struct bytes *out, const struct wire_counter *counters, size_t n_counters);
const struct wire_counter *unpack_counters(struct unpacker *u, struct wire_arena *arena,
					   size_t *ret_n_counters);

#define PROCESS_STATUS_WIRE_BYTES_MIN 7u

void pack_process_status(struct bytes *out, const struct process_status *status);
struct process_status unpack_process_status(struct unpacker *u);

/* An array as unpack_array() reads it, of at most @n_max elements. */
void *unpack_array_of(struct unpacker *u, struct wire_arena *arena, const struct array_shape *shape,
		      size_t *ret_n_elements);
