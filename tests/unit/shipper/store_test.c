#include "endpoints/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PROFILE_BYTES 1000u

static char directory[] = "/tmp/store-test-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/profiles", directory);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static int write_one(struct store *store, uint64_t window)
{
	static const unsigned char body[PROFILE_BYTES];
	struct wire_label label = {{"a", 1}, {"b", 1}};
	struct bytes labels = BYTES_INIT(64);
	struct batch_item item = {
		.window = {7, window},
		.time_wall_ns = window,
		.part = {.pprof_gz = {body, sizeof(body)}},
	};
	int r;

	wire_encode_labels(&labels, &label, 1);
	item.part.labels = (struct wire_bytes){labels.data, labels.n_bytes};
	r = store_write(store, &item, NULL, 0);
	bytes_deinit(&labels);
	return r;
}

/* Counts files whose names end in @suffix; remembers the first of them in @ret_first. */
static size_t count(const char *suffix, char ret_first[256])
{
	DIR *opened = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(opened);
	ret_first[0] = '\0';
	while ((entry = readdir(opened))) {
		size_t length = strlen(entry->d_name), n_suffix = strlen(suffix);

		if (length < n_suffix || strcmp(entry->d_name + length - n_suffix, suffix) != 0)
			continue;
		n++;
		if (!ret_first[0] || strcmp(entry->d_name, ret_first) < 0)
			(void)snprintf(ret_first, 256, "%s", entry->d_name);
	}
	(void)closedir(opened);
	return n;
}

static void a_profile_is_two_files_and_the_same_one_again_replaces_it(void **state)
{
	struct store *store;
	char first[256];

	(void)state;
	assert_int_equal(store_open(path, STORE_BYTES_DEFAULT, &store), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_one(store, 5), 0);
	assert_int_equal(store_sync(store), 0);
	assert_int_equal(count(".pb.gz", first), 1);
	assert_string_equal(first, "00000000000000000005-0000000000000007-5-0.pb.gz");
	assert_int_equal(count(".labels", first), 1);
	assert_int_equal(count(".tmp", first), 0);
	assert_int_equal(store_bytes(store), PROFILE_BYTES + strlen("a=\"b\"\n"));
	store_free(store);
}

static void the_oldest_profiles_make_room_with_their_labels(void **state)
{
	struct store *store;
	char first[256];
	size_t n;

	(void)state;
	assert_int_equal(store_open(path, 20 * PROFILE_BYTES, &store), 0);
	for (uint64_t window = 1; window <= 100; window++) {
		assert_int_equal(write_one(store, window), 0);
		assert_true(store_bytes(store) <= 20 * PROFILE_BYTES);
	}
	n = count(".pb.gz", first);
	assert_in_range(n, 15, 20);
	assert_int_equal(count(".labels", first), n);
	assert_true(strncmp(first, "00000000000000000080", 20) > 0);
	store_free(store);
	assert_int_equal(store_open(path, 5 * PROFILE_BYTES, &store), 0); /* a smaller bound */
	assert_in_range(count(".pb.gz", first), 4, 5);
	store_free(store);
}

static void put_file(const char *name, size_t n_bytes)
{
	char whole[192];
	FILE *file;

	(void)snprintf(whole, sizeof(whole), "%s/%s", path, name);
	file = fopen(whole, "w");
	assert_non_null(file);
	for (size_t i = 0; i < n_bytes; i++)
		assert_int_equal(fputc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
}

static bool has_file(const char *name)
{
	char whole[192];

	(void)snprintf(whole, sizeof(whole), "%s/%s", path, name);
	return access(whole, F_OK) == 0;
}

static void what_a_crash_left_half_made_is_removed(void **state)
{
	struct store *store;
	char first[256];

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	put_file("00000000000000000005-0000000000000007-5-0.pb.gz.tmp", 10);
	put_file("00000000000000000005-0000000000000007-5-0.labels.tmp", 10);
	assert_int_equal(store_open(path, STORE_BYTES_DEFAULT, &store), 0);
	assert_int_equal(count(".tmp", first), 0);
	store_free(store);
}

static void files_that_are_not_ours_are_neither_counted_nor_removed(void **state)
{
	static const char *const names[] = {
		"notes.tmp",
		"profile.pb.gz",
		"0.labels",
		"00000000000000000005-0000000000000007-5-0.pb.gz.bak",
		"0000000000000000005-0000000000000007-5-0.pb.gz",
		"00000000000000000005-000000000000000G-5-0.pb.gz",
		"00000000000000000005-0000000000000007-5.pb.gz",
		"00000000000000000005-0000000000000007-5-.labels",
		"00000000000000000005-0000000000000007-5-0.pb.gz.pb.gz",
	};
	struct store *store;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_file(names[i], 2 * PROFILE_BYTES);
	assert_int_equal(store_open(path, 3 * PROFILE_BYTES, &store), 0);
	assert_int_equal(store_bytes(store), 0);
	for (uint64_t window = 1; window <= 10; window++)
		assert_int_equal(write_one(store, window), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(has_file(names[i]));
	store_free(store);
}

static void a_path_that_is_no_directory_is_an_error(void **state)
{
	struct store *store;

	(void)state;
	assert_int_equal(store_open("/dev/null", 1000, &store), -ENOTDIR);
	assert_int_equal(store_open("/nonexistent/deeper", 1000, &store), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		IN_DIRECTORY(a_profile_is_two_files_and_the_same_one_again_replaces_it),
		IN_DIRECTORY(the_oldest_profiles_make_room_with_their_labels),
		IN_DIRECTORY(what_a_crash_left_half_made_is_removed),
		IN_DIRECTORY(files_that_are_not_ours_are_neither_counted_nor_removed),
		cmocka_unit_test(a_path_that_is_no_directory_is_an_error),
#undef IN_DIRECTORY
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
