#include "last_named.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "window_fixture.h"

#define STACK(count, ...)                                                                          \
	{                                                                                          \
		count, 0, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),              \
			(const uint32_t[])                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static struct fixture fixture;
static struct last_named last;

static int set_up(void **state)
{
	(void)state;
	last = (struct last_named){0};
	fixture_init(&fixture);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_deinit(&fixture);
	return 0;
}

static void note(const struct wire_stack *stacks, size_t n_stacks)
{
	struct frames frames;

	fixture_set_stacks(&fixture, stacks, n_stacks);
	assert_int_equal(
		frames_resolve(&fixture.window, &fixture.sources, FRAMES_NAMES_BYTES_MAX, &frames),
		0);
	assert_int_equal(last_named_note(&last, &fixture.window, &frames), 0);
	frames_deinit(&frames);
}

static void assert_function(size_t i, const char *name, uint64_t n_samples)
{
	const struct last_function *function = &last.targets[0].functions[i];

	assert_int_equal(function->n_samples, n_samples);
	assert_int_equal(function->n_name_bytes, strlen(name));
	assert_memory_equal(function->name, name, strlen(name));
}

static void leaves_are_counted_most_samples_first(void **state)
{
	const struct wire_stack stacks[] = {
		STACK(3, AT_FIRST, AT_SECOND_BEGIN),
		STACK(5, AT_SECOND_BEGIN, AT_FIRST_END),
		STACK(1, AT_KERNEL, AT_FIRST),
		STACK(4, AT_FIRST),
		{2, 0, 0, NULL},
	};

	(void)state;
	note(stacks, 5);
	assert_int_equal(last.n_targets, 1);
	assert_int_equal(last.targets[0].n_samples, 15);
	assert_int_equal(last.targets[0].time_wall_ns, fixture.window.time_wall_ns);
	assert_true(last.targets[0].labels_hash ==
		    wire_labels_hash((struct wire_bytes){"labels", 6}));
	assert_int_equal(last.targets[0].n_functions, 3);
	assert_function(0, "first", 7);
	assert_function(1, "second", 5);
	assert_function(2, "vfs_read", 1);
}

static void a_later_window_replaces_an_earlier_one(void **state)
{
	const struct wire_stack before[] = {STACK(3, AT_FIRST)};
	const struct wire_stack after[] = {STACK(1, AT_SECOND_BEGIN)};

	(void)state;
	note(before, 1);
	note(after, 1);
	assert_int_equal(last.n_targets, 1);
	assert_int_equal(last.targets[0].n_samples, 1);
	assert_int_equal(last.targets[0].n_functions, 1);
	assert_function(0, "second", 1);
}

static void counts_that_overflow_are_at_their_largest(void **state)
{
	const struct wire_stack stacks[] = {STACK(UINT64_MAX, AT_FIRST), STACK(2, AT_FIRST)};

	(void)state;
	note(stacks, 2);
	assert_true(last.targets[0].n_samples == UINT64_MAX);
	assert_function(0, "first", UINT64_MAX);
}

static void of_too_many_targets_those_noted_last_stay(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST)};
	char labels[16];

	(void)state;
	for (unsigned i = 0; i < REPORT_TARGETS_MAX + 3; i++) {
		fixture.target.labels.n_bytes =
			(size_t)snprintf(labels, sizeof(labels), "labels %u", i);
		fixture.target.labels.data = labels;
		note(stacks, 1);
	}
	assert_int_equal(last.n_targets, REPORT_TARGETS_MAX);
	for (unsigned i = 0; i < REPORT_TARGETS_MAX; i++)
		assert_true(last.targets[i].noted_at > 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(leaves_are_counted_most_samples_first),
		TEST(a_later_window_replaces_an_earlier_one),
		TEST(counts_that_overflow_are_at_their_largest),
		TEST(of_too_many_targets_those_noted_last_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
