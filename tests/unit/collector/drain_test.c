/*
 * The drain with everything around it played by the test: records, processes, windows. Checks where
 * each sample ends, and that none ends nowhere.
 */
#include "drain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define TEXT_START 0x400000u
#define TEXT_END   0x500000u
#define TEXT_OFF   0x1000u
#define PERIOD_NS  UINT64_C(10000000)

static struct {
	struct process process;
	bool is_known;
	struct mapping mapping;
	struct object object, kallsyms, nameless;
	const struct stack_record *records[4];
	size_t n_records;
	uint64_t n_taken;
	/* what windows_add() was given */
	uint64_t n_samples;
	struct window_frame frames[FRAMES_MAX];
	size_t n_frames;
	uint32_t flags;
	int windows_add_result;
	bool is_announced; /* what processes_find() knows; processes_meet() knows is_known */
	uint64_t n_ticks, n_expected;
	struct window_span spans[WINDOW_GATHERINGS]; /* as they were begun last */
	struct window_span span;                     /* of the sample that was added last */
	bool is_begun[WINDOW_GATHERINGS];
	uint64_t period_of_frames_ns; /* of those that were given frames last */
	uint64_t n_of_job[JOBS_MAX];  /* samples */
	struct target target;
	unsigned n_looks_again;
	unsigned has_more_to_read; /* what a look again makes n_reads_pending */
} world;

int sampler_drain(struct sampler *sampler, sampler_record_fn *take, void *owner)
{
	(void)sampler;
	for (size_t i = 0; i < world.n_records; i++) {
		world.n_taken += world.records[i]->head.count;
		take(owner, world.records[i]);
	}
	world.n_records = 0;
	return 0;
}

int sampler_count(struct sampler *sampler, struct sampler_counts *ret_counts)
{
	(void)sampler;
	*ret_counts = (struct sampler_counts){.balanced = true};
	ret_counts->sums[TICK_TAKEN] = world.n_taken;
	ret_counts->sums[TICK_TICKS] = world.n_ticks;
	return 0;
}

uint64_t sampler_expected_ticks(const struct sampler *sampler, uint64_t now_ns)
{
	(void)sampler;
	(void)now_ns;
	return world.n_expected;
}

unsigned sampler_n_cpus(const struct sampler *sampler)
{
	(void)sampler;
	return 2;
}

uint64_t sampler_map_bytes(const struct sampler *sampler)
{
	(void)sampler;
	return 4096;
}

struct process *processes_meet(struct processes *processes, const struct process_image *image,
			       uint64_t now_ns)
{
	(void)processes;
	(void)image;
	(void)now_ns;
	return world.is_known ? &world.process : NULL;
}

struct process *processes_find(struct processes *processes, const struct process_image *image)
{
	(void)processes;
	(void)image;
	return world.is_announced ? &world.process : NULL;
}

void processes_look_again(struct process *process, uint64_t now_ns)
{
	assert_true(now_ns > 0);
	world.n_looks_again++;
	process->n_reads_pending = world.has_more_to_read;
}

struct mapping *mappings_find(const struct mappings *mappings, struct proc_addr addr)
{
	(void)mappings;
	return addr.v >= TEXT_START && addr.v < TEXT_END ? &world.mapping : NULL;
}

struct wire_bytes mapping_name(const struct mappings *mappings, const struct mapping *mapping)
{
	(void)mappings;
	(void)mapping;
	return (struct wire_bytes){"/bin/x", 6};
}

struct object *objects_nameless(struct objects *objects, struct wire_bytes name)
{
	(void)objects;
	assert_int_equal(name.n_bytes, 6);
	return &world.nameless;
}

struct object *objects_kallsyms(const struct objects *objects)
{
	(void)objects;
	return &world.kallsyms;
}

void windows_begin(struct windows *windows, unsigned gathering, const struct window_span *span,
		   uint64_t now_ns)
{
	(void)now_ns;
	(void)windows;
	if (world.is_begun[gathering])
		assert_int_equal(world.spans[gathering].period_ns, span->period_ns);
	world.spans[gathering] = *span;
	world.is_begun[gathering] = true;
}

int windows_add(struct windows *windows, unsigned gathering, const struct window_sample *sample)
{
	(void)windows;
	assert_string_equal(sample->comm, "busy");
	assert_true(world.is_begun[gathering]);
	if (world.windows_add_result != 0)
		return world.windows_add_result;
	memcpy(world.frames, sample->frames, sample->n_frames * sizeof(*sample->frames));
	world.n_frames = sample->n_frames;
	world.flags = sample->stack_flags;
	world.n_samples += sample->count;
	world.span = world.spans[gathering];
	if (sample->n_frames > 1)
		world.period_of_frames_ns = world.span.period_ns;
	world.n_of_job[gathering / 4 % JOBS_MAX] += sample->count;
	return 0;
}

void windows_end(struct windows *windows, unsigned gathering, uint64_t now_ns)
{
	(void)windows;
	(void)now_ns;
	world.is_begun[gathering] = false;
}

/* A process can be a target of all jobs, or of those that a test says. */
static struct job_set *make_jobs(const struct wire_job *jobs, size_t n_jobs)
{
	struct job_set *set;

	assert_int_equal(job_set_new(jobs, n_jobs, &set), 0);
	return set;
}

static const struct wire_job whole = {.sample_rate_hz = 100,
				      .collect_interval_ms = 1000,
				      .collect_user = true,
				      .collect_kernel = true};

struct fixture {
	struct counters counters;
	struct drain *drain;
	struct stack_record *record;
};

static struct stack_record *make_record(uint32_t count, uint8_t n_kernel, uint8_t n_user,
					const uint64_t *frames)
{
	size_t n = (size_t)n_kernel + n_user;
	struct stack_record *record = calloc(1, sizeof(*record) + n * sizeof(*frames));

	assert_non_null(record);
	record->head.image.pid = 42;
	record->head.count = count;
	record->head.n_kernel = n_kernel;
	record->head.n_user = n_user;
	record->head.flags = STACK_RECORD_TRUNCATED_USER;
	record->head.jobs = 1;
	if (n > 0)
		memcpy(record->frames, frames, n * sizeof(*frames));
	return record;
}

static int set_up(void **state)
{
	static const uint64_t frames[] = {0xffffffff81000000, TEXT_START + 0x10, 0x7000};
	struct fixture *f = calloc(1, sizeof(*f));
	const struct drain_options options = {.counters = &f->counters,
					      .jobs = make_jobs(&whole, 1)};

	memset(&world, 0, sizeof(world));
	world.is_known = true;
	world.is_announced = true;
	world.target.collect_kernel = true;
	world.process = (struct process){
		.decision = DECISION_YES, .is_read = true, .targets = {&world.target}};
	strcpy(world.process.comm, "busy");
	world.mapping = (struct mapping){.start = {TEXT_START},
					 .end = {TEXT_END},
					 .offset = {TEXT_OFF},
					 .object = &world.object};
	f->record = make_record(5, 1, 2, frames);
	world.records[0] = f->record;
	world.n_records = 1;
	*state = f;
	return drain_new(&options, &f->drain);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	drain_free(f->drain);
	free(f->record);
	free(f);
	return 0;
}

/* The books, as the collector exports them. */
static void assert_balanced(struct fixture *f)
{
	const struct counters *c = &f->counters;

	assert_int_equal(drain_count(f->drain, 0), 0);
	assert_int_equal(counters_get(c, COUNTER_TAKEN) + counters_get(c, COUNTER_COPIED),
			 world.n_samples + counters_get(c, COUNTER_DROPPED_OTHER_BLOCK) +
				 counters_get(c, COUNTER_DROPPED_NO_STACK) +
				 counters_get(c, COUNTER_DROPPED_NO_TARGET) +
				 counters_get(c, COUNTER_DROPPED_PENDING_FULL) +
				 counters_get(c, COUNTER_DROPPED_NO_MEMORY) +
				 counters_get(c, COUNTER_HELD_PENDING) +
				 counters_get(c, COUNTER_HELD_KERNEL));
}

static void each_frame_becomes_an_object_and_an_offset(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_samples, 5);
	assert_int_equal(world.n_frames, 3);
	assert_int_equal(world.flags, STACK_TRUNCATED_USER);
	assert_int_equal(world.frames[0].kind, FRAME_KERNEL);
	assert_ptr_equal(world.frames[0].object, &world.kallsyms);
	assert_ptr_equal(world.frames[1].object, &world.object);
	assert_int_equal(world.frames[1].value, TEXT_OFF + 0x10);
	assert_null(world.frames[2].object); /* no mapping covers it */
	assert_int_equal(world.frames[2].value, 0x7000);
	assert_balanced(f);
}

static void a_user_stack_names_no_function_of_the_kernel(void **state)
{
	static const uint64_t frames[] = {0xffffffff81000000, TEXT_START, 0xffffffff81000000};
	struct fixture *f = *state;
	struct stack_record *record = make_record(1, 1, 2, frames);

	world.records[0] = record;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_ptr_equal(world.frames[0].object, &world.kallsyms);
	assert_int_equal(world.frames[2].kind, FRAME_USER);
	assert_null(world.frames[2].object);
	free(record);
}

static void a_mapping_whose_file_could_not_be_opened_keeps_its_name(void **state)
{
	struct fixture *f = *state;

	world.mapping.object = NULL;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_ptr_equal(world.frames[1].object, &world.nameless);
	assert_int_equal(world.frames[1].value, TEXT_OFF + 0x10);
}

static void an_address_of_code_without_a_file_stays_one(void **state)
{
	struct fixture *f = *state;

	world.object.kind = OBJECT_CODE;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_ptr_equal(world.frames[1].object, &world.object);
	assert_int_equal(world.frames[1].value, TEXT_START + 0x10);
}

static void a_thread_that_ran_where_nothing_is_mapped_has_its_process_read_again(void **state)
{
	static const uint64_t frames[] = {0xffffffff81000000, 0x7000, TEXT_START};
	struct stack_record *outside = make_record(3, 1, 2, frames);
	struct fixture *f = *state;

	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_looks_again, 0); /* a caller may be anything */
	assert_int_equal(world.n_samples, 5);
	world.has_more_to_read = 1;
	world.records[0] = outside;
	world.n_records = 1;
	assert_int_equal(drain_run(f->drain, true, 2000), 0);
	assert_int_equal(world.n_looks_again, 1);
	assert_int_equal(world.n_samples, 5);
	world.process.n_reads_pending = 0;
	drain_retry(f->drain, 2001); /* still unknown: not once more */
	assert_int_equal(world.n_looks_again, 1);
	assert_int_equal(world.n_samples, 8);
	assert_balanced(f);
	free(outside);
}

static void samples_of_the_undecided_wait_and_are_kept(void **state)
{
	struct fixture *f = *state;

	world.process.decision = DECISION_UNDECIDED;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(drain_n_pending(f->drain), 1);
	assert_balanced(f);
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_PENDING), 5);

	world.process.decision = DECISION_YES;
	drain_retry(f->drain, 2000);
	assert_int_equal(drain_n_pending(f->drain), 0);
	assert_int_equal(world.n_samples, 5);
	assert_balanced(f);
}

static void samples_of_an_image_that_is_being_read_wait_for_its_mappings(void **state)
{
	struct fixture *f = *state;

	world.process.n_reads_pending = 1;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_samples, 0);
	world.process.n_reads_pending = 0;
	assert_int_equal(drain_run(f->drain, true, 2000), 0);
	assert_int_equal(world.n_samples, 5);
	assert_balanced(f);
}

static void an_image_that_is_always_being_read_does_not_hold_its_samples_for_ever(void **state)
{
	struct fixture *f = *state;
	uint64_t drained_ns = 1000;

	world.process.n_reads_pending = 1;
	assert_int_equal(drain_run(f->drain, true, drained_ns), 0);
	drain_retry(f->drain, drained_ns + DRAIN_READ_NS_MAX - 1);
	assert_int_equal(drain_n_pending(f->drain), 1);
	world.mapping.is_opening = true;
	world.mapping.object = NULL;
	drain_retry(f->drain, drained_ns + DRAIN_READ_NS_MAX);
	assert_int_equal(world.n_samples, 5);
	assert_null(world.mapping.object); /* its file may still come, for samples to come */
	assert_null(world.frames[1].object);
	assert_balanced(f);
}

static void a_sample_that_comes_before_its_announcement_waits_for_it(void **state)
{
	struct fixture *f = *state;

	world.is_announced = false;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(drain_n_pending_reads(f->drain), 1);
	assert_balanced(f);
	drain_retry(f->drain, 2000);
	assert_int_equal(drain_n_pending_reads(f->drain), 0);
	assert_int_equal(world.n_samples, 5);
	assert_balanced(f);
}

static void only_what_waits_for_reads_is_counted_as_such(void **state)
{
	struct fixture *f = *state;

	world.process.decision = DECISION_UNDECIDED;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(drain_n_pending(f->drain), 1);
	assert_int_equal(drain_n_pending_reads(f->drain), 0);
	world.process = (struct process){
		.decision = DECISION_YES, .n_reads_pending = 1, .targets = {&world.target}};
	drain_retry(f->drain, 2000);
	assert_int_equal(drain_n_pending_reads(f->drain), 1);
}

/* From now on records that @records do not say otherwise are taken for these jobs. */
static uint8_t set_jobs(struct fixture *f, const struct wire_job *jobs, size_t n_jobs,
			uint64_t now_ns)
{
	assert_int_equal(drain_run(f->drain, true, now_ns), 0);
	return drain_set_jobs(f->drain, make_jobs(jobs, n_jobs), now_ns);
}

static void give(const struct stack_record *record)
{
	world.records[world.n_records++] = record;
}

static void what_waits_keeps_the_period_that_it_was_taken_at(void **state)
{
	static const uint64_t leaf = 0x7000;
	const struct wire_job faster = {.sample_rate_hz = 200,
					.collect_interval_ms = 1000,
					.collect_user = true,
					.collect_kernel = true};
	struct fixture *f = *state;
	struct stack_record *later = make_record(3, 0, 1, &leaf);

	world.process.decision = DECISION_UNDECIDED;
	later->head.flags = set_jobs(f, &faster, 1, 4000);
	give(later);
	give(f->record); /* taken before the change, and drained only now */
	assert_int_equal(drain_run(f->drain, true, 9000), 0);
	assert_int_equal(drain_n_pending(f->drain), 3);

	world.process.decision = DECISION_YES;
	assert_int_equal(drain_run(f->drain, true, 16000), 0);
	assert_int_equal(world.n_samples, 13);
	assert_int_equal(world.period_of_frames_ns, PERIOD_NS);
	assert_int_equal(world.span.period_ns, PERIOD_NS / 2);
	for (size_t i = 0; i < WINDOW_GATHERINGS; i++)
		assert_false(world.is_begun[i]);
	assert_balanced(f);

	world.process.n_reads_pending = 1;
	give(later);
	assert_int_equal(drain_run(f->drain, true, 20000), 0);
	world.process.n_reads_pending = 0;
	drain_retry(f->drain, 20001);
	assert_int_equal(world.span.period_ns, PERIOD_NS / 2);
	assert_int_equal(world.span.duration_ns, 4000);
	free(later);
}

static const struct wire_job two_jobs[] = {
	{.id = 1,
	 .sample_rate_hz = 100,
	 .collect_interval_ms = 1000,
	 .collect_user = true,
	 .collect_kernel = true},
	{.id = 2, .sample_rate_hz = 10, .collect_interval_ms = 3000, .collect_user = true},
};

static void a_sample_of_two_jobs_goes_to_both_and_is_copied_once(void **state)
{
	struct fixture *f = *state;

	f->record->head.flags |= set_jobs(f, two_jobs, 2, 1);
	world.n_samples = 0;
	memset(world.n_of_job, 0, sizeof(world.n_of_job));
	f->record->head.jobs = 3;
	world.process.targets[1] = &world.target;
	give(f->record);
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_of_job[0], 5);
	assert_int_equal(world.n_of_job[1], 5);
	assert_int_equal(world.n_frames, 2); /* without the kernel's */
	assert_int_equal(world.frames[0].kind, FRAME_USER);
	assert_int_equal(world.span.period_ns, 10 * PERIOD_NS);
	assert_int_equal(counters_get(&f->counters, COUNTER_COPIED), 5);
}

static void a_sample_taken_for_another_block_only_is_counted(void **state)
{
	struct fixture *f = *state;

	f->record->head.flags |= set_jobs(f, two_jobs, 2, 1);
	world.n_samples = 0;
	world.process.targets[0] = NULL;
	world.process.targets[1] = &world.target;
	give(f->record); /* the slow one was not due */
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_samples, 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_OTHER_BLOCK), 5);
}

static void a_copy_waits_for_targets_that_may_come_and_is_in_no_book_before(void **state)
{
	struct fixture *f = *state;

	f->record->head.flags |= set_jobs(f, two_jobs, 2, 1);
	world.n_samples = 0;
	memset(world.n_of_job, 0, sizeof(world.n_of_job));
	f->record->head.jobs = 3;
	world.process.is_open = true;
	give(f->record);
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_of_job[0], 5);
	assert_int_equal(drain_n_pending(f->drain), 1);
	assert_int_equal(counters_get(&f->counters, COUNTER_COPIED), 0);
	assert_int_equal(drain_count(f->drain, 0), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_PENDING), 0);

	world.process.targets[1] = &world.target;
	drain_retry(f->drain, 2000);
	assert_int_equal(world.n_of_job[0], 5);
	assert_int_equal(world.n_of_job[1], 5);
	assert_int_equal(counters_get(&f->counters, COUNTER_COPIED), 5);

	world.process.targets[1] = NULL;
	give(f->record);
	assert_int_equal(drain_run(f->drain, true, 3000), 0);
	world.process.is_open = false;
	drain_retry(f->drain, 4000);
	assert_int_equal(drain_n_pending(f->drain), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_COPIED), 5);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_OTHER_BLOCK), 0);
}

static void each_job_has_its_own_interval(void **state)
{
	struct fixture *f = *state;
	uint64_t begun_ns = clock_monotonic_ns(), second_ns = UINT64_C(1000000000);

	f->record->head.flags |= set_jobs(f, two_jobs, 2, begun_ns);
	f->record->head.jobs = 3;
	world.process.targets[1] = &world.target;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(drain_due_ns(f->drain), begun_ns + i * second_ns);
		give(f->record);
		assert_int_equal(drain_run(f->drain, false, begun_ns + i * second_ns), 0);
		assert_false(world.is_begun[0]);
		assert_int_equal(world.is_begun[4], i < 3); /* the slow one goes on */
		assert_int_equal(drain_ended(f->drain), i < 3 ? 0x1 : 0x3);
	}
	assert_int_equal(world.span.duration_ns, 3 * second_ns);
	assert_int_equal(drain_run(f->drain, true, begun_ns + 4 * second_ns), 0);
	assert_false(world.is_begun[4]);
}

static void a_target_without_kernel_stacks_has_none(void **state)
{
	static const uint64_t in_kernel = 0xffffffff81000000;
	struct fixture *f = *state;
	struct stack_record *kernel_only = make_record(1, 1, 0, &in_kernel);

	world.target.collect_kernel = false;
	give(kernel_only);
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(world.n_samples, 5);
	assert_int_equal(world.n_frames, 2);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_NO_STACK), 1);
	assert_balanced(f);
	free(kernel_only);
}

static void missed_ticks_never_become_fewer(void **state)
{
	static const struct {
		const char *name;
		uint64_t n_expected, n_ticks, missed;
	} rows[] = {
		{"none is due", 0, 0, 0},
		{"one came early", 9, 10, 0},
		{"three did not come", 20, 17, 3},
		{"two of them were only late", 20, 19, 3},
		{"one more did not come", 30, 26, 4},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world.n_expected = rows[i].n_expected;
		world.n_ticks = rows[i].n_ticks;
		assert_int_equal(drain_count(f->drain, 0), 0);
		if (counters_get(&f->counters, COUNTER_MISSED) != rows[i].missed)
			fail_msg("%s", rows[i].name);
	}
}

static void samples_without_a_target_are_counted(void **state)
{
	struct fixture *f = *state;

	world.process.decision = DECISION_NO;
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_NO_TARGET), 5);
	assert_balanced(f);
}

static void samples_that_no_window_takes_are_counted(void **state)
{
	static const int results[] = {-ENOMEM, -EMSGSIZE};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		world.windows_add_result = results[i];
		world.records[0] = f->record;
		world.n_records = 1;
		assert_int_equal(drain_run(f->drain, true, 1000), 0);
		assert_int_equal(counters_get(&f->counters, COUNTER_DROPPED_NO_MEMORY),
				 (i + 1) * 5);
		assert_balanced(f);
	}
}

static void what_waits_is_bounded_in_bytes_and_the_rest_is_counted(void **state)
{
	static uint64_t frames[FRAMES_MAX];
	struct fixture *f = *state;
	struct stack_record *deep = make_record(1, FRAMES_OF_KIND_MAX, FRAMES_OF_KIND_MAX, frames);
	unsigned n = 0;

	world.process.decision = DECISION_UNDECIDED;
	while (counters_get(&f->counters, COUNTER_DROPPED_PENDING_FULL) == 0) {
		world.records[0] = deep;
		world.n_records = 1;
		assert_int_equal(drain_run(f->drain, true, 1000), 0);
		assert_true(++n < 2 * DRAIN_PENDING_BYTES_MAX / STACK_RECORD_BYTES(FRAMES_MAX));
	}
	assert_balanced(f);
	free(deep);
}

static void a_sample_that_vanishes_uncounted_breaks_the_books(void **state)
{
	struct fixture *f = *state;
	const struct drain_options options = {
		.counters = &f->counters, .jobs = make_jobs(&whole, 1), .lose_one_sample = true};

	f->record->head.count = 1;
	drain_free(f->drain);
	assert_int_equal(drain_new(&options, &f->drain), 0);
	assert_int_equal(drain_run(f->drain, true, 1000), 0);
	assert_int_equal(drain_count(f->drain, 0), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_TAKEN), 1);
	assert_int_equal(world.n_samples, 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_HELD_KERNEL), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_frame_becomes_an_object_and_an_offset),
		TEST(a_user_stack_names_no_function_of_the_kernel),
		TEST(a_mapping_whose_file_could_not_be_opened_keeps_its_name),
		TEST(an_address_of_code_without_a_file_stays_one),
		TEST(a_thread_that_ran_where_nothing_is_mapped_has_its_process_read_again),
		TEST(samples_of_the_undecided_wait_and_are_kept),
		TEST(samples_of_an_image_that_is_being_read_wait_for_its_mappings),
		TEST(an_image_that_is_always_being_read_does_not_hold_its_samples_for_ever),
		TEST(a_sample_that_comes_before_its_announcement_waits_for_it),
		TEST(only_what_waits_for_reads_is_counted_as_such),
		TEST(what_waits_keeps_the_period_that_it_was_taken_at),
		TEST(a_sample_of_two_jobs_goes_to_both_and_is_copied_once),
		TEST(a_sample_taken_for_another_block_only_is_counted),
		TEST(a_copy_waits_for_targets_that_may_come_and_is_in_no_book_before),
		TEST(each_job_has_its_own_interval),
		TEST(a_target_without_kernel_stacks_has_none),
		TEST(missed_ticks_never_become_fewer),
		TEST(samples_without_a_target_are_counted),
		TEST(samples_that_no_window_takes_are_counted),
		TEST(what_waits_is_bounded_in_bytes_and_the_rest_is_counted),
		TEST(a_sample_that_vanishes_uncounted_breaks_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
