#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
	uint64_t caps;
	size_t n_bytes;
	const char *text;
} descriptions[] = {
	{0, 64, ""},
	{SANDBOX_CAP(CAP_BPF), 64, "BPF"},
	{SANDBOX_CAP(CAP_BPF) | SANDBOX_CAP(CAP_PERFMON), 64, "PERFMON, BPF"},
	{SANDBOX_CAP(CAP_CHOWN) | SANDBOX_CAP(CAP_CHECKPOINT_RESTORE), 64,
	 "CHOWN, CHECKPOINT_RESTORE"},
	{SANDBOX_CAP(63), 64, "63"},
	{SANDBOX_CAP(CAP_BPF) | SANDBOX_CAP(CAP_PERFMON), 11, "PERFMON, B"},
	{SANDBOX_CAP(CAP_BPF) | SANDBOX_CAP(CAP_PERFMON), 8, "PERFMON"},
	{UINT64_MAX, 1, ""},
};

static void capabilities_are_described_by_name_and_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(descriptions) / sizeof(descriptions[0]); i++) {
		char text[65];

		memset(text, '#', sizeof(text));
		sandbox_caps_describe(descriptions[i].caps, text, descriptions[i].n_bytes);
		assert_string_equal(text, descriptions[i].text);
		assert_int_equal(text[descriptions[i].n_bytes], '#');
	}
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void standard_fds_are_open_and_no_others(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		(void)dup2(STDIN_FILENO, 9);
		(void)close(STDIN_FILENO);
		(void)close(STDERR_FILENO);
		sandbox_close_inherited();
		_exit(is_open(0) && is_open(1) && is_open(2) && !is_open(3) && !is_open(9) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void root_is_not_unprivileged(void **state)
{
	(void)state;
	if (geteuid() == 0)
		assert_int_equal(sandbox_require_unprivileged(), -EPERM);
	else
		assert_int_equal(sandbox_require_unprivileged(), 0);
}

static bool status_is(bool no_new_privs, bool seccomp)
{
	struct sandbox_status status = sandbox_status();

	return status.uid == geteuid() && status.effective_caps == sandbox_effective_caps() &&
	       status.no_new_privs == no_new_privs && status.seccomp == seccomp;
}

/* The filter makes the difference between the two; the status may not need what it refuses. */
static int enter_and_look(void)
{
	bool before = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
	bool landlock = true;

	if (!status_is(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, before))
		return 1;
	if (sandbox_enter(SANDBOX_COLLECTOR, NULL, 0, &landlock) < 0 || landlock)
		return 2;
	if (!status_is(true, true))
		return 3;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 && errno == EPERM ? 0 : 4;
}

static void the_status_tells_before_from_after(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(enter_and_look());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Only where the kernel has Landlock does the path matter at all. */
static int enter_without_directory(void)
{
	static const struct sandbox_path path = {"/no/such/directory", true};
	bool landlock = true;
	int r;

	r = sandbox_enter(SANDBOX_SYMBOLIZER, &path, 1, &landlock);
	return r == -ENOENT || (r == 0 && !landlock) ? 0 : 1;
}

static void a_writable_path_that_is_not_there_is_an_error(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(enter_without_directory());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities_are_described_by_name_and_cut),
		cmocka_unit_test(standard_fds_are_open_and_no_others),
		cmocka_unit_test(root_is_not_unprivileged),
		cmocka_unit_test(the_status_tells_before_from_after),
		cmocka_unit_test(a_writable_path_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
