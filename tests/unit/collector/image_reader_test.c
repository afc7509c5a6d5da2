#include "processes_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void an_exec_is_read_at_once_and_its_files_are_opened(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;
	struct asked *a;
	int fd;

	(void)state;
	announce(ANNOUNCE_EXEC, &image);
	a = waiting(OPENER_READ_PROC);
	assert_int_equal(a->request.pid, 7);
	assert_int_equal(a->request.files, OPENER_STAT | OPENER_CGROUP | OPENER_MAPS);
	process = find(&image);
	assert_string_equal(process->comm, "name");
	assert_int_equal(process->cgroup_id, 77);
	assert_int_equal(process->n_reads_pending, 1);
	assert_true(processes_busy(fixture.processes));

	give_texts(NULL, maps_of_prog);
	a = waiting(OPENER_OPEN_MAPPED);
	assert_int_equal(a->request.start, 0x1000);
	assert_int_equal(a->request.end, 0x2000);
	assert_int_equal(a->request.device, DEVICE);
	assert_null(name_at(process, 0x1000));
	fd = give_file(a, DEVICE, 11);
	assert_string_equal(name_at(process, 0x1000), "/prog");
	assert_int_equal(process->mappings.mappings[0].object->fd, fd);
	assert_false(processes_busy(fixture.processes)); /* nobody waits for the root */
	assert_int_equal(process->mappings.mappings[0].object->root_fd, -1);
	fd = give_root(1);
	assert_int_equal(process->mappings.mappings[0].object->root_fd, fd);
	assert_int_equal(counted(COUNTER_MAPS_READ), 1);
	assert_int_equal(processes_n(fixture.processes), 1);
}

static void a_held_program_costs_one_read_and_opens_nothing(void **state)
{
	size_t n_before;

	(void)state;
	(void)run_prog(7);
	n_before = fixture.n_asked;
	for (uint32_t pid = 8; pid < 108; pid++)
		assert_string_equal(name_at(run_prog(pid), 0x1000), "/prog");
	assert_int_equal(fixture.n_asked - n_before, 100);
	assert_int_equal(objects_n_held(fixture.objects), 2);
}

static void news_that_a_read_in_flight_is_too_old_for_cause_another(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_EXEC, &image);
	announce(ANNOUNCE_MET, &image); /* later: the libraries may not be there in the first */
	assert_int_equal(n_waiting(OPENER_READ_PROC), 1);
	give_texts(NULL, maps_of_prog);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 1);
	give_texts(NULL, maps_of_prog_and_lib);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	assert_int_equal(n_waiting(OPENER_OPEN_MAPPED), 2);
}

static void news_from_before_a_read_cost_nothing(void **state)
{
	struct process_image image = image_of(7, 1);
	struct announcement late = {
		.kind = ANNOUNCE_MET, .image = image, .time_ns = fixture.now_ns - 1};

	(void)state;
	announce(ANNOUNCE_EXEC, &image);
	processes_announce(fixture.processes, &late, fixture.now_ns);
	give_texts(NULL, maps_of_prog);
	processes_announce(fixture.processes, &late, fixture.now_ns);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void a_start_time_that_differs_is_another_process(void **state)
{
	struct process_image image = {7, 1, START_NS + 10000000}; /* the next clock tick */
	struct process *process;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog);
	process = find(&image);
	assert_int_equal(process->mappings.n_mappings, 0);
	assert_false(process->is_read);
	assert_true(process->is_exited);
	assert_int_equal(counted(COUNTER_MAPS_FAILED), 1);

	image.pid = 8;
	image.start_boot_ns = START_NS + 9999999; /* the same clock tick */
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog);
	assert_true(find(&image)->is_read);
}

static void a_read_that_an_exec_came_into_is_not_the_old_images(void **state)
{
	struct process_image old = image_of(7, 1), new = image_of(7, 2);

	(void)state;
	announce(ANNOUNCE_MET, &old);
	announce(ANNOUNCE_EXEC, &new); /* while the first read is in flight */
	answer(&fixture.asked[0], &(struct opener_result){.fd = -1,
							  .bytes = {bytes_of(stat_text(12345)),
								    {"", 0},
								    bytes_of("0::/\n"),
								    bytes_of(maps_of_other)}});
	assert_false(find(&old)->is_read);
	give_texts(NULL, maps_of_other);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 13);
	assert_null(name_at(find(&old), 0x1000));
	assert_string_equal(name_at(find(&new), 0x1000), "/other");
}

static void an_exec_from_before_a_read_ended_voids_it_and_a_later_one_does_not(void **state)
{
	static const struct {
		int64_t exec_ns; /* relative to the end of the old image's read */
		bool is_kept;
	} cases[] = {{-1000, false}, {0, false}, {1, true}, {1000000000, true}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process_image old = image_of(100 + i, 1), new = image_of(100 + i, 2);
		struct announcement exec = {.kind = ANNOUNCE_EXEC, .image = new};
		uint64_t read_ns;

		announce(ANNOUNCE_MET, &old);
		fixture.now_ns += 5000;
		read_ns = fixture.now_ns;
		give_texts(NULL, maps_of_prog);
		if (n_waiting(OPENER_OPEN_MAPPED) > 0)
			(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
		exec.time_ns = read_ns + (uint64_t)cases[i].exec_ns;
		fixture.now_ns += 1000;
		processes_announce(fixture.processes, &exec, fixture.now_ns);
		assert_true(find(&old)->is_exited);
		assert_int_equal(find(&old)->is_read, cases[i].is_kept);
		give_texts(NULL, maps_of_other);
		if (n_waiting(OPENER_OPEN_MAPPED) > 0)
			(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 13);
		assert_string_equal(name_at(find(&new), 0x1000), "/other");
		if (cases[i].is_kept)
			assert_string_equal(name_at(find(&old), 0x1000), "/prog");
	}
}

static void an_exec_that_nobody_announced_voids_what_was_read_before(void **state)
{
	struct process *old = run_prog(7);
	struct process_image new = image_of(7, 2);

	(void)state;
	assert_true(old->is_read);
	announce(ANNOUNCE_MET, &new);
	assert_false(old->is_read);
	assert_true(old->is_exited);
}

static void a_reused_pid_leaves_the_first_process_its_mappings(void **state)
{
	struct process *old = run_prog(7);
	struct process_image new = {7, 1, START_NS + UINT64_C(5000000000)};
	struct process_image same_tick = {7, 1, START_NS + UINT64_C(5000000001)};

	(void)state;
	announce(ANNOUNCE_MET, &new);
	assert_string_equal(name_at(old, 0x1000), "/prog");
	assert_true(old->is_exited);
	answer(waiting(OPENER_READ_PROC),
	       &(struct opener_result){.fd = -1,
				       .bytes = {bytes_of(stat_text(12845)),
						 {"", 0},
						 bytes_of("0::/\n"),
						 bytes_of(maps_of_prog)}});
	assert_true(find(&new)->is_read);
	announce(ANNOUNCE_MET, &same_tick); /* stat could not have told them apart */
	assert_false(find(&new)->is_read);
}

static void a_file_opened_at_a_range_that_an_exec_reused_is_refused(void **state)
{
	struct process_image old = image_of(7, 1), new = image_of(7, 2);
	struct asked *a;
	int fd;

	(void)state;
	announce(ANNOUNCE_MET, &old);
	give_texts(NULL, maps_of_prog);
	a = waiting(OPENER_OPEN_MAPPED);
	fixture.now_ns += 1000;
	announce(ANNOUNCE_EXEC, &new);
	fd = give_file(a, DEVICE, 13); /* not the inode that maps said */
	assert_false(is_open(fd));
	assert_string_equal(name_at(find(&old), 0x1000), "/prog");
	assert_int_equal(find(&old)->mappings.mappings[0].object->kind, OBJECT_NAMELESS);
}

static void an_overlay_file_is_trusted_once_a_drain_has_seen_no_exec(void **state)
{
	struct process_image first = image_of(7, 1), second = image_of(8, 1),
			     third = image_of(9, 1);
	int fd;

	(void)state;
	announce(ANNOUNCE_MET, &first);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), 99, 4711); /* fstat says other numbers */
	(void)give_root(1);
	announce(ANNOUNCE_MET, &second);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	fd = give_file(waiting(OPENER_OPEN_MAPPED), 99, 4711);
	assert_false(is_open(fd)); /* the same file: one object */

	processes_expire(fixture.processes, true, fixture.now_ns);
	announce(ANNOUNCE_MET, &third);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_int_equal(n_waiting(OPENER_OPEN_MAPPED), 0);
	assert_string_equal(name_at(find(&third), 0x1000), "/prog");
}

static void files_of_two_containers_that_print_the_same_are_opened_each(void **state)
{
	struct process_image first = image_of(7, 1), second = image_of(8, 1);

	(void)state;
	announce(ANNOUNCE_MET, &first);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce(ANNOUNCE_MET, &second);
	give_texts(NULL, maps_of_prog);
	assert_int_equal(n_waiting(OPENER_OPEN_MAPPED), 1);
}

static void a_late_library_is_found_and_an_unloaded_one_stays_until_the_drain(void **state)
{
	struct process *process = run_prog(7);

	(void)state;
	announce(ANNOUNCE_MAPPINGS, &process->image);
	give_texts(NULL, maps_of_prog_and_lib);
	assert_string_equal(name_at(process, 0x1000), "/prog"); /* no pause for what is known */
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 12);
	assert_string_equal(name_at(process, 0x3000), "/lib");
	announce(ANNOUNCE_MAPPINGS, &process->image);
	give_texts(NULL, maps_of_prog);
	assert_string_equal(name_at(process, 0x3000), "/lib");
	processes_expire(fixture.processes, false, fixture.now_ns);
	assert_string_equal(name_at(process, 0x3000), "/lib");
	processes_expire(fixture.processes, true, fixture.now_ns);
	assert_null(name_at(process, 0x3000));
	assert_string_equal(name_at(process, 0x1000), "/prog");
}

static void memory_without_a_file_is_named_by_what_it_is(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, "1000-2000 rwxp 0 00:00 0 \n"
			 "3000-4000 r-xp 0 00:00 0 [vdso]\n"
			 "5000-6000 r-xs 0 00:01 5 /memfd:jit (deleted)\n"
			 "7000-8000 r-xs 0 00:01 6 /dev/zero (deleted)\n");
	process = find(&image);
	assert_string_equal(name_at(process, 0x1000), "[anon]");
	assert_string_equal(name_at(process, 0x3000), "[vdso]");
	assert_string_equal(name_at(process, 0x5000), "/memfd:jit (deleted)");
	assert_string_equal(name_at(process, 0x7000), "/dev/zero (deleted)");
	assert_int_equal(n_waiting(OPENER_OPEN_MAPPED), 0);
	assert_int_equal(n_waiting(OPENER_OPEN_ROOT), 1); /* a perf map would be in there */
	assert_int_equal(objects_n_held(fixture.objects), 0);
}

static void code_of_a_process_own_making_is_an_object_a_name(void **state)
{
	struct process_image image = image_of(7, 2), other = image_of(8, 1);
	struct mapping *m, *others;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, "1000-2000 rwxp 0 00:00 0 \n"
			 "2000-3000 r-xp 0 00:00 0 [anon:v8]\n"
			 "3000-4000 rwxp 0 00:00 0 \n"
			 "4000-5000 r-xs 0 00:01 5 /memfd:jit (deleted)\n"
			 "5000-6000 rwxp 0 00:00 0 //anon\n"
			 "6000-7000 rwxp 0 00:00 0 [anon:fifth]\n"
			 "7000-8000 rwxp 0 00:00 0 [heap]\n");
	m = find(&image)->mappings.mappings;
	assert_int_equal(m[0].object->kind, OBJECT_CODE);
	assert_int_equal(m[0].object->identity.device, UINT64_C(2) << 32 | 7);
	assert_int_equal(m[0].object->identity.inode, image.start_boot_ns);
	assert_ptr_equal(m[2].object, m[0].object);
	assert_int_equal(m[1].object->kind, OBJECT_CODE);
	assert_ptr_not_equal(m[1].object, m[0].object);
	assert_int_equal(m[4].object->kind, OBJECT_CODE);
	assert_int_equal(m[5].object->kind, OBJECT_NAMELESS); /* a bound on names */
	assert_int_equal(m[6].object->kind, OBJECT_NAMELESS);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE); /* its status */
	announce(ANNOUNCE_MET, &other);
	give_texts(NULL, "1000-2000 rwxp 0 00:00 0 \n");
	others = find(&other)->mappings.mappings;
	assert_int_equal(others[0].object->kind, OBJECT_CODE);
	assert_ptr_not_equal(others[0].object, m[0].object);
}

static void a_process_that_makes_code_has_its_namespace_pid_and_uid_read_once(void **state)
{
	struct process_image image = image_of(7, 1);
	struct opener_result status = {.fd = -1};
	struct process *process;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, "1000-2000 r-xp 0 01:02 11 /jit\n3000-4000 rwxp 0 00:00 0 \n");
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	process = find(&image);
	assert_int_equal(process->mappings.mappings[1].object->namespace_pid, 0);
	assert_int_equal(waiting(OPENER_READ_PROC)->request.files, OPENER_STAT | OPENER_STATUS);
	assert_false(processes_busy(fixture.processes));
	status.bytes[0] = bytes_of(stat_text(12345));
	status.bytes[1] = bytes_of("Name:\tjit\nUid:\t1\t1000\t1\t1\nNSpid:\t7\t3\n");
	answer(waiting(OPENER_READ_PROC), &status);
	assert_int_equal(process->mappings.mappings[1].object->namespace_pid, 3);
	assert_int_equal(process->mappings.mappings[1].object->process_uid, 1000);
	announce(ANNOUNCE_MAPPINGS, &image);
	assert_int_equal(waiting(OPENER_READ_PROC)->request.files & OPENER_STATUS, 0);
	give_texts(NULL, "1000-2000 r-xp 0 01:02 11 /jit\n3000-4000 rwxp 0 00:00 0 \n");
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void a_file_that_cannot_be_opened_keeps_its_name_and_is_counted(void **state)
{
	static const struct {
		int outcome;
		enum counter_id counter;
	} cases[] = {
		{OPENER_GONE, COUNTER_OBJECTS_REFUSED_GONE},
		{OPENER_NOT_REGULAR, COUNTER_OBJECTS_REFUSED},
		{OPENER_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
		{OPENER_DEADLINE, COUNTER_OBJECTS_REFUSED_DEADLINE},
		{OPENER_FULL, COUNTER_OBJECTS_REFUSED_FULL},
		{OPENER_FAILED, COUNTER_OBJECTS_REFUSED_GONE},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process_image image = image_of(100 + i, 1);
		uint64_t n_before = counted(cases[i].counter);
		struct process *process;

		announce(ANNOUNCE_MET, &image);
		give_texts(NULL, maps_of_prog);
		fail_with(waiting(OPENER_OPEN_MAPPED), cases[i].outcome);
		fail_with(waiting(OPENER_OPEN_ROOT), cases[i].outcome);
		process = find(&image);
		assert_string_equal(name_at(process, 0x1000), "/prog");
		assert_int_equal(process->mappings.mappings[0].object->kind, OBJECT_NAMELESS);
		assert_int_equal(counted(cases[i].counter), n_before + 1);
		assert_int_equal(process->n_reads_pending, 0);
	}
}

static void a_table_full_of_files_in_use_is_counted(void **state)
{
	char maps[2048] = "";
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	for (unsigned i = 1; i <= FIXTURE_OBJECTS_MAX + 2; i++)
		(void)sprintf(maps + strlen(maps), "%x000-%x800 r-xp 0 01:02 %u /f%u\n", i, i, i,
			      i);
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps);
	for (size_t i = 0; i < fixture.n_asked; i++)
		if (fixture.asked[i].done && fixture.asked[i].request.op == OPENER_OPEN_MAPPED)
			(void)give_file(&fixture.asked[i], DEVICE,
					fixture.asked[i].request.start >> 12);
	process = find(&image);
	assert_int_equal(counted(COUNTER_OBJECTS_REFUSED_FULL), 2);
	assert_string_equal(name_at(process, 0xa000), "/f10");
	assert_int_equal(process->mappings.mappings[9].object->kind, OBJECT_NAMELESS);
	assert_int_equal(process->mappings.mappings[0].object->kind, OBJECT_FILE);
}

static void an_opener_that_refuses_at_once_is_survived(void **state)
{
	static char maps[300 * 64];
	struct process_image image = image_of(7, 1);
	char *at = maps;

	(void)state;
	for (unsigned i = 1; i <= 300; i++)
		at += sprintf(at, "%x000-%x800 r-xp 0 01:02 %u /f%u\n", i, i, i, i);
	announce(ANNOUNCE_MET, &image);
	fixture.refuse_with = OPENER_DEADLINE;
	give_texts(NULL, maps);
	assert_int_equal(counted(COUNTER_OBJECTS_REFUSED_DEADLINE), 300);
	assert_string_equal(name_at(find(&image), 0x12c000), "/f300");
	assert_false(processes_busy(fixture.processes));
}

static void at_most_64_files_of_an_image_are_asked_for_at_once(void **state)
{
	static char maps[300 * 64];
	struct process_image image = image_of(7, 1);
	size_t n_most = 0;
	char *at = maps;

	(void)state;
	for (unsigned i = 1; i <= 300; i++)
		at += sprintf(at, "%x000-%x800 r-xp 0 01:02 %u /f%u\n", i, i, i, i);
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps);
	for (size_t i = 0; i < fixture.n_asked; i++) {
		size_t n_now = n_waiting(OPENER_OPEN_MAPPED);

		n_most = n_now > n_most ? n_now : n_most;
		if (fixture.asked[i].done && fixture.asked[i].request.op == OPENER_OPEN_MAPPED)
			fail_with(&fixture.asked[i], OPENER_GONE);
	}
	assert_int_equal(n_most, 64);
	assert_int_equal(counted(COUNTER_OBJECTS_REFUSED_GONE), 300);
}

static void a_file_mapped_twice_in_a_row_is_opened_once(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, "1000-2000 r-xp 0 01:02 11 /prog\n2000-3000 rwxp 1000 01:02 11 /prog\n");
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	process = find(&image);
	assert_string_equal(name_at(process, 0x2000), "/prog");
	assert_int_equal(process->mappings.mappings[0].object->n_refs, 2);
}

static void what_waited_with_a_mapping_that_went_is_asked_for_again(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, "1000-2000 r-xp 0 01:02 11 /prog\n2000-3000 rwxp 1000 01:02 11 /prog\n");
	announce(ANNOUNCE_MAPPINGS, &image);
	give_texts(NULL, "1000-1800 r-xp 0 01:02 11 /prog\n2000-3000 rwxp 1000 01:02 11 /prog\n");
	for (size_t i = 0; i < fixture.n_asked; i++)
		if (fixture.asked[i].done && fixture.asked[i].request.op == OPENER_OPEN_MAPPED)
			(void)give_file(&fixture.asked[i], DEVICE, 11);
	process = find(&image);
	assert_string_equal(name_at(process, 0x1000), "/prog");
	assert_string_equal(name_at(process, 0x2000), "/prog");
	assert_int_equal(process->n_reads_pending, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(an_exec_is_read_at_once_and_its_files_are_opened),
		fixture_test(a_held_program_costs_one_read_and_opens_nothing),
		fixture_test(news_that_a_read_in_flight_is_too_old_for_cause_another),
		fixture_test(news_from_before_a_read_cost_nothing),
		fixture_test(a_start_time_that_differs_is_another_process),
		fixture_test(a_read_that_an_exec_came_into_is_not_the_old_images),
		fixture_test(an_exec_from_before_a_read_ended_voids_it_and_a_later_one_does_not),
		fixture_test(an_exec_that_nobody_announced_voids_what_was_read_before),
		fixture_test(a_reused_pid_leaves_the_first_process_its_mappings),
		fixture_test(a_file_opened_at_a_range_that_an_exec_reused_is_refused),
		fixture_test(an_overlay_file_is_trusted_once_a_drain_has_seen_no_exec),
		fixture_test(files_of_two_containers_that_print_the_same_are_opened_each),
		fixture_test(a_late_library_is_found_and_an_unloaded_one_stays_until_the_drain),
		fixture_test(memory_without_a_file_is_named_by_what_it_is),
		fixture_test(code_of_a_process_own_making_is_an_object_a_name),
		fixture_test(a_process_that_makes_code_has_its_namespace_pid_and_uid_read_once),
		fixture_test(a_file_that_cannot_be_opened_keeps_its_name_and_is_counted),
		fixture_test(a_table_full_of_files_in_use_is_counted),
		fixture_test(an_opener_that_refuses_at_once_is_survived),
		fixture_test(at_most_64_files_of_an_image_are_asked_for_at_once),
		fixture_test(a_file_mapped_twice_in_a_row_is_opened_once),
		fixture_test(what_waited_with_a_mapping_that_went_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
