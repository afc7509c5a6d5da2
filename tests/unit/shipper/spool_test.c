#include "spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim_files.h"

#define INSTANCE    77u
#define START_NS    UINT64_C(1000000000000)
#define SECOND_NS   UINT64_C(1000000000)
#define WINDOWS_MAX 64u

/* A spool on a simulated disk. */
struct rig {
	struct sim sim;
	struct spool_options options;
	struct spool *spool;
	size_t reader;
};

static size_t payload_bytes(uint64_t window)
{
	return 100 + (size_t)window % 7 * 501;
}

static void payload_fill(uint64_t window, unsigned char *data)
{
	for (size_t i = 0; i < payload_bytes(window); i++)
		data[i] = (unsigned char)(window * 31 + i);
}

static struct spool_record record_of(uint64_t window)
{
	return (struct spool_record){
		.window = {INSTANCE, window},
		.time_wall_ns = START_NS + window * SECOND_NS,
		.n_samples = 10 * window,
		.n_profile_bytes = payload_bytes(window),
		.n_parts = 2,
		.n_payload_bytes = (uint32_t)payload_bytes(window),
	};
}

static int append(struct spool *spool, uint64_t window)
{
	unsigned char payload[8192];
	struct spool_record record = record_of(window);

	payload_fill(window, payload);
	return spool_append(spool, &record, payload);
}

static void rig_init(struct rig *rig)
{
	sim_init(&rig->sim);
	rig->options = (struct spool_options){
		.files = &rig->sim.files,
		.bytes_max = 1u << 20,
		.age_max_ns = 1000 * SECOND_NS,
		.segment_bytes = 12 * 1024, /* two or three records each */
	};
	rig->spool = NULL;
}

static int rig_open(struct rig *rig)
{
	int r = spool_open(&rig->options, &rig->spool);

	return r < 0 ? r : spool_reader_add(rig->spool, "reader", &rig->reader);
}

static void rig_close(struct rig *rig)
{
	spool_close(rig->spool);
	rig->spool = NULL;
}

static void rig_deinit(struct rig *rig)
{
	rig_close(rig);
	sim_deinit(&rig->sim);
}

/* The books of a reader: everything it was ever shown, and where that is now. */
static void assert_books(const struct rig *rig, uint64_t n_samples_sent)
{
	const struct spool_reader *reader = spool_reader(rig->spool, rig->reader);
	uint64_t accounted = n_samples_sent + spool_held(rig->spool, rig->reader).n_samples;

	for (size_t i = 0; i < N_SPOOL_DROPS; i++)
		accounted += reader->dropped[i].n_samples;
	assert_int_equal(reader->spooled.n_samples, accounted);
}

static void pass_over(struct rig *rig, const struct spool_entry *entry)
{
	struct spool_cursor behind = {.sequence = entry->record.sequence + 1};

	spool_advance(rig->spool, rig->reader, &behind);
}

/* Reads all that the reader has before it; marks each window in @seen and checks its bytes. */
static void read_all(struct rig *rig, unsigned seen[WINDOWS_MAX])
{
	struct bytes payload = BYTES_INIT(SPOOL_PAYLOAD_BYTES_MAX);
	uint64_t at = spool_reader(rig->spool, rig->reader)->cursor.sequence;
	unsigned char expected[8192];
	struct spool_entry entry;

	for (; spool_find(rig->spool, at, &entry); at = entry.record.sequence + 1) {
		uint64_t window = entry.record.window.sequence;

		assert_int_equal(spool_read(rig->spool, &entry, &payload), 0);
		assert_int_equal(payload.n_bytes, payload_bytes(window));
		payload_fill(window, expected);
		assert_memory_equal(payload.data, expected, payload.n_bytes);
		assert_true(window < WINDOWS_MAX);
		seen[window]++;
	}
	bytes_deinit(&payload);
}

static void what_was_appended_is_read_back_in_order(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(append(rig.spool, i), 0);
	read_all(&rig, seen);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(spool_state(rig.spool).n_samples_appended, 10 * 210);
	assert_true(spool_state(rig.spool).n_segments > 3);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

static void a_repeat_is_recognised_in_the_spool_and_after_it_left_across_restarts(void **state)
{
	struct spool_entry entry;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(append(rig.spool, i), 0);
	assert_int_equal(append(rig.spool, 3), SPOOL_KNOWN);
	for (uint64_t i = 1; i <= 20; i++) {
		assert_true(spool_find(rig.spool, i, &entry));
		pass_over(&rig, &entry);
	}
	for (int restart = 0; restart < 3; restart++) {
		for (uint64_t i = 1; i <= 20; i++)
			assert_int_equal(append(rig.spool, i), SPOOL_KNOWN);
		rig_close(&rig);
		assert_int_equal(rig_open(&rig), 0);
		assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 0);
	}
	rig_deinit(&rig);
}

static void a_cursor_goes_on_where_it_was_and_within_a_record(void **state)
{
	struct spool_cursor inside = {
		.sequence = 3, .part = 1, .n_part_samples = 12, .n_part_bytes = 34};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(append(rig.spool, i), 0);
	spool_advance(rig.spool, rig.reader, &inside);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 30 - 12 + 40 + 50);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_profiles, 5);
	assert_books(&rig, 10 + 20 + 12);
	rig_close(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader(rig.spool, rig.reader)->cursor.part, 1);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 30 - 12 + 40 + 50);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

static void a_lost_cursor_costs_repeats_and_no_record(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct spool_entry entry;
	struct sim_content *file;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 2; i++)
		assert_int_equal(append(rig.spool, i), 0);
	assert_true(spool_find(rig.spool, 1, &entry));
	pass_over(&rig, &entry);
	rig_close(&rig);
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (rig.sim.names[i].inode >= 0 &&
		    strncmp(rig.sim.names[i].name, "cursor-", 7) == 0) {
			file = sim_content(&rig.sim, rig.sim.names[i].name);
			file->data[file->n_bytes / 2] ^= 1;
		}
	assert_int_equal(rig_open(&rig), 0);
	read_all(&rig, seen);
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 1);
	assert_int_equal(spool_state(rig.spool).n_damaged, 1);
	rig_deinit(&rig);
}

static void new_records_are_never_behind_a_cursor_even_when_the_spool_was_empty(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct spool_cursor all = {.sequence = 6};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(append(rig.spool, i), 0);
	spool_advance(rig.spool, rig.reader, &all);
	spool_expire(rig.spool, START_NS + 500 * SECOND_NS); /* closes the active segment: all go */
	assert_null(sim_name_with(&rig.sim, ".seg"));
	rig_close(&rig);
	assert_int_equal(spool_open(&rig.options, &rig.spool), 0); /* before any reader is known */
	assert_int_equal(append(rig.spool, 6), 0);
	assert_int_equal(spool_reader_add(rig.spool, "reader", &rig.reader), 0);
	read_all(&rig, seen);
	assert_int_equal(seen[6], 1);
	rig_deinit(&rig);
}

static void each_reader_has_its_own_place_and_a_segment_waits_for_the_slowest(void **state)
{
	struct spool_cursor all = {.sequence = 21};
	struct rig rig;
	size_t slow;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader_add(rig.spool, "slow", &slow), 0);
	for (uint64_t i = 1; i <= 20; i++)
		assert_int_equal(append(rig.spool, i), 0);
	spool_advance(rig.spool, rig.reader, &all);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 0);
	assert_int_equal(spool_held(rig.spool, slow).n_samples, 10 * 210);
	assert_int_equal(spool_state(rig.spool).n_records, 20);
	spool_advance(rig.spool, slow, &all);
	assert_true(spool_state(rig.spool).n_segments <= 1); /* the active one may stay */
	rig_deinit(&rig);
}

static void over_its_bytes_the_oldest_segment_goes_and_is_counted_for_who_needed_it(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct spool_cursor inside = {.sequence = 2, .part = 1, .n_part_samples = 5};
	struct rig rig;
	uint64_t lost;
	size_t quick;

	(void)state;
	rig_init(&rig);
	rig.options.bytes_max = 40 * 1024; /* ten records: each is charged a page */
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader_add(rig.spool, "quick", &quick), 0);
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(append(rig.spool, i), 0);
	spool_advance(rig.spool, rig.reader, &inside);
	spool_advance(rig.spool, quick, &(struct spool_cursor){.sequence = 11});
	for (uint64_t i = 11; i <= 30; i++)
		assert_int_equal(append(rig.spool, i), 0);
	assert_true(spool_state(rig.spool).n_bytes <= rig.options.bytes_max);
	assert_books(&rig, 10 + 5);
	lost = spool_reader(rig.spool, rig.reader)->dropped[SPOOL_DROP_FULL].n_samples;
	assert_true(lost > 0);
	assert_int_equal(
		spool_reader(rig.spool, rig.reader)->dropped[SPOOL_DROP_FULL].n_profiles % 2, 1);
	assert_true(spool_reader(rig.spool, quick)->dropped[SPOOL_DROP_FULL].n_samples < lost);
	read_all(&rig, seen);
	assert_int_equal(seen[30], 1);
	assert_int_equal(seen[1], 0);
	rig_deinit(&rig);
}

static void over_their_age_whole_segments_go_and_are_counted(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(append(rig.spool, i), 0);
	spool_expire(rig.spool, START_NS + 900 * SECOND_NS);
	assert_int_equal(spool_state(rig.spool).n_records, 10);
	spool_expire(rig.spool, START_NS); /* a clock that went back drops nothing */
	assert_int_equal(spool_state(rig.spool).n_records, 10);
	spool_expire(rig.spool, START_NS + 2000 * SECOND_NS);
	assert_int_equal(spool_state(rig.spool).n_records, 0);
	assert_int_equal(spool_reader(rig.spool, rig.reader)->dropped[SPOOL_DROP_AGED].n_samples,
			 10 * 55);
	assert_books(&rig, 0);
	assert_int_equal(append(rig.spool, 11), 0);
	rig_deinit(&rig);
}

/* Damage of a file of three records, and what a reader then finds of windows 1, 2, 3. */
static const struct {
	const char *name;
	size_t cut;     /* bytes taken off the end */
	size_t zeroes;  /* bytes of zeroes added to the end */
	size_t flip_at; /* offset of a flipped bit; 0: none */
	unsigned expected[3];
	uint64_t n_damaged;
	bool is_torn;
} damages[] = {
	{"nothing", 0, 0, 0, {1, 1, 1}, 0, false},
	{"a torn last record", 5, 0, 0, {1, 1, 0}, 0, true},
	{"a tail of zeroes", 0, 5000, 0, {1, 1, 1}, 0, true},
	{"a flip in the segment's header", 0, 0, 9, {1, 1, 1}, 1, false},
	{"a flip in the first magic", 0, 0, 25, {0, 1, 1}, 1, false},
	{"a flip in the first length", 0, 0, 24 + 7, {0, 1, 1}, 1, false},
	{"a flip in the first payload", 0, 0, 24 + 80, {0, 1, 1}, 1, false},
	{"a flip in the second payload", 0, 0, 24 + 72 + 601 + 80, {1, 0, 1}, 1, false},
	{"a cut in the segment's header",
	 24 + 3 * 72 + 601 + 1102 + 1603 - 10,
	 0,
	 0,
	 {0, 0, 0},
	 0,
	 true},
};

static void damage_costs_the_record_it_hits_and_is_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		unsigned seen[WINDOWS_MAX] = {0};
		struct sim_content *file;
		struct rig rig;

		print_message("%s\n", damages[i].name);
		rig_init(&rig);
		assert_int_equal(rig_open(&rig), 0);
		for (uint64_t w = 1; w <= 3; w++)
			assert_int_equal(append(rig.spool, w), 0);
		rig_close(&rig);
		file = sim_content(&rig.sim, sim_name_with(&rig.sim, ".seg"));
		file->n_bytes -= damages[i].cut;
		file->data = realloc(file->data, file->n_bytes + damages[i].zeroes + 1);
		memset(file->data + file->n_bytes, 0, damages[i].zeroes);
		file->n_bytes += damages[i].zeroes;
		if (damages[i].flip_at)
			file->data[damages[i].flip_at] ^= 0x10;
		assert_int_equal(rig_open(&rig), 0);
		read_all(&rig, seen);
		for (size_t w = 0; w < 3; w++)
			assert_int_equal(seen[w + 1], damages[i].expected[w]);
		assert_int_equal(spool_state(rig.spool).n_damaged, damages[i].n_damaged);
		assert_int_equal(spool_state(rig.spool).n_torn_bytes > 0, damages[i].is_torn);
		/* A window that is gone is new again; one that is there is a repeat. */
		for (uint64_t w = 1; w <= 3; w++)
			assert_int_equal(append(rig.spool, w),
					 damages[i].expected[w - 1] ? SPOOL_KNOWN : 0);
		assert_books(&rig, 0);
		rig_deinit(&rig);
	}
}

static void a_record_that_rots_later_is_passed_over_and_counted(void **state)
{
	struct bytes payload = BYTES_INIT(SPOOL_PAYLOAD_BYTES_MAX);
	struct spool_entry entry;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t w = 1; w <= 2; w++)
		assert_int_equal(append(rig.spool, w), 0);
	sim_content(&rig.sim, sim_name_with(&rig.sim, ".seg"))->data[200] ^= 1;
	assert_true(spool_find(rig.spool, 1, &entry));
	assert_int_equal(spool_read(rig.spool, &entry, &payload), SPOOL_DAMAGED);
	spool_pass_damaged(rig.spool, rig.reader);
	assert_int_equal(spool_reader(rig.spool, rig.reader)->dropped[SPOOL_DROP_DAMAGED].n_samples,
			 10);
	assert_books(&rig, 0);
	assert_true(spool_find(rig.spool, 2, &entry));
	assert_int_equal(spool_read(rig.spool, &entry, &payload), 0);
	bytes_deinit(&payload);
	rig_deinit(&rig);
}

static void a_segment_of_a_newer_version_is_moved_aside_and_never_deleted(void **state)
{
	unsigned char header[SPOOL_SEGMENT_HEADER_BYTES] = "TRIPTSEG\x02\0\0\0";
	struct sim_content *file;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(append(rig.spool, 1), 0);
	rig_close(&rig);
	file = sim_content(&rig.sim, sim_name_with(&rig.sim, ".seg"));
	/* Version 2, first sequence 1, and the crc that belongs to them. */
	header[16] = 1;
	memcpy(file->data, header, sizeof(header));
	memcpy(file->data + 12, "\xf6\xa4\x98\x10", 4);
	assert_int_equal(spool_segment_check(file->data, file->n_bytes, 1), SPOOL_RECORD_NEWER);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_state(rig.spool).n_segments_newer, 1);
	assert_non_null(sim_name_with(&rig.sim, ".seg.newer"));
	assert_int_equal(append(rig.spool, 2), 0);
	rig_deinit(&rig);
}

static void a_failed_sync_is_never_tried_again_on_the_same_file(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct rig rig;
	uint64_t before;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(append(rig.spool, 1), 0);
	before = rig.sim.n_operations;
	rig.sim.fault_at = before + 3; /* header, payload, sync */
	rig.sim.fault = SIM_EIO;
	assert_int_equal(append(rig.spool, 2), 0); /* made durable in another segment */
	assert_int_equal(spool_state(rig.spool).n_sync_failures, 1);
	assert_int_equal(spool_state(rig.spool).n_segments, 2);
	rig_close(&rig);
	sim_power_cut(&rig.sim, SIM_KEEP_NOTHING, false);
	assert_int_equal(rig_open(&rig), 0);
	read_all(&rig, seen);
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 1);
	rig.sim.sync_always_fails = true;
	assert_int_equal(append(rig.spool, 3), -EIO);
	assert_int_equal(spool_state(rig.spool).n_refused, 1);
	rig.sim.sync_always_fails = false;
	assert_int_equal(append(rig.spool, 3), 0);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

static void a_full_disk_refuses_and_goes_on_when_there_is_room(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(append(rig.spool, 1), 0);
	rig.sim.n_writes_left_to_disk_full = 1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(append(rig.spool, 2), -ENOSPC);
	rig.sim.n_writes_left_to_disk_full = 0;
	assert_int_equal(append(rig.spool, 2), 0);
	assert_int_equal(spool_state(rig.spool).n_refused, 5);
	assert_int_equal(spool_state(rig.spool).n_segments, 2);
	read_all(&rig, seen);
	assert_int_equal(seen[1] + seen[2], 2);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

/* What a run of the scenario promised before it was cut short. */
struct promise {
	bool acknowledged[WINDOWS_MAX];
	bool passed[WINDOWS_MAX];
};

#define SCENARIO_WINDOWS 14u

/* Appends windows and passes over some; any call may fail because of the rig's fault. */
static void run_scenario(struct rig *rig, struct promise *promise)
{
	if (rig_open(rig) != 0)
		return;
	for (uint64_t w = 1; w <= SCENARIO_WINDOWS; w++) {
		struct spool_entry entry;
		uint64_t at = spool_reader(rig->spool, rig->reader)->cursor.sequence;

		if (append(rig->spool, w) == 0)
			promise->acknowledged[w] = true;
		if (w % 3 != 0 && w < 12 && spool_find(rig->spool, at, &entry)) {
			promise->passed[entry.record.window.sequence] = true;
			pass_over(rig, &entry);
		}
		if (w == 7)
			spool_expire(rig->spool, START_NS + 900 * SECOND_NS);
	}
}

/* After any accident: what was acknowledged is there (or was passed), once, and known. */
static void check_promise(struct rig *rig, const struct promise *promise, bool knows_all)
{
	unsigned seen[WINDOWS_MAX] = {0};

	assert_int_equal(rig_open(rig), 0);
	read_all(rig, seen);
	for (uint64_t w = 1; w <= SCENARIO_WINDOWS; w++) {
		assert_true(seen[w] <= 1);
		if (promise->acknowledged[w] && !promise->passed[w])
			assert_int_equal(seen[w], 1);
		if (promise->acknowledged[w] && knows_all)
			assert_int_equal(append(rig->spool, w), SPOOL_KNOWN);
	}
	assert_int_equal(append(rig->spool, SCENARIO_WINDOWS + 1), 0);
	assert_books(rig, 0);
}

static uint64_t count_operations(void)
{
	struct promise promise = {0};
	struct rig rig;
	uint64_t n;

	rig_init(&rig);
	run_scenario(&rig, &promise);
	n = rig.sim.n_operations;
	rig_deinit(&rig);
	return n;
}

static void power_lost_at_any_operation_loses_nothing_that_was_acknowledged(void **state)
{
	uint64_t n_operations = count_operations();

	(void)state;
	assert_true(n_operations > 100);
	for (uint64_t at = 1; at <= n_operations; at++)
		for (unsigned how = 0; how < 2 * N_SIM_SURVIVALS; how++) {
			struct promise promise = {0};
			struct rig rig;

			rig_init(&rig);
			rig.sim.fault_at = at;
			rig.sim.fault = SIM_DEAD;
			run_scenario(&rig, &promise);
			rig_close(&rig);
			sim_power_cut(&rig.sim, (enum sim_survival)(how / 2), how % 2);
			check_promise(&rig, &promise, true);
			rig_deinit(&rig);
		}
}

static void one_failure_of_any_operation_loses_nothing_that_was_acknowledged(void **state)
{
	static const enum sim_fault faults[] = {SIM_EIO, SIM_ENOSPC, SIM_SHORT_WRITE};
	uint64_t n_operations = count_operations();

	(void)state;
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++)
		for (uint64_t at = 1; at <= n_operations; at++)
			for (unsigned cut = 0; cut < 2; cut++) {
				struct promise promise = {0};
				bool knows_all = true;
				struct rig rig;

				rig_init(&rig);
				rig.sim.fault_at = at;
				rig.sim.fault = faults[f];
				run_scenario(&rig, &promise);
				if (rig.spool)
					knows_all = spool_state(rig.spool).n_unsaved == 0;
				rig_close(&rig);
				sim_power_cut(&rig.sim, cut ? SIM_KEEP_NOTHING : SIM_KEEP_ALL,
					      !cut);
				check_promise(&rig, &promise, knows_all);
				rig_deinit(&rig);
			}
}

static void a_spool_has_one_owner(void **state)
{
	char path[] = "/tmp/spool-test-XXXXXX";
	struct spool_files files = {0}, second = {0};

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(spool_files_open(path, &files), 0);
	assert_int_equal(spool_files_open(path, &second), -EWOULDBLOCK);
	spool_files_close(&files);
	assert_int_equal(spool_files_open(path, &second), 0);
	spool_files_close(&second);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(spool_files_open(path, &files), -ENOENT);
}

static void on_a_real_directory_it_does_the_same(void **state)
{
	char path[] = "/tmp/spool-test-XXXXXX", command[64];
	struct spool_files files = {0};
	struct rig rig;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(spool_files_open(path, &files), 0);
	rig_init(&rig);
	rig.options.files = &files;
	for (int restart = 0; restart < 2; restart++) {
		unsigned seen[WINDOWS_MAX] = {0};

		assert_int_equal(rig_open(&rig), 0);
		for (uint64_t w = 1; w <= 20; w++)
			assert_int_equal(append(rig.spool, w), restart ? SPOOL_KNOWN : 0);
		read_all(&rig, seen);
		assert_int_equal(seen[1] + seen[20], 2);
		rig_close(&rig);
	}
	rig_deinit(&rig);
	spool_files_close(&files);
	(void)snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

static void a_reader_that_is_removed_holds_nothing_back_and_is_forgotten(void **state)
{
	struct rig rig;
	size_t slow, again;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader_add(rig.spool, "slow", &slow), 0);
	for (uint64_t window = 1; window <= 12; window++)
		assert_int_equal(append(rig.spool, window), 0);
	spool_advance(rig.spool, slow, &(struct spool_cursor){.sequence = 3});
	spool_advance(rig.spool, rig.reader, &(struct spool_cursor){.sequence = 13});
	assert_true(spool_state(rig.spool).n_segments > 1);
	spool_reader_remove(rig.spool, slow);
	assert_int_equal(spool_state(rig.spool).n_segments, 1);
	assert_int_equal(append(rig.spool, 13), 0);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 130);

	/* Its number is free again; whoever has it next starts with the oldest record there is. */
	assert_int_equal(spool_reader_add(rig.spool, "slow", &again), 0);
	assert_int_equal(again, slow);
	assert_int_equal(spool_reader(rig.spool, again)->cursor.sequence, 0);
	assert_int_equal(spool_reader(rig.spool, again)->spooled.n_samples,
			 spool_held(rig.spool, again).n_samples);
	assert_true(spool_held(rig.spool, again).n_samples >= 130);
	rig_deinit(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_appended_is_read_back_in_order),
		cmocka_unit_test(
			a_repeat_is_recognised_in_the_spool_and_after_it_left_across_restarts),
		cmocka_unit_test(a_cursor_goes_on_where_it_was_and_within_a_record),
		cmocka_unit_test(a_lost_cursor_costs_repeats_and_no_record),
		cmocka_unit_test(
			new_records_are_never_behind_a_cursor_even_when_the_spool_was_empty),
		cmocka_unit_test(each_reader_has_its_own_place_and_a_segment_waits_for_the_slowest),
		cmocka_unit_test(
			over_its_bytes_the_oldest_segment_goes_and_is_counted_for_who_needed_it),
		cmocka_unit_test(over_their_age_whole_segments_go_and_are_counted),
		cmocka_unit_test(damage_costs_the_record_it_hits_and_is_counted),
		cmocka_unit_test(a_record_that_rots_later_is_passed_over_and_counted),
		cmocka_unit_test(a_segment_of_a_newer_version_is_moved_aside_and_never_deleted),
		cmocka_unit_test(a_failed_sync_is_never_tried_again_on_the_same_file),
		cmocka_unit_test(a_full_disk_refuses_and_goes_on_when_there_is_room),
		cmocka_unit_test(power_lost_at_any_operation_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(one_failure_of_any_operation_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(a_reader_that_is_removed_holds_nothing_back_and_is_forgotten),
		cmocka_unit_test(a_spool_has_one_owner),
		cmocka_unit_test(on_a_real_directory_it_does_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
