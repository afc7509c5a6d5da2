/*
 * WINDOW: the largest message and the hot one. Objects and locations come before the stacks that
 * point to them, so that every index is checked as it is read. The minima below are what one
 * element takes at least on the wire; they bound the memory of a hostile window by its length.
 */
#include "wire/parts.h"

#define LOCATION_WIRE_BYTES_MIN 4u
#define STACK_WIRE_BYTES_MIN    4u
#define PROCESS_WIRE_BYTES_MIN  4u
#define TARGET_WIRE_BYTES_MIN   4u

static void pack_location(struct bytes *out, const struct wire_location *location)
{
	pack_array(out, 3);
	pack_uint(out, location->kind);
	if (location->object_index == LOCATION_NO_OBJECT)
		pack_nil(out); /* one byte instead of five */
	else
		pack_uint(out, location->object_index);
	pack_uint(out, location->value);
}

static struct wire_location unpack_location(struct unpacker *u, size_t n_objects)
{
	struct wire_location location = {.object_index = LOCATION_NO_OBJECT};

	unpack_tuple(u, 3);
	location.kind = (uint8_t)unpack_uint(u, 0, UINT8_MAX);
	if (!unpack_optional_nil(u))
		location.object_index = unpack_u32(u);
	if (location.object_index != LOCATION_NO_OBJECT && location.object_index >= n_objects)
		unpack_fail(u);
	location.value = unpack_u64(u);
	return location;
}

static void pack_stack(struct bytes *out, const struct wire_stack *stack)
{
	pack_array(out, 3);
	pack_uint(out, stack->count);
	pack_uint(out, stack->flags);
	pack_array(out, stack->n_locations);
	for (uint32_t i = 0; i < stack->n_locations; i++)
		pack_uint(out, stack->locations[i]);
}

static struct wire_stack unpack_stack(struct unpacker *u, struct wire_arena *arena,
				      size_t n_locations)
{
	struct wire_stack stack = {0};
	uint32_t *locations;
	size_t n;

	unpack_tuple(u, 3);
	stack.count = unpack_u64(u);
	stack.flags = unpack_u32(u);
	locations = unpack_array(u, arena, 1, sizeof(*locations), &n);
	if (n > 0 && n_locations == 0)
		unpack_fail(u);
	for (size_t i = 0; i < n; i++)
		locations[i] = (uint32_t)unpack_uint(u, 0, n_locations - 1);
	stack.n_locations = (uint32_t)n; /* an array's count has at most 32 bits */
	stack.locations = locations;
	return stack;
}

static void pack_process(struct bytes *out, const struct wire_process *process)
{
	pack_array(out, 2);
	pack_bytes(out, process->comm);
	pack_array(out, process->n_stacks);
	for (size_t i = 0; i < process->n_stacks; i++)
		pack_stack(out, &process->stacks[i]);
}

static struct wire_process unpack_process(struct unpacker *u, struct wire_arena *arena,
					  size_t n_locations)
{
	struct wire_process process = {0};
	struct wire_stack *stacks;

	unpack_tuple(u, 2);
	process.comm = unpack_bytes(u, SIZE_MAX);
	stacks = unpack_array(u, arena, STACK_WIRE_BYTES_MIN, sizeof(*stacks), &process.n_stacks);
	for (size_t i = 0; i < process.n_stacks; i++)
		stacks[i] = unpack_stack(u, arena, n_locations);
	process.stacks = stacks;
	return process;
}

static void pack_target(struct bytes *out, const struct wire_target *target)
{
	pack_array(out, 2);
	pack_bytes(out, target->labels);
	pack_array(out, target->n_processes);
	for (size_t i = 0; i < target->n_processes; i++)
		pack_process(out, &target->processes[i]);
}

static struct wire_target unpack_target(struct unpacker *u, struct wire_arena *arena,
					size_t n_locations)
{
	struct wire_target target = {0};
	struct wire_process *processes;

	unpack_tuple(u, 2);
	target.labels = unpack_bytes(u, SIZE_MAX);
	processes = unpack_array(u, arena, PROCESS_WIRE_BYTES_MIN, sizeof(*processes),
				 &target.n_processes);
	for (size_t i = 0; i < target.n_processes; i++)
		processes[i] = unpack_process(u, arena, n_locations);
	target.processes = processes;
	return target;
}

void wire_encode_window(struct bytes *out, const struct wire_window *m)
{
	pack_head(out, MESSAGE_WINDOW, 10);
	pack_window_id(out, &m->id);
	pack_bool(out, m->name_nothing);
	pack_uint(out, m->time_wall_ns);
	pack_uint(out, m->duration_ns);
	pack_uint(out, m->period_ns);
	pack_uint(out, m->demangle);
	pack_cache_limits(out, &m->caches);
	pack_array(out, m->n_objects);
	for (size_t i = 0; i < m->n_objects; i++)
		pack_object(out, &m->objects[i]);
	pack_array(out, m->n_locations);
	for (size_t i = 0; i < m->n_locations; i++)
		pack_location(out, &m->locations[i]);
	pack_array(out, m->n_targets);
	for (size_t i = 0; i < m->n_targets; i++)
		pack_target(out, &m->targets[i]);
}

static void unpack_window_arrays(struct unpacker *u, struct wire_arena *arena,
				 struct wire_window *m)
{
	struct wire_object *objects;
	struct wire_location *locations;
	struct wire_target *targets;

	objects = unpack_array(u, arena, OBJECT_WIRE_BYTES_MIN, sizeof(*objects), &m->n_objects);
	for (size_t i = 0; i < m->n_objects; i++)
		objects[i] = unpack_object(u);
	locations = unpack_array(u, arena, LOCATION_WIRE_BYTES_MIN, sizeof(*locations),
				 &m->n_locations);
	for (size_t i = 0; i < m->n_locations; i++)
		locations[i] = unpack_location(u, m->n_objects);
	targets = unpack_array(u, arena, TARGET_WIRE_BYTES_MIN, sizeof(*targets), &m->n_targets);
	for (size_t i = 0; i < m->n_targets; i++)
		targets[i] = unpack_target(u, arena, m->n_locations);
	m->objects = objects;
	m->locations = locations;
	m->targets = targets;
}

int wire_decode_window(const void *frame, size_t n_bytes, struct wire_arena *arena,
		       struct wire_window *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_WINDOW, 10);
	struct wire_window m = {0};
	int r;

	m.id = unpack_window_id(&u);
	m.name_nothing = unpack_bool(&u);
	m.time_wall_ns = unpack_u64(&u);
	m.duration_ns = unpack_u64(&u);
	m.period_ns = unpack_u64(&u);
	m.demangle = (uint8_t)unpack_uint(&u, DEMANGLE_NONE, DEMANGLE_FULL);
	m.caches = unpack_cache_limits(&u);
	unpack_window_arrays(&u, arena, &m);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}
