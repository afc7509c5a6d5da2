#include "cache_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BOUND (1u << 20)

struct world {
	char path[64];
	struct cache_directory *directory;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)snprintf(world->path, sizeof(world->path), "/tmp/cache_directory_test.XXXXXX");
	*state = world;
	return mkdtemp(world->path) ? cache_directory_open(world->path, BOUND, &world->directory)
				    : -1;
}

/* Calls @each for every file, then returns how many bytes they hold. */
static uint64_t for_files(const struct world *world, void (*each)(const char *path))
{
	DIR *listing = opendir(world->path);
	struct dirent *entry;
	uint64_t n_bytes = 0;
	struct stat stat;
	char path[512];

	while ((entry = readdir(listing))) {
		(void)snprintf(path, sizeof(path), "%s/%s", world->path, entry->d_name);
		if (lstat(path, &stat) != 0 || !S_ISREG(stat.st_mode))
			continue;
		n_bytes += (uint64_t)stat.st_blocks * 512;
		if (each)
			each(path);
	}
	(void)closedir(listing);
	return n_bytes;
}

static void remove_file(const char *path)
{
	(void)unlink(path);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	(void)for_files(world, remove_file);
	(void)rmdir(world->path);
	cache_directory_free(world->directory);
	free(world);
	return 0;
}

static struct table_digest digest_of(uint8_t byte)
{
	struct table_digest digest;

	memset(digest.bytes, byte, sizeof(digest.bytes));
	return digest;
}

static void what_is_published_is_found_by_digest_and_by_file(void **state)
{
	struct world *world = *state;
	const struct table_digest digest = digest_of(1);
	const struct file_key file = {1, 2, 3, 4};
	const struct file_note note = {digest, 4711};
	struct file_note found;
	struct cached_block block;

	assert_int_equal(cache_directory_map(world->directory, &digest, &block), CACHE_MISS);
	assert_int_equal(cache_directory_find(world->directory, &file, &found), CACHE_MISS);
	assert_int_equal(cache_directory_publish(world->directory, &digest, "content", 7), 0);
	assert_int_equal(cache_directory_note(world->directory, &file, &note), 0);
	assert_int_equal(cache_directory_find(world->directory, &file, &found), 0);
	assert_memory_equal(&found, &note, sizeof(note));
	assert_int_equal(cache_directory_map(world->directory, &digest, &block), 0);
	assert_int_equal(block.n_bytes, 7);
	assert_memory_equal(block.block, "content", 7);
	cached_block_deinit(&block);
}

static void each_part_of_an_identity_counts(void **state)
{
	struct world *world = *state;
	const struct table_digest digest = digest_of(1);
	const struct file_key file = {1, 2, 3, 4};
	const struct file_note note = {.digest = digest};
	struct file_note found;

	assert_int_equal(cache_directory_note(world->directory, &file, &note), 0);
	for (size_t i = 0; i < 4; i++) {
		struct file_key other = file;

		((uint64_t *)&other)[i]++;
		assert_int_equal(cache_directory_find(world->directory, &other, &found),
				 CACHE_MISS);
	}
}

static void another_symbolizer_sees_what_one_published(void **state)
{
	struct world *world = *state;
	const struct table_digest digest = digest_of(1);
	struct cache_directory *other;
	struct cached_block block;

	assert_int_equal(cache_directory_open(world->path, BOUND, &other), 0);
	assert_int_equal(cache_directory_publish(world->directory, &digest, "content", 7), 0);
	assert_int_equal(cache_directory_map(other, &digest, &block), 0);
	cached_block_deinit(&block);
	cache_directory_free(other);
}

static void spoil(const char *path)
{
	int fd = open(path, O_RDWR);
	struct stat stat;
	char last;

	assert_true(fd >= 0 && fstat(fd, &stat) == 0);
	assert_int_equal(pread(fd, &last, 1, stat.st_size - 1), 1);
	last ^= 1;
	assert_int_equal(pwrite(fd, &last, 1, stat.st_size - 1), 1);
	close(fd);
}

static void cut(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 1), 0);
}

static void empty(const char *path)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void a_file_that_is_not_whole_is_not_found(void **state)
{
	struct world *world = *state;
	void (*const harms[])(const char *path) = {spoil, cut, empty};
	const struct table_digest digest = digest_of(1);
	struct cached_block block;

	for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
		assert_int_equal(cache_directory_publish(world->directory, &digest, "content", 7),
				 0);
		(void)for_files(world, harms[i]);
		assert_int_equal(cache_directory_map(world->directory, &digest, &block),
				 CACHE_MISS);
	}
}

static void path_of(const struct world *world, const struct table_digest *digest, char path[256])
{
	int at = snprintf(path, 256, "%s/t-", world->path);

	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		at += snprintf(path + at, 256 - (size_t)at, "%02x", digest->bytes[i]);
}

/* A file system's own times are too coarse to tell what was written within a tick. */
static void set_age(const struct world *world, const struct table_digest *digest, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	char path[256];

	path_of(world, digest, path);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void a_table_under_another_name_is_not_found(void **state)
{
	struct world *world = *state;
	const struct table_digest digest = digest_of(1), other = digest_of(2);
	char from[256], to[256];
	struct cached_block block;

	assert_int_equal(cache_directory_publish(world->directory, &digest, "content", 7), 0);
	path_of(world, &digest, from);
	path_of(world, &other, to);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(cache_directory_map(world->directory, &other, &block), CACHE_MISS);
}

static void the_bound_holds_and_the_oldest_go_first(void **state)
{
	struct world *world = *state;
	char *content = calloc(1, BOUND);
	struct cached_block block;
	struct table_digest digest;

	for (uint8_t i = 1; i <= 30; i++) {
		digest = digest_of(i);
		assert_int_equal(
			cache_directory_publish(world->directory, &digest, content, 100000), 0);
		assert_true(for_files(world, NULL) <= BOUND);
		set_age(world, &digest, i);
	}
	digest = digest_of(1);
	assert_int_equal(cache_directory_map(world->directory, &digest, &block), CACHE_MISS);
	digest = digest_of(30);
	assert_int_equal(cache_directory_map(world->directory, &digest, &block), 0);
	cached_block_deinit(&block);
	digest = digest_of(99);
	assert_int_equal(cache_directory_publish(world->directory, &digest, content, BOUND),
			 -EFBIG);
	free(content);
}

static void a_draft_without_a_writer_is_removed(void **state)
{
	struct world *world = *state;
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct cache_directory *other;
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/new-1-1", world->path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, long_ago), 0);
	close(fd);
	assert_int_equal(cache_directory_open(world->path, BOUND, &other), 0);
	assert_int_equal(access(path, F_OK), -1);
	cache_directory_free(other);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	struct cache_directory *directory;

	(void)state;
	assert_int_equal(cache_directory_open("/nonexistent", BOUND, &directory), -ENOENT);
	assert_int_equal(cache_directory_open("/proc/self/exe", BOUND, &directory), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_published_is_found_by_digest_and_by_file),
		TEST(each_part_of_an_identity_counts),
		TEST(another_symbolizer_sees_what_one_published),
		TEST(a_file_that_is_not_whole_is_not_found),
		TEST(a_table_under_another_name_is_not_found),
		TEST(the_bound_holds_and_the_oldest_go_first),
		TEST(a_draft_without_a_writer_is_removed),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
