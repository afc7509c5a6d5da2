/*
 * The arrays grow before anything is added, for the worst that one sample can bring, so that adding
 * itself cannot fail half-way. A stack that stands there already is recognised by its locations:
 * those of equal stacks are equal numbers, because every location stands once.
 */
#include "window_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* What the fields of wire_window take in msgpack, at most: one byte of type and the value. */
#define UINT_BYTES_MAX    9u
#define COUNT_BYTES_MAX   5u
#define WINDOW_BYTES      128u
#define OBJECT_BYTES      (2 + 5 * UINT_BYTES_MAX + COUNT_BYTES_MAX)
#define TARGET_BYTES      (1 + 2 * COUNT_BYTES_MAX)
#define PROCESS_BYTES     (2 + COMM_BYTES + COUNT_BYTES_MAX)
#define STACK_BYTES       (1 + UINT_BYTES_MAX + 2 * COUNT_BYTES_MAX)
#define LOCATION_BYTES    (3 + COUNT_BYTES_MAX + UINT_BYTES_MAX)
#define STACK_FRAME_BYTES COUNT_BYTES_MAX

struct built_target {
	size_t labels_at;
	size_t n_labels_bytes;
	uint32_t n_processes;
	uint32_t first_process; /* in the encoder's order */
};

struct built_process {
	uint32_t target;
	uint32_t n_stacks;
	uint32_t next_stack; /* in the encoder's order */
	char comm[COMM_BYTES];
};

struct built_stack {
	uint32_t process;
	uint32_t flags;
	size_t locations_at; /* in stack_locations */
	uint32_t n_locations;
	uint64_t count;
};

/* How long msgpack writes @value. */
static size_t uint_bytes(uint64_t value)
{
	if (value < 0x80)
		return 1;
	if (value <= UINT8_MAX)
		return 2;
	if (value <= UINT16_MAX)
		return 3;
	return value <= UINT32_MAX ? COUNT_BYTES_MAX : UINT_BYTES_MAX;
}

static bool object_is(const void *owner, uint32_t item, const void *key)
{
	const struct window_builder *b = owner;

	return b->objects[item] == key;
}

static bool location_is(const void *owner, uint32_t item, const void *key)
{
	const struct window_builder *b = owner;
	const struct wire_location *at = &b->locations[item], *wanted = key;

	return at->kind == wanted->kind && at->object_index == wanted->object_index &&
	       at->value == wanted->value;
}

static bool target_is(const void *owner, uint32_t item, const void *key)
{
	const struct window_builder *b = owner;
	const struct built_target *at = &b->targets[item];
	const struct wire_bytes *labels = key;

	if (at->n_labels_bytes != labels->n_bytes)
		return false;
	return labels->n_bytes == 0 ||
	       memcmp(b->labels + at->labels_at, labels->data, labels->n_bytes) == 0;
}

static bool process_is(const void *owner, uint32_t item, const void *key)
{
	const struct window_builder *b = owner;
	const struct built_process *at = &b->processes[item], *wanted = key;

	return at->target == wanted->target &&
	       memcmp(at->comm, wanted->comm, sizeof(at->comm)) == 0;
}

/* The key's locations stand behind those of all stacks, where they stay if it is new. */
static bool stack_is(const void *owner, uint32_t item, const void *key)
{
	const struct window_builder *b = owner;
	const struct built_stack *at = &b->stacks[item], *wanted = key;

	return at->process == wanted->process && at->flags == wanted->flags &&
	       at->n_locations == wanted->n_locations &&
	       memcmp(b->stack_locations + at->locations_at,
		      b->stack_locations + wanted->locations_at,
		      at->n_locations * sizeof(*b->stack_locations)) == 0;
}

static uint32_t find_object(const struct window_builder *b, const struct object *object)
{
	return item_index_find(&b->object_index, hash_word(b->seed, (uintptr_t)object), object_is,
			       b, object);
}

static uint32_t find_target(const struct window_builder *b, const struct wire_bytes *labels)
{
	return item_index_find(&b->target_index, hash_bytes(b->seed, labels->data, labels->n_bytes),
			       target_is, b, labels);
}

size_t window_builder_empty_bytes(void)
{
	return WINDOW_BYTES;
}

size_t window_builder_cost(const struct window_builder *b, const struct window_sample *sample)
{
	size_t cost = PROCESS_BYTES + STACK_BYTES;
	const struct object *last = NULL;

	if (find_target(b, &sample->labels) == ITEM_NONE)
		cost += TARGET_BYTES + sample->labels.n_bytes;
	cost += sample->n_frames * (LOCATION_BYTES + STACK_FRAME_BYTES);
	for (size_t i = 0; i < sample->n_frames; i++) {
		const struct object *object = sample->frames[i].object;

		if (object && object != last && find_object(b, object) == ITEM_NONE)
			cost += OBJECT_BYTES + object->n_name_bytes;
		last = object;
	}
	return cost;
}

#define RESERVE(b, array, n_needed)                                                                \
	({                                                                                         \
		void *grown_ = item_array_reserve((b)->array, &(b)->array##_capacity, (n_needed),  \
						  sizeof(*(b)->array));                            \
		if (grown_)                                                                        \
			(b)->array = grown_;                                                       \
		grown_ != NULL;                                                                    \
	})

/* Room for one sample whose every part is new. */
static int reserve(struct window_builder *b, const struct window_sample *sample)
{
	size_t n = sample->n_frames;

	if (item_index_reserve(&b->object_index, n) < 0 ||
	    item_index_reserve(&b->location_index, n) < 0 ||
	    item_index_reserve(&b->target_index, 1) < 0 ||
	    item_index_reserve(&b->process_index, 1) < 0 ||
	    item_index_reserve(&b->stack_index, 1) < 0)
		return -ENOMEM;
	if (!RESERVE(b, objects, b->object_index.n_items + n) ||
	    !RESERVE(b, locations, b->location_index.n_items + n) ||
	    !RESERVE(b, targets, b->target_index.n_items + 1) ||
	    !RESERVE(b, processes, b->process_index.n_items + 1) ||
	    !RESERVE(b, stacks, b->stack_index.n_items + 1) ||
	    !RESERVE(b, stack_locations, b->n_stack_locations + n) ||
	    !RESERVE(b, labels, b->n_labels_bytes + sample->labels.n_bytes))
		return -ENOMEM;
	return 0;
}

static uint32_t intern_target(struct window_builder *b, const struct wire_bytes *labels)
{
	uint32_t item = find_target(b, labels);

	if (item != ITEM_NONE)
		return item;
	item = item_index_add(&b->target_index, hash_bytes(b->seed, labels->data, labels->n_bytes));
	b->targets[item] = (struct built_target){
		.labels_at = b->n_labels_bytes,
		.n_labels_bytes = labels->n_bytes,
	};
	if (labels->n_bytes > 0)
		memcpy(b->labels + b->n_labels_bytes, labels->data, labels->n_bytes);
	b->n_labels_bytes += labels->n_bytes;
	b->bytes_max += TARGET_BYTES + labels->n_bytes;
	return item;
}

static uint32_t intern_process(struct window_builder *b, uint32_t target, const char *comm)
{
	struct built_process wanted = {.target = target};
	uint64_t hash;
	uint32_t item;

	/* A name ends at its first NUL: what follows must not tell two of them apart. */
	memcpy(wanted.comm, comm, strnlen(comm, sizeof(wanted.comm)));
	hash = hash_bytes(hash_word(b->seed, target), wanted.comm, sizeof(wanted.comm));
	item = item_index_find(&b->process_index, hash, process_is, b, &wanted);
	if (item != ITEM_NONE)
		return item;
	item = item_index_add(&b->process_index, hash);
	b->processes[item] = wanted;
	b->targets[target].n_processes++;
	b->bytes_max += PROCESS_BYTES;
	return item;
}

static uint32_t intern_object(struct window_builder *b, struct object *object)
{
	uint32_t item;

	if (!object)
		return LOCATION_NO_OBJECT;
	item = find_object(b, object);
	if (item != ITEM_NONE)
		return item;
	item = item_index_add(&b->object_index, hash_word(b->seed, (uintptr_t)object));
	b->objects[item] = object_retain(object);
	b->bytes_max += OBJECT_BYTES + object->n_name_bytes;
	return item;
}

static uint32_t intern_location(struct window_builder *b, const struct window_frame *frame)
{
	struct wire_location wanted = {
		.kind = frame->kind,
		.object_index = intern_object(b, frame->object),
		.value = frame->value,
	};
	uint64_t hash = hash_word(b->seed, (uint64_t)wanted.object_index << 8 | wanted.kind);
	uint32_t item;

	hash = hash_word(hash, wanted.value);
	item = item_index_find(&b->location_index, hash, location_is, b, &wanted);
	if (item != ITEM_NONE)
		return item;
	item = item_index_add(&b->location_index, hash);
	b->locations[item] = wanted;
	b->bytes_max += 3 + uint_bytes(wanted.value); /* the array, and the kind */
	b->bytes_max += frame->object ? uint_bytes(wanted.object_index) : 1;
	return item;
}

int window_builder_add(struct window_builder *b, const struct window_sample *sample)
{
	struct built_stack wanted = {
		.flags = sample->stack_flags,
		.locations_at = b->n_stack_locations,
		.n_locations = (uint32_t)sample->n_frames,
	};
	uint64_t hash;
	uint32_t item;

	if (reserve(b, sample) < 0)
		return -ENOMEM;
	wanted.process = intern_process(b, intern_target(b, &sample->labels), sample->comm);
	hash = hash_word(b->seed, (uint64_t)wanted.process << 32 | wanted.flags);
	for (size_t i = 0; i < sample->n_frames; i++) {
		uint32_t location = intern_location(b, &sample->frames[i]);

		b->stack_locations[wanted.locations_at + i] = location;
		hash = hash_word(hash, location);
	}
	b->n_samples += sample->count;

	item = item_index_find(&b->stack_index, hash, stack_is, b, &wanted);
	if (item != ITEM_NONE) {
		b->stacks[item].count += sample->count;
		return 0;
	}
	wanted.count = sample->count;
	b->stacks[item_index_add(&b->stack_index, hash)] = wanted;
	b->processes[wanted.process].n_stacks++;
	b->bytes_max += STACK_BYTES;
	for (size_t i = 0; i < sample->n_frames; i++)
		b->bytes_max += uint_bytes(b->stack_locations[wanted.locations_at + i]);
	b->n_stack_locations += sample->n_frames;
	return 0;
}

/* The arrays of a wire_window, in one block. */
struct wire_arrays {
	struct wire_object *objects;
	struct wire_target *targets;
	struct wire_process *processes;
	struct wire_stack *stacks;
};

static void *wire_arrays_new(const struct window_builder *b, struct wire_arrays *ret_arrays)
{
	size_t n_objects_bytes = b->object_index.n_items * sizeof(struct wire_object);
	size_t n_targets_bytes = b->target_index.n_items * sizeof(struct wire_target);
	size_t n_processes_bytes = b->process_index.n_items * sizeof(struct wire_process);
	size_t n_stacks_bytes = b->stack_index.n_items * sizeof(struct wire_stack);
	char *block =
		malloc(1 + n_objects_bytes + n_targets_bytes + n_processes_bytes + n_stacks_bytes);

	if (!block)
		return NULL;
	ret_arrays->objects = (void *)block;
	ret_arrays->targets = (void *)(block + n_objects_bytes);
	ret_arrays->processes = (void *)(block + n_objects_bytes + n_targets_bytes);
	ret_arrays->stacks =
		(void *)(block + n_objects_bytes + n_targets_bytes + n_processes_bytes);
	return block;
}

struct wire_object window_describe_object(const struct object *object)
{
	return (struct wire_object){
		.id = object->id,
		.kind = object->kind,
		.device = object->identity.device,
		.inode = object->identity.inode,
		.size_bytes = object->identity.size_bytes,
		.change_time_ns = object->identity.change_time_ns,
		.name = {object->name, object->n_name_bytes},
	};
}

/* Processes were met in any order: those of a target are put side by side, and so are stacks. */
static void fill_processes(struct window_builder *b, struct wire_arrays *arrays)
{
	uint32_t n_processes = 0, n_stacks = 0;

	for (size_t i = 0; i < b->target_index.n_items; i++) {
		struct built_target *target = &b->targets[i];

		arrays->targets[i] = (struct wire_target){
			.labels = {b->labels + target->labels_at, target->n_labels_bytes},
			.n_processes = target->n_processes,
			.processes = arrays->processes + n_processes,
		};
		target->first_process = n_processes;
		n_processes += target->n_processes;
	}
	for (size_t i = 0; i < b->process_index.n_items; i++) {
		struct built_process *process = &b->processes[i];
		uint32_t at = b->targets[process->target].first_process++;

		arrays->processes[at] = (struct wire_process){
			.comm = {process->comm, strnlen(process->comm, sizeof(process->comm))},
			.n_stacks = process->n_stacks,
			.stacks = arrays->stacks + n_stacks,
		};
		process->next_stack = n_stacks;
		n_stacks += process->n_stacks;
	}
}

static void fill_stacks(struct window_builder *b, struct wire_arrays *arrays)
{
	for (size_t i = 0; i < b->stack_index.n_items; i++) {
		const struct built_stack *stack = &b->stacks[i];

		arrays->stacks[b->processes[stack->process].next_stack++] = (struct wire_stack){
			.count = stack->count,
			.flags = stack->flags,
			.n_locations = stack->n_locations,
			.locations = b->stack_locations + stack->locations_at,
		};
	}
}

int window_builder_encode(struct window_builder *b, const struct wire_window *head,
			  struct bytes *out)
{
	struct wire_window window = *head;
	struct wire_arrays arrays;
	cleanup_with(free_freep) void *block = wire_arrays_new(b, &arrays);

	if (!block)
		return -ENOMEM;
	for (size_t i = 0; i < b->object_index.n_items; i++)
		arrays.objects[i] = window_describe_object(b->objects[i]);
	fill_processes(b, &arrays);
	fill_stacks(b, &arrays);

	window.n_objects = b->object_index.n_items;
	window.objects = arrays.objects;
	window.n_locations = b->location_index.n_items;
	window.locations = b->locations;
	window.n_targets = b->target_index.n_items;
	window.targets = arrays.targets;
	wire_encode_window(out, &window);
	return 0;
}

struct object **window_builder_take_objects(struct window_builder *b, size_t *ret_n)
{
	size_t n = b->object_index.n_items;
	struct object **shrunk = n > 0 ? realloc(b->objects, n * sizeof(struct object *)) : NULL;

	if (shrunk)
		b->objects = shrunk;
	*ret_n = n;
	b->objects_capacity = 0;
	item_index_deinit(&b->object_index);
	return take_ptr(b->objects);
}

void window_builder_deinit(struct window_builder *b, struct objects *objects, uint64_t now_ns)
{
	for (size_t i = 0; i < b->object_index.n_items; i++)
		object_release(objects, b->objects[i], now_ns);
	item_index_deinit(&b->object_index);
	item_index_deinit(&b->location_index);
	item_index_deinit(&b->target_index);
	item_index_deinit(&b->process_index);
	item_index_deinit(&b->stack_index);
	free(b->objects);
	free(b->locations);
	free(b->targets);
	free(b->processes);
	free(b->stacks);
	free(b->stack_locations);
	free(b->labels);
	*b = (struct window_builder){.seed = b->seed};
}
