#include "kernel_symbols.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char one_kernel[] = "ffffffff81000000 T _text\n"
				 "ffffffff81001000 T do_one\n"
				 "ffffffff81002000 T _etext\n";
static const char other_kernel[] = "ffffffff81000000 T _text\n"
				   "ffffffff81001000 T do_other\n"
				   "ffffffff81002000 T _etext\n";

struct world {
	char path[64];
	struct cache_directory *directory;
	struct kernel_symbols workers[2];
};

static unsigned n_fetches; /* of any worker */

static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	const char *text = owner;

	(void)object;
	n_fetches++;
	*ret_bytes = (struct wire_bytes){text + offset.v, n_bytes};
	return 0;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)snprintf(world->path, sizeof(world->path), "/tmp/kernel_symbols_test.XXXXXX");
	*state = world;
	if (!mkdtemp(world->path) ||
	    cache_directory_open(world->path, 1u << 20, &world->directory) != 0)
		return -1;
	for (size_t i = 0; i < 2; i++)
		world->workers[i].directory = world->directory;
	return 0;
}

/* Calls @each for every file; returns how many there are. */
static unsigned for_files(const struct world *world, void (*each)(const char *path))
{
	DIR *listing = opendir(world->path);
	struct dirent *entry;
	unsigned n = 0;
	char path[512];

	while ((entry = readdir(listing))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", world->path, entry->d_name);
		if (each)
			each(path);
		n++;
	}
	(void)closedir(listing);
	return n;
}

static void remove_file(const char *path)
{
	(void)unlink(path);
}

static void flip_last_byte(const char *path)
{
	FILE *file = fopen(path, "r+b");

	assert_non_null(file);
	assert_int_equal(fseek(file, -1, SEEK_END), 0);
	assert_int_equal(fputc(0x55, file), 0x55);
	assert_int_equal(fclose(file), 0);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < 2; i++)
		kernel_symbols_deinit(&world->workers[i]);
	(void)for_files(world, remove_file);
	cache_directory_free(world->directory);
	(void)rmdir(world->path);
	free(world);
	return 0;
}

static void assert_name(struct kernel_symbols *kernel, const char *text, uint64_t generation,
			const char *name)
{
	const struct wire_object object = {.size_bytes = strlen(text),
					   .change_time_ns = generation};
	const struct object_reader reader = {.fetch = fetch, .owner = (void *)text};
	const struct symbol_table *table;
	struct symbol_found found;

	assert_int_equal(kernel_symbols_get(kernel, &object, &reader, &table), 0);
	assert_true(symbol_table_find(table, (struct elf_addr){0xffffffff81001010}, &found));
	assert_int_equal(found.n_name_bytes, strlen(name));
	assert_memory_equal(found.name, name, strlen(name));
}

static void workers_share_the_table_of_one_text(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < 2; i++) {
		assert_name(&world->workers[i], one_kernel, 1, "do_one");
		assert_null(world->workers[i].block);
		assert_non_null(world->workers[i].mapped.mapping);
		assert_int_equal(for_files(world, NULL), 1);
	}
}

static void a_generation_that_the_pool_knows_is_not_read(void **state)
{
	struct world *world = *state;

	assert_name(&world->workers[0], one_kernel, 1, "do_one");
	n_fetches = 0;
	assert_name(&world->workers[1], one_kernel, 1, "do_one");
	assert_int_equal(n_fetches, 0);
}

static void another_text_is_another_table(void **state)
{
	struct world *world = *state;

	assert_name(&world->workers[0], one_kernel, 1, "do_one");
	assert_name(&world->workers[1], other_kernel, 2, "do_other");
	assert_name(&world->workers[0], other_kernel, 2, "do_other");
	assert_int_equal(for_files(world, NULL), 2);
}

static void a_damaged_table_is_made_again(void **state)
{
	struct world *world = *state;

	assert_name(&world->workers[0], one_kernel, 1, "do_one");
	(void)for_files(world, flip_last_byte);
	assert_name(&world->workers[1], one_kernel, 1, "do_one");
}

static void without_a_directory_each_has_its_own(void **state)
{
	struct world *world = *state;

	world->workers[0].directory = NULL;
	assert_name(&world->workers[0], one_kernel, 1, "do_one");
	assert_non_null(world->workers[0].block);
	assert_int_equal(for_files(world, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(workers_share_the_table_of_one_text),
		TEST(a_generation_that_the_pool_knows_is_not_read),
		TEST(another_text_is_another_table),
		TEST(a_damaged_table_is_made_again),
		TEST(without_a_directory_each_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
