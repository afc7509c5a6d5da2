#include "table/table_cache.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "debug_world.h"
#include "table/known_files.h"
#include "readers.h"
#include "small_elf.h"

#define CACHE_BYTES (1u << 20)

/* One file of the host, as a symbolizer meets it. */
struct host_file {
	struct small_elf elf;
	struct memory_reader memory;
	struct wire_object object;
};

struct world {
	char path[64];
	int memory_fd;
	struct counters counters;
	struct cache_directory *directory;
	struct table_cache *cache;
};

static void start_cache(struct world *world, uint64_t bytes_max)
{
	const struct table_cache_options options = {
		.bytes_max = bytes_max,
		.memory_fd = world->memory_fd,
		.directory = world->directory,
		.counters = &world->counters,
	};

	table_cache_free(world->cache);
	world->cache = NULL;
	assert_int_equal(table_cache_new(&options, &world->cache), 0);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)snprintf(world->path, sizeof(world->path), "/tmp/table_cache_test.XXXXXX");
	if (!mkdtemp(world->path) ||
	    cache_directory_open(world->path, CACHE_BYTES, &world->directory) < 0)
		return -1;
	world->memory_fd = memfd_create("object", MFD_CLOEXEC);
	start_cache(world, CACHE_BYTES);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	DIR *listing = opendir(world->path);
	struct dirent *entry;

	while ((entry = readdir(listing)))
		(void)unlinkat(dirfd(listing), entry->d_name, 0);
	(void)closedir(listing);
	(void)rmdir(world->path);
	table_cache_free(world->cache);
	cache_directory_free(world->directory);
	close(world->memory_fd);
	free(world);
	return 0;
}

static void make_file(struct host_file *file, const char *name, uint64_t inode)
{
	small_elf_make(&file->elf, &name, 1, 0xab);
	file->memory = (struct memory_reader){.data = file->elf.data, .n_bytes = file->elf.n_bytes};
	file->object = (struct wire_object){
		.id = inode,
		.kind = OBJECT_FILE,
		.device = 1,
		.inode = inode,
		.size_bytes = file->elf.n_bytes,
		.change_time_ns = 1,
	};
}

/* What the file's function is called, as the cache has it; NULL with *@ret_outcome set. */
static const char *name_in(struct world *world, struct host_file *file, int *ret_outcome)
{
	const struct object_reader reader = memory_reader(&file->memory);
	const struct symbol_table *table;
	struct symbol_found found;
	static char name[64];

	*ret_outcome = table_cache_get(world->cache, &file->object, &reader, &table);
	if (*ret_outcome != 0)
		return NULL;
	assert_true(symbol_table_find(table, (struct elf_addr){SMALL_ELF_TEXT_ADDR}, &found));
	(void)snprintf(name, sizeof(name), "%.*s", (int)found.n_name_bytes, found.name);
	return name;
}

static void assert_name(struct world *world, struct host_file *file, const char *expected)
{
	int outcome;
	const char *name = name_in(world, file, &outcome);

	assert_int_equal(outcome, 0);
	assert_string_equal(name, expected);
}

static void assert_is_named(struct world *world, struct host_file *file, unsigned i)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "function_%u", i);
	assert_name(world, file, name);
}

static void a_file_is_read_once(void **state)
{
	struct world *world = *state;
	struct host_file file;
	unsigned n_fetches;

	make_file(&file, "alpha", 1);
	assert_name(world, &file, "alpha");
	n_fetches = file.memory.n_fetches;
	assert_name(world, &file, "alpha");
	assert_int_equal(file.memory.n_fetches, n_fetches);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_BUILT), 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_HIT_MEMORY), 1);
}

static void a_warm_directory_costs_no_reading_at_all(void **state)
{
	struct world *world = *state;
	struct host_file file;

	make_file(&file, "alpha", 1);
	assert_name(world, &file, "alpha");
	file.memory.n_fetches = 0;
	start_cache(world, CACHE_BYTES); /* another symbolizer beside it */
	assert_name(world, &file, "alpha");
	assert_int_equal(file.memory.n_fetches, 0);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_BUILT), 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_HIT_DISK), 1);
}

/* Equal build id, equal size, other names: each file keeps its own. */
static void a_twin_gets_its_own_names(void **state)
{
	struct world *world = *state;
	struct host_file honest, twin;

	make_file(&honest, "honest", 1);
	make_file(&twin, "forged", 2);
	assert_int_equal(honest.object.size_bytes, twin.object.size_bytes);
	for (unsigned round = 0; round < 3; round++) {
		assert_name(world, &honest, "honest");
		assert_name(world, &twin, "forged");
		if (round == 1)
			start_cache(world, CACHE_BYTES);
	}
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_BUILT), 2);
}

static void equal_bytes_share_one_table(void **state)
{
	struct world *world = *state;
	struct host_file file, copy;
	uint64_t n_bytes;

	make_file(&file, "alpha", 1);
	make_file(&copy, "alpha", 2);
	assert_name(world, &file, "alpha");
	n_bytes = counters_get(&world->counters, COUNTER_TABLE_BYTES);
	assert_name(world, &copy, "alpha");
	assert_true(copy.memory.n_fetches > 0); /* nothing else can tell that they are equal */
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_BUILT), 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLE_BYTES), n_bytes);
}

static void a_file_that_changed_is_another_file(void **state)
{
	struct world *world = *state;
	struct host_file file;

	make_file(&file, "before", 1);
	assert_name(world, &file, "before");
	make_file(&file, "behind", 1);
	file.object.change_time_ns = 2;
	assert_name(world, &file, "behind");
}

static void what_a_file_is_not_is_remembered_but_not_what_could_not_be_read(void **state)
{
	struct world *world = *state;
	struct host_file file;
	int outcome;

	make_file(&file, "alpha", 1);
	file.elf.data[0] = 'X';
	assert_null(name_in(world, &file, &outcome));
	assert_int_equal(outcome, TABLE_CACHE_NOT_ELF);
	file.memory.n_fetches = 0;
	assert_null(name_in(world, &file, &outcome));
	assert_int_equal(outcome, TABLE_CACHE_NOT_ELF);
	assert_int_equal(file.memory.n_fetches, 0);

	make_file(&file, "alpha", 2);
	file.memory.n_bytes = 100; /* shorter than it says */
	assert_null(name_in(world, &file, &outcome));
	assert_int_equal(outcome, TABLE_CACHE_UNREADABLE);
	file.memory.n_bytes = file.elf.n_bytes;
	assert_name(world, &file, "alpha");
	assert_int_equal(counters_get(&world->counters, COUNTER_IMAGES_NOT_ELF), 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_IMAGES_UNREADABLE), 1);
}

static void memory_is_bounded_and_the_least_used_goes(void **state)
{
	struct world *world = *state;
	struct host_file file;
	char name[16];

	cache_directory_free(world->directory);
	world->directory = NULL;
	start_cache(world, 4096);
	for (uint64_t i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "function_%03u", (unsigned)i);
		make_file(&file, name, i + 1);
		assert_name(world, &file, name);
		assert_in_range(counters_get(&world->counters, COUNTER_TABLE_BYTES), 1, 4096);
	}
	file.memory.n_fetches = 0;
	assert_name(world, &file, "function_199"); /* the latest is there */
	assert_int_equal(file.memory.n_fetches, 0);
	make_file(&file, "function_000", 1);
	assert_name(world, &file, "function_000"); /* the first had to be read again */
	assert_true(file.memory.n_fetches > 0);
}

static uint64_t built(const struct world *world)
{
	return counters_get(&world->counters, COUNTER_TABLES_BUILT);
}

/* What the configuration calls build_id_cache_size and same_file_cache_size. */
static void each_cache_holds_as_many_tables_as_it_may(void **state)
{
	struct world *world = *state;
	const struct wire_cache_limits limits = {
		.build_id_entries = 3, .same_file_entries = 2, .pid_entries = 1};
	struct host_file files[8];
	char name[16];

	cache_directory_free(world->directory);
	world->directory = NULL;
	start_cache(world, CACHE_BYTES);
	table_cache_limit(world->cache, &limits);
	for (unsigned i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "function_%u", i);
		make_file(&files[i], name, i + 1);
		if (i >= 4)
			small_elf_drop_build_id(&files[i].elf);
	}
	for (unsigned i = 0; i < 8; i++)
		assert_is_named(world, &files[i], i);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS), 3);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_FILES), 2);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS_EVICTED), 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_FILES_EVICTED), 2);
	assert_int_equal(built(world), 8);

	/* The most recently used are at hand, of each kind; the others are read again. */
	for (unsigned i = 1; i < 4; i++)
		assert_is_named(world, &files[i], i);
	assert_is_named(world, &files[6], 6);
	assert_is_named(world, &files[7], 7);
	assert_int_equal(built(world), 8);
	assert_is_named(world, &files[0], 0);
	assert_int_equal(built(world), 9);
	assert_is_named(world, &files[1], 1); /* was the least recently used one, and went */
	assert_int_equal(built(world), 10);
	assert_is_named(world, &files[3], 3);
	assert_int_equal(built(world), 10);
}

/* Go's linker writes one of its own, and a file that has it is no file without. */
static void a_build_id_of_gos_counts_as_one(void **state)
{
	static const struct {
		const char *text; /* of 48 bytes */
		uint64_t n_of_build_ids, n_of_files;
	} rows[] = {
		{"0123456789ab/0123456789ab/0123456789ab/012345678", 1, 0},
		{"redacted                                        ", 0, 1},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host_file file;

		start_cache(world, CACHE_BYTES);
		make_file(&file, "function_0", 100 + i);
		small_elf_set_go_build_id(&file.elf, rows[i].text);
		assert_is_named(world, &file, 0);
		assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS),
				 rows[i].n_of_build_ids);
		assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_FILES),
				 rows[i].n_of_files);
	}
}

static void a_smaller_limit_takes_effect_with_the_next_window(void **state)
{
	struct world *world = *state;
	struct wire_cache_limits limits = {
		.build_id_entries = 8, .same_file_entries = 8, .pid_entries = 8};
	struct host_file files[4];
	char name[16];

	cache_directory_free(world->directory);
	world->directory = NULL;
	start_cache(world, CACHE_BYTES);
	table_cache_limit(world->cache, &limits);
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "function_%u", i);
		make_file(&files[i], name, i + 1);
		assert_is_named(world, &files[i], i);
	}
	limits.build_id_entries = 1;
	table_cache_limit(world->cache, &limits);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS), 1);
	assert_is_named(world, &files[3], 3);
	assert_int_equal(built(world), 4);
	limits.build_id_entries = 0; /* no configuration says so, but a window may */
	table_cache_limit(world->cache, &limits);
	assert_is_named(world, &files[0], 0);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS), 1);
}

/* Two names of one library, as two containers have it, are one table of the three. */
static void equal_files_take_one_place(void **state)
{
	struct world *world = *state;
	const struct wire_cache_limits limits = {
		.build_id_entries = 2, .same_file_entries = 1, .pid_entries = 1};
	struct host_file files[4];

	start_cache(world, CACHE_BYTES);
	table_cache_limit(world->cache, &limits);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 4; i++) {
			make_file(&files[i], i % 2 ? "function_1" : "function_0", i + 1);
			assert_is_named(world, &files[i], i % 2);
		}
	assert_int_equal(built(world), 2);
	assert_int_equal(counters_get(&world->counters, COUNTER_TABLES_OF_BUILD_IDS_EVICTED), 0);
}

enum { POOL = 4, POOL_FILES = 24 };

/* One symbolizer of a pool, in a process of its own: names every file; 0 when all are right. */
static int symbolize_all(struct world *world, uint64_t *ret_built)
{
	struct cache_directory *directory;
	struct host_file file;
	char name[16];

	world->memory_fd = memfd_create("object", MFD_CLOEXEC);
	if (cache_directory_open(world->path, CACHE_BYTES, &directory) < 0)
		return 1;
	world->directory = directory;
	start_cache(world, CACHE_BYTES);
	for (unsigned i = 0; i < POOL_FILES; i++) {
		int outcome;
		const char *found;

		(void)snprintf(name, sizeof(name), "function_%02u", i);
		make_file(&file, name, i + 1);
		if (i % 8 == 7)
			file.elf.data[0] = 'X';
		found = name_in(world, &file, &outcome);
		if (i % 8 == 7 ? outcome != TABLE_CACHE_NOT_ELF
			       : !found || strcmp(found, name) != 0)
			return 2;
	}
	*ret_built = built(world);
	if (counters_get(&world->counters, COUNTER_TABLES_HIT_DISK) + *ret_built !=
	    POOL_FILES - POOL_FILES / 8)
		return 3;
	return 0;
}

/* Runs symbolize_all() in @n processes at once; returns how many tables they built. */
static uint64_t run_pool(struct world *world, unsigned n)
{
	uint64_t *n_built =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t sum = 0;
	pid_t children[POOL];
	int status;

	assert_true(n_built != MAP_FAILED);
	for (unsigned i = 0; i < n; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(symbolize_all(world, &n_built[i]));
	}
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
		sum += n_built[i];
	}
	(void)munmap(n_built, 4096);
	return sum;
}

static void a_pool_that_starts_beside_a_warm_cache_parses_nothing(void **state)
{
	struct world *world = *state;
	uint64_t n_built;

	n_built = run_pool(world, POOL);
	assert_in_range(n_built, POOL_FILES - POOL_FILES / 8, POOL * POOL_FILES);
	assert_int_equal(run_pool(world, POOL), 0);
}

/* What is no ELF file is read by nobody a second time, either. */
static void what_a_file_is_not_is_known_to_the_pool(void **state)
{
	struct world *world = *state;
	struct host_file file;
	int outcome;

	make_file(&file, "alpha", 1);
	file.elf.data[0] = 'X';
	assert_null(name_in(world, &file, &outcome));
	file.memory.n_fetches = 0;
	start_cache(world, CACHE_BYTES);
	assert_null(name_in(world, &file, &outcome));
	assert_int_equal(outcome, TABLE_CACHE_NOT_ELF);
	assert_int_equal(file.memory.n_fetches, 0);
}

static void what_it_has_is_listed_the_most_recently_used_first(void **state)
{
	struct table_list *list = calloc(1, sizeof(*list));
	struct world *world = *state;
	struct host_file alpha, twin, beta;

	make_file(&alpha, "alpha", 1);
	make_file(&twin, "alpha", 2); /* equal bytes: one table */
	make_file(&beta, "beta", 3);
	alpha.object.name = twin.object.name = (struct wire_bytes){"/bin/alpha", 10};
	beta.object.name = (struct wire_bytes){"/bin/beta", 9};
	table_cache_limit(world->cache, &(struct wire_cache_limits){8, 4, 2});
	table_cache_begin_round(world->cache);
	assert_name(world, &alpha, "alpha");
	assert_name(world, &twin, "alpha");
	table_cache_begin_round(world->cache);
	assert_name(world, &beta, "beta");
	table_cache_list(world->cache, list);
	assert_int_equal(list->round, 2);
	assert_int_equal(list->caches[REPORT_BUILD_ID].n_max, 8);
	assert_int_equal(list->caches[REPORT_SAME_FILE].n_max, 4);
	assert_int_equal(list->caches[REPORT_BUILD_ID].n, 2);
	assert_int_equal(list->caches[REPORT_BUILD_ID].n_tables, 2);
	assert_memory_equal(list->tables[REPORT_BUILD_ID][0].name.data, "/bin/beta", 9);
	assert_int_equal(list->tables[REPORT_BUILD_ID][0].last_used_round, 2);
	assert_int_equal(list->tables[REPORT_BUILD_ID][0].n_symbols, 1);
	assert_false(list->tables[REPORT_BUILD_ID][0].has_mini_debug_info);
	assert_true(list->tables[REPORT_BUILD_ID][0].build_id.n_bytes > 0);
	assert_memory_equal(list->tables[REPORT_BUILD_ID][1].name.data, "/bin/alpha", 10);
	assert_int_equal(list->tables[REPORT_BUILD_ID][1].last_used_round, 1);
	assert_int_equal(list->n_files, 3);
	assert_int_equal(list->files[0].inode, 3);
	assert_true(list->files[0].table == list->tables[REPORT_BUILD_ID][0].id);
	assert_true(list->files[1].table == list->tables[REPORT_BUILD_ID][1].id);
	assert_true(list->files[2].table == list->files[1].table);
	free(list);
}

static void more_files_than_can_be_remembered_are_no_harm(void **state)
{
	struct world *world = *state;
	struct host_file file;
	int outcome;

	cache_directory_free(world->directory);
	world->directory = NULL;
	start_cache(world, CACHE_BYTES);
	make_file(&file, "alpha", 1);
	file.elf.data[0] = 'X';
	for (uint64_t i = 0; i < KNOWN_FILES_MAX + 100u; i++) {
		file.object.inode = i;
		assert_null(name_in(world, &file, &outcome));
	}
}

static uint64_t now_ns;

static uint64_t fake_clock_ns(void)
{
	return now_ns;
}

/* What the stripped file's function is called, or "" when it has no name. */
static const char *stripped_name(struct world *world, struct debug_world *debug)
{
	const struct object_reader reader = debug_world_reader(debug);
	const struct wire_object object = debug_world_object(debug);
	const struct symbol_table *table;
	struct symbol_found found;
	static char name[64];

	debug->n_asked = 0;
	assert_int_equal(table_cache_get(world->cache, &object, &reader, &table), 0);
	if (!symbol_table_find(table, (struct elf_addr){SMALL_ELF_TEXT_ADDR}, &found))
		return "";
	(void)snprintf(name, sizeof(name), "%.*s", (int)found.n_name_bytes, found.name);
	return name;
}

static void start_cache_at(struct world *world, uint64_t time_ns)
{
	const struct table_cache_options options = {
		.bytes_max = CACHE_BYTES,
		.memory_fd = world->memory_fd,
		.directory = world->directory,
		.counters = &world->counters,
		.clock_wall_ns = fake_clock_ns,
	};

	now_ns = time_ns;
	table_cache_free(world->cache);
	world->cache = NULL;
	assert_int_equal(table_cache_new(&options, &world->cache), 0);
}

#define NOON_NS UINT64_C(1700000000000000000)

static void a_debug_file_that_is_installed_later_is_found(void **state)
{
	static struct debug_world debug;
	struct world *world = *state;
	struct small_elf linked;

	debug_world_make(&linked, "later", 0xab);
	debug_world_init(&debug, 0xab, &linked);
	start_cache_at(world, NOON_NS);
	assert_string_equal(stripped_name(world, &debug), "");
	assert_int_equal(debug.n_asked, 4);
	debug_world_put(&debug, OBJECT_OPEN_BUILD_ID, "later", 0xab, 7);
	now_ns += TABLE_LOOK_AGAIN_NS - 1;
	assert_string_equal(stripped_name(world, &debug), "");
	assert_int_equal(debug.n_asked, 0);
	start_cache_at(world, now_ns); /* nor does another of the pool ask before its time */
	assert_string_equal(stripped_name(world, &debug), "");
	assert_int_equal(debug.n_asked, 0);
	now_ns++;
	assert_string_equal(stripped_name(world, &debug), "later");
	debug.places[OBJECT_OPEN_BUILD_ID].is_there = false;
	now_ns += 2 * TABLE_LOOK_AGAIN_NS; /* what was found is not asked for again */
	assert_string_equal(stripped_name(world, &debug), "later");
	assert_int_equal(debug.n_asked, 0);
}

static void a_file_that_cannot_be_read_again_keeps_its_table(void **state)
{
	static struct debug_world debug;
	const char *const mine = "mine";
	struct world *world = *state;
	struct small_elf linked;

	debug_world_make(&linked, mine, 0xab);
	debug_world_init(&debug, 0xab, &linked);
	start_cache_at(world, NOON_NS);
	assert_string_equal(stripped_name(world, &debug), "");
	debug.n_fetches_max = debug.n_fetches;
	now_ns += TABLE_LOOK_AGAIN_NS;
	assert_string_equal(stripped_name(world, &debug), "");
	start_cache_at(world, now_ns);
	assert_string_equal(stripped_name(world, &debug), "");
}

static void a_clock_that_was_set_back_keeps_nothing_for_ever(void **state)
{
	static struct debug_world debug;
	struct world *world = *state;
	struct small_elf linked;

	debug_world_make(&linked, "later", 0xab);
	debug_world_init(&debug, 0xab, &linked);
	start_cache_at(world, NOON_NS);
	assert_string_equal(stripped_name(world, &debug), "");
	debug_world_put(&debug, OBJECT_OPEN_BESIDE, "later", 0xab, 7);
	now_ns = NOON_NS / 2;
	assert_string_equal(stripped_name(world, &debug), "later");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_file_is_read_once),
		TEST(a_warm_directory_costs_no_reading_at_all),
		TEST(a_twin_gets_its_own_names),
		TEST(equal_bytes_share_one_table),
		TEST(a_file_that_changed_is_another_file),
		TEST(what_a_file_is_not_is_remembered_but_not_what_could_not_be_read),
		TEST(memory_is_bounded_and_the_least_used_goes),
		TEST(each_cache_holds_as_many_tables_as_it_may),
		TEST(a_build_id_of_gos_counts_as_one),
		TEST(a_smaller_limit_takes_effect_with_the_next_window),
		TEST(equal_files_take_one_place),
		TEST(a_pool_that_starts_beside_a_warm_cache_parses_nothing),
		TEST(what_a_file_is_not_is_known_to_the_pool),
		TEST(what_it_has_is_listed_the_most_recently_used_first),
		TEST(more_files_than_can_be_remembered_are_no_harm),
		TEST(a_debug_file_that_is_installed_later_is_found),
		TEST(a_file_that_cannot_be_read_again_keeps_its_table),
		TEST(a_clock_that_was_set_back_keeps_nothing_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
