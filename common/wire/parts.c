#include "wire/parts.h"

#include "base/hash.h"

void pack_window_id(struct bytes *out, const struct window_id *id)
{
	pack_array(out, 2);
	pack_uint(out, id->instance);
	pack_uint(out, id->sequence);
}

struct window_id unpack_window_id(struct unpacker *u)
{
	struct window_id id;

	unpack_tuple(u, 2);
	id.instance = unpack_u64(u);
	id.sequence = unpack_u64(u);
	return id;
}

void pack_cache_limits(struct bytes *out, const struct wire_cache_limits *limits)
{
	pack_array(out, 3);
	pack_uint(out, limits->build_id_entries);
	pack_uint(out, limits->same_file_entries);
	pack_uint(out, limits->pid_entries);
}

struct wire_cache_limits unpack_cache_limits(struct unpacker *u)
{
	struct wire_cache_limits limits;

	unpack_tuple(u, 3);
	limits.build_id_entries = unpack_u32(u);
	limits.same_file_entries = unpack_u32(u);
	limits.pid_entries = unpack_u32(u);
	return limits;
}

void pack_object(struct bytes *out, const struct wire_object *object)
{
	pack_array(out, 7);
	pack_uint(out, object->id);
	pack_uint(out, object->kind);
	pack_uint(out, object->device);
	pack_uint(out, object->inode);
	pack_uint(out, object->size_bytes);
	pack_uint(out, object->change_time_ns);
	pack_bytes(out, object->name);
}

struct wire_object unpack_object(struct unpacker *u)
{
	struct wire_object object;

	unpack_tuple(u, 7);
	object.id = unpack_u64(u);
	object.kind = (enum object_kind)unpack_uint(u, OBJECT_FILE, OBJECT_CODE);
	object.device = unpack_u64(u);
	object.inode = unpack_u64(u);
	object.size_bytes = unpack_u64(u);
	object.change_time_ns = unpack_u64(u);
	object.name = unpack_bytes(u, SIZE_MAX);
	return object;
}

#define COUNTER_WIRE_BYTES_MIN 3u

void pack_counters(struct bytes *out, const struct wire_counter *counters, size_t n_counters)
{
	pack_array(out, n_counters);
	for (size_t i = 0; i < n_counters; i++) {
		pack_array(out, 2);
		pack_uint(out, counters[i].id);
		pack_uint(out, counters[i].value);
	}
}

const struct wire_counter *unpack_counters(struct unpacker *u, struct wire_arena *arena,
					   size_t *ret_n_counters)
{
	struct wire_counter *counters;

	counters =
		unpack_array(u, arena, COUNTER_WIRE_BYTES_MIN, sizeof(*counters), ret_n_counters);
	for (size_t i = 0; i < *ret_n_counters; i++) {
		unpack_tuple(u, 2);
		counters[i].id = unpack_u32(u);
		counters[i].value = unpack_u64(u);
	}
	return counters;
}

void pack_process_status(struct bytes *out, const struct process_status *status)
{
	pack_array(out, 6);
	pack_uint(out, status->pid);
	pack_uint(out, status->uid);
	pack_uint(out, status->permitted_caps);
	pack_uint(out, status->effective_caps);
	pack_uint(out, status->seccomp);
	pack_bool(out, status->no_new_privs);
}

struct process_status unpack_process_status(struct unpacker *u)
{
	struct process_status status;

	unpack_tuple(u, 6);
	status.pid = unpack_u32(u);
	status.uid = unpack_u32(u);
	status.permitted_caps = unpack_u64(u);
	status.effective_caps = unpack_u64(u);
	status.seccomp = (uint8_t)unpack_uint(u, 0, 2);
	status.no_new_privs = unpack_bool(u);
	return status;
}

void *unpack_array_of(struct unpacker *u, struct wire_arena *arena, const struct array_shape *shape,
		      size_t *ret_n_elements)
{
	struct unpacker head = *u;

	if (unpack_count(&head, shape->wire_bytes_min) > shape->n_max)
		unpack_fail(u);
	return unpack_array(u, arena, shape->wire_bytes_min, shape->element_bytes, ret_n_elements);
}

uint64_t wire_labels_hash(struct wire_bytes labels)
{
	return hash_bytes(0, labels.data, labels.n_bytes);
}

struct wire_bytes wire_shown_name(struct wire_bytes name)
{
	if (name.n_bytes <= SHOWN_NAME_BYTES_MAX)
		return name;
	return (struct wire_bytes){
		(const char *)name.data + name.n_bytes - SHOWN_NAME_BYTES_MAX,
		SHOWN_NAME_BYTES_MAX,
	};
}
