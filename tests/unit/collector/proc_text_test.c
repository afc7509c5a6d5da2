#include "proc_text.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AFTER_NAME " S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 "

static struct wire_bytes bytes(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static void the_start_time_is_found_behind_any_name(void **state)
{
	static const struct {
		const char *text;
		const char *comm;
	} good[] = {
		{"7 (cat)" AFTER_NAME "4711 5 6\n", "cat"},
		{"7 ()" AFTER_NAME "4711 5 6\n", ""},
		{"7 (a b)" AFTER_NAME "4711 5 6\n", "a b"},
		{"7 (a) S 1 (b)" AFTER_NAME "4711 5 6\n", "a) S 1 (b"},
		{"7 ())\n(()" AFTER_NAME "4711 5 6\n", "))\n(("},
		{"7 (a-name-of-a-kernel-worker)" AFTER_NAME "4711 5\n", "a-name-of-a-ker"},
	};
	struct proc_stat stat;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(proc_stat_parse(bytes(good[i].text), &stat), 0);
		assert_int_equal(stat.start_clock_ticks, 4711);
		assert_string_equal(stat.comm, good[i].comm);
	}
}

static void a_text_that_is_no_stat_is_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"7 cat S",
		"7 (cat",
		"7 )cat(" AFTER_NAME "4711 5 6\n",
		"7 (cat)",
		"7 (cat)" AFTER_NAME,
		"7 (cat)" AFTER_NAME "4711", /* cut: there may be more digits */
		"7 (cat)" AFTER_NAME "-1 5\n",
		"7 (cat)" AFTER_NAME "99999999999999999999 5\n",
	};
	struct proc_stat stat;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(proc_stat_parse(bytes(bad[i]), &stat), PROC_TEXT_MALFORMED);
}

static void status_gives_two_uids_and_the_innermost_pid(void **state)
{
	static const struct {
		const char *text;
		uint32_t pid; /* 0: malformed */
		uint32_t uid;
		uint32_t real_uid;
	} cases[] = {
		{"Name:\tx\nUid:\t1\t2\t3\t4\nNSpid:\t42\nNSpgid:\t1\n", 42, 2, 1},
		{"Name:\tx\nUid:\t0\t0\t0\t0\nNSpid:\t4200\t17\t1\nNSpgid:\t1\n", 1, 0, 0},
		{"Name:\tNSpid:\t9\nUid:\t1\t4294967295\nNSpid:\t42\n", 42, UINT32_MAX, 1},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\t42", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\t0\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\t\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\t4294967296\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\nNSpid:\t1 2\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\tx\nNSpid:\t42\n", 0, 0, 0},
		{"Name:\tx\nNSpid:\t42\n", 0, 0, 0},
		{"Name:\tx\nUid:\t1\t2\n", 0, 0, 0},
		{"", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proc_status status = {0};
		int r = proc_status_parse(bytes(cases[i].text), &status);

		assert_int_equal(r, cases[i].pid ? 0 : PROC_TEXT_MALFORMED);
		assert_int_equal(status.namespace_pid, cases[i].pid);
		assert_int_equal(status.effective_uid, cases[i].uid);
		assert_int_equal(status.real_uid, cases[i].real_uid);
	}
}

static struct wire_bytes read_own(const char *path, char *buffer, size_t n_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buffer, n_bytes);
	assert_true(n > 0);
	(void)close(fd);
	return (struct wire_bytes){buffer, (size_t)n};
}

static void the_running_kernel_writes_what_is_expected(void **state)
{
	char buffer[8192];
	struct proc_stat stat;
	struct proc_status status;

	(void)state;
	assert_int_equal(
		proc_stat_parse(read_own("/proc/self/stat", buffer, sizeof(buffer)), &stat), 0);
	assert_string_equal(stat.comm, "proc_text_test");
	assert_true(stat.start_clock_ticks > 0);
	assert_int_equal(
		proc_status_parse(read_own("/proc/self/status", buffer, sizeof(buffer)), &status),
		0);
	assert_int_equal(status.namespace_pid, getpid());
	assert_int_equal(status.effective_uid, geteuid());
	assert_int_equal(status.real_uid, getuid());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_time_is_found_behind_any_name),
		cmocka_unit_test(a_text_that_is_no_stat_is_malformed),
		cmocka_unit_test(status_gives_two_uids_and_the_innermost_pid),
		cmocka_unit_test(the_running_kernel_writes_what_is_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
