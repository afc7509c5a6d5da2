/* What the opener's helpers may do, and what they may not although they read everything. */
#include "opener_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/identity.h"
#include "opener/opener_helper.h"
#include "sandbox/sandbox.h"

static uint64_t status_word(pid_t pid, const char *name)
{
	char path[64], line[256];
	unsigned long long word = UINT64_MAX;
	FILE *status;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (strncmp(line, name, strlen(name)) == 0)
			word = strtoull(line + strlen(name), NULL, 16);
	(void)fclose(status);
	return word;
}

static void helpers_hold_three_capabilities_and_nothing_else(void **state)
{
	pid_t pids[OPENER_HELPERS];
	char path[64];
	struct stat st;

	(void)state;
	opener_pids(opener, pids);
	for (size_t i = 0; i < OPENER_HELPERS; i++) {
		assert_int_equal(status_word(pids[i], "CapEff:"), OPENER_CAPS);
		assert_int_equal(status_word(pids[i], "CapPrm:"), OPENER_CAPS);
		assert_int_equal(status_word(pids[i], "CapInh:"), 0);
		assert_int_equal(status_word(pids[i], "CapBnd:"), 0);
		assert_int_equal(status_word(pids[i], "CapAmb:"), 0);
		assert_int_equal(status_word(pids[i], "NoNewPrivs:"), 1);
		assert_int_equal(status_word(pids[i], "Seccomp:"), 2);
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", pids[i], pids[i]);
		assert_int_equal(stat(path, &st), 0);
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/6", pids[i]);
		assert_int_equal(lstat(path, &st), -1); /* 0, 1, 2, its socket, /proc: no more */
	}
}

static void helpers_outlive_the_signals_that_stop_a_service(void **state)
{
	pid_t pids[OPENER_HELPERS];

	(void)state;
	opener_pids(opener, pids);
	for (size_t i = 0; i < OPENER_HELPERS; i++) {
		assert_int_equal(kill(pids[i], SIGTERM), 0);
		assert_int_equal(kill(pids[i], SIGINT), 0);
	}
	check_others_are_served();
	assert_int_equal(opener_n_stuck(opener), 0);
}

static void helpers_end_with_their_sockets(void **state)
{
	pid_t pids[OPENER_HELPERS];

	opener_pids(opener, pids);
	(void)stop_opener(state);
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		assert_int_equal(kill(pids[i], 0), -1);
}

/* Tries under @uid, else confined like a helper; the answer is the errno. */
static int try_open(uid_t uid, const char *path, int flags, bool by_openat2)
{
	const struct open_how how = {.flags = (uint64_t)flags};
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (sandbox_become(uid, IDENTITY_GROUP_GID, OPENER_CAPS) < 0 ||
		    sandbox_enter(SANDBOX_OPENER, NULL, 0, NULL) < 0)
			_exit(255);
		errno = 0;
		if (by_openat2)
			(void)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		else
			(void)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
		_exit(errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void as_the_opener_nothing_of_roots_opens_for_writing(void **state)
{
	struct stat st;
	unsigned char *at = map_file(DIRECTORY "/mapped", 'm', &st);
	char paths[3][256];

	(void)state;
	(void)snprintf(paths[0], sizeof(paths[0]), "/proc/%d/mem", getpid());
	(void)snprintf(paths[1], sizeof(paths[1]), "/proc/%d/root" DIRECTORY "/mapped", getpid());
	(void)snprintf(paths[2], sizeof(paths[2]), "/proc/%d/map_files/%lx-%lx", getpid(),
		       (unsigned long)at, (unsigned long)at + PAGE_BYTES);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(try_open(IDENTITY_OPENER_UID, paths[i], O_RDONLY, false),
				 0); /* it is there */
		assert_int_equal(try_open(IDENTITY_OPENER_UID, paths[i], O_RDWR, false), EPERM);
		assert_int_equal(try_open(IDENTITY_OPENER_UID, paths[i], O_WRONLY, false), EPERM);
		assert_int_equal(try_open(IDENTITY_OPENER_UID, paths[i], O_RDWR, true), EACCES);
		assert_int_equal(try_open(IDENTITY_OPENER_UID, paths[i], O_WRONLY, true), EACCES);
		/* Why the opener is not root: the same capabilities would not stop it. */
		assert_int_equal(try_open(0, paths[i], O_RDWR, true), 0);
	}
	assert_int_equal(try_open(IDENTITY_OPENER_UID, DIRECTORY "/made", O_RDWR | O_CREAT, false),
			 EPERM);
	assert_int_equal(try_open(IDENTITY_OPENER_UID, DIRECTORY "/made", O_RDWR | O_CREAT, true),
			 EACCES);
	(void)munmap(at, PAGE_BYTES);
	assert_int_equal(unlink(DIRECTORY "/mapped"), 0);
}

/* Starts an opener of its own and has one request served. */
static int start_and_ask(void)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = getppid(), .files = OPENER_MAPS};
	struct seen seen;
	int r;

	r = opener_start(IDENTITY_OPENER_UID, IDENTITY_GROUP_GID, &opener);
	if (r < 0)
		return -r;
	run(&request, &seen);
	opener_free(opener);
	return seen.outcome == 0 && seen.n_bytes[3] > 0 ? 0 : 255;
}

/* Root of a container, with these capabilities in place of all. */
static int start_with(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	int status;
	pid_t pid;

	data[0].effective = data[0].permitted = (uint32_t)caps;
	data[1].effective = data[1].permitted = (uint32_t)(caps >> 32);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(syscall(SYS_capset, &header, data) < 0 ? 254 : start_and_ask());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_capabilities_that_are_documented_suffice_and_are_needed(void **state)
{
	static const unsigned all[] = {CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE, CAP_DAC_READ_SEARCH,
				       CAP_SETUID, CAP_SETGID};
	uint64_t caps = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		caps |= SANDBOX_CAP(all[i]);
	assert_int_equal(start_with(caps), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(start_with(caps & ~SANDBOX_CAP(all[i])), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		opener_test(helpers_hold_three_capabilities_and_nothing_else),
		opener_test(helpers_outlive_the_signals_that_stop_a_service),
		opener_test(helpers_end_with_their_sockets),
		cmocka_unit_test(the_capabilities_that_are_documented_suffice_and_are_needed),
		cmocka_unit_test(as_the_opener_nothing_of_roots_opens_for_writing),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
