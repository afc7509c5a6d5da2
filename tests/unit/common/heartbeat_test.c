/* A loop that turns says so; what it says ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/heartbeat.h"
#include "base/identity.h"

struct place {
	char directory[32];
	char path[64];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->directory, "/tmp/heartbeat.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	(void)snprintf(place->path, sizeof(place->path), "%s/health", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	(void)rmdir(place->directory);
	free(place);
	return 0;
}

static int ask(const char *path, uint64_t age_max_s)
{
	char name[] = "health", option[] = "--health-file";
	char *argv[] = {name, option, (char *)(uintptr_t)path, NULL};

	optind = 0;
	return heartbeat_main("test", age_max_s, 3, argv);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_loop_that_just_turned_is_healthy(void **state)
{
	struct place *place = *state;
	struct heartbeat heartbeat = HEARTBEAT_NULL;

	assert_int_equal(heartbeat_open(&heartbeat, place->path), 0);
	assert_int_equal(ask(place->path, 30), 0);
	heartbeat_deinit(&heartbeat);
}

static void a_loop_that_turned_at_boot_is_not(void **state)
{
	struct place *place = *state;

	write_file(place->path, "00000000000000000001\n");
	assert_int_equal(ask(place->path, 1), 1);
}

static void what_no_loop_wrote_is_not_healthy(void **state)
{
	static const char *const texts[] = {"",      "\n",   "0\n",
					    "yes\n", "-1\n", "99999999999999999999999999999999\n"};
	struct place *place = *state;

	assert_int_equal(ask(place->path, 30), 1); /* no file */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(place->path, texts[i]);
		assert_int_equal(ask(place->path, 30), 1);
	}
}

static void beats_are_written_at_most_once_a_second(void **state)
{
	struct place *place = *state;
	struct heartbeat heartbeat = HEARTBEAT_NULL;
	uint64_t first;

	assert_int_equal(heartbeat_open(&heartbeat, place->path), 0);
	first = heartbeat.beat_ms;
	for (unsigned i = 0; i < 1000 && heartbeat.beat_ms == first; i++)
		heartbeat_beat(&heartbeat);
	assert_true(heartbeat.beat_ms == first || heartbeat.beat_ms - first >= 1000);
	heartbeat_deinit(&heartbeat);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	struct heartbeat heartbeat = HEARTBEAT_NULL;

	(void)state;
	assert_true(heartbeat_open(&heartbeat, "/nonexistent/health") < 0);
	heartbeat_beat(&heartbeat); /* nothing happens */
}

static void a_wrong_line_is_a_usage_error(void **state)
{
	char name[] = "health", wrong[] = "file";
	char *argv[] = {name, wrong, NULL};

	(void)state;
	optind = 0;
	assert_int_equal(heartbeat_main("test", 30, 1, argv), EXIT_STATUS_USAGE);
	optind = 0;
	assert_int_equal(heartbeat_main("test", 30, 2, argv), EXIT_STATUS_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_loop_that_just_turned_is_healthy, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_loop_that_turned_at_boot_is_not, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(what_no_loop_wrote_is_not_healthy, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(beats_are_written_at_most_once_a_second, make_place,
						remove_place),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
		cmocka_unit_test(a_wrong_line_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
