/* The collector's command line. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/identity.h"

#define ARGUMENTS_MAX 40u

/* Parses @words, which end with NULL. */
static int parse(const char *const words[], struct options *ret_options)
{
	char *argv[ARGUMENTS_MAX + 2] = {(char *)"triptych-collector"};
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = (char *)words[argc - 1];
		argc++;
		assert_true(argc <= (int)ARGUMENTS_MAX);
	}
	optind = 0; /* begins anew: getopt(3) */
	return options_parse(argc, argv, ret_options);
}

static void without_arguments_the_defaults_hold(void **state)
{
	const char *const words[] = {NULL};
	struct options o;

	(void)state;
	assert_int_equal(parse(words, &o), 0);
	assert_string_equal(o.run_dir, RUN_DIRECTORY_DEFAULT);
	assert_int_equal(o.uid, IDENTITY_COLLECTOR_UID);
	assert_int_equal(o.opener_uid, IDENTITY_OPENER_UID);
	assert_int_equal(o.gid, IDENTITY_GROUP_GID);
	assert_int_equal(o.n_symbolizer_uids, 1);
	assert_int_equal(o.symbolizer_uids[0], IDENTITY_SYMBOLIZER_UID);
	assert_int_equal(o.n_shipper_uids, 1);
	assert_int_equal(o.shipper_uids[0], IDENTITY_SHIPPER_UID);
	assert_int_equal(o.pid_map_size, 2048);
	assert_int_equal(o.sample_rate_hz, 97);
	assert_int_equal(o.windows_bytes_max, 64u << 20);
	assert_int_equal(o.objects_max, 1024);
	assert_int_equal(o.hold_s, 60);
	assert_int_equal(o.lease_s, 30);
	assert_int_equal(o.stop_s, 10);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_false(o.lose_one_sample || o.is_done);
}

static void every_option_has_its_field(void **state)
{
	const char *const words[] = {
		"--run-dir=/x",      "--uid=1",
		"--opener-uid=2",    "--gid=3",
		"--pid-map-size=16", "--sample-rate=10000",
		"--windows-bytes",   "68719476736",
		"--objects=65536",   "--hold-seconds=0",
		"--lease-seconds=1", "--stop-seconds=0",
		"--log-level",       "debug",
		"--lose-one-sample", "--symbolizer-uid=4",
		"--shipper-uid=5",   NULL,
	};
	struct options o;

	(void)state;
	assert_int_equal(parse(words, &o), 0);
	assert_string_equal(o.run_dir, "/x");
	assert_int_equal(o.uid, 1);
	assert_int_equal(o.opener_uid, 2);
	assert_int_equal(o.gid, 3);
	assert_int_equal(o.pid_map_size, 16);
	assert_int_equal(o.sample_rate_hz, 10000);
	assert_int_equal(o.windows_bytes_max, UINT64_C(1) << 36);
	assert_int_equal(o.objects_max, 65536);
	assert_int_equal(o.hold_s, 0);
	assert_int_equal(o.lease_s, 1);
	assert_int_equal(o.stop_s, 0);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_true(o.lose_one_sample);
	assert_int_equal(o.symbolizer_uids[0], 4);
	assert_int_equal(o.shipper_uids[0], 5);
}

static void what_is_wrong_is_refused_and_nothing_is_set(void **state)
{
	static const char *const rows[][3] = {
		{"--unknown"},
		{"argument"},
		{"--uid"},
		{"--help=yes"},
		{"--lose-one-sample=1"},
		{"--uid=0"},
		{"--uid=-1"},
		{"--uid=4294967295"},
		{"--uid=root"},
		{"--opener-uid=0"},
		{"--gid=0"},
		{"--symbolizer-uid=0"},
		{"--shipper-uid="},
		{"--sample-rate=0"},
		{"--sample-rate=-97"},
		{"--sample-rate=10001"},
		{"--sample-rate=97.5"},
		{"--sample-rate", " 97"},
		{"--pid-map-size=15"},
		{"--pid-map-size=1048577"},
		{"--windows-bytes=1048575"},
		{"--windows-bytes=68719476737"},
		{"--windows-bytes=18446744073709551616"},
		{"--objects=15"},
		{"--objects=65537"},
		{"--hold-seconds=86401"},
		{"--lease-seconds=0"},
		{"--lease-seconds=3601"},
		{"--stop-seconds=3601"},
		{"--log-level=loud"},
		{"--uid=59112"},
		{"--opener-uid=59113"},
		{"--symbolizer-uid=59111"},
		{"--shipper-uid=59112"},
		{"--shipper-uid=59113"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o = {.uid = 42};

		if (parse(rows[i], &o) != -EINVAL || o.uid != 42)
			fail_msg("%s", rows[i][0]);
	}
}

static void peers_may_be_several_and_replace_the_default(void **state)
{
	const char *const two[] = {"--symbolizer-uid=7", "--symbolizer-uid=8", NULL};
	const char *many[OPTION_UIDS_MAX + 2] = {NULL};
	struct options o;

	(void)state;
	assert_int_equal(parse(two, &o), 0);
	assert_int_equal(o.n_symbolizer_uids, 2);
	assert_int_equal(o.symbolizer_uids[0], 7);
	assert_int_equal(o.symbolizer_uids[1], 8);
	assert_int_equal(o.n_shipper_uids, 1);
	for (size_t i = 0; i < OPTION_UIDS_MAX; i++)
		many[i] = "--shipper-uid=7";
	assert_int_equal(parse(many, &o), 0);
	assert_int_equal(o.n_shipper_uids, OPTION_UIDS_MAX);
	many[OPTION_UIDS_MAX] = "--shipper-uid=7";
	assert_int_equal(parse(many, &o), -EINVAL);
}

static void help_and_version_end_the_matter(void **state)
{
	static const char *const rows[][3] = {{"--help", "--unknown"}, {"--version", "argument"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct options o;

		assert_int_equal(parse(rows[i], &o), 0);
		assert_true(o.is_done);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_arguments_the_defaults_hold),
		cmocka_unit_test(every_option_has_its_field),
		cmocka_unit_test(what_is_wrong_is_refused_and_nothing_is_set),
		cmocka_unit_test(peers_may_be_several_and_replace_the_default),
		cmocka_unit_test(help_and_version_end_the_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
