#include "options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/identity.h"

static int parse(const char *const *words, struct options *options)
{
	char *argv[16] = {(char *)"triptych-symbolizer"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	return options_parse(argc, argv, options);
}

static void defaults_are_those_of_the_house(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse((const char *const[]){NULL}, &options), 0);
	assert_string_equal(options.run_dir, RUN_DIRECTORY_DEFAULT);
	assert_null(options.cache_dir);
	assert_int_equal(options.n_collector_uids, 1);
	assert_int_equal(options.collector_uids[0], IDENTITY_COLLECTOR_UID);
	assert_int_equal(options.shipper_uids[0], IDENTITY_SHIPPER_UID);
	assert_false(options.is_done);
}

static void every_option_is_taken(void **state)
{
	const char *const words[] = {"--run-dir=/r",
				     "--cache-dir",
				     "/c",
				     "--cache-bytes=2097152",
				     "--memory-bytes=536870912",
				     "--collector-uid=5",
				     "--collector-uid=6",
				     "--shipper-uid=7",
				     "--log-level=debug",
				     NULL};
	struct options options;

	(void)state;
	assert_int_equal(parse(words, &options), 0);
	assert_string_equal(options.run_dir, "/r");
	assert_string_equal(options.cache_dir, "/c");
	assert_int_equal(options.cache_bytes, 2097152);
	assert_int_equal(options.memory_bytes, 536870912);
	assert_int_equal(options.n_collector_uids, 2);
	assert_int_equal(options.collector_uids[1], 6);
	assert_int_equal(options.n_shipper_uids, 1);
	assert_int_equal(options.shipper_uids[0], 7);
	assert_int_equal(options.log_level, LOG_DEBUG);
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const rows[] = {
		"--no-such-option",
		"--cache-bytes=0",
		"--cache-bytes=-1",
		"--cache-bytes=12M",
		"--memory-bytes=1",
		"--collector-uid=x",
		"--collector-uid=4294967295",
		"--log-level=loud",
		"--cache-dir",
		"an-argument",
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse((const char *const[]){rows[i], NULL}, &options), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_house),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(what_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
