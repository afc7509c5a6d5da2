#include "base/process_status.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PID  "Pid:\t4711\n"
#define UID  "Uid:\t0\t967\t967\t967\n"
#define PRM  "CapPrm:\t00000000a80425fb\n"
#define EFF  "CapEff:\tffffffffffffffff\n"
#define NNP  "NoNewPrivs:\t1\n"
#define SEC  "Seccomp:\t2\n"
#define REST "Seccomp_filters:\t3\nSpeculation_Store_Bypass:\tvulnerable\n"

static int parse(const char *text, struct process_status *ret_status)
{
	size_t n_bytes = strlen(text);
	char *exact = malloc(n_bytes ? n_bytes : 1); /* so that a read past the end is seen */
	int r;

	memcpy(exact, text, n_bytes);
	r = process_status_parse(exact, n_bytes, ret_status);
	free(exact);
	return r;
}

static void the_lines_that_matter_are_read(void **state)
{
	struct process_status status;

	(void)state;
	assert_int_equal(parse("Name:\tPid:\\n\nTgid:\t1\n" PID "PPid:\t1\n" UID
			       "CapInh:\t00\n" PRM EFF "CapBnd:\t01\n" NNP SEC REST,
			       &status),
			 0);
	assert_int_equal(status.pid, 4711);
	assert_int_equal(status.uid, 967);
	assert_true(status.permitted_caps == UINT64_C(0xa80425fb));
	assert_true(status.effective_caps == UINT64_MAX);
	assert_true(status.no_new_privs);
	assert_int_equal(status.seccomp, 2);
}

static void a_text_that_is_not_as_it_should_be_is_malformed(void **state)
{
	static const struct {
		const char *what;
		const char *text;
	} rows[] = {
		{"nothing", ""},
		{"a line missing", PID UID PRM EFF NNP},
		{"a line cut", PID UID PRM EFF NNP "Seccomp:\t2"},
		{"a line twice", PID UID PRM EFF NNP SEC PID},
		{"no number", PID UID PRM EFF NNP "Seccomp:\t\n"},
		{"a blank for a tab", PID UID PRM EFF NNP "Seccomp: 2\n"},
		{"more behind a number", PID UID PRM EFF NNP "Seccomp:\t2 \n"},
		{"another number behind it", PID UID PRM EFF NNP "Seccomp:\t2\t2\n"},
		{"too few uids", PID "Uid:\t1\t1\t1\n" PRM EFF NNP SEC},
		{"a mode that there is not", PID UID PRM EFF NNP "Seccomp:\t3\n"},
		{"neither yes nor no", PID UID PRM EFF "NoNewPrivs:\t2\n" SEC},
		{"a negative number", "Pid:\t-1\n" UID PRM EFF NNP SEC},
		{"hex where decimal belongs", "Pid:\t1f\n" UID PRM EFF NNP SEC},
		{"capitals", PID UID "CapPrm:\t00000000A80425FB\n" EFF NNP SEC},
		{"a pid of 33 bits", "Pid:\t4294967296\n" UID PRM EFF NNP SEC},
		{"capabilities of 65 bits", PID UID "CapPrm:\t10000000000000000\n" EFF NNP SEC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process_status status = {.pid = 5};
		int r = parse(rows[i].text, &status);

		if (r != PROCESS_STATUS_MALFORMED || status.pid != 5)
			fail_msg("%s: %d", rows[i].what, r);
	}
}

static void each_read_is_of_its_moment(void **state)
{
	int fd = process_status_open(0);
	struct process_status before, after;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(process_status_read(fd, &before), 0);
	assert_int_equal(before.pid, getpid());
	assert_int_equal(before.uid, geteuid());
	assert_false(before.no_new_privs);
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(process_status_read(fd, &after), 0);
	assert_true(after.no_new_privs);
	(void)close(fd);
}

static void one_that_is_gone_is_not_another_of_its_pid(void **state)
{
	struct process_status status;
	pid_t child = fork();
	int fd;

	(void)state;
	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	fd = process_status_open(child);
	assert_true(fd >= 0);
	assert_int_equal(process_status_read(fd, &status), 0);
	assert_int_equal(status.pid, child);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(process_status_read(fd, &status), -ESRCH);
	assert_int_equal(process_status_open(child), -ENOENT);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lines_that_matter_are_read),
		cmocka_unit_test(a_text_that_is_not_as_it_should_be_is_malformed),
		cmocka_unit_test(each_read_is_of_its_moment),
		cmocka_unit_test(one_that_is_gone_is_not_another_of_its_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
