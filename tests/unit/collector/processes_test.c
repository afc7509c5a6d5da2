#include "processes_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What an exec brings along whose file is held: that of /prog. */
static const struct exec_mapping held[N_EXEC_MAPPINGS] = {
	{.start = 0x1000, .end = 0x2000, .inode = 11, .device_major = 1, .device_minor = 2}};

static void expire(bool drained)
{
	processes_expire(fixture.processes, drained, fixture.now_ns);
}

static void without_targets_everything_stays_undecided(void **state)
{
	struct process *process = run_prog(7);

	(void)state;
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	fixture.now_ns += 10 * PROCESS_UNDECIDED_NS;
	expire(true);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	assert_int_equal(fixture.n_decided, 0);
}

static void a_match_is_yes_as_soon_as_the_cgroup_is_read(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_EXEC, &image);
	assert_int_equal(find(&image)->decision, DECISION_UNDECIDED);
	give_texts("0::/system.slice/docker-" CONTAINER_ID ".scope\n", maps_of_prog);
	assert_int_equal(find(&image)->decision, DECISION_YES);
	assert_memory_equal(find(&image)->targets[0]->labels, "labels", 6);
	assert_int_equal(fixture.n_decided, 1);
	assert_int_equal(fixture.decided, DECISION_YES);
	assert_int_equal(fixture.decided_image.pid, 7);
	announce(ANNOUNCE_MAPPINGS, &image);
	give_texts("0::/system.slice/docker-" CONTAINER_ID ".scope\n", maps_of_prog);
	assert_int_equal(fixture.n_decided, 1); /* nothing new */
}

static void without_a_match_it_is_no_when_its_time_is_over(void **state)
{
	struct process *process;

	(void)state;
	set_targets(TARGET_PID, "8");
	process = run_prog(7);
	fixture.now_ns = process->met_ns + PROCESS_UNDECIDED_NS - 1;
	expire(false);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	fixture.now_ns++;
	expire(false);
	assert_int_equal(process->decision, DECISION_NO);
	assert_int_equal(fixture.decided, DECISION_NO);
	assert_int_equal(process->mappings.n_mappings, 0); /* its files are let go */
	announce(ANNOUNCE_MAPPINGS, &process->image);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void the_time_to_decide_begins_with_the_first_targets(void **state)
{
	struct process *process = run_prog(7);

	(void)state;
	fixture.now_ns += 10 * PROCESS_UNDECIDED_NS;
	set_targets(TARGET_PID, "8");
	expire(false);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	fixture.now_ns += PROCESS_UNDECIDED_NS / 2;
	set_targets(TARGET_PID, "9"); /* targets that change all the time do not prolong it */
	fixture.now_ns += PROCESS_UNDECIDED_NS / 2;
	expire(false);
	assert_int_equal(process->decision, DECISION_NO);
}

static void an_image_without_samples_is_not_turned_into_no_unread(void **state)
{
	struct announcement exec = {.kind = ANNOUNCE_EXEC, .image = image_of(8, 1)};

	(void)state;
	set_targets(TARGET_PID, "8");
	(void)run_prog(7);
	processes_announce_exec(fixture.processes, &exec, held, fixture.now_ns);
	fixture.now_ns += 5 * PROCESS_UNDECIDED_NS;
	expire(false);
	assert_int_equal(find(&exec.image)->decision, DECISION_UNDECIDED);
	announce(ANNOUNCE_MET, &exec.image);
	assert_int_equal(find(&exec.image)->met_ns, fixture.now_ns - 1);
	give_texts(NULL, maps_of_prog);
	assert_int_equal(find(&exec.image)->decision, DECISION_YES);
}

static void new_targets_decide_everybody_anew(void **state)
{
	struct process *seven, *eight, *nine;

	(void)state;
	set_targets(TARGET_PID, "7");
	seven = run_prog(7);
	eight = run_prog(8);
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	expire(false);
	nine = run_prog(9);
	assert_int_equal(seven->decision, DECISION_YES);
	assert_int_equal(eight->decision, DECISION_NO);
	assert_int_equal(nine->decision, DECISION_UNDECIDED);

	fixture.now_ns += 5;
	set_targets(TARGET_PID, "8");
	assert_int_equal(seven->decision, DECISION_UNDECIDED);
	assert_null(seven->targets[0]);
	assert_int_equal(seven->met_ns, fixture.now_ns);
	assert_int_equal(eight->decision, DECISION_YES);
	assert_int_equal(nine->decision, DECISION_UNDECIDED);
	assert_int_equal(nine->met_ns, fixture.now_ns - 6);
	assert_false(eight->is_read); /* what was let go is read again */
	give_texts(NULL, maps_of_prog);
	assert_string_equal(name_at(eight, 0x1000), "/prog");

	processes_set_targets(fixture.processes, NULL, NULL, fixture.now_ns);
	assert_int_equal(eight->decision, DECISION_UNDECIDED);
}

#define ID_OF(digit) "0::/docker/" digit ID_REST "\n"
#define ID_REST      "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Runs a program that is in the container of @cgroup. */
static struct process *run_in(uint32_t pid, const char *cgroup)
{
	struct process_image image = image_of(pid, 1);

	announce(ANNOUNCE_MET, &image);
	give_texts(cgroup, maps_of_prog);
	if (n_waiting(OPENER_OPEN_MAPPED) > 0)
		(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	if (n_waiting(OPENER_OPEN_ROOT) > 0)
		(void)give_root(1);
	return find(&image);
}

static void a_container_id_that_was_let_go_is_read_again_when_targets_change(void **state)
{
	struct process *processes[3];

	(void)state;
	processes_limit_container_ids(fixture.processes, 2);
	set_targets(TARGET_CONTAINER, "0" ID_REST);
	processes[0] = run_in(7, ID_OF("0"));
	processes[1] = run_in(8, ID_OF("1"));
	processes[2] = run_in(9, ID_OF("2"));
	processes_count(fixture.processes);
	assert_int_equal(counted(COUNTER_CONTAINER_IDS), 2);
	assert_int_equal(counted(COUNTER_CONTAINER_IDS_EVICTED), 1);
	assert_int_equal(processes[0]->decision, DECISION_YES);

	set_targets(TARGET_CONTAINER, "1" ID_REST);
	assert_int_equal(processes[1]->decision, DECISION_YES);
	assert_int_equal(processes[2]->decision, DECISION_UNDECIDED);
	assert_int_equal(processes[0]->decision, DECISION_YES); /* until it is known better */
	give_texts(ID_OF("0"), maps_of_prog);
	assert_int_equal(processes[0]->decision, DECISION_UNDECIDED);
	processes_count(fixture.processes);
	assert_int_equal(counted(COUNTER_CONTAINER_IDS), 2);
}

static void on_a_host_with_v1_hierarchies_the_container_is_read_again_before_no(void **state)
{
	struct process *process;

	(void)state;
	set_targets(TARGET_CONTAINER, "0" ID_REST);
	process = run_in(7, "2:cpu:/\n0::/\n");
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	processes_expire(fixture.processes, true, fixture.now_ns);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	give_texts("2:cpu:/docker/0" ID_REST "\n0::/\n", maps_of_prog); /* moved, and nobody said */
	assert_int_equal(process->decision, DECISION_YES);

	process = run_in(8, "2:cpu:/\n0::/\n");
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	processes_expire(fixture.processes, true, fixture.now_ns);
	give_texts("2:cpu:/\n0::/\n", maps_of_prog);
	processes_expire(fixture.processes, true, fixture.now_ns);
	assert_int_equal(process->decision, DECISION_NO);
}

static void at_the_end_nobody_waits_and_what_may_have_moved_is_read_once_more(void **state)
{
	struct process *plain, *moved;

	(void)state;
	set_targets(TARGET_CONTAINER, "0" ID_REST);
	plain = run_in(7, "0::/\n");
	moved = run_in(8, "2:cpu:/\n0::/\n");
	fixture.now_ns++;
	processes_end_waiting(fixture.processes, fixture.now_ns);
	assert_int_equal(plain->decision, DECISION_NO);
	assert_int_equal(moved->decision, DECISION_UNDECIDED);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 1);
	give_texts("2:cpu:/\n0::/\n", maps_of_prog);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0); /* and not again, and again */
	assert_false(processes_busy(fixture.processes));
	processes_end_waiting(fixture.processes, fixture.now_ns);
	assert_int_equal(moved->decision, DECISION_NO);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void an_exited_image_keeps_the_labels_that_its_samples_were_taken_under(void **state)
{
	struct process *process;
	struct target *target;

	(void)state;
	set_targets(TARGET_PID, "7");
	process = run_prog(7);
	target = process->targets[0];
	announce(ANNOUNCE_EXIT, &process->image);
	set_targets(TARGET_PID, "8");
	assert_int_equal(process->decision, DECISION_YES);
	assert_ptr_equal(process->targets[0], target);
}

static void a_changed_cgroup_makes_it_undecided_until_it_is_read(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	announce(ANNOUNCE_EXEC, &image);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	process = find(&image);
	announce_child(ANNOUNCE_CGROUP, &image, 1, 78);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	assert_int_equal(process->cgroup_id, 78);
	set_targets(TARGET_CONTAINER, CONTAINER_ID); /* nobody knows where it is */
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	give_texts("0::/elsewhere\n", maps_of_prog);
	assert_int_equal(process->decision, DECISION_UNDECIDED);
	announce_child(ANNOUNCE_CGROUP, &image, 1, 77);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_int_equal(process->decision, DECISION_YES);
}

static void an_image_speaks_for_its_cgroup_only_when_it_was_read_there(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_PID, "8");
	announce(ANNOUNCE_EXEC, &image);
	assert_false(find(&image)->is_in_container);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_true(find(&image)->is_in_container);
	announce_child(ANNOUNCE_MET, &image, 1, 78); /* it was moved since the exec */
	assert_false(find(&image)->is_in_container);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_true(find(&image)->is_in_container);
	announce_child(ANNOUNCE_CGROUP, &image, 1, 79);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	assert_false(find(&image)->is_in_container);
}

static void only_the_unified_hierarchy_says_that_a_cgroup_is_a_containers(void **state)
{
	static const struct {
		const char *cgroup;
		bool is_in_container;
	} rows[] = {
		{"0::/docker/" CONTAINER_ID "\n", true},
		{"1:cpu:/docker/" CONTAINER_ID "\n0::/docker/" CONTAINER_ID "/a\n", true},
		{"1:cpu:/docker/" CONTAINER_ID "\n0::/docker.service\n", false},
		{"1:cpu:/docker/" CONTAINER_ID "\n0::/docker.service", false},
		{"1:cpu:/docker/" CONTAINER_ID "\n", false},
		{"10::/docker/" CONTAINER_ID "\n", false},
		{"0::/user.slice\n", false},
	};
	struct process_image image = image_of(7, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		announce(ANNOUNCE_CGROUP, &image);
		give_texts(rows[i].cgroup, maps_of_prog);
		if (find(&image)->is_in_container != rows[i].is_in_container)
			fail_msg("%s", rows[i].cgroup);
	}
}

static void a_no_that_changes_its_cgroup_is_read_again(void **state)
{
	struct process *process;

	(void)state;
	set_targets(TARGET_CONTAINER, CONTAINER_ID);
	process = run_prog(7);
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	expire(false);
	assert_int_equal(process->decision, DECISION_NO);
	announce_child(ANNOUNCE_CGROUP, &process->image, 1, 78);
	give_texts("0::/docker/" CONTAINER_ID "\n", maps_of_prog);
	assert_int_equal(process->decision, DECISION_YES);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	assert_string_equal(name_at(process, 0x1000), "/prog");
}

static void an_exited_image_is_forgotten_when_its_samples_were_drained(void **state)
{
	struct process_image image = image_of(7, 1);
	struct process *process;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	process = run_prog(7);
	announce(ANNOUNCE_EXIT, &process->image);
	assert_true(process->is_exited);
	expire(false);
	assert_string_equal(name_at(find(&image), 0x1000), "/prog");
	expire(true);
	assert_null(find(&image));
	assert_int_equal(processes_n(fixture.processes), 0);
}

static void an_exited_image_that_is_undecided_waits_for_its_target(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_PID, "8");
	(void)run_prog(7);
	announce(ANNOUNCE_EXIT, &image);
	expire(true);
	assert_non_null(find(&image));
	set_targets(TARGET_PID, "7");
	assert_int_equal(find(&image)->decision, DECISION_YES);
	assert_string_equal(name_at(find(&image), 0x1000), "/prog");
	expire(true);
	assert_null(find(&image));

	image = image_of(8, 1);
	(void)run_prog(8);
	announce(ANNOUNCE_EXIT, &image);
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	expire(true);
	expire(true);
	assert_null(find(&image));
}

static void its_files_are_let_go_a_hold_time_after_the_exit_not_after_the_drain(void **state)
{
	struct process *process;
	uint64_t exit_ns;
	int fd, root_fd;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	process = run_prog(7);
	fd = process->mappings.mappings[0].object->fd;
	root_fd = process->mappings.mappings[0].object->root_fd;
	assert_true(root_fd >= 0);
	exit_ns = fixture.now_ns;
	announce(ANNOUNCE_EXIT, &process->image);
	fixture.now_ns += FIXTURE_HOLD_NS / 2;
	expire(true);
	assert_int_equal(objects_expire(fixture.objects, fixture.now_ns),
			 exit_ns + FIXTURE_HOLD_NS);
	assert_true(is_open(fd) && is_open(root_fd));
	(void)objects_expire(fixture.objects, exit_ns + FIXTURE_HOLD_NS);
	assert_false(is_open(fd) || is_open(root_fd));
	assert_int_equal(objects_n_held(fixture.objects), 0);
}

static void an_image_whose_objects_lose_their_root_opens_its_own(void **state)
{
	struct process *first, *second;
	struct object *object;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	first = run_prog(7);
	second = run_prog(8); /* opened nothing */
	object = second->mappings.mappings[0].object;
	announce(ANNOUNCE_EXIT, &first->image);
	expire(true);
	fixture.now_ns += FIXTURE_HOLD_NS;
	(void)objects_expire(fixture.objects, fixture.now_ns);
	assert_int_equal(object->root_fd, -1);
	expire(false);
	assert_int_equal(object->root_fd, give_root(2));
	fixture.now_ns += FIXTURE_HOLD_NS;
	assert_int_equal(objects_expire(fixture.objects, fixture.now_ns), UINT64_MAX);
	expire(false);
	assert_int_equal(n_waiting(OPENER_OPEN_ROOT), 0);
}

static void a_root_that_cannot_be_opened_is_asked_for_once(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_EXEC, &image);
	give_texts(NULL, maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	fail_with(waiting(OPENER_OPEN_ROOT), OPENER_DENIED);
	announce(ANNOUNCE_MAPPINGS, &image);
	give_texts(NULL, maps_of_prog);
	assert_int_equal(n_waiting(OPENER_OPEN_ROOT), 0);
}

static void a_sample_of_an_unknown_image_makes_it_known(void **state)
{
	struct process_image image = image_of(7, 5), older = image_of(7, 4);
	struct process *process;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	assert_null(find(&image));
	process = processes_meet(fixture.processes, &image, fixture.now_ns);
	assert_int_equal(process->n_reads_pending, 1);
	give_texts(NULL, maps_of_prog);
	assert_string_equal(process->comm, "from stat");
	assert_int_equal(process->decision, DECISION_YES);
	assert_ptr_equal(processes_meet(fixture.processes, &image, fixture.now_ns), process);

	/* One of an older image comes too late to be read, but not to be decided. */
	process = processes_meet(fixture.processes, &older, fixture.now_ns);
	assert_true(process->is_exited);
	assert_int_equal(process->n_reads_pending, 0);
	assert_int_equal(process->decision, DECISION_YES);
	assert_false(find(&image)->is_exited);
}

static void a_sample_whose_announcement_was_lost_decides_an_image_that_has_ended(void **state)
{
	struct announcement exec = {.kind = ANNOUNCE_EXEC, .image = image_of(8, 1)};
	struct process *process;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	(void)run_prog(7);
	processes_announce_exec(fixture.processes, &exec, held, fixture.now_ns);
	announce(ANNOUNCE_EXIT, &exec.image);
	process = processes_meet(fixture.processes, &exec.image, fixture.now_ns);
	assert_int_equal(process->decision, DECISION_YES);
	assert_string_equal(name_at(process, 0x1000), "/prog");
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void reads_at_exec_are_bounded_and_the_first_sample_makes_up_for_it(void **state)
{
	const uint32_t n_execs = PROCESS_EXEC_READS_HZ_MAX + 20;
	struct process_image last = {0};

	(void)state;
	for (uint32_t pid = 1; pid <= n_execs; pid++) {
		last = image_of(pid, 1);
		announce(ANNOUNCE_EXEC, &last);
	}
	assert_int_equal(n_waiting(OPENER_READ_PROC), PROCESS_EXEC_READS_HZ_MAX);
	announce(ANNOUNCE_MET, &last);
	assert_int_equal(n_waiting(OPENER_READ_PROC), PROCESS_EXEC_READS_HZ_MAX + 1);
	fixture.now_ns += UINT64_C(10000000); /* 10 ms: five more */
	for (uint32_t pid = 1; pid <= 20; pid++) {
		last = image_of(10000 + pid, 1);
		announce(ANNOUNCE_EXEC, &last);
	}
	assert_int_equal(n_waiting(OPENER_READ_PROC), PROCESS_EXEC_READS_HZ_MAX + 6);
}

/* The kernel's map is full: it meets the image at every tick. */
static void an_image_that_is_met_again_and_again_is_read_once_a_second(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_EXEC, &image);
	give_texts(NULL, maps_of_prog);
	announce(ANNOUNCE_MET, &image); /* what it has linked with is there only now */
	give_texts(NULL, maps_of_prog_and_lib);
	for (unsigned i = 0; i < 5; i++)
		announce(ANNOUNCE_MET, &image);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	fixture.now_ns += UINT64_C(1000000000);
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog_and_lib);
}

static void a_read_without_a_helper_is_asked_for_again(void **state)
{
	static const int outcomes[] = {OPENER_FULL, OPENER_FULL,     OPENER_FULL,
				       OPENER_FULL, OPENER_DEADLINE, OPENER_FAILED};
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_MET, &image);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		fail_with(waiting(OPENER_READ_PROC), outcomes[i]);
		assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
		fixture.now_ns++;
		expire(false);
	}
	assert_false(find(&image)->is_exited);
	fail_with(waiting(OPENER_READ_PROC), OPENER_DEADLINE); /* the third: no more */
	expire(false);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	assert_int_equal(find(&image)->n_reads_pending, 0);
}

static void lost_announcements_cause_everything_to_be_read_again(void **state)
{
	struct process *process;

	(void)state;
	process = run_prog(7);
	counters_set(&fixture.counters, COUNTER_EVENTS_LOST, 3);
	expire(false);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE); /* its exit was one of them */
	assert_true(process->is_exited);
	fixture.now_ns++;
	expire(false);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
}

static void a_no_is_looked_after_once_a_minute(void **state)
{
	struct process *process;
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_PID, "8");
	process = run_prog(7);
	fixture.now_ns += PROCESS_UNDECIDED_NS;
	expire(false);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 0);
	fixture.now_ns += PROCESS_VERIFY_NS;
	expire(false);
	give_texts(NULL, maps_of_prog);
	assert_int_equal(process->decision, DECISION_NO);
	assert_int_equal(process->mappings.n_mappings, 0);
	fixture.now_ns += PROCESS_VERIFY_NS;
	expire(false);
	fail_with(waiting(OPENER_READ_PROC), OPENER_GONE);
	expire(true);
	assert_null(find(&image));
}

static void the_mappings_of_all_images_are_bounded_in_bytes(void **state)
{
	size_t n_lines = 16000, n_full = 0;
	char *maps = test_malloc(n_lines * 64), *at = maps;

	(void)state;
	for (size_t i = 0; i < n_lines; i++)
		at += sprintf(at, "%zx000-%zx800 rwxp 0 00:00 0 [a]\n", i + 1, i + 1);
	for (uint32_t pid = 1; pid <= 80; pid++) {
		struct process_image image = image_of(pid, 1);

		announce(ANNOUNCE_MET, &image);
		give_texts(NULL, maps);
		n_full += find(&image)->is_read;
	}
	assert_in_range(n_full, 60, 79); /* a little less than one mebibyte each */
	assert_int_equal(counted(COUNTER_MAPS_TRUNCATED), (80 - n_full) * n_lines);
	test_free(maps);
}

static void an_image_with_a_request_in_flight_is_not_forgotten(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog);
	(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	announce(ANNOUNCE_EXIT, &image);
	expire(true); /* the root is still asked for */
	assert_non_null(find(&image));
	(void)give_root(1);
	expire(true);
	assert_null(find(&image));
}

static void processes_end_with_requests_in_flight(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_MET, &image);
	give_texts(NULL, maps_of_prog_and_lib);
	announce(ANNOUNCE_MAPPINGS, &image);
	assert_int_equal(n_waiting(OPENER_READ_PROC), 1);
	assert_int_equal(n_waiting(OPENER_OPEN_MAPPED), 2); /* the teardown frees all of it */
}

static void announcements_of_no_consequence_are_ignored(void **state)
{
	struct process_image image = image_of(7, 1);

	(void)state;
	announce(ANNOUNCE_EXIT, &image);
	assert_int_equal(processes_n(fixture.processes), 0);
	assert_int_equal(fixture.n_asked, 0);
	processes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(without_targets_everything_stays_undecided),
		fixture_test(a_match_is_yes_as_soon_as_the_cgroup_is_read),
		fixture_test(without_a_match_it_is_no_when_its_time_is_over),
		fixture_test(the_time_to_decide_begins_with_the_first_targets),
		fixture_test(an_image_without_samples_is_not_turned_into_no_unread),
		fixture_test(new_targets_decide_everybody_anew),
		fixture_test(a_container_id_that_was_let_go_is_read_again_when_targets_change),
		fixture_test(on_a_host_with_v1_hierarchies_the_container_is_read_again_before_no),
		fixture_test(at_the_end_nobody_waits_and_what_may_have_moved_is_read_once_more),
		fixture_test(an_exited_image_keeps_the_labels_that_its_samples_were_taken_under),
		fixture_test(a_changed_cgroup_makes_it_undecided_until_it_is_read),
		fixture_test(an_image_speaks_for_its_cgroup_only_when_it_was_read_there),
		fixture_test(only_the_unified_hierarchy_says_that_a_cgroup_is_a_containers),
		fixture_test(a_no_that_changes_its_cgroup_is_read_again),
		fixture_test(an_exited_image_is_forgotten_when_its_samples_were_drained),
		fixture_test(an_exited_image_that_is_undecided_waits_for_its_target),
		fixture_test(its_files_are_let_go_a_hold_time_after_the_exit_not_after_the_drain),
		fixture_test(an_image_whose_objects_lose_their_root_opens_its_own),
		fixture_test(a_root_that_cannot_be_opened_is_asked_for_once),
		fixture_test(a_sample_of_an_unknown_image_makes_it_known),
		fixture_test(a_sample_whose_announcement_was_lost_decides_an_image_that_has_ended),
		fixture_test(reads_at_exec_are_bounded_and_the_first_sample_makes_up_for_it),
		fixture_test(an_image_that_is_met_again_and_again_is_read_once_a_second),
		fixture_test(a_read_without_a_helper_is_asked_for_again),
		fixture_test(lost_announcements_cause_everything_to_be_read_again),
		fixture_test(a_no_is_looked_after_once_a_minute),
		fixture_test(the_mappings_of_all_images_are_bounded_in_bytes),
		fixture_test(an_image_with_a_request_in_flight_is_not_forgotten),
		fixture_test(processes_end_with_requests_in_flight),
		fixture_test(announcements_of_no_consequence_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
