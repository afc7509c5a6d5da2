/* OBJECT_READ and OBJECT_OPEN, and their answers. */
#include "wire/parts.h"

void wire_encode_object_read(struct bytes *out, const struct wire_object_read *m)
{
	pack_head(out, MESSAGE_OBJECT_READ, 3);
	pack_uint(out, m->object);
	pack_uint(out, m->offset);
	pack_uint(out, m->n_bytes);
}

int wire_decode_object_read(const void *frame, size_t n_bytes, struct wire_object_read *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_OBJECT_READ, 3);
	struct wire_object_read m;
	int r;

	m.object = unpack_u64(&u);
	/* An off_t, and so is the end of the range: its reader need not think of overflow. */
	m.offset = unpack_uint(&u, 0, INT64_MAX - OBJECT_READ_BYTES_MAX);
	m.n_bytes = (uint32_t)unpack_uint(&u, 1, OBJECT_READ_BYTES_MAX);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

void wire_encode_object_bytes(struct bytes *out, const void *data, size_t n_bytes)
{
	pack_head(out, MESSAGE_OBJECT_BYTES, 1);
	pack_bytes(out, (struct wire_bytes){.data = data, .n_bytes = n_bytes});
}

int wire_decode_object_bytes(const void *frame, size_t n_bytes, struct wire_bytes *ret_bytes)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_OBJECT_BYTES, 1);
	struct wire_bytes bytes = unpack_bytes(&u, OBJECT_READ_BYTES_MAX);
	int r = unpack_end(&u);

	if (r == 0)
		*ret_bytes = bytes;
	return r;
}

void wire_encode_object_open(struct bytes *out, const struct wire_object_open *m)
{
	pack_head(out, MESSAGE_OBJECT_OPEN, 3);
	pack_uint(out, m->object);
	pack_uint(out, m->kind);
	pack_bytes(out, m->name);
}

int wire_decode_object_open(const void *frame, size_t n_bytes, struct wire_object_open *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_OBJECT_OPEN, 3);
	struct wire_object_open m;
	int r;

	m.object = unpack_u64(&u);
	m.kind = (enum object_open_kind)unpack_uint(&u, OBJECT_OPEN_BUILD_ID,
						    OBJECT_OPEN_HOST_GLOBAL_DEBUG);
	m.name = unpack_bytes(&u, OBJECT_OPEN_NAME_BYTES_MAX);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

void wire_encode_object_opened(struct bytes *out, const struct wire_object *object)
{
	pack_head(out, MESSAGE_OBJECT_OPENED, 1);
	pack_object(out, object);
}

int wire_decode_object_opened(const void *frame, size_t n_bytes, struct wire_object *ret_object)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_OBJECT_OPENED, 1);
	struct wire_object object = unpack_object(&u);
	int r = unpack_end(&u);

	if (r == 0)
		*ret_object = object;
	return r;
}
