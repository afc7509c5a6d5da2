/* PROFILE, its answer STORED, and STATS: what the shipper receives of a symbolizer. */
#include <errno.h>

#include "wire/arena.h"
#include "wire/parts.h"

#define PART_WIRE_BYTES_MIN 7u

static void pack_part(struct bytes *out, const struct wire_part *part)
{
	pack_array(out, 4);
	pack_bytes(out, part->labels);
	pack_bytes(out, part->pprof_gz);
	pack_uint(out, part->n_samples);
	pack_uint(out, part->uncompressed_bytes);
}

static struct wire_part unpack_part(struct unpacker *u)
{
	struct wire_part part;

	unpack_tuple(u, 4);
	part.labels = unpack_bytes(u, SIZE_MAX);
	part.pprof_gz = unpack_bytes(u, SIZE_MAX);
	part.n_samples = unpack_u64(u);
	part.uncompressed_bytes = unpack_u64(u);
	return part;
}

void wire_encode_profile(struct bytes *out, const struct wire_profile *m)
{
	pack_head(out, MESSAGE_PROFILE, 3);
	pack_window_id(out, &m->window);
	pack_uint(out, m->time_wall_ns);
	pack_array(out, m->n_parts);
	for (size_t i = 0; i < m->n_parts; i++)
		pack_part(out, &m->parts[i]);
}

int wire_decode_profile(const void *frame, size_t n_bytes, struct wire_arena *arena,
			struct wire_profile *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_PROFILE, 3);
	struct wire_profile m;
	struct wire_part *parts;
	int r;

	m.window = unpack_window_id(&u);
	m.time_wall_ns = unpack_u64(&u);
	m.n_parts = unpack_count(&u, PART_WIRE_BYTES_MIN);
	if (m.n_parts > PROFILE_PARTS_MAX)
		return MESSAGE_GARBLED;
	parts = arena_take(arena, m.n_parts, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < m.n_parts; i++)
		parts[i] = unpack_part(&u);
	m.parts = parts;
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

void wire_encode_stored(struct bytes *out, const struct wire_stored *m)
{
	pack_head(out, MESSAGE_STORED, 2);
	pack_window_id(out, &m->window);
	pack_bool(out, m->was_known);
}

int wire_decode_stored(const void *frame, size_t n_bytes, struct wire_stored *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_STORED, 2);
	struct wire_stored m;
	int r;

	m.window = unpack_window_id(&u);
	m.was_known = unpack_bool(&u);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

void wire_encode_stats(struct bytes *out, const struct wire_stats *m)
{
	pack_head(out, MESSAGE_STATS, 2);
	pack_uint(out, m->worker);
	pack_counters(out, m->counters, m->n_counters);
}

int wire_decode_stats(const void *frame, size_t n_bytes, struct wire_arena *arena,
		      struct wire_stats *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_STATS, 2);
	struct wire_stats m;
	int r;

	m.worker = unpack_u64(&u);
	m.counters = unpack_counters(&u, arena, &m.n_counters);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}
