#include "opener_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/identity.h"

#define TARGET_UID  1234
#define PATIENCE_MS 20000 /* for what must happen, on a slow machine */

struct opener *opener;

void see(void *owner, const struct opener_result *result)
{
	struct seen *seen = owner;

	seen->n_calls++;
	seen->outcome = result->outcome;
	seen->fd = result->fd;
	seen->identity = result->identity;
	seen->mount_id = result->mount_id;
	for (size_t i = 0; i < OPENER_PROC_FILES; i++) {
		size_t n = result->bytes[i].n_bytes;

		seen->n_bytes[i] = n;
		n = n < SEEN_TEXT_MAX ? n : SEEN_TEXT_MAX - 1;
		if (n > 0)
			memcpy(seen->text[i], result->bytes[i].data, n);
		seen->text[i][n] = '\0';
	}
}

void wait_readable(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
}

void dispatch_until(const struct seen *seen, unsigned n_calls)
{
	while (seen->n_calls < n_calls) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
}

void run(const struct opener_request *request, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	opener_submit(opener, request, see, seen);
	dispatch_until(seen, 1);
}

int start_opener(void **state)
{
	(void)state;
	return opener_start(IDENTITY_OPENER_UID, IDENTITY_GROUP_GID, &opener);
}

int stop_opener(void **state)
{
	(void)state;
	opener_free(opener);
	opener = NULL;
	return 0;
}

pid_t start_target(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setresgid(TARGET_UID, TARGET_UID, TARGET_UID) < 0 ||
		    setresuid(TARGET_UID, TARGET_UID, TARGET_UID) < 0 ||
		    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

void end_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

unsigned char *map_file(const char *path, int fill, struct stat *ret_st)
{
	unsigned char page[PAGE_BYTES];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *mapped;

	assert_true(fd >= 0);
	memset(page, fill, sizeof(page));
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	assert_int_equal(fstat(fd, ret_st), 0);
	mapped = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(mapped, MAP_FAILED);
	(void)close(fd);
	return mapped;
}

void check_others_are_served(void)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = getpid(), .files = OPENER_STAT};
	struct seen seen;

	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
}

/*
 * In a mount namespace of its own, on a file system of its own: nothing is left when the process
 * ends, however it ends.
 */
int make_directories(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_error("these tests need root: they start helpers and mount\n");
		return -1;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", DIRECTORY, "tmpfs", 0, "mode=0755") < 0 ||
	    mkdir(FUSE_DIRECTORY, 0755) < 0) {
		print_error("%s: %s\n", DIRECTORY, strerror(errno));
		return -1;
	}
	return 0;
}

int remove_directories(void **state)
{
	(void)state;
	return umount2(DIRECTORY, MNT_DETACH);
}
