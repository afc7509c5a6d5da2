/* What is made of images that were gone before they could be read. */
#include "processes_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_child_that_died_unread_has_its_parents_mappings_and_container(void **state)
{
	struct process_image parent = image_of(7, 3), child = image_of(8, 3),
			     grandchild = image_of(9, 3);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &parent);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce_child(ANNOUNCE_MET, &child, 7, 77);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	announce_child(ANNOUNCE_MET, &grandchild, 8, 77);
	give_texts(NULL, ""); /* a zombie: its memory is gone, its cgroup moved */
	assert_string_equal(name_at(find(&child), 0x1000), "/prog");
	assert_int_equal(find(&child)->decision, DECISION_YES);
	assert_true(find(&child)->is_exited);
	assert_string_equal(name_at(find(&grandchild), 0x1000), "/prog");
	assert_int_equal(find(&grandchild)->decision, DECISION_UNDECIDED);
	assert_int_equal(counted(COUNTER_MAPS_FAILED), 2);
}

static void a_child_that_execd_has_nothing_of_its_parents_mappings(void **state)
{
	struct process_image parent = image_of(7, 1), child = image_of(8, 2);
	struct process_image older = {10, 2, START_NS}, younger = {7, 2, START_NS + 1};

	(void)state;
	(void)run_prog(7);
	announce_child(ANNOUNCE_EXEC, &child, parent.pid, 77);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_false(find(&child)->is_read);
	/* nor of what the parent exec'd since, as often as the child */
	announce(ANNOUNCE_EXEC, &(struct process_image){7, 2, START_NS});
	give_texts(NULL, maps_of_other);
	assert_false(find(&child)->is_read);
	/* nor when the parent's pid belongs to somebody younger by now */
	announce(ANNOUNCE_MET, &younger);
	give_texts(NULL, maps_of_other);
	announce_child(ANNOUNCE_MET, &older, younger.pid, 77);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_false(find(&older)->is_read);
}

static void a_child_that_is_met_in_its_exit_is_known_unread(void **state)
{
	struct process_image parent = image_of(7, 3), child = image_of(8, 3);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &parent);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce_child(ANNOUNCE_LEAVING, &child, 7, 77);
	assert_ptr_equal(processes_meet(fixture.processes, &child, fixture.now_ns), find(&child));
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	assert_true(find(&child)->is_exited);
	assert_string_equal(find(&child)->comm, "name");
	assert_string_equal(name_at(find(&child), 0x1000), "/prog");
	assert_int_equal(find(&child)->decision, DECISION_YES);
}

static void an_exec_that_fails_leaves_an_image_that_can_be_read(void **state)
{
	struct process_image image = image_of(8, 3);

	(void)state;
	announce(ANNOUNCE_IN_EXEC, &image);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	assert_string_equal(find(&image)->comm, "name");
	assert_false(find(&image)->is_exited);
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	assert_string_equal(name_at(find(&image), 0x1000), "/prog");
}

static void a_child_waits_for_the_parents_read(void **state)
{
	struct process_image parent = image_of(7, 1), child = image_of(8, 1);
	struct asked *reads[2];

	(void)state;
	announce(ANNOUNCE_MET, &parent);
	reads[0] = waiting(OPENER_READ_PROC);
	announce_child(ANNOUNCE_MET, &child, 7, 77);
	reads[1] = &fixture.asked[1];
	fail_with(reads[1], OPENER_GONE);
	assert_false(find(&child)->is_read);
	give_texts(NULL, maps_of_prog);
	assert_false(find(&child)->is_read);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	assert_string_equal(name_at(find(&child), 0x1000), "/prog");
}

static void an_image_that_died_unread_has_what_its_exec_brought_if_that_is_held(void **state)
{
	static const struct exec_mapping brought[N_EXEC_MAPPINGS] = {
		{.start = 0x9000,
		 .end = 0xa000,
		 .offset = 0x500,
		 .inode = 12,
		 .device_major = 1,
		 .device_minor = 2},
		{.start = 0x5000,
		 .end = 0x6000,
		 .offset = 0x1000,
		 .inode = 11,
		 .device_major = 1,
		 .device_minor = 2},
	};
	struct process_image first = image_of(7, 1), second = image_of(8, 1);
	struct announcement exec = {.kind = ANNOUNCE_EXEC, .image = second};
	struct mapping *found;

	(void)state;
	announce(ANNOUNCE_EXEC, &first);
	give_texts(NULL, maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	exec.time_ns = fixture.now_ns;
	processes_announce_exec(fixture.processes, &exec, brought, fixture.now_ns);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_false(find(&second)->is_read); /* the interpreter is not held */

	fixture.now_ns++;
	announce(ANNOUNCE_MAPPINGS, &first);
	give_texts(NULL, maps_of_prog_and_lib);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 12);
	assert_string_equal(name_at(find(&second), 0x5800), "/prog");
	assert_string_equal(name_at(find(&second), 0x9800), "/lib");
	found = mappings_find(&find(&second)->mappings, (struct proc_addr){0x9010});
	assert_int_equal(mapping_file_off(found, (struct proc_addr){0x9010}).v, 0x510);
	assert_int_equal(found->object->n_refs, 2);
}

static void an_exec_that_brought_one_mapping_twice_has_it_once(void **state)
{
	static const struct exec_mapping same = {
		.start = 0x5000, .end = 0x6000, .inode = 11, .device_major = 1, .device_minor = 2};
	const struct exec_mapping twice[N_EXEC_MAPPINGS] = {same, same};
	const struct exec_mapping nothing[N_EXEC_MAPPINGS] = {{0}};
	struct announcement exec = {.kind = ANNOUNCE_EXEC, .image = image_of(8, 1)};

	(void)state;
	(void)run_prog(7);
	processes_announce_exec(fixture.processes, &exec, twice, fixture.now_ns);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0); /* its file is held: there is time */
	announce(ANNOUNCE_MET, &exec.image);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_int_equal(find(&exec.image)->mappings.n_mappings, 1);
	exec.image = image_of(9, 1);
	processes_announce_exec(fixture.processes, &exec, nothing, fixture.now_ns);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 1);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_false(find(&exec.image)->is_read);
}

static void an_image_that_execd_and_died_is_in_the_container_it_was_in(void **state)
{
	struct process_image before = image_of(7, 1), after = image_of(7, 2);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &before);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	announce(ANNOUNCE_EXEC, &after);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_int_equal(find(&after)->decision, DECISION_YES);
	assert_false(find(&after)->is_read);
}

static void a_child_waits_for_the_parents_container(void **state)
{
	struct process_image parent = image_of(7, 3), child = image_of(8, 3);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &parent);
	announce_child(ANNOUNCE_LEAVING, &child, 7, 77);
	assert_int_equal(find(&child)->decision, DECISION_UNDECIDED);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_int_equal(find(&child)->decision, DECISION_YES);
}

static void where_v1_says_that_one_in_its_exit_is_means_nothing(void **state)
{
	struct process_image parent = image_of(7, 3), child = image_of(8, 3), free = image_of(9, 3);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &parent);
	give_texts("3:cpu:/docker/" CONTAINER_ID "\n0::/\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce_child(ANNOUNCE_MET, &child, 7, 77);
	give_texts("3:cpu:/\n0::/\n", "");
	assert_int_equal(find(&child)->decision, DECISION_YES);
	announce_child(ANNOUNCE_MET, &free, 7, 77);
	give_texts("3:cpu:/\n0::/\n", maps_of_prog);
	assert_int_equal(find(&free)->decision, DECISION_UNDECIDED);
}

static void an_unread_orphan_is_where_others_of_its_cgroup_are(void **state)
{
	struct process_image other = image_of(7, 1), elsewhere = image_of(8, 1),
			     orphan = image_of(9, 5), stray = image_of(10, 5);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce_child(ANNOUNCE_MET, &elsewhere, 1, 88);
	give_texts("0::/user.slice\n", maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce_child(ANNOUNCE_MET, &other, 1, 99);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	announce_child(ANNOUNCE_LEAVING, &orphan, 6, 99);
	announce_child(ANNOUNCE_LEAVING, &stray, 6, 88);
	(void)processes_meet(fixture.processes, &orphan, fixture.now_ns);
	(void)processes_meet(fixture.processes, &stray, fixture.now_ns);
	assert_int_equal(find(&orphan)->decision, DECISION_YES);
	assert_int_equal(find(&stray)->decision, DECISION_UNDECIDED);
}

static void an_unread_orphan_belongs_to_the_default_target(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	announce(ANNOUNCE_MET, &image);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_int_equal(find(&image)->decision, DECISION_YES);
}

static void what_was_read_before_it_went_is_good(void **state)
{
	struct process_image image = image_of(7, 1);
	const struct opener_result result = {
		.outcome = OPENER_GONE,
		.fd = -1,
		.bytes = {bytes_of(stat_text(START_TICKS)), bytes_of(""),
			  bytes_of("0::/docker/" CONTAINER_ID "\n"), bytes_of(maps_of_prog)},
	};

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_MET, &image);
	answer(waiting(OPENER_READ_PROC), &result);
	assert_int_equal(find(&image)->decision, DECISION_YES);
	assert_true(find(&image)->is_read);
	assert_true(find(&image)->is_exited);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(a_child_that_died_unread_has_its_parents_mappings_and_container),
		fixture_test(a_child_that_execd_has_nothing_of_its_parents_mappings),
		fixture_test(a_child_that_is_met_in_its_exit_is_known_unread),
		fixture_test(an_exec_that_fails_leaves_an_image_that_can_be_read),
		fixture_test(a_child_waits_for_the_parents_read),
		fixture_test(an_image_that_died_unread_has_what_its_exec_brought_if_that_is_held),
		fixture_test(an_exec_that_brought_one_mapping_twice_has_it_once),
		fixture_test(an_image_that_execd_and_died_is_in_the_container_it_was_in),
		fixture_test(a_child_waits_for_the_parents_container),
		fixture_test(where_v1_says_that_one_in_its_exit_is_means_nothing),
		fixture_test(an_unread_orphan_is_where_others_of_its_cgroup_are),
		fixture_test(an_unread_orphan_belongs_to_the_default_target),
		fixture_test(what_was_read_before_it_went_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
