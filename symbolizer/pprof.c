#include "pprof.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gzip.h"
#include "pprof_part.h"

#define FRAMES_SHOWN_MAX 1000u /* Pyroscope's depth: what is deeper it cuts at the leaf */
#define TRUNCATED_NAME   "[truncated]"
#define UNKNOWN_COMM     "[unknown]"
#define FLAT_FRAMES_MAX  2u

static_assert(FRAMES_SHOWN_MAX + 3 <= PPROF_PLACES_MAX, "two marks and the comm fit");

struct pprof_builder {
	const struct wire_window *window; /* borrowed, like the rest */
	struct frames *frames;
	struct counters *counters;
	struct pprof_limits limits;
	struct pprof_part *part; /* owned */
	uint32_t truncated;      /* a function, like the names of processes */
	uint64_t n_samples;      /* in the open part */
	size_t n_parts;          /* of the target at hand */
	size_t n_places;
	struct pprof_place places[PPROF_PLACES_MAX];
};

int pprof_builder_new(const struct wire_window *window, struct frames *frames,
		      const struct pprof_limits *limits, struct counters *counters,
		      struct pprof_builder **ret_builder)
{
	struct pprof_builder *builder = calloc(1, sizeof(*builder));
	int r;

	if (!builder)
		return -ENOMEM;
	builder->window = window;
	builder->frames = frames;
	builder->limits = *limits;
	builder->counters = counters;
	r = frames_plain_function(frames, TRUNCATED_NAME, strlen(TRUNCATED_NAME),
				  &builder->truncated);
	if (r == 0)
		r = pprof_part_new(frames, window->n_locations, limits->samples_max,
				   &builder->part);
	if (r < 0) {
		pprof_builder_free(builder);
		return r;
	}
	*ret_builder = builder;
	return 0;
}

static void push_function(struct pprof_builder *builder, uint32_t function)
{
	builder->places[builder->n_places++] = (struct pprof_place){true, function};
}

static uint8_t kind_of(const struct pprof_builder *builder, const struct wire_stack *stack,
		       uint32_t i)
{
	return builder->window->locations[stack->locations[i]].kind;
}

/* Lays out one stack, leaf first, with marks where the kernel's walk or ours was cut. */
static void lay_out(struct pprof_builder *builder, const struct wire_stack *stack, uint32_t comm)
{
	uint32_t n = stack->n_locations < FRAMES_SHOWN_MAX ? stack->n_locations : FRAMES_SHOWN_MAX;
	bool is_kernel_cut = stack->flags & STACK_TRUNCATED_KERNEL;

	builder->n_places = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool is_caller = frames_is_caller(builder->window, stack, i);

		if (is_kernel_cut && i > 0 && !is_caller) {
			push_function(builder, builder->truncated);
			is_kernel_cut = false;
		}
		builder->places[builder->n_places++] =
			(struct pprof_place){false, 2 * stack->locations[i] + (is_caller ? 1 : 0)};
	}
	if (is_kernel_cut || n < stack->n_locations || (stack->flags & STACK_TRUNCATED_USER))
		push_function(builder, builder->truncated);
	push_function(builder, comm);
}

static void count_stack(struct pprof_builder *builder, const struct wire_stack *stack)
{
	static const enum counter_id ids[] = {
		[FRAME_NAMED] = COUNTER_FRAMES_NAMED,
		[FRAME_MODULE_ONLY] = COUNTER_FRAMES_MODULE_ONLY,
		[FRAME_UNKNOWN] = COUNTER_FRAMES_UNKNOWN,
	};
	uint64_t n_outcomes[3] = {0}, n_user = 0;

	for (uint32_t i = 0; i < stack->n_locations; i++) {
		bool is_caller = frames_is_caller(builder->window, stack, i);

		n_outcomes[frames_at(builder->frames, stack->locations[i], is_caller)->outcome]++;
		n_user += kind_of(builder, stack, i) == FRAME_USER;
	}
	for (size_t i = 0; i < 3; i++)
		counters_add(builder->counters, ids[i], n_outcomes[i] * stack->count);
	if (n_user > 0 && n_user <= FLAT_FRAMES_MAX)
		counters_add(builder->counters, COUNTER_FLAT_STACKS, stack->count);
}

/* Compresses the message and appends it to @parts. */
static int append_part(struct pprof_parts *parts, const struct wire_part *draft,
		       const struct bytes *message)
{
	struct bytes compressed = BYTES_INIT(message->n_bytes + 1024); /* never grows by more */
	struct wire_part *grown;
	int r;

	if (parts->n_parts == parts->capacity) {
		size_t capacity = parts->capacity ? 2 * parts->capacity : 16;

		grown = realloc(parts->parts, capacity * sizeof(*grown)); /* parts_max, targets */
		if (!grown)
			return -ENOMEM;
		parts->parts = grown;
		parts->capacity = capacity;
	}
	r = gzip_append(&compressed, message->data, message->n_bytes);
	if (r < 0) {
		bytes_deinit(&compressed);
		return r;
	}
	grown = &parts->parts[parts->n_parts++];
	*grown = *draft;
	grown->pprof_gz = (struct wire_bytes){compressed.data, compressed.n_bytes};
	grown->uncompressed_bytes = message->n_bytes;
	return 0;
}

/* Ends the open part, if there is anything in it. */
static int close_part(struct pprof_builder *builder, const struct wire_target *target,
		      struct pprof_parts *parts)
{
	struct bytes message = BYTES_INIT(2 * builder->limits.bytes_max);
	const struct pprof_head head = {
		.time_wall_ns = builder->window->time_wall_ns + builder->n_parts,
		.duration_ns = builder->window->duration_ns,
		.period_ns = builder->window->period_ns,
	};
	const struct wire_part draft = {.labels = target->labels, .n_samples = builder->n_samples};
	int r;

	if (pprof_part_samples(builder->part) == 0)
		return 0;
	if (builder->n_parts == builder->limits.parts_max || parts->n_parts == PROFILE_PARTS_MAX)
		return PPROF_TOO_BIG;
	if (builder->n_parts++ > 0)
		counters_add(builder->counters, COUNTER_PROFILES_SPLIT, 1);
	builder->n_samples = 0;
	r = pprof_part_close(builder->part, &head, &message);
	if (r == 0)
		r = append_part(parts, &draft, &message);
	bytes_deinit(&message);
	return r;
}

static int add_stack(struct pprof_builder *builder, const struct wire_target *target,
		     const struct wire_stack *stack, struct pprof_parts *parts)
{
	size_t cost = pprof_part_cost(builder->part, builder->places, builder->n_places);
	uint64_t value;
	int r = 0;

	if (pprof_part_bytes(builder->part) + cost > builder->limits.bytes_max ||
	    pprof_part_samples(builder->part) == builder->limits.samples_max) {
		r = close_part(builder, target, parts);
		cost = pprof_part_cost(builder->part, builder->places, builder->n_places);
	}
	if (r != 0)
		return r;
	if (pprof_part_bytes(builder->part) + cost > builder->limits.bytes_max)
		return PPROF_TOO_BIG;
	count_stack(builder, stack);
	builder->n_samples += stack->count;
	if (__builtin_mul_overflow(stack->count, builder->window->period_ns, &value) ||
	    value > INT64_MAX)
		value = INT64_MAX;
	return pprof_part_add(builder->part, builder->places, builder->n_places, value);
}

static int name_process(struct pprof_builder *builder, const struct wire_process *process,
			uint32_t *ret_function)
{
	size_t n_bytes =
		process->comm.n_bytes ? strnlen(process->comm.data, process->comm.n_bytes) : 0;

	if (n_bytes == 0)
		return frames_plain_function(builder->frames, UNKNOWN_COMM, strlen(UNKNOWN_COMM),
					     ret_function);
	return frames_plain_function(builder->frames, process->comm.data, n_bytes, ret_function);
}

int pprof_builder_add(struct pprof_builder *builder, const struct wire_target *target,
		      struct pprof_parts *parts)
{
	uint32_t comm;
	int r = 0;

	builder->n_parts = 0;
	for (size_t p = 0; r == 0 && p < target->n_processes; p++) {
		const struct wire_process *process = &target->processes[p];

		r = name_process(builder, process, &comm);
		for (size_t s = 0; r == 0 && s < process->n_stacks; s++) {
			if (process->stacks[s].count == 0)
				continue;
			lay_out(builder, &process->stacks[s], comm);
			r = add_stack(builder, target, &process->stacks[s], parts);
		}
	}
	return r != 0 ? r : close_part(builder, target, parts);
}

void pprof_builder_free(struct pprof_builder *builder)
{
	if (!builder)
		return;
	pprof_part_free(builder->part);
	free(builder);
}

void pprof_parts_deinit(struct pprof_parts *parts)
{
	for (size_t i = 0; i < parts->n_parts; i++)
		free((void *)parts->parts[i].pprof_gz.data);
	free(parts->parts);
	*parts = (struct pprof_parts){0};
}
