#include "spool_rig.h"

#include <errno.h>
#include <unistd.h>

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
		cmocka_unit_test(a_spool_has_one_owner),
		cmocka_unit_test(on_a_real_directory_it_does_the_same),
		cmocka_unit_test(a_reader_that_is_removed_holds_nothing_back_and_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
