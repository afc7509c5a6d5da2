#pragma once
/*
 * A bounded cursor over msgpack that somebody else wrote. It reads only the five shapes that our
 * frames are made of, never recurses, and fails once: after the first failure every read gives zero
 * or nothing, so that a decoder reads straight through and asks at the end. Internal to wire/.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

struct unpacker {
	const unsigned char *at; /* borrowed, as is @end */
	const unsigned char *end;
	int error; /* 0, -ENOMEM or MESSAGE_GARBLED: the first failure, kept */
};

/* Starts at @data (borrowed while the unpacker is used, and by the bytes it hands out). */
struct unpacker unpack_begin(const void *data, size_t n_bytes);

/* Starts at a frame and reads its head, which must be @id with @n_fields. */
struct unpacker unpack_frame(const void *frame, size_t n_bytes, enum message_id id,
			     size_t n_fields);

/* Returns 0 when all was read and nothing is left over, else -ENOMEM or MESSAGE_GARBLED. */
int unpack_end(const struct unpacker *u) warn_unused_result;

/* Marks the input as garbled: for what only its decoder can know. */
void unpack_fail(struct unpacker *u);

/* Reads the head of an array of exactly @n_elements. */
void unpack_tuple(struct unpacker *u, size_t n_elements);

/* Reads the head of an array whose elements take at least @element_bytes_min each on the wire. */
size_t unpack_count(struct unpacker *u, size_t element_bytes_min);

/* The same, and takes memory for that many of @element_bytes from @arena (NULL for none). */
void *unpack_array(struct unpacker *u, struct wire_arena *arena, size_t element_bytes_min,
		   size_t element_bytes, size_t *ret_n_elements);

/* Reads an unsigned number from @min to @max, both inclusive. */
uint64_t unpack_uint(struct unpacker *u, uint64_t min, uint64_t max);

static inline uint64_t unpack_u64(struct unpacker *u)
{
	return unpack_uint(u, 0, UINT64_MAX);
}

static inline uint32_t unpack_u32(struct unpacker *u)
{
	return (uint32_t)unpack_uint(u, 0, UINT32_MAX);
}

bool unpack_bool(struct unpacker *u);
void unpack_nil(struct unpacker *u);

/* Consumes a nil when one is next, and says so. */
bool unpack_optional_nil(struct unpacker *u);

/* Reads at most @n_bytes_max bytes, borrowed from the frame. */
struct wire_bytes unpack_bytes(struct unpacker *u, size_t n_bytes_max);
