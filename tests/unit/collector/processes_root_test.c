/* Processes with the opener's real helpers: what was held is let go, and mounts can go with it. */
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "opener_fixture.h"
#include "proc_text.h"

#define MOUNT_POINT FUSE_DIRECTORY /* of the fixture, which makes and removes it */
#define PROGRAM     MOUNT_POINT "/program"
#define HOLD_NS     UINT64_C(60000000000)
#define PATIENCE_MS 5000u
#define TICK_NS     UINT64_C(10000000)

static struct counters counters;
static struct objects *objects;
static struct processes *processes;

static void ignore_decision(void *owner, const struct process *process)
{
	(void)owner;
	(void)process;
}

static int setup(void **state)
{
	const struct wire_target_rule rule = {.key_kind = TARGET_DEFAULT};
	const struct wire_job job = {.n_targets = 1, .targets = &rule};
	struct processes_options options = {.counters = &counters, .decided = ignore_decision};
	struct targets *targets;

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", MOUNT_POINT, "tmpfs", 0, NULL), 0);
	assert_int_equal(start_opener(state), 0);
	assert_int_equal(objects_new(64, HOLD_NS, &objects), 0);
	options.opener = opener;
	options.objects = objects;
	assert_int_equal(processes_new(&options, &processes), 0);
	assert_int_equal(targets_new(&job, 1, &targets), 0);
	processes_set_targets(processes, targets, NULL, clock_monotonic_ns());
	memset(&counters, 0, sizeof(counters));
	return 0;
}

static int teardown(void **state)
{
	int r = stop_opener(state);

	processes_free(processes);
	objects_free(objects);
	(void)umount2(MOUNT_POINT, MNT_DETACH); /* where a test failed */
	return r;
}

static void copy_program(const char *from)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(PROGRAM, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	(void)close(in);
	(void)close(out);
}

/* Runs PROGRAM, or this one again with the mount as its root; returns when it does. */
static pid_t start(bool in_root)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!in_root)
			(void)execl(PROGRAM, PROGRAM, "1000", NULL);
		else if (chroot(MOUNT_POINT) == 0 && chdir("/") == 0) {
			(void)close(ready[1]);
			for (;;)
				(void)pause();
		}
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	(void)close(ready[0]);
	return pid;
}

static struct process_image image_of(pid_t pid)
{
	char path[64], text[1024];
	struct proc_stat stat;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	assert_true(n > 0);
	assert_int_equal(proc_stat_parse((struct wire_bytes){text, (size_t)n}, &stat), 0);
	return (struct process_image){(uint32_t)pid, 1, stat.start_clock_ticks * TICK_NS};
}

static void announce(enum announcement_kind kind, const struct process_image *image)
{
	const uint64_t now_ns = clock_monotonic_ns();
	const struct announcement news = {.kind = kind, .image = *image, .time_ns = now_ns};

	processes_announce(processes, &news, now_ns);
}

/* Waits until the image was read, its files are there, and one of them has a root. */
static const struct process *settle(const struct process_image *image)
{
	const struct process *process = processes_find(processes, image);

	while (processes_busy(processes) || process->mappings.mappings[0].object->root_fd < 0) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
	assert_true(process->is_read);
	assert_int_equal(process->decision, DECISION_YES);
	return process;
}

/* Ends the process and lets its samples be drained; returns when it ended. */
static uint64_t end(pid_t pid, const struct process_image *image)
{
	uint64_t exit_ns = clock_monotonic_ns();

	end_process(pid);
	announce(ANNOUNCE_EXIT, image);
	processes_expire(processes, true, clock_monotonic_ns());
	assert_int_equal(processes_n(processes), 0);
	return exit_ns;
}

static void check_mount_can_go_after(uint64_t exit_ns)
{
	(void)objects_expire(objects, exit_ns + HOLD_NS / 2);
	assert_int_equal(umount(MOUNT_POINT), -1);
	assert_int_equal(errno, EBUSY);
	(void)objects_expire(objects, clock_monotonic_ns() + HOLD_NS);
	assert_int_equal(objects_n_held(objects), 0);
	/* A helper that was held up may not have closed its own copy of an fd yet. */
	for (unsigned i = 0; umount(MOUNT_POINT) < 0; i++) {
		assert_true(errno == EBUSY && i < PATIENCE_MS);
		(void)poll(NULL, 0, 1);
	}
}

static void a_tmpfs_that_held_an_exited_program_can_be_unmounted(void **state)
{
	struct process_image image;
	const struct process *process;
	bool is_found = false;
	pid_t pid;

	(void)state;
	copy_program("/bin/sleep");
	pid = start(false);
	image = image_of(pid);
	announce(ANNOUNCE_EXEC, &image);
	process = settle(&image);
	for (size_t i = 0; i < process->mappings.n_mappings; i++) {
		const struct object *object = process->mappings.mappings[i].object;

		is_found |= object->kind == OBJECT_FILE && strcmp(object->name, PROGRAM) == 0;
	}
	assert_true(is_found);
	assert_int_equal(counters_get(&counters, COUNTER_OBJECTS_REFUSED_GONE), 0);
	check_mount_can_go_after(end(pid, &image));
}

static void a_tmpfs_that_was_the_root_of_an_exited_process_can_be_unmounted(void **state)
{
	struct process_image image;
	pid_t pid;

	(void)state;
	pid = start(true);
	image = image_of(pid);
	announce(ANNOUNCE_MET, &image);
	(void)settle(&image);
	check_mount_can_go_after(end(pid, &image));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_tmpfs_that_held_an_exited_program_can_be_unmounted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_tmpfs_that_was_the_root_of_an_exited_process_can_be_unmounted, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
