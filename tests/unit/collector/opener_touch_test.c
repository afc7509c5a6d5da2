#include "opener/opener_touch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DEVICE  4711u
#define ANOTHER 4712u
#define PID     42

static const struct {
	const char *name;
	struct opener_request a, b;
	bool shares;
} pairs[] = {
	{"reads of one device",
	 {.op = OPENER_READ_OBJECT, .device = DEVICE},
	 {.op = OPENER_READ_OBJECT, .device = DEVICE},
	 true},
	{"reads of two devices",
	 {.op = OPENER_READ_OBJECT, .device = DEVICE},
	 {.op = OPENER_READ_OBJECT, .device = ANOTHER},
	 false},
	{"reads of unknown devices", {.op = OPENER_READ_OBJECT}, {.op = OPENER_READ_OBJECT}, true},
	{"a read and a mapped file of one device",
	 {.op = OPENER_READ_OBJECT, .device = DEVICE},
	 {.op = OPENER_OPEN_MAPPED, .device = DEVICE, .pid = PID},
	 true},
	{"mapped files of two processes, device unknown",
	 {.op = OPENER_OPEN_MAPPED, .pid = PID},
	 {.op = OPENER_OPEN_MAPPED, .pid = PID + 1},
	 false},
	{"one process, whatever is asked",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_MAPS},
	 {.op = OPENER_OPEN_ROOT, .pid = PID},
	 true},
	{"one process, but what is told without its locks",
	 {.op = OPENER_READ_PROC,
	  .pid = PID,
	  .files = OPENER_STATUS | OPENER_CGROUP | OPENER_EXE | OPENER_CWD},
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_MAPS},
	 false},
	{"two processes",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_MAPS},
	 {.op = OPENER_READ_PROC, .pid = PID + 1, .files = OPENER_MAPS},
	 false},
	{"command lines of two processes",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_STATUS | OPENER_COMMAND},
	 {.op = OPENER_READ_PROC, .pid = PID + 1, .files = OPENER_COMMAND},
	 true},
	{"a command line and what else there is of another process",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_COMMAND},
	 {.op = OPENER_READ_PROC, .pid = PID + 1, .files = OPENER_STATUS | OPENER_MAPS},
	 false},
	{"a command line and a walk for an unknown device",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_COMMAND},
	 {.op = OPENER_OPEN_IN_ROOT},
	 false},
	{"two lists of processes", {.op = OPENER_LIST_PROC}, {.op = OPENER_LIST_PROC}, false},
	{"a process and a device of the same number",
	 {.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_MAPS},
	 {.op = OPENER_READ_OBJECT, .device = PID},
	 false},
	{"walks for one device",
	 {.op = OPENER_OPEN_IN_ROOT, .device = DEVICE},
	 {.op = OPENER_OPEN_IN_ROOT, .device = DEVICE},
	 true},
	{"a walk and a read for one device",
	 {.op = OPENER_OPEN_IN_ROOT, .device = DEVICE},
	 {.op = OPENER_READ_OBJECT, .device = DEVICE},
	 false},
};

static void jobs_that_may_hang_on_one_thing_share_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct opener_touch a = opener_touch_of(&pairs[i].a);
		const struct opener_touch b = opener_touch_of(&pairs[i].b);

		if (opener_touch_shares(&a, &b) != pairs[i].shares)
			fail_msg("%s", pairs[i].name);
	}
}

static bool has_device(const struct opener_refused *refused, uint64_t device)
{
	const struct opener_touch touch = {.device = device};

	return opener_refused_has(refused, &touch);
}

static void what_hung_is_refused_for_its_time(void **state)
{
	const struct opener_touch touch = {.device = DEVICE};
	struct opener_refused refused = {0};

	(void)state;
	opener_refused_add(&refused, OPENER_READ_OBJECT, &touch, 0, 1000);
	assert_true(has_device(&refused, DEVICE));
	assert_false(has_device(&refused, ANOTHER));
	assert_int_equal(opener_refused_expire(&refused, 999 + OPENER_DEVICE_REFUSED_NS),
			 1000 + OPENER_DEVICE_REFUSED_NS);
	assert_true(has_device(&refused, DEVICE));
	assert_int_equal(opener_refused_expire(&refused, 1000 + OPENER_DEVICE_REFUSED_NS),
			 UINT64_MAX);
	assert_false(has_device(&refused, DEVICE));
}

static void hanging_again_begins_the_time_anew(void **state)
{
	const struct opener_touch touch = {.device = DEVICE};
	struct opener_refused refused = {0};

	(void)state;
	opener_refused_add(&refused, OPENER_READ_OBJECT, &touch, DEVICE, 1000);
	opener_refused_add(&refused, OPENER_READ_OBJECT, &touch, DEVICE, 2000);
	assert_int_equal(opener_refused_expire(&refused, 0), 2000 + OPENER_DEVICE_REFUSED_NS);
}

static void a_mapped_file_refuses_its_device_only_once_it_was_asked(void **state)
{
	const struct opener_touch touch = {.device = DEVICE, .pid = PID};
	struct opener_refused refused = {0};

	(void)state;
	opener_refused_add(&refused, OPENER_OPEN_MAPPED, &touch, 0, 1000);
	assert_int_equal(opener_refused_expire(&refused, 0), UINT64_MAX);
	/* The two may differ: maps print another number than stat on some file systems. */
	opener_refused_add(&refused, OPENER_OPEN_MAPPED, &touch, ANOTHER, 1000);
	assert_true(has_device(&refused, DEVICE));
	assert_true(has_device(&refused, ANOTHER));
}

static void what_is_unknown_is_never_refused(void **state)
{
	const struct opener_request request = {.op = OPENER_READ_OBJECT};
	const struct opener_touch touch = opener_touch_of(&request);
	struct opener_refused refused = {0};

	(void)state;
	opener_refused_add(&refused, OPENER_READ_OBJECT, &touch, 0, 1000);
	assert_false(opener_refused_has(&refused, &touch));
}

/* But while the helper hangs: that is the opener's to see. */
static void command_lines_are_not_refused_for_long(void **state)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = PID, .files = OPENER_COMMAND};
	const struct opener_touch touch = opener_touch_of(&request);
	struct opener_refused refused = {0};

	(void)state;
	opener_refused_add(&refused, OPENER_READ_PROC, &touch, 0, 1000);
	assert_false(opener_refused_has(&refused, &touch));
}

static void a_full_list_forgets_what_would_be_over_first(void **state)
{
	struct opener_refused refused = {0};

	(void)state;
	for (uint64_t i = 0; i <= OPENER_REFUSED_MAX; i++) {
		const struct opener_touch touch = {.device = DEVICE + i};

		opener_refused_add(&refused, OPENER_READ_OBJECT, &touch, 0, 1000 + i);
	}
	assert_false(has_device(&refused, DEVICE));
	for (uint64_t i = 1; i <= OPENER_REFUSED_MAX; i++)
		assert_true(has_device(&refused, DEVICE + i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_that_may_hang_on_one_thing_share_it),
		cmocka_unit_test(what_hung_is_refused_for_its_time),
		cmocka_unit_test(hanging_again_begins_the_time_anew),
		cmocka_unit_test(a_mapped_file_refuses_its_device_only_once_it_was_asked),
		cmocka_unit_test(what_is_unknown_is_never_refused),
		cmocka_unit_test(command_lines_are_not_refused_for_long),
		cmocka_unit_test(a_full_list_forgets_what_would_be_over_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
