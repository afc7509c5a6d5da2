/* What of the processes known is shown, and in which order. */
#include "view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "processes_fixture.h"

#define JOB_ID UINT64_C(0xfedcba9876543210)

static struct wire_arena arena;

/* Takes a view as it goes over the wire. */
static struct wire_view view_at(uint64_t round)
{
	struct job_set *jobs = NULL;
	const struct wire_job job = {
		.id = JOB_ID, .sample_rate_hz = 97, .collect_interval_ms = 15000};
	struct services services = SERVICES_NULL;
	struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_VIEW);
	static unsigned char frame[MESSAGE_BYTES_MAX_VIEW];
	struct view_sources sources = {
		.instance = 7,
		.round = round,
		.services = &services,
		.processes = fixture.processes,
	};
	struct wire_view view;

	assert_int_equal(job_set_new(&job, 1, &jobs), 0);
	sources.jobs = jobs;
	services.fds[0] = process_status_open(0);
	assert_int_equal(view_encode(&sources, &out), 0);
	assert_int_equal(out.error, 0);
	memcpy(frame, out.data, out.n_bytes);
	assert_int_equal(wire_decode_view(frame, out.n_bytes, &arena, &view), 0);
	services_deinit(&services);
	job_set_release(jobs);
	bytes_deinit(&out);
	return view;
}

static int tear_down(void **state)
{
	wire_arena_deinit(&arena);
	return fixture_teardown(state);
}

static void it_begins_with_the_processes_of_the_service(void **state)
{
	struct wire_view view = view_at(3);

	(void)state;
	assert_int_equal(view.instance, 7);
	assert_int_equal(view.round, 3);
	assert_int_equal(view.n_services, 1);
	assert_int_equal(view.services[0].role, SERVICE_MAIN);
	assert_int_equal(view.services[0].status.pid, getpid());
	assert_int_equal(view.services[0].status.uid, geteuid());
	assert_int_equal(view.n_processes, 0);
}

static void a_process_has_its_targets_and_files(void **state)
{
	const struct wire_profiled *row;
	struct process *process;
	struct wire_view view;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	process = run_prog(5);
	process->used_round = 2;
	view = view_at(3);
	assert_int_equal(view.n_profiled, 1);
	assert_int_equal(view.n_processes, 1);
	row = &view.processes[0];
	assert_int_equal(row->pid, 5);
	assert_int_equal(row->last_used_round, 2);
	assert_memory_equal(row->comm.data, "name", 4);
	assert_int_equal(row->comm.n_bytes, 4);
	assert_int_equal(row->n_targets, 1);
	assert_true(row->targets[0].job == JOB_ID);
	assert_true(row->targets[0].labels_hash == wire_labels_hash(bytes_of("labels")));
	assert_int_equal(row->n_mappings, 1);
	assert_int_equal(row->n_files, 1);
	assert_int_equal(view.n_files, 1);
	assert_int_equal(view.files[row->files[0]].inode, 11);
	assert_memory_equal(view.files[row->files[0]].name.data, "/prog", 5);
}

static void the_most_recently_used_come_first_and_share_their_files(void **state)
{
	static const struct {
		uint32_t pid;
		uint64_t round;
	} rows[] = {{9, 8}, {6, 7}, {7, 7}, {5, 0}};
	struct wire_view view;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	for (uint32_t pid = 5; pid <= 9; pid++) {
		const struct process_image image = image_of(pid, 1);

		if (pid == 5)
			run_prog(pid);
		else
			announce(ANNOUNCE_EXEC, &image);
		if (pid != 5)
			give_texts(NULL, maps_of_prog);
		find(&image)->used_round = pid == 9 ? 12 : pid == 5 || pid == 8 ? 0 : 7;
		if (pid == 8)
			announce(ANNOUNCE_EXIT, &image);
	}
	view = view_at(8); /* the drain under way is not over: 12 is shown as 8 */
	assert_int_equal(view.n_profiled, 4);
	assert_int_equal(view.n_processes, 4);
	assert_int_equal(view.n_files, 1);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(view.processes[i].pid, rows[i].pid);
		assert_int_equal(view.processes[i].last_used_round, rows[i].round);
		assert_int_equal(view.processes[i].n_files, 1);
	}
}

static void who_is_nobodys_target_is_not_in_it(void **state)
{
	(void)state;
	set_targets(TARGET_PID, "4");
	run_prog(5);
	assert_int_equal(view_at(1).n_processes, 0);
	assert_int_equal(view_at(1).n_profiled, 0);
}

static void of_too_many_the_latest_stay(void **state)
{
	struct wire_view view;

	(void)state;
	set_targets(TARGET_DEFAULT, "");
	run_prog(1);
	for (uint32_t pid = 2; pid <= VIEW_PROCESSES_MAX + 10; pid++) {
		const struct process_image image = image_of(pid, 1);

		fixture.now_ns += UINT64_C(1000000000) / PROCESS_EXEC_READS_HZ_MAX;
		announce(ANNOUNCE_EXEC, &image);
		give_texts(NULL, maps_of_prog);
		find(&image)->used_round = pid;
	}
	view = view_at(UINT64_MAX);
	assert_int_equal(view.n_profiled, VIEW_PROCESSES_MAX + 10);
	assert_int_equal(view.n_processes, VIEW_PROCESSES_MAX);
	assert_int_equal(view.processes[0].pid, VIEW_PROCESSES_MAX + 10);
	assert_int_equal(view.processes[VIEW_PROCESSES_MAX - 1].pid, 11);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_begins_with_the_processes_of_the_service),
		TEST(a_process_has_its_targets_and_files),
		TEST(the_most_recently_used_come_first_and_share_their_files),
		TEST(who_is_nobodys_target_is_not_in_it),
		TEST(of_too_many_the_latest_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
