#include "drain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static_assert((int)FRAME_USER == FRAME_KIND_USER && (int)FRAME_KERNEL == FRAME_KIND_KERNEL,
	      "the wire's frame kinds are the programs'");
static_assert(STACK_TRUNCATED_USER == STACK_RECORD_TRUNCATED_USER &&
		      STACK_TRUNCATED_KERNEL == STACK_RECORD_TRUNCATED_KERNEL,
	      "the wire's stack flags are the programs'");

struct pending {
	struct pending *next;
	size_t n_bytes;
	uint64_t period_ns; /* that its samples were taken at */
	uint64_t since_ns;
	struct stack_record record; /* with its frames */
};

struct drain {
	struct drain_options options;
	enum demangle_mode demangle;
	struct wire_cache_limits caches;
	uint64_t start_wall_ns; /* of the interval that is running */
	uint64_t start_ns;      /* the same, monotonic */
	uint64_t ended_wall_ns; /* start of the interval that ended last */
	uint64_t ended_duration_ns;
	uint64_t n_drained;      /* samples read out of the maps, ever */
	struct pending *pending; /* owned; in no order */
	size_t n_pending;
	size_t n_pending_reads;
	size_t n_pending_bytes;
	uint64_t n_pending_samples;
	struct window_frame frames[FRAMES_MAX];
};

/* Where a record may go now. */
enum placement {
	PLACE_WINDOW,
	PLACE_NO_TARGET,
	PLACE_NO_MEMORY,
	PLACE_WAIT_DECISION, /* from here on: not yet */
	PLACE_WAIT_READ,
};

int drain_new(const struct drain_options *options, struct drain **ret_drain)
{
	struct drain *drain = calloc(1, sizeof(*drain));

	if (!drain)
		return -ENOMEM;
	drain->options = *options;
	drain->start_wall_ns = clock_wall_ns();
	drain->start_ns = clock_monotonic_ns();
	*ret_drain = drain;
	return 0;
}

void drain_set(struct drain *drain, enum demangle_mode demangle,
	       const struct wire_cache_limits *caches)
{
	drain->demangle = demangle;
	drain->caches = *caches;
}

static enum placement placement_of(const struct process *process, uint64_t waited_ns)
{
	if (!process)
		return PLACE_NO_MEMORY;
	switch (process->decision) {
	case DECISION_NO:
		return PLACE_NO_TARGET;
	case DECISION_UNDECIDED:
		return PLACE_WAIT_DECISION;
	case DECISION_YES:
		break;
	}
	/* An image whose mappings change all the time is always being read. */
	if (process->n_reads_pending > 0 && waited_ns < DRAIN_READ_NS_MAX)
		return PLACE_WAIT_READ;
	return PLACE_WINDOW;
}

static void look_up_user(struct drain *drain, const struct process *process, uint64_t word,
			 struct window_frame *frame)
{
	const struct proc_addr addr = {word};
	struct mapping *mapping = mappings_find(&process->mappings, addr);

	*frame = (struct window_frame){.kind = FRAME_KIND_USER, .value = word};
	if (!mapping || (mapping->is_opening && !mapping->object))
		return;
	if (!mapping->object) /* nothing is being read: it will not get a better one */
		mapping->object = objects_nameless(drain->options.objects,
						   mapping_name(&process->mappings, mapping));
	frame->object = mapping->object;
	frame->value = mapping_file_off(mapping, addr).v;
}

static void look_up(struct drain *drain, const struct process *process,
		    const struct stack_record *record, size_t n_frames)
{
	for (size_t i = 0; i < n_frames; i++) {
		uint64_t word = record->frames[i];
		struct window_frame *frame = &drain->frames[i];

		frame->kind = (uint8_t)(word >> FRAME_KIND_SHIFT);
		frame->value = word;
		frame->object = NULL;
		if (frame->kind == FRAME_KIND_USER)
			look_up_user(drain, process, word, frame);
		else if (frame->kind == FRAME_KIND_KERNEL)
			frame->object = objects_kallsyms(drain->options.objects);
	}
}

static void put_in_window(struct drain *drain, const struct process *process,
			  const struct stack_record *record)
{
	size_t n_frames = (size_t)record->head.n_kernel + record->head.n_user;

	look_up(drain, process, record, n_frames);
	if (windows_add(drain->options.windows, process->target, process->comm, drain->frames,
			n_frames, record->head.flags, record->head.count) != 0)
		counters_add(drain->options.counters, COUNTER_DROPPED_NO_MEMORY,
			     record->head.count);
}

static size_t record_bytes(const struct stack_record *record)
{
	return sizeof(*record) +
	       ((size_t)record->head.n_kernel + record->head.n_user) * sizeof(record->frames[0]);
}

static void drop(struct drain *drain, const struct stack_record *record, enum counter_id reason)
{
	counters_add(drain->options.counters, reason, record->head.count);
}

static void hold(struct drain *drain, struct pending *pending, enum placement placement)
{
	pending->next = drain->pending;
	drain->pending = pending;
	drain->n_pending++;
	drain->n_pending_reads += placement == PLACE_WAIT_READ;
	drain->n_pending_bytes += pending->n_bytes;
	drain->n_pending_samples += pending->record.head.count;
}

static void put_aside(struct drain *drain, const struct stack_record *record,
		      enum placement placement)
{
	size_t n_bytes = record_bytes(record);
	size_t size = offsetof(struct pending, record) + n_bytes;
	struct pending *copy;

	if (size > DRAIN_PENDING_BYTES_MAX - drain->n_pending_bytes) {
		drop(drain, record, COUNTER_DROPPED_PENDING_FULL);
		return;
	}
	copy = malloc(size);
	if (!copy) {
		drop(drain, record, COUNTER_DROPPED_NO_MEMORY);
		return;
	}
	copy->n_bytes = size;
	copy->period_ns = sampler_period_ns(drain->options.sampler);
	copy->since_ns = drain->start_ns;
	memcpy(&copy->record, record, n_bytes);
	hold(drain, copy, placement);
}

/* Ends the way of a record that need not wait. */
static void place(struct drain *drain, const struct process *process,
		  const struct stack_record *record, enum placement placement)
{
	if (placement == PLACE_WINDOW)
		put_in_window(drain, process, record);
	else if (placement == PLACE_NO_TARGET)
		drop(drain, record, COUNTER_DROPPED_NO_TARGET);
	else
		drop(drain, record, COUNTER_DROPPED_NO_MEMORY);
}

/*
 * An image that is not known has begun since announcements were taken: when they have been taken
 * again, it is known in its place among the images of its pid, or its announcement was lost.
 */
static void take_record(void *owner, const struct stack_record *record)
{
	struct drain *drain = owner;
	struct process *process = processes_find(drain->options.processes, &record->head.image);
	enum placement placement = process ? placement_of(process, 0) : PLACE_WAIT_READ;

	drain->n_drained += record->head.count;
	if (drain->options.lose_one_sample && record->head.count == 1)
		drain->options.lose_one_sample = false;
	else if (placement >= PLACE_WAIT_DECISION)
		put_aside(drain, record, placement);
	else
		place(drain, process, record, placement);
}

static struct pending *take_pending(struct drain *drain)
{
	drain->n_pending = 0;
	drain->n_pending_reads = 0;
	drain->n_pending_bytes = 0;
	drain->n_pending_samples = 0;
	return take_ptr(drain->pending);
}

static void retry(struct drain *drain, struct pending *pending, uint64_t now_ns)
{
	struct process *process =
		processes_meet(drain->options.processes, &pending->record.head.image, now_ns);
	enum placement placement = placement_of(process, now_ns - pending->since_ns);

	if (placement >= PLACE_WAIT_DECISION) {
		hold(drain, pending, placement);
		return;
	}
	place(drain, process, &pending->record, placement);
	free(pending);
}

/* Takes those that were taken at @period_ns out of *@list. */
static struct pending *split_period(struct pending **list, uint64_t period_ns)
{
	struct pending *split = NULL;

	while (*list) {
		struct pending *pending = *list;

		if (pending->period_ns != period_ns) {
			list = &pending->next;
			continue;
		}
		*list = pending->next;
		pending->next = split;
		split = pending;
	}
	return split;
}

static void retry_all(struct drain *drain, struct pending *list, uint64_t now_ns)
{
	while (list) {
		struct pending *pending = list;

		list = pending->next;
		retry(drain, pending, now_ns);
	}
}

static void begin_windows(struct drain *drain, uint64_t period_ns, uint64_t now_ns)
{
	const struct window_span span = {
		.start_wall_ns = drain->ended_wall_ns,
		.duration_ns = drain->ended_duration_ns,
		.period_ns = period_ns,
		.demangle = (uint8_t)drain->demangle,
		.caches = drain->caches,
	};

	windows_begin(drain->options.windows, &span, now_ns);
}

/* All of a window was taken at one period: what waited while the rate changed has its own. */
static void retry_by_period(struct drain *drain, struct pending *list, uint64_t now_ns)
{
	while (list) {
		uint64_t period_ns = list->period_ns;

		begin_windows(drain, period_ns, now_ns);
		retry_all(drain, split_period(&list, period_ns), now_ns);
		windows_end(drain->options.windows, now_ns);
	}
}

int drain_run(struct drain *drain, uint64_t now_ns)
{
	uint64_t period_ns = sampler_period_ns(drain->options.sampler);
	struct pending *old = take_pending(drain);
	struct pending *of_period = split_period(&old, period_ns);
	int r;

	drain->ended_wall_ns = drain->start_wall_ns;
	drain->ended_duration_ns = now_ns - drain->start_ns;
	drain->start_wall_ns = clock_wall_ns();
	drain->start_ns = now_ns;
	retry_by_period(drain, old, now_ns);
	begin_windows(drain, period_ns, now_ns);
	retry_all(drain, of_period, now_ns);
	r = sampler_drain(drain->options.sampler, take_record, drain);
	windows_end(drain->options.windows, now_ns);
	counters_add(drain->options.counters, COUNTER_FLIPS, 1);
	return r;
}

void drain_retry(struct drain *drain, uint64_t now_ns)
{
	retry_by_period(drain, take_pending(drain), now_ns);
}

size_t drain_n_pending(const struct drain *drain)
{
	return drain->n_pending;
}

size_t drain_n_pending_reads(const struct drain *drain)
{
	return drain->n_pending_reads;
}

static void copy_tick_counters(struct counters *to, const uint64_t sums[N_TICK_COUNTERS])
{
	static const enum counter_id ids[N_TICK_COUNTERS] = {
		[TICK_TICKS] = COUNTER_TICKS,
		[TICK_TAKEN] = COUNTER_TAKEN,
		[TICK_SKIPPED_IDLE] = COUNTER_SKIPPED_IDLE,
		[TICK_SKIPPED_KERNEL_THREAD] = COUNTER_SKIPPED_KERNEL_THREAD,
		[TICK_SKIPPED_NOT_SELECTED] = COUNTER_SKIPPED_NOT_SELECTED,
		[TICK_SKIPPED_NO_STACK] = COUNTER_SKIPPED_NO_STACK,
		[TICK_DROPPED_MAP_FULL] = COUNTER_KDROPPED_MAP_FULL,
		[TICK_DROPPED_COLLISION] = COUNTER_KDROPPED_COLLISION,
		[TICK_DROPPED_STACK_ERROR] = COUNTER_KDROPPED_STACK_ERROR,
		[TICK_STACKS_WALKED] = COUNTER_STACKS_WALKED,
		[TICK_STACKS_TRUNCATED] = COUNTER_STACKS_TRUNCATED,
		[TICK_EVENTS_LOST] = COUNTER_EVENTS_LOST,
		[TICK_PROCESS_MAP_FULL] = COUNTER_PROCESS_MAP_FULL,
	};

	for (unsigned i = 0; i < N_TICK_COUNTERS; i++)
		counters_set(to, ids[i], sums[i]);
}

int drain_count(struct drain *drain, uint64_t now_ns)
{
	struct counters *counters = drain->options.counters;
	struct sampler_counts kernel;
	uint64_t n_expected, n_ticks;
	int r = sampler_count(drain->options.sampler, &kernel);

	if (r != 0)
		return r;
	copy_tick_counters(counters, kernel.sums);
	n_ticks = kernel.sums[TICK_TICKS];
	n_expected = sampler_expected_ticks(drain->options.sampler, now_ns);
	/* A tick that is about to come is not missed, and a counter never goes back. */
	if (n_expected > n_ticks + counters_get(counters, COUNTER_MISSED))
		counters_set(counters, COUNTER_MISSED, n_expected - n_ticks);
	counters_set(counters, COUNTER_HELD_KERNEL, kernel.sums[TICK_TAKEN] - drain->n_drained);
	counters_set(counters, COUNTER_HELD_PENDING, drain->n_pending_samples);
	counters_set(counters, COUNTER_KERNEL_MAP_BYTES, sampler_map_bytes(drain->options.sampler));
	counters_set(counters, COUNTER_CPUS_COVERED, sampler_n_cpus(drain->options.sampler));
	return 0;
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	while (drain->pending) {
		struct pending *next = drain->pending->next;

		free(drain->pending);
		drain->pending = next;
	}
	free(drain);
}
