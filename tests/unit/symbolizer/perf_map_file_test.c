/* A map that grows, is written anew, cut and taken away, as a collector would hand it out. */
#include "table/table_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_BYTES_MAX 100000u

struct world {
	struct counters counters;
	struct table_cache *cache;
	int memory_fd;
	char text[TEXT_BYTES_MAX];
	uint64_t inode;
	uint64_t change_time_ns;
	enum refusal refusal; /* 0: it can be opened */
	bool is_cut;          /* shorter than the collector says */
	uint64_t n_fetched;
	unsigned n_opens;
};

static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct world *world = owner;

	assert_int_equal(object, 77);
	assert_true(offset.v + n_bytes <= strlen(world->text));
	world->n_fetched += n_bytes;
	*ret_bytes = (struct wire_bytes){world->text + offset.v, world->is_cut ? 0 : n_bytes};
	return 0;
}

static int open_map(void *owner, const struct wire_object_open *ask,
		    struct wire_object *ret_sibling)
{
	struct world *world = owner;

	assert_int_equal(ask->kind, OBJECT_OPEN_PERF_MAP);
	assert_int_equal(ask->name.n_bytes, 0);
	world->n_opens++;
	*ret_sibling = (struct wire_object){.id = 77,
					    .kind = OBJECT_FILE,
					    .inode = world->inode,
					    .size_bytes = strlen(world->text),
					    .change_time_ns = world->change_time_ns};
	return (int)world->refusal;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct table_cache_options options = {.bytes_max = 1u << 24};

	*state = world;
	options.counters = &world->counters;
	options.memory_fd = world->memory_fd = memfd_create("images", MFD_CLOEXEC);
	return table_cache_new(&options, &world->cache);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	table_cache_free(world->cache);
	(void)close(world->memory_fd);
	free(world);
	return 0;
}

static void write_map(struct world *world, const char *text)
{
	(void)snprintf(world->text, sizeof(world->text), "%s", text);
	world->change_time_ns++;
}

static void append(struct world *world, const char *text)
{
	strcat(world->text, text);
	world->change_time_ns++;
}

/* The name that process @pid's map has for @addr; "" for none, "-" for no map. */
static const char *name_of(struct world *world, uint64_t pid, uint64_t addr)
{
	const struct object_reader reader = {fetch, open_map, world};
	const struct wire_object object = {.id = pid, .kind = OBJECT_CODE, .device = pid};
	static char name[64];
	const struct symbol_table *table;
	struct symbol_found found;
	int r = table_cache_get_process(world->cache, &object, &reader, &table);

	if (r == TABLE_CACHE_UNREADABLE)
		return "-";
	assert_int_equal(r, 0);
	if (!symbol_table_find(table, (struct elf_addr){addr}, &found))
		return "";
	(void)snprintf(name, sizeof(name), "%.*s", (int)found.n_name_bytes, found.name);
	return name;
}

static void only_what_was_appended_is_read_again(void **state)
{
	struct world *world = *state;
	char line[64];

	for (unsigned i = 0; i < 3000; i++) {
		(void)snprintf(line, sizeof(line), "%x 10 function_%u\n", 0x1000 + 16 * i, i);
		append(world, line);
	}
	assert_string_equal(name_of(world, 7, 0x1000), "function_0");
	assert_int_equal(world->n_fetched, strlen(world->text));
	assert_string_equal(name_of(world, 7, 0x1010), "function_1");
	assert_int_equal(world->n_fetched, strlen(world->text)); /* it is as it was */
	world->n_fetched = 0;
	append(world, "1010 10 moved\n100000 10 half");
	assert_string_equal(name_of(world, 7, 0x1010), "moved");
	assert_true(world->n_fetched < 10000); /* of 70 000: its ends, to see that it is the same */
	append(world, " and half\n");
	assert_string_equal(name_of(world, 7, 0x100000), "half and half");
	assert_string_equal(name_of(world, 7, 0x1000), "function_0");
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_BUILT), 3);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_PROCESSES), 1);
}

static void a_map_that_was_written_anew_is_read_whole(void **state)
{
	static const char *const texts[] = {
		"10 10 b\n",                        /* of the same length */
		"20 10 other beginning\n10 10 b\n", /* longer */
		"10 10 b\n30 10 c\n",               /* longer, with another beginning */
		"10 10 b\n",                        /* shorter */
		"",
	};
	struct world *world = *state;

	write_map(world, "10 10 a\n");
	assert_string_equal(name_of(world, 7, 0x10), "a");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_map(world, texts[i]);
		assert_string_equal(name_of(world, 7, 0x10), i < 4 ? "b" : "");
		assert_string_equal(name_of(world, 7, 0x20), i == 1 ? "other beginning" : "");
	}
	write_map(world, "10 10 a\n");
	assert_string_equal(name_of(world, 7, 0x10), "a");
	world->inode++; /* another file, longer, that begins and goes on as the first did */
	append(world, "20 10 b\n");
	world->n_fetched = 0;
	assert_string_equal(name_of(world, 7, 0x20), "b");
	assert_int_equal(world->n_fetched, strlen(world->text));
}

static void a_map_that_cannot_be_read_now_leaves_the_names_that_are_known(void **state)
{
	struct world *world = *state;

	world->refusal = REFUSAL_NOT_FOUND;
	assert_string_equal(name_of(world, 7, 0x10), "-");
	world->refusal = 0;
	write_map(world, "10 10 a\n");
	assert_string_equal(name_of(world, 7, 0x10), "a");
	world->refusal = REFUSAL_DENIED;
	assert_string_equal(name_of(world, 7, 0x10), "a");
	assert_string_equal(name_of(world, 8, 0x10), "-");
	world->refusal = 0;
	append(world, "20 10 b\n");
	world->is_cut = true;
	assert_string_equal(name_of(world, 7, 0x10), "a");
	world->is_cut = false;
	assert_string_equal(name_of(world, 7, 0x20), "b");
}

static void pid_cache_size_bounds_the_processes_that_have_a_table(void **state)
{
	const struct wire_cache_limits limits = {.pid_entries = 2};
	struct world *world = *state;

	table_cache_limit(world->cache, &limits);
	write_map(world, "10 10 a\n");
	for (uint64_t pid = 1; pid <= 3; pid++)
		assert_string_equal(name_of(world, pid, 0x10), "a");
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_PROCESSES), 2);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_PROCESSES_EVICTED), 1);
	world->n_fetched = 0;
	assert_string_equal(name_of(world, 3, 0x10), "a");
	assert_int_equal(world->n_fetched, 0);
	assert_string_equal(name_of(world, 1, 0x10), "a"); /* it went: from the beginning */
	assert_int_equal(world->n_fetched, strlen(world->text));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_what_was_appended_is_read_again),
		TEST(a_map_that_was_written_anew_is_read_whole),
		TEST(a_map_that_cannot_be_read_now_leaves_the_names_that_are_known),
		TEST(pid_cache_size_bounds_the_processes_that_have_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
