#include "table/cache_directory.h"

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
	const struct file_note note = {digest, 4711, 3};
	struct file_note found;
	struct cached_block block;

	assert_int_equal(cache_directory_map(world->directory, &digest, &block), CACHE_MISS);
	assert_int_equal(cache_directory_find(world->directory, &file, &found), CACHE_MISS);
	assert_int_equal(cache_directory_publish(world->directory, &digest, "content", 7), 0);
	assert_int_equal(cache_directory_note(world->directory, &file, &note), 0);
	assert_int_equal(cache_directory_find(world->directory, &file, &found), 0);
	assert_memory_equal(&found.digest, &digest, sizeof(digest));
	assert_int_equal(found.stale_wall_ns, 4711);
	assert_int_equal(found.outcome, 3);
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

/* Flips one byte of the only file that there is, wherever it is, and back. */
static void flip(const char *path, long at)
{
	FILE *file = fopen(path, "r+");
	int byte;

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	byte = fgetc(file);
	assert_true(byte != EOF);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_true(fputc(byte ^ 0x40, file) != EOF);
	assert_int_equal(fclose(file), 0);
}

static void no_byte_of_a_table_may_change(void **state)
{
	struct world *world = *state;
	const struct table_digest digest = digest_of(1);
	struct cached_block block;
	char content[300], path[256];
	struct stat st;

	memset(content, 'c', sizeof(content));
	assert_int_equal(
		cache_directory_publish(world->directory, &digest, content, sizeof(content)), 0);
	path_of(world, &digest, path);
	assert_int_equal(stat(path, &st), 0);
	assert_true((size_t)st.st_size > sizeof(content));
	for (long at = 0; at < st.st_size; at++) {
		flip(path, at);
		if (cache_directory_map(world->directory, &digest, &block) != CACHE_MISS)
			fail_msg("byte %ld", at);
		flip(path, at);
		assert_int_equal(cache_directory_map(world->directory, &digest, &block), 0);
		cached_block_deinit(&block);
	}
}

static void no_byte_of_what_is_noted_may_change(void **state)
{
	struct world *world = *state;
	const struct file_key file = {1, 2, 3, 4};
	const struct file_note note = {.digest = digest_of(7), .outcome = 1};
	struct file_note found;
	char path[256];
	struct stat st;

	assert_int_equal(cache_directory_note(world->directory, &file, &note), 0);
	(void)snprintf(path, sizeof(path), "%s/f-1-2-3-4", world->path);
	assert_int_equal(stat(path, &st), 0);
	for (long at = 0; at < st.st_size; at++) {
		flip(path, at);
		if (cache_directory_find(world->directory, &file, &found) != CACHE_MISS)
			fail_msg("byte %ld", at);
		flip(path, at);
	}
	assert_int_equal(cache_directory_find(world->directory, &file, &found), 0);
}

static void what_is_in_use_stays_when_room_is_made(void **state)
{
	struct world *world = *state;
	struct table_digest mapped = digest_of(1), touched = digest_of(2), digest;
	char *content = calloc(1, BOUND);
	struct cached_block block;

	for (uint8_t i = 1; i <= 8; i++) {
		digest = digest_of(i);
		assert_int_equal(
			cache_directory_publish(world->directory, &digest, content, 100000), 0);
		set_age(world, &digest, i);
	}
	assert_int_equal(cache_directory_map(world->directory, &mapped, &block), 0);
	cached_block_deinit(&block);
	cache_directory_touch(world->directory, &touched);
	for (uint8_t i = 20; i < 25; i++) {
		digest = digest_of(i);
		assert_int_equal(
			cache_directory_publish(world->directory, &digest, content, 100000), 0);
	}
	digest = digest_of(3);
	assert_int_equal(cache_directory_map(world->directory, &digest, &block), CACHE_MISS);
	assert_int_equal(cache_directory_map(world->directory, &mapped, &block), 0);
	cached_block_deinit(&block);
	assert_int_equal(cache_directory_map(world->directory, &touched, &block), 0);
	cached_block_deinit(&block);
	free(content);
}

/* Each sees its own writes at once; of the others' it learns before long. */
static void siblings_together_go_over_the_bound_by_a_fraction(void **state)
{
	enum { SIBLINGS = 4, FILES = 400 };
	struct world *world = *state;
	struct cache_directory *siblings[SIBLINGS];
	char *content = calloc(1, 20000);
	struct table_digest digest = digest_of(0);

	for (unsigned i = 0; i < SIBLINGS; i++)
		assert_int_equal(cache_directory_open(world->path, BOUND, &siblings[i]), 0);
	for (unsigned i = 0; i < FILES; i++) {
		memcpy(digest.bytes, &i, sizeof(i));
		assert_int_equal(
			cache_directory_publish(siblings[i % SIBLINGS], &digest, content, 20000),
			0);
		assert_true(for_files(world, NULL) <= BOUND + SIBLINGS * (BOUND / 16 + 24576));
	}
	for (unsigned i = 0; i < SIBLINGS; i++)
		cache_directory_free(siblings[i]);
	free(content);
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
		TEST(no_byte_of_a_table_may_change),
		TEST(no_byte_of_what_is_noted_may_change),
		TEST(what_is_in_use_stays_when_room_is_made),
		TEST(siblings_together_go_over_the_bound_by_a_fraction),
		TEST(the_bound_holds_and_the_oldest_go_first),
		TEST(a_draft_without_a_writer_is_removed),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
