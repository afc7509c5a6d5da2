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
	unsigned n_begun, n_ended;
	bool is_announced; /* what processes_find() knows; processes_meet() knows is_known */
	uint64_t period_ns;
	uint64_t n_ticks, n_expected;
	struct window_span span;      /* of the windows begun last */
	uint64_t period_of_frames_ns; /* of those that were given frames last */
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

uint64_t sampler_period_ns(const struct sampler *sampler)
{
	(void)sampler;
	return world.period_ns;
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

void windows_begin(struct windows *windows, const struct window_span *span, uint64_t now_ns)
{
	(void)now_ns;
	(void)windows;
	world.span = *span;
	world.n_begun++;
}

int windows_add(struct windows *windows, struct target *target, const char comm[COMM_BYTES],
		const struct window_frame *frames, size_t n_frames, uint32_t stack_flags,
		uint64_t count)
{
	(void)windows;
	(void)target;
	assert_string_equal(comm, "busy");
	if (world.windows_add_result != 0)
		return world.windows_add_result;
	memcpy(world.frames, frames, n_frames * sizeof(*frames));
	world.n_frames = n_frames;
	world.flags = stack_flags;
	world.n_samples += count;
	if (n_frames > 0)
		world.period_of_frames_ns = world.span.period_ns;
	return 0;
}

void windows_end(struct windows *windows, uint64_t now_ns)
{
	(void)windows;
	(void)now_ns;
	world.n_ended++;
}

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
	if (n > 0)
		memcpy(record->frames, frames, n * sizeof(*frames));
	return record;
}

static int set_up(void **state)
{
	static const uint64_t frames[] = {0xffffffff81000000, TEXT_START + 0x10, 0x7000};
	struct fixture *f = calloc(1, sizeof(*f));
	const struct drain_options options = {.counters = &f->counters};

	memset(&world, 0, sizeof(world));
	world.is_known = true;
	world.is_announced = true;
	world.period_ns = PERIOD_NS;
	world.process = (struct process){.decision = DECISION_YES, .is_read = true};
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
	assert_int_equal(counters_get(c, COUNTER_TAKEN),
			 world.n_samples + counters_get(c, COUNTER_DROPPED_NO_TARGET) +
				 counters_get(c, COUNTER_DROPPED_PENDING_FULL) +
				 counters_get(c, COUNTER_DROPPED_NO_MEMORY) +
				 counters_get(c, COUNTER_HELD_PENDING) +
				 counters_get(c, COUNTER_HELD_KERNEL));
}

static void each_frame_becomes_an_object_and_an_offset(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(drain_run(f->drain, 1000), 0);
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

static void a_mapping_whose_file_could_not_be_opened_keeps_its_name(void **state)
{
	struct fixture *f = *state;

	world.mapping.object = NULL;
	assert_int_equal(drain_run(f->drain, 1000), 0);
	assert_ptr_equal(world.frames[1].object, &world.nameless);
	assert_int_equal(world.frames[1].value, TEXT_OFF + 0x10);
}

static void samples_of_the_undecided_wait_and_are_kept(void **state)
{
	struct fixture *f = *state;

	world.process.decision = DECISION_UNDECIDED;
	assert_int_equal(drain_run(f->drain, 1000), 0);
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
	assert_int_equal(drain_run(f->drain, 1000), 0);
	assert_int_equal(world.n_samples, 0);
	world.process.n_reads_pending = 0;
	assert_int_equal(drain_run(f->drain, 2000), 0);
	assert_int_equal(world.n_samples, 5);
	assert_balanced(f);
}

static void an_image_that_is_always_being_read_does_not_hold_its_samples_for_ever(void **state)
{
	struct fixture *f = *state;
	uint64_t drained_ns = 1000;

	world.process.n_reads_pending = 1;
	assert_int_equal(drain_run(f->drain, drained_ns), 0);
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
	assert_int_equal(drain_run(f->drain, 1000), 0);
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
	assert_int_equal(drain_run(f->drain, 1000), 0);
	assert_int_equal(drain_n_pending(f->drain), 1);
	assert_int_equal(drain_n_pending_reads(f->drain), 0);
	world.process = (struct process){.decision = DECISION_YES, .n_reads_pending = 1};
	drain_retry(f->drain, 2000);
	assert_int_equal(drain_n_pending_reads(f->drain), 1);
}

static void what_waits_keeps_the_period_and_the_interval_that_it_was_taken_in(void **state)
{
	struct fixture *f = *state;
	struct stack_record *later = make_record(3, 0, 0, NULL);

	assert_int_equal(drain_run(f->drain, 1000), 0);
	world.process.decision = DECISION_UNDECIDED;
	world.records[0] = f->record;
	world.n_records = 1;
	assert_int_equal(drain_run(f->drain, 4000), 0);
	world.period_ns = PERIOD_NS / 2;
	world.records[0] = later;
	world.n_records = 1;
	assert_int_equal(drain_run(f->drain, 9000), 0);
	assert_int_equal(drain_n_pending(f->drain), 2);

	world.process.decision = DECISION_YES;
	assert_int_equal(drain_run(f->drain, 16000), 0);
	assert_int_equal(world.n_samples, 13);
	assert_int_equal(world.period_of_frames_ns, PERIOD_NS);
	assert_int_equal(world.span.period_ns, PERIOD_NS / 2);
	assert_int_equal(world.n_begun, world.n_ended);
	assert_balanced(f);

	world.process.n_reads_pending = 1;
	world.records[0] = later;
	world.n_records = 1;
	assert_int_equal(drain_run(f->drain, 20000), 0);
	world.process.n_reads_pending = 0;
	drain_retry(f->drain, 20001);
	assert_int_equal(world.span.period_ns, PERIOD_NS / 2);
	assert_int_equal(world.span.duration_ns, 4000);
	free(later);
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
	assert_int_equal(drain_run(f->drain, 1000), 0);
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
		assert_int_equal(drain_run(f->drain, 1000), 0);
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
		assert_int_equal(drain_run(f->drain, 1000), 0);
		assert_true(++n < 2 * DRAIN_PENDING_BYTES_MAX / STACK_RECORD_BYTES(FRAMES_MAX));
	}
	assert_balanced(f);
	free(deep);
}

static void a_sample_that_vanishes_uncounted_breaks_the_books(void **state)
{
	struct fixture *f = *state;
	const struct drain_options options = {.counters = &f->counters, .lose_one_sample = true};

	f->record->head.count = 1;
	drain_free(f->drain);
	assert_int_equal(drain_new(&options, &f->drain), 0);
	assert_int_equal(drain_run(f->drain, 1000), 0);
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
		TEST(a_mapping_whose_file_could_not_be_opened_keeps_its_name),
		TEST(samples_of_the_undecided_wait_and_are_kept),
		TEST(samples_of_an_image_that_is_being_read_wait_for_its_mappings),
		TEST(an_image_that_is_always_being_read_does_not_hold_its_samples_for_ever),
		TEST(a_sample_that_comes_before_its_announcement_waits_for_it),
		TEST(only_what_waits_for_reads_is_counted_as_such),
		TEST(what_waits_keeps_the_period_and_the_interval_that_it_was_taken_in),
		TEST(missed_ticks_never_become_fewer),
		TEST(samples_without_a_target_are_counted),
		TEST(samples_that_no_window_takes_are_counted),
		TEST(what_waits_is_bounded_in_bytes_and_the_rest_is_counted),
		TEST(a_sample_that_vanishes_uncounted_breaks_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
