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
	struct stack_record record; /* with its frames */
};

struct drain {
	struct drain_options options;
	enum demangle_mode demangle;
	struct wire_cache_limits caches;
	uint64_t start_wall_ns;
	uint64_t start_ns;       /* monotonic */
	uint64_t n_drained;      /* samples read out of the maps, ever */
	struct pending *pending; /* owned; newest first */
	size_t n_pending;
	size_t n_pending_bytes;
	uint64_t n_pending_samples;
	struct window_frame frames[FRAMES_MAX];
};

/* Where a record may go now. */
enum placement { PLACE_WINDOW, PLACE_PENDING, PLACE_NO_TARGET, PLACE_NO_MEMORY };

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

static enum placement placement_of(const struct process *process)
{
	if (!process)
		return PLACE_NO_MEMORY;
	switch (process->decision) {
	case DECISION_NO:
		return PLACE_NO_TARGET;
	case DECISION_UNDECIDED:
		return PLACE_PENDING;
	case DECISION_YES:
		break;
	}
	return process->n_reads_pending > 0 ? PLACE_PENDING : PLACE_WINDOW;
}

static void look_up_user(struct drain *drain, const struct process *process, uint64_t word,
			 struct window_frame *frame)
{
	const struct proc_addr addr = {word};
	struct mapping *mapping = mappings_find(&process->mappings, addr);

	*frame = (struct window_frame){.kind = FRAME_KIND_USER, .value = word};
	if (!mapping)
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

static void put_aside(struct drain *drain, const struct stack_record *record)
{
	size_t n_bytes = record_bytes(record);
	size_t size = offsetof(struct pending, record) + n_bytes;
	struct pending *copy;

	if (size > DRAIN_PENDING_BYTES_MAX - drain->n_pending_bytes) {
		counters_add(drain->options.counters, COUNTER_DROPPED_PENDING_FULL,
			     record->head.count);
		return;
	}
	copy = malloc(size);
	if (!copy) {
		counters_add(drain->options.counters, COUNTER_DROPPED_NO_MEMORY,
			     record->head.count);
		return;
	}
	copy->next = drain->pending;
	copy->n_bytes = size;
	memcpy(&copy->record, record, n_bytes);
	drain->pending = copy;
	drain->n_pending++;
	drain->n_pending_bytes += size;
	drain->n_pending_samples += record->head.count;
}

static void place(struct drain *drain, const struct stack_record *record, uint64_t now_ns)
{
	struct process *process =
		processes_meet(drain->options.processes, &record->head.image, now_ns);

	switch (placement_of(process)) {
	case PLACE_WINDOW:
		put_in_window(drain, process, record);
		break;
	case PLACE_PENDING:
		put_aside(drain, record);
		break;
	case PLACE_NO_TARGET:
		counters_add(drain->options.counters, COUNTER_DROPPED_NO_TARGET,
			     record->head.count);
		break;
	case PLACE_NO_MEMORY:
		counters_add(drain->options.counters, COUNTER_DROPPED_NO_MEMORY,
			     record->head.count);
		break;
	}
}

static void take_record(void *owner, const struct stack_record *record)
{
	struct drain *drain = owner;

	if (drain->options.lose_one_sample) {
		drain->options.lose_one_sample = false;
		drain->n_drained += record->head.count;
		return;
	}
	drain->n_drained += record->head.count;
	place(drain, record, drain->start_ns);
}

/* Places what was pending; what must wait on is put aside again. */
static void retry_pending(struct drain *drain, uint64_t now_ns)
{
	struct pending *old = drain->pending;

	drain->pending = NULL;
	drain->n_pending = 0;
	drain->n_pending_bytes = 0;
	drain->n_pending_samples = 0;
	while (old) {
		struct pending *next = old->next;

		place(drain, &old->record, now_ns);
		free(old);
		old = next;
	}
}

static void begin_windows(struct drain *drain, uint64_t now_ns)
{
	const struct window_span span = {
		.start_wall_ns = drain->start_wall_ns,
		.duration_ns = now_ns - drain->start_ns,
		.period_ns = sampler_period_ns(drain->options.sampler),
		.demangle = (uint8_t)drain->demangle,
		.caches = drain->caches,
	};

	windows_begin(drain->options.windows, &span, now_ns);
}

int drain_run(struct drain *drain, uint64_t now_ns)
{
	int r;

	begin_windows(drain, now_ns);
	retry_pending(drain, now_ns);
	drain->start_wall_ns = clock_wall_ns();
	drain->start_ns = now_ns;
	r = sampler_drain(drain->options.sampler, take_record, drain);
	windows_end(drain->options.windows, now_ns);
	counters_add(drain->options.counters, COUNTER_FLIPS, 1);
	return r;
}

void drain_retry(struct drain *drain, uint64_t now_ns)
{
	if (!drain->pending)
		return;
	begin_windows(drain, now_ns);
	retry_pending(drain, now_ns);
	windows_end(drain->options.windows, now_ns);
}

size_t drain_n_pending(const struct drain *drain)
{
	return drain->n_pending;
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
	uint64_t n_expected;
	int r = sampler_count(drain->options.sampler, &kernel);

	if (r != 0)
		return r;
	copy_tick_counters(counters, kernel.sums);
	n_expected = sampler_expected_ticks(drain->options.sampler, now_ns);
	if (n_expected > kernel.sums[TICK_TICKS]) /* a counter: it never goes back */
		counters_set(counters, COUNTER_MISSED, n_expected - kernel.sums[TICK_TICKS]);
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
