#include "drain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "frame_lookup.h"
#include "tick_counters.h"

#define SOON_FRACTION 16u /* of an interval */

static_assert((int)FRAME_USER == FRAME_KIND_USER && (int)FRAME_KERNEL == FRAME_KIND_KERNEL,
	      "the wire's frame kinds are the programs'");
static_assert(STACK_TRUNCATED_USER == STACK_RECORD_TRUNCATED_USER &&
		      STACK_TRUNCATED_KERNEL == STACK_RECORD_TRUNCATED_KERNEL,
	      "the wire's stack flags are the programs'");

static_assert((2 * JOBS_MAX) << 2 == WINDOW_GATHERINGS && DEMANGLE_FULL < 4,
	      "a gathering for each job and mode, before and behind a change");

struct pending {
	struct pending *next;
	size_t n_bytes;
	struct job_set *jobs; /* one reference: that its samples were taken for */
	bool is_copy;         /* the sample itself went elsewhere */
	uint64_t since_ns;
	struct stack_record record; /* with its frames */
};

/* The interval that a job is in. */
struct interval {
	uint64_t start_wall_ns;
	uint64_t start_ns; /* the same, monotonic */
	uint64_t due_ns;
	bool is_ending;         /* with the drain under way, or ended with the last one */
	uint64_t ended_wall_ns; /* start of the one that ended last */
	uint64_t ended_duration_ns;
};

struct drain {
	struct drain_options options;
	struct wire_cache_limits caches;
	uint8_t flag;               /* of records taken for the jobs in force */
	struct job_set *jobs;       /* owned: one reference */
	struct job_set *older_jobs; /* the same, of records with the other flag */
	struct interval intervals[JOBS_MAX];
	uint64_t drained_ns;
	uint64_t n_drained;      /* samples read out of the maps, ever */
	struct pending *pending; /* owned; in no order */
	size_t n_pending;
	size_t n_pending_reads;
	size_t n_pending_bytes;
	uint64_t n_pending_samples; /* without copies */
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
	drain->jobs = options->jobs;
	drain->drained_ns = clock_monotonic_ns();
	for (size_t i = 0; i < drain->jobs->n_jobs; i++)
		drain->intervals[i] = (struct interval){
			.start_wall_ns = clock_wall_ns(),
			.start_ns = drain->drained_ns,
			.due_ns = drain->drained_ns + drain->jobs->jobs[i].interval_ns,
			.is_ending = true,
		};
	*ret_drain = drain;
	return 0;
}

void drain_set(struct drain *drain, const struct wire_cache_limits *caches)
{
	drain->caches = *caches;
}

uint8_t drain_set_jobs(struct drain *drain, struct job_set *jobs, uint64_t now_ns)
{
	struct interval fresh = {
		.start_wall_ns = clock_wall_ns(),
		.start_ns = drain->drained_ns,
		.is_ending = true,
		.ended_wall_ns = drain->intervals[0].ended_wall_ns,
		.ended_duration_ns = drain->intervals[0].ended_duration_ns,
	};

	if (!job_set_samples_alike(jobs, drain->jobs)) {
		job_set_release(drain->older_jobs);
		drain->older_jobs = drain->jobs;
		drain->flag ^= STACK_RECORD_SETTINGS;
		fresh.start_ns = now_ns;
		for (size_t i = 0; i < jobs->n_jobs; i++)
			drain->intervals[i] = fresh;
	} else {
		job_set_release(drain->jobs);
	}
	drain->jobs = jobs;
	for (size_t i = 0; i < jobs->n_jobs; i++)
		drain->intervals[i].due_ns =
			drain->intervals[i].start_ns + jobs->jobs[i].interval_ns;
	return drain->flag;
}

uint64_t drain_due_ns(const struct drain *drain)
{
	uint64_t due_ns = drain->intervals[0].due_ns;

	for (size_t i = 1; i < drain->jobs->n_jobs; i++)
		if (drain->intervals[i].due_ns < due_ns)
			due_ns = drain->intervals[i].due_ns;
	return due_ns;
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

/* Which gathering is for job @index of the jobs in force, of samples taken for @jobs. */
static unsigned gathering_of(const struct drain *drain, const struct job_set *jobs, size_t index,
			     uint8_t demangle)
{
	return (unsigned)((jobs == drain->jobs ? 0 : JOBS_MAX) + index) << 2 | demangle;
}

/* One job that a record goes to. */
struct delivery_to {
	const struct job *job; /* as it was when the sample was taken */
	const struct target *target;
	unsigned gathering;
};

/* What became of a record at the jobs that took it. */
struct delivery {
	unsigned n_taken; /* in a window, or counted as lost on the way there */
	unsigned n_empty; /* jobs that want nothing of its stack */
	uint8_t open;     /* jobs whose target the process may yet become */
};

/* Gives a job what it wants of the frames that are looked up. */
static void deliver(struct drain *drain, const struct process *process,
		    const struct stack_record *record, const struct delivery_to *to,
		    struct delivery *delivery)
{
	const struct target *target = to->target;
	bool has_kernel = to->job->collect_kernel && target->collect_kernel;
	size_t n_kernel = has_kernel ? record->head.n_kernel : 0;
	size_t n_user = to->job->collect_user ? record->head.n_user : 0;
	uint32_t flags = record->head.flags & (uint32_t)~STACK_RECORD_SETTINGS;
	const struct window_sample sample = {
		.labels = {target->labels, target->n_labels_bytes},
		.comm = process->comm,
		.frames = drain->frames + (n_kernel > 0 ? 0 : record->head.n_kernel),
		.n_frames = n_kernel + n_user,
		.stack_flags = flags & ~(n_kernel > 0 ? 0 : STACK_TRUNCATED_KERNEL) &
			       ~(n_user > 0 ? 0 : STACK_TRUNCATED_USER),
		.count = record->head.count,
	};

	if (sample.n_frames == 0) {
		delivery->n_empty++;
		return;
	}
	delivery->n_taken++;
	if (windows_add(drain->options.windows, to->gathering, &sample) != 0)
		counters_add(drain->options.counters, COUNTER_DROPPED_NO_MEMORY, sample.count);
}

/* Gives @record, taken for @jobs, to all that it is for. */
static struct delivery deliver_all(struct drain *drain, const struct process *process,
				   const struct stack_record *record, const struct job_set *jobs)
{
	struct delivery delivery = {0};
	bool is_looked_up = false;

	for (size_t i = 0; i < jobs->n_jobs; i++) {
		size_t index = job_set_find(drain->jobs, jobs, i);
		struct delivery_to to = {.job = &jobs->jobs[i]};

		if (!(record->head.jobs & 1u << i) || index == JOB_NONE)
			continue;
		to.target = process->targets[index];
		if (!to.target) {
			delivery.open |= (uint8_t)(process->is_open << i);
			continue;
		}
		if (!is_looked_up)
			frame_lookup(drain->options.objects, process, record, drain->frames);
		is_looked_up = true;
		to.gathering = gathering_of(drain, jobs, index, to.target->demangle);
		deliver(drain, process, record, &to, &delivery);
	}
	return delivery;
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
	if (!pending->is_copy)
		drain->n_pending_samples += pending->record.head.count;
}

/* A copy that is lost enters the books as it leaves them. */
static void drop_copy(struct drain *drain, const struct stack_record *record,
		      enum counter_id reason, bool is_copy)
{
	if (is_copy)
		counters_add(drain->options.counters, COUNTER_COPIED, record->head.count);
	drop(drain, record, reason);
}

static struct pending *put_aside(struct drain *drain, const struct stack_record *record,
				 struct job_set *jobs, bool is_copy)
{
	size_t n_bytes = record_bytes(record);
	size_t size = offsetof(struct pending, record) + n_bytes;
	struct pending *copy;

	if (size > DRAIN_PENDING_BYTES_MAX - drain->n_pending_bytes) {
		drop_copy(drain, record, COUNTER_DROPPED_PENDING_FULL, is_copy);
		return NULL;
	}
	copy = malloc(size);
	if (!copy) {
		drop_copy(drain, record, COUNTER_DROPPED_NO_MEMORY, is_copy);
		return NULL;
	}
	copy->n_bytes = size;
	copy->jobs = job_set_retain(jobs);
	copy->is_copy = is_copy;
	copy->since_ns = drain->drained_ns;
	memcpy(&copy->record, record, n_bytes);
	return copy;
}

static void put_aside_for(struct drain *drain, const struct stack_record *record,
			  struct job_set *jobs, enum placement placement)
{
	struct pending *copy = put_aside(drain, record, jobs, false);

	if (copy)
		hold(drain, copy, placement);
}

/* Keeps @record for jobs whose target its process may yet become. */
static void keep_open(struct drain *drain, const struct stack_record *record, struct job_set *jobs,
		      const struct delivery *delivery, bool is_copy)
{
	struct pending *copy = put_aside(drain, record, jobs, is_copy || delivery->n_taken > 0);

	if (!copy)
		return;
	copy->record.head.jobs = delivery->open;
	hold(drain, copy, PLACE_WAIT_DECISION);
}

/* The way of a sample into windows, and its books. */
static void put_in_windows(struct drain *drain, struct process *process,
			   const struct stack_record *record, struct job_set *jobs, bool is_copy)
{
	struct delivery delivery = deliver_all(drain, process, record, jobs);
	unsigned n_first = is_copy ? 0 : 1;

	process->used_round = counters_get(drain->options.counters, COUNTER_FLIPS) + 1;
	if (delivery.n_taken > n_first)
		counters_add(drain->options.counters, COUNTER_COPIED,
			     (uint64_t)(delivery.n_taken - n_first) * record->head.count);
	if (delivery.open != 0)
		keep_open(drain, record, jobs, &delivery, is_copy);
	else if (delivery.n_taken == 0 && !is_copy)
		drop(drain, record,
		     delivery.n_empty > 0 ? COUNTER_DROPPED_NO_STACK : COUNTER_DROPPED_OTHER_BLOCK);
}

/* Ends the way of a record that need not wait. */
static void place(struct drain *drain, struct process *process, const struct stack_record *record,
		  struct job_set *jobs, enum placement placement)
{
	if (placement == PLACE_WINDOW)
		put_in_windows(drain, process, record, jobs, false);
	else if (placement == PLACE_NO_TARGET)
		drop(drain, record, COUNTER_DROPPED_NO_TARGET);
	else
		drop(drain, record, COUNTER_DROPPED_NO_MEMORY);
}

/* Not every new mapping is news to the kernel's count of pages: where a thread runs there is one.
 */
static enum placement first_placement(struct process *process, const struct stack_record *record,
				      uint64_t now_ns)
{
	if (!process)
		return PLACE_WAIT_READ;
	if (process->decision == DECISION_YES && process->n_reads_pending == 0 &&
	    !frame_lookup_knows_leaf(process, record))
		processes_look_again(process, now_ns);
	return placement_of(process, 0);
}

/*
 * An image that is not known has begun since announcements were taken: when they have been taken
 * again, it is known in its place among the images of its pid, or its announcement was lost.
 */
static void take_record(void *owner, const struct stack_record *record)
{
	struct drain *drain = owner;
	struct process *process = processes_find(drain->options.processes, &record->head.image);
	enum placement placement = first_placement(process, record, drain->drained_ns);
	bool is_older = (record->head.flags & STACK_RECORD_SETTINGS) != drain->flag;
	struct job_set *jobs = is_older && drain->older_jobs ? drain->older_jobs : drain->jobs;

	drain->n_drained += record->head.count;
	if (drain->options.lose_one_sample && record->head.count == 1)
		drain->options.lose_one_sample = false;
	else if (placement >= PLACE_WAIT_DECISION)
		put_aside_for(drain, record, jobs, placement);
	else
		place(drain, process, record, jobs, placement);
}

static struct pending *take_pending(struct drain *drain)
{
	drain->n_pending = 0;
	drain->n_pending_reads = 0;
	drain->n_pending_bytes = 0;
	drain->n_pending_samples = 0;
	return take_ptr(drain->pending);
}

static void pending_free(struct pending *pending)
{
	job_set_release(pending->jobs);
	free(pending);
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
	if (!pending->is_copy)
		place(drain, process, &pending->record, pending->jobs, placement);
	else if (placement == PLACE_WINDOW)
		put_in_windows(drain, process, &pending->record, pending->jobs, true);
	pending_free(pending);
}

/* Takes those that were taken for @jobs out of *@list. */
static struct pending *split_jobs(struct pending **list, const struct job_set *jobs)
{
	struct pending *split = NULL;

	while (*list) {
		struct pending *pending = *list;

		if (pending->jobs != jobs) {
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

/* The interval that windows of job @index say: the one that is running, or ended last. */
static void begin_gatherings(struct drain *drain, const struct job_set *jobs, uint64_t now_ns)
{
	for (size_t i = 0; i < jobs->n_jobs; i++) {
		size_t index = job_set_find(drain->jobs, jobs, i);
		const struct interval *interval = &drain->intervals[index % JOBS_MAX];
		struct window_span span = {
			.start_wall_ns = interval->is_ending ? interval->ended_wall_ns
							     : interval->start_wall_ns,
			.duration_ns = interval->is_ending ? interval->ended_duration_ns
							   : now_ns - interval->start_ns,
			.period_ns = jobs->jobs[i].period_ns,
			.caches = drain->caches,
		};

		for (; index != JOB_NONE && span.demangle <= DEMANGLE_FULL; span.demangle++)
			windows_begin(drain->options.windows,
				      gathering_of(drain, jobs, index, span.demangle), &span,
				      now_ns);
	}
}

/* Of jobs that are not in force any more all ends, else what is at its end. */
static void end_gatherings(struct drain *drain, const struct job_set *jobs, uint64_t now_ns)
{
	for (size_t i = 0; i < drain->jobs->n_jobs; i++)
		for (uint8_t mode = 0; mode <= DEMANGLE_FULL; mode++)
			if (jobs != drain->jobs || drain->intervals[i].is_ending)
				windows_end(drain->options.windows,
					    gathering_of(drain, jobs, i, mode), now_ns);
}

/* All of a window was taken at one period: what waited while the rate changed has its own. */
static void retry_by_jobs(struct drain *drain, struct pending *list, uint64_t now_ns)
{
	while (list) {
		const struct job_set *jobs = list->jobs;
		struct pending *split = split_jobs(&list, jobs);
		struct job_set *held = job_set_retain(split->jobs);

		begin_gatherings(drain, jobs, now_ns);
		retry_all(drain, split, now_ns);
		end_gatherings(drain, jobs, now_ns);
		job_set_release(held);
	}
}

/* Notes which intervals end now: what is due soon after would only cost another flip. */
static void end_intervals(struct drain *drain, bool ends_all, uint64_t now_ns)
{
	for (size_t i = 0; i < drain->jobs->n_jobs; i++) {
		struct interval *interval = &drain->intervals[i];
		uint64_t soon_ns = drain->jobs->jobs[i].interval_ns / SOON_FRACTION;

		interval->is_ending = ends_all || interval->due_ns <= now_ns + soon_ns;
		if (!interval->is_ending)
			continue;
		interval->ended_wall_ns = interval->start_wall_ns;
		interval->ended_duration_ns = now_ns - interval->start_ns;
		interval->start_wall_ns = clock_wall_ns();
		interval->start_ns = now_ns;
		interval->due_ns = now_ns + drain->jobs->jobs[i].interval_ns;
	}
	drain->drained_ns = now_ns;
}

int drain_run(struct drain *drain, bool ends_all, uint64_t now_ns)
{
	struct pending *old = take_pending(drain);
	struct pending *of_jobs = split_jobs(&old, drain->jobs);
	int r;

	end_intervals(drain, ends_all, now_ns);
	retry_by_jobs(drain, old, now_ns);
	begin_gatherings(drain, drain->jobs, now_ns);
	if (drain->older_jobs)
		begin_gatherings(drain, drain->older_jobs, now_ns);
	retry_all(drain, of_jobs, now_ns);
	r = sampler_drain(drain->options.sampler, take_record, drain);
	if (drain->older_jobs)
		end_gatherings(drain, drain->older_jobs, now_ns);
	end_gatherings(drain, drain->jobs, now_ns);
	counters_add(drain->options.counters, COUNTER_FLIPS, 1);
	return r;
}

uint8_t drain_ended(const struct drain *drain)
{
	uint8_t ended = 0;

	for (size_t i = 0; i < drain->jobs->n_jobs; i++)
		ended |= (uint8_t)(drain->intervals[i].is_ending << i);
	return ended;
}

void drain_retry(struct drain *drain, uint64_t now_ns)
{
	retry_by_jobs(drain, take_pending(drain), now_ns);
}

size_t drain_n_pending(const struct drain *drain)
{
	return drain->n_pending;
}

size_t drain_n_pending_reads(const struct drain *drain)
{
	return drain->n_pending_reads;
}

int drain_count(struct drain *drain, uint64_t now_ns)
{
	struct counters *counters = drain->options.counters;
	struct sampler_counts kernel;
	uint64_t n_expected, n_ticks;
	int r = sampler_count(drain->options.sampler, &kernel);

	if (r != 0)
		return r;
	tick_counters_copy(counters, kernel.sums);
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

		pending_free(drain->pending);
		drain->pending = next;
	}
	job_set_release(drain->jobs);
	job_set_release(drain->older_jobs);
	free(drain);
}
