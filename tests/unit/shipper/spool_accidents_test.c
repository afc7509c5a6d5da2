#include "spool_rig.h"

#include <errno.h>

/* What a disk, a process or the power may do to a spool: nothing that was acknowledged is lost. */

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

/* Appends the record of @window, as @sequence, to the end of the file @name: nobody was told. */
static void leave_copy(struct rig *rig, const char *name, uint64_t window, uint64_t sequence)
{
	struct sim_content *file = sim_content(&rig->sim, name);
	struct spool_record record = record_of(window);
	size_t n_bytes = SPOOL_RECORD_HEADER_BYTES + payload_bytes(window);
	unsigned char payload[8192];

	record.sequence = sequence;
	payload_fill(window, payload);
	file->data = realloc(file->data, file->n_bytes + n_bytes);
	assert_non_null(file->data);
	spool_record_encode(&record, payload, file->data + file->n_bytes);
	memcpy(file->data + file->n_bytes + SPOOL_RECORD_HEADER_BYTES, payload,
	       payload_bytes(window));
	file->n_bytes += n_bytes;
}

static void the_copy_that_a_failed_sync_left_behind_does_not_hide_the_acknowledged_one(void **state)
{
	struct spool_cursor inside = {
		.sequence = 3, .part = 1, .n_part_samples = 12, .n_part_bytes = 34};
	char name[SPOOL_NAME_BYTES + 16];
	struct spool_entry entry;
	struct rig rig;
	size_t slow;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader_add(rig.spool, "slow", &slow),
			 0); /* keeps the first segment */
	assert_int_equal(append(rig.spool, 1), 0);
	(void)snprintf(name, sizeof(name), "%s", sim_name_with(&rig.sim, ".seg"));
	rig.sim.fault_at = rig.sim.n_operations + 3; /* header, payload, sync */
	rig.sim.fault = SIM_EIO;
	assert_int_equal(append(rig.spool, 2), 0); /* as 3, after 2 failed */
	spool_advance(rig.spool, rig.reader, &inside);
	rig_close(&rig);
	leave_copy(&rig, name, 2,
		   2); /* the cut of its tail did not reach the disk, its bytes did */
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_state(rig.spool).n_records, 2);
	assert_true(spool_find(rig.spool, 2, &entry));
	assert_int_equal(entry.record.sequence, 3);
	assert_int_equal(spool_reader(rig.spool, rig.reader)->cursor.part, 1);
	assert_int_equal(spool_held(rig.spool, rig.reader).n_samples, 20 - 12);
	assert_int_equal(append(rig.spool, 2), SPOOL_KNOWN);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

static void a_bad_place_of_the_disk_costs_the_records_in_it_and_no_start(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.options.segment_bytes = 1u << 16;
	assert_int_equal(rig_open(&rig), 0);
	for (uint64_t w = 1; w <= 6; w++)
		assert_int_equal(append(rig.spool, w), 0);
	assert_int_equal(spool_state(rig.spool).n_segments, 1);
	rig_close(&rig);
	rig.sim.n_operations = 0;
	rig.sim.fault_at = 5; /* list, no ids, the segment's open and size, its first read */
	rig.sim.fault = SIM_EIO;
	assert_int_equal(rig_open(&rig), 0);
	read_all(&rig, seen);
	assert_int_equal(seen[1], 0);
	assert_int_equal(seen[6], 1);
	assert_int_equal(spool_state(rig.spool).n_damaged,
			 2); /* the header, and what followed it */
	pass_over(&rig, &(struct spool_entry){.record.sequence = 5});
	rig_close(&rig);
	rig.sim.n_operations = 0;
	rig.sim.fault_at = 4; /* list, the cursor's open and size, its read */
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(spool_reader(rig.spool, rig.reader)->cursor.sequence, 6);
	assert_books(&rig, 0);
	rig_deinit(&rig);
}

static void a_cursor_that_could_not_be_read_at_first_hides_nothing_new(void **state)
{
	unsigned seen[WINDOWS_MAX] = {0};
	struct rig rig;

	(void)state;
	rig_init(&rig);
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(append(rig.spool, 1), 0);
	spool_advance(rig.spool, rig.reader, &(struct spool_cursor){.sequence = 50});
	spool_expire(rig.spool, START_NS + 900 * SECOND_NS);
	assert_int_equal(spool_state(rig.spool).n_records, 0);
	rig_close(&rig);
	rig.sim.n_operations = 0;
	rig.sim.fault_at = 2; /* list, the cursor's open */
	rig.sim.fault = SIM_EIO;
	assert_int_equal(rig_open(&rig), 0);
	assert_int_equal(append(rig.spool, 2), 0);
	read_all(&rig, seen);
	assert_int_equal(seen[2], 1);
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
	assert_int_equal(spool_state(rig.spool).append_error, -ENOSPC);
	rig.sim.n_writes_left_to_disk_full = 0;
	assert_int_equal(append(rig.spool, 2), 0);
	assert_int_equal(spool_state(rig.spool).append_error, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_costs_the_record_it_hits_and_is_counted),
		cmocka_unit_test(a_record_that_rots_later_is_passed_over_and_counted),
		cmocka_unit_test(a_segment_of_a_newer_version_is_moved_aside_and_never_deleted),
		cmocka_unit_test(a_failed_sync_is_never_tried_again_on_the_same_file),
		cmocka_unit_test(
			the_copy_that_a_failed_sync_left_behind_does_not_hide_the_acknowledged_one),
		cmocka_unit_test(a_bad_place_of_the_disk_costs_the_records_in_it_and_no_start),
		cmocka_unit_test(a_cursor_that_could_not_be_read_at_first_hides_nothing_new),
		cmocka_unit_test(a_full_disk_refuses_and_goes_on_when_there_is_room),
		cmocka_unit_test(power_lost_at_any_operation_loses_nothing_that_was_acknowledged),
		cmocka_unit_test(one_failure_of_any_operation_loses_nothing_that_was_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
