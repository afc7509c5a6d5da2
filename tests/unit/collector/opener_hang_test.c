/* The opener on a FUSE server that never answers. */
#include "opener_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct hangfs {
	pid_t pid;
	int events_fd; /* a byte for each caller left waiting */
	uint64_t device;
};

static void hangfs_start(struct hangfs *fs)
{
	int events[2];
	struct stat before, now;

	assert_int_equal(stat(FUSE_DIRECTORY, &before), 0);
	assert_int_equal(pipe2(events, O_CLOEXEC), 0);
	fs->pid = fork();
	assert_true(fs->pid >= 0);
	if (fs->pid == 0) {
		(void)dup2(events[1], STDOUT_FILENO);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* What it once said of a file is asked again each time. */
		execl(HANGFS_PATH, "hangfs", "-f", "-o", "allow_other,attr_timeout=0",
		      FUSE_DIRECTORY, NULL);
		_exit(127);
	}
	(void)close(events[1]);
	fs->events_fd = events[0];
	do {
		assert_int_equal(waitpid(fs->pid, NULL, WNOHANG), 0);
		assert_int_equal(stat(FUSE_DIRECTORY, &now), 0);
	} while (now.st_dev == before.st_dev);
	fs->device = now.st_dev;
}

/* Its callers get an error, all at once. */
static void hangfs_kill(const struct hangfs *fs)
{
	end_process(fs->pid);
	assert_int_equal(umount2(FUSE_DIRECTORY, MNT_DETACH), 0);
	(void)close(fs->events_fd);
}

static void wait_until_it_says(const struct hangfs *fs, char event)
{
	char byte;

	wait_readable(fs->events_fd);
	assert_int_equal(read(fs->events_fd, &byte, 1), 1);
	assert_int_equal(byte, event);
}

static void wait_until_somebody_hangs(const struct hangfs *fs)
{
	wait_until_it_says(fs, 'h');
}

static struct opener_request fuse_request(const struct hangfs *fs, const char *name)
{
	struct opener_request request = {
		.op = OPENER_READ_OBJECT, .device = fs->device, .n_bytes = 16};
	char path[256];

	(void)snprintf(path, sizeof(path), FUSE_DIRECTORY "/%s", name);
	request.fd = open(path, O_PATH | O_CLOEXEC);
	assert_true(request.fd >= 0);
	return request;
}

/* Waits until every helper that hung has come back. */
static void wait_until_none_is_stuck(void)
{
	while (opener_n_stuck(opener) > 0) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
}

static void check_hang(const char *name)
{
	struct hangfs fs;
	struct opener_request request, other;
	struct seen hung = {0}, queued = {0}, refused = {0};
	uint64_t late_ns, next_ns;

	hangfs_start(&fs);
	request = fuse_request(&fs, name);
	other = fuse_request(&fs, "plain");
	opener_submit(opener, &request, see, &hung);
	opener_submit(opener, &other, see, &queued); /* waits: it is on the same device */
	wait_until_somebody_hangs(&fs);
	check_others_are_served();
	next_ns = opener_expire(opener, clock_monotonic_ns());
	assert_true(next_ns < clock_monotonic_ns() + OPENER_DEADLINE_NS);
	assert_int_equal(opener_n_stuck(opener), 0);
	assert_int_equal(hung.n_calls + queued.n_calls, 0);

	late_ns = clock_monotonic_ns() + OPENER_DEADLINE_NS;
	assert_int_equal(opener_expire(opener, late_ns), late_ns + OPENER_DEVICE_REFUSED_NS);
	assert_int_equal(opener_n_stuck(opener), 1);
	assert_int_equal(hung.n_calls, 1);
	assert_int_equal(hung.outcome, OPENER_DEADLINE);
	assert_int_equal(queued.n_calls, 1);
	assert_int_equal(queued.outcome, OPENER_DEADLINE);
	opener_submit(opener, &other, see, &refused);
	assert_int_equal(refused.n_calls, 1); /* at once */
	assert_int_equal(refused.outcome, OPENER_DEADLINE);
	check_others_are_served();

	hangfs_kill(&fs);
	wait_until_none_is_stuck();
	assert_int_equal(hung.n_calls, 1);
	opener_submit(opener, &other, see, &refused);
	assert_int_equal(refused.n_calls, 2);
	assert_int_equal(refused.outcome, OPENER_DEADLINE); /* still: ten minutes are not over */
	(void)opener_expire(opener, late_ns + OPENER_DEVICE_REFUSED_NS);
	opener_submit(opener, &other, see, &refused);
	dispatch_until(&refused, 3);
	assert_int_not_equal(refused.outcome,
			     OPENER_DEADLINE); /* asked again: its server is dead */
	(void)close(request.fd);
	(void)close(other.fd);
}

static void an_open_that_hangs_costs_one_helper_and_its_device(void **state)
{
	(void)state;
	check_hang("hang-open");
}

static void a_read_that_hangs_costs_one_helper_and_its_device(void **state)
{
	(void)state;
	check_hang("hang-read");
}

/* The asker does not know the device; the helper says it before it asks the file system. */
static void a_device_nobody_named_is_refused_once_it_hung(void **state)
{
	struct hangfs fs;
	struct opener_request unnamed, named;
	struct seen hung = {0}, refused = {0};

	(void)state;
	hangfs_start(&fs);
	unnamed = fuse_request(&fs, "hang-read");
	unnamed.device = 0;
	named = fuse_request(&fs, "plain");
	opener_submit(opener, &unnamed, see, &hung);
	wait_until_somebody_hangs(&fs);
	(void)opener_expire(opener, clock_monotonic_ns() + OPENER_DEADLINE_NS);
	assert_int_equal(hung.outcome, OPENER_DEADLINE);
	opener_submit(opener, &named, see, &refused);
	assert_int_equal(refused.outcome, OPENER_DEADLINE);
	hangfs_kill(&fs);
	wait_until_none_is_stuck();
	(void)close(unnamed.fd);
	(void)close(named.fd);
}

/* A walk that hangs is refused for whoever looks below the same root, but files are not. */
static void a_walk_that_hangs_refuses_walks_and_not_reads(void **state)
{
	struct opener_request walk = {.op = OPENER_OPEN_IN_ROOT, .device = 4711};
	struct opener_request read_object = {
		.op = OPENER_READ_OBJECT, .device = 4711, .n_bytes = 16};
	struct hangfs fs;
	struct seen hung = {0}, refused = {0}, seen;

	(void)state;
	hangfs_start(&fs);
	walk.fd = open(DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(walk.path, sizeof(walk.path), "fuse/hang-lookup");
	opener_submit(opener, &walk, see, &hung);
	wait_until_somebody_hangs(&fs);
	(void)opener_expire(opener, clock_monotonic_ns() + OPENER_DEADLINE_NS);
	assert_int_equal(hung.outcome, OPENER_DEADLINE);
	opener_submit(opener, &walk, see, &refused);
	assert_int_equal(refused.outcome, OPENER_DEADLINE);
	read_object.fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	run(&read_object, &seen);
	assert_int_equal(seen.outcome, 0);
	(void)close(read_object.fd);
	hangfs_kill(&fs);
	wait_until_none_is_stuck();
	(void)close(walk.fd);
}

static void *map_program(const struct hangfs *fs)
{
	int fd = open(FUSE_DIRECTORY "/program", O_RDONLY | O_CLOEXEC);
	void *mapped;

	assert_true(fd >= 0);
	mapped = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	(void)close(fd);
	assert_int_equal(kill(fs->pid, SIGUSR1), 0);
	wait_until_it_says(fs, 's'); /* from now on it hangs */
	return mapped;
}

/* Its mapped file waits for a server, and it is not the process that the helper waits for. */
static void a_process_whose_file_hangs_is_told_of_all_the_same(void **state)
{
	struct opener_request mapped = {.op = OPENER_OPEN_MAPPED};
	struct opener_request rest = {.op = OPENER_READ_PROC,
				      .files = OPENER_STATUS | OPENER_CGROUP | OPENER_EXE};
	struct seen hung = {0}, told = {0}, seen;
	struct hangfs fs;

	(void)state;
	assert_int_equal(setenv("HANGFS_PROGRAM", HANGFS_PATH, 1), 0);
	hangfs_start(&fs);
	mapped.start = (uintptr_t)map_program(&fs);
	mapped.end = mapped.start + PAGE_BYTES;
	mapped.pid = rest.pid = start_target();
	opener_submit(opener, &mapped, see, &hung);
	wait_until_somebody_hangs(&fs);
	run(&rest, &seen); /* what needs none of its locks, at once */
	assert_int_equal(seen.outcome, 0);
	assert_non_null(strstr(seen.text[5], "opener_hang_test"));
	rest.files |= OPENER_COMMAND;
	opener_submit(opener, &rest, see, &told); /* waits: nobody knows yet what hangs */
	assert_int_equal(told.n_calls, 0);
	(void)opener_expire(opener, clock_monotonic_ns() + OPENER_DEADLINE_NS);
	assert_int_equal(hung.outcome, OPENER_DEADLINE);
	assert_int_equal(told.outcome, OPENER_DEADLINE); /* it waited as long */
	run(&rest, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_non_null(strstr(seen.text[4], "opener_hang_test"));
	end_process(mapped.pid);
	hangfs_kill(&fs);
	wait_until_none_is_stuck();
	(void)munmap((void *)mapped.start, PAGE_BYTES);
	assert_int_equal(unsetenv("HANGFS_PROGRAM"), 0);
}

/* Closing an fd that is open for reading asks the server to flush; ours are not. */
static void closing_an_object_never_waits_for_its_server(void **state)
{
	struct opener_request request = {.op = OPENER_OPEN_IN_ROOT};
	struct hangfs fs;
	struct seen seen;

	(void)state;
	hangfs_start(&fs);
	request.fd = open(DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(request.path, sizeof(request.path), "fuse/hang-flush");
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(close(seen.fd), 0);
	hangfs_kill(&fs);
	(void)close(request.fd);
}

static void a_helper_that_dies_fails_its_request_and_counts_as_stuck(void **state)
{
	struct hangfs fs;
	struct opener_request request;
	pid_t pids[OPENER_HELPERS];
	struct seen hung = {0};

	(void)state;
	opener_pids(opener, pids);
	hangfs_start(&fs);
	request = fuse_request(&fs, "hang-read");
	opener_submit(opener, &request, see, &hung);
	wait_until_somebody_hangs(&fs);
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	hangfs_kill(&fs);
	dispatch_until(&hung, 1);
	assert_int_equal(hung.outcome, OPENER_FAILED);
	while (opener_n_stuck(opener) < OPENER_HELPERS) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
	/* With nobody left, a request is answered by the clock. */
	memset(&hung, 0, sizeof(hung));
	opener_submit(opener, &request, see, &hung);
	assert_int_equal(hung.n_calls, 0);
	(void)opener_expire(opener, clock_monotonic_ns() + OPENER_DEADLINE_NS);
	assert_int_equal(hung.outcome, OPENER_DEADLINE);
	(void)close(request.fd);
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		opener_test(an_open_that_hangs_costs_one_helper_and_its_device),
		opener_test(a_read_that_hangs_costs_one_helper_and_its_device),
		opener_test(a_device_nobody_named_is_refused_once_it_hung),
		opener_test(a_walk_that_hangs_refuses_walks_and_not_reads),
		opener_test(a_process_whose_file_hangs_is_told_of_all_the_same),
		opener_test(closing_an_object_never_waits_for_its_server),
		opener_test(a_helper_that_dies_fails_its_request_and_counts_as_stuck),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
