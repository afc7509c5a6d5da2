#include "wire/unpack.h"

#include <errno.h>

#include "wire/arena.h"

/* The first bytes of msgpack's shapes, from its specification. */
enum shape {
	SHAPE_FIXINT_MAX = 0x7f,
	SHAPE_FIXARRAY = 0x90,
	SHAPE_FIXARRAY_MAX = 0x9f,
	SHAPE_NIL = 0xc0,
	SHAPE_FALSE = 0xc2,
	SHAPE_TRUE = 0xc3,
	SHAPE_BIN8 = 0xc4,
	SHAPE_BIN32 = 0xc6,
	SHAPE_UINT8 = 0xcc,
	SHAPE_UINT64 = 0xcf,
	SHAPE_ARRAY16 = 0xdc,
	SHAPE_ARRAY32 = 0xdd,
};

static size_t left_bytes(const struct unpacker *u)
{
	return (size_t)(u->end - u->at);
}

static void fail_with(struct unpacker *u, int error)
{
	if (!u->error)
		u->error = error;
	u->at = u->end;
}

void unpack_fail(struct unpacker *u)
{
	fail_with(u, MESSAGE_GARBLED);
}

/* Consumes the first byte of a value. At the end it fails and gives 0xc1, which no shape uses. */
static unsigned next_shape(struct unpacker *u)
{
	if (u->at == u->end) {
		unpack_fail(u);
		return 0xc1;
	}
	return *u->at++;
}

static uint64_t next_big_endian(struct unpacker *u, size_t n_bytes)
{
	uint64_t value = 0;

	if (n_bytes > left_bytes(u)) {
		unpack_fail(u);
		return 0;
	}
	for (size_t i = 0; i < n_bytes; i++)
		value = value << 8 | *u->at++;
	return value;
}

struct unpacker unpack_begin(const void *data, size_t n_bytes)
{
	static const unsigned char nothing[1];
	const unsigned char *at = n_bytes > 0 ? data : nothing;

	return (struct unpacker){.at = at, .end = at + n_bytes};
}

struct unpacker unpack_frame(const void *frame, size_t n_bytes, enum message_id id, size_t n_fields)
{
	struct unpacker u = unpack_begin(frame, n_bytes);

	unpack_tuple(&u, n_fields + 1);
	(void)unpack_uint(&u, id, id); /* the value is known; a mismatch is kept in the unpacker */
	return u;
}

int unpack_end(const struct unpacker *u)
{
	if (u->error)
		return u->error;
	return u->at == u->end ? 0 : MESSAGE_GARBLED;
}

void unpack_tuple(struct unpacker *u, size_t n_elements)
{
	if (unpack_count(u, 0) != n_elements)
		unpack_fail(u);
}

size_t unpack_count(struct unpacker *u, size_t element_bytes_min)
{
	unsigned shape = next_shape(u);
	uint64_t n = 0;

	if (shape >= SHAPE_FIXARRAY && shape <= SHAPE_FIXARRAY_MAX)
		n = shape - SHAPE_FIXARRAY;
	else if (shape == SHAPE_ARRAY16 || shape == SHAPE_ARRAY32)
		n = next_big_endian(u, shape == SHAPE_ARRAY16 ? 2 : 4);
	else
		unpack_fail(u);
	if (element_bytes_min > 0 && n > left_bytes(u) / element_bytes_min) {
		unpack_fail(u);
		return 0;
	}
	return (size_t)n;
}

void *unpack_array(struct unpacker *u, struct wire_arena *arena, size_t element_bytes_min,
		   size_t element_bytes, size_t *ret_n_elements)
{
	size_t n = unpack_count(u, element_bytes_min);
	void *elements = NULL;

	if (n > 0) {
		elements = arena_take(arena, n, element_bytes); /* n is bounded by the frame */
		if (!elements) {
			fail_with(u, -ENOMEM);
			n = 0;
		}
	}
	*ret_n_elements = n;
	return elements;
}

uint64_t unpack_uint(struct unpacker *u, uint64_t min, uint64_t max)
{
	unsigned shape = next_shape(u);
	uint64_t value = 0;

	if (shape <= SHAPE_FIXINT_MAX)
		value = shape;
	else if (shape >= SHAPE_UINT8 && shape <= SHAPE_UINT64)
		value = next_big_endian(u, (size_t)1 << (shape - SHAPE_UINT8));
	else
		unpack_fail(u);
	if (value < min || value > max)
		unpack_fail(u);
	return u->error ? 0 : value;
}

bool unpack_bool(struct unpacker *u)
{
	unsigned shape = next_shape(u);

	if (shape != SHAPE_FALSE && shape != SHAPE_TRUE)
		unpack_fail(u);
	return shape == SHAPE_TRUE;
}

void unpack_nil(struct unpacker *u)
{
	if (next_shape(u) != SHAPE_NIL)
		unpack_fail(u);
}

bool unpack_optional_nil(struct unpacker *u)
{
	if (u->at == u->end || *u->at != SHAPE_NIL)
		return false;
	u->at++;
	return true;
}

struct wire_bytes unpack_bytes(struct unpacker *u, size_t n_bytes_max)
{
	unsigned shape = next_shape(u);
	struct wire_bytes bytes = {0};
	uint64_t n = 0;

	if (shape >= SHAPE_BIN8 && shape <= SHAPE_BIN32)
		n = next_big_endian(u, (size_t)1 << (shape - SHAPE_BIN8));
	else
		unpack_fail(u);
	if (n > left_bytes(u) || n > n_bytes_max) {
		unpack_fail(u);
		return bytes;
	}
	bytes = (struct wire_bytes){.data = u->at, .n_bytes = (size_t)n};
	u->at += n;
	return bytes;
}
