/*
 * What the symbolizer's tables of one file cost: `symbols_bench FILE DIRECTORY`, where DIRECTORY is
 * an empty one for the cache. Prints a line `name value` for each figure; symbols compares them.
 *
 * Cold is from the first sight of the file to a table that may be asked, published in the directory
 * and mapped from there. The file's bytes come in the pieces that a collector would serve.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "readers.h"
#include "table/table_cache.h"
#include "window_profile.h"

#define COLD_TIMES      7u
#define LOOKUPS         (1u << 20)
#define LOOKUP_TIMES    9u
#define WINDOWS_NS      UINT64_C(2000000000)
#define WINDOW_PLACES   4096u
#define WINDOW_STACKS   1000u
#define STACK_FRAMES    30u
#define PROFILE_BYTES   (16u << 20)
#define TABLE_BYTES_MAX (UINT64_C(1) << 40)

/* Every allocation of the symbolizer's code is counted: linked with --wrap. */
static uint64_t n_allocations;

void *__real_malloc(size_t n_bytes);
void *__real_calloc(size_t n, size_t n_bytes);
void *__real_realloc(void *held, size_t n_bytes);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__wrap_realloc(void *held, size_t n_bytes);

void *__wrap_malloc(size_t n_bytes)
{
	n_allocations++;
	return __real_malloc(n_bytes);
}

void *__wrap_calloc(size_t n, size_t n_bytes)
{
	n_allocations++;
	return __real_calloc(n, n_bytes);
}

void *__wrap_realloc(void *held, size_t n_bytes)
{
	n_allocations++;
	return __real_realloc(held, n_bytes);
}

struct bench {
	const char *path;
	const char *directory_path;
	struct file_reader file;
	struct object_reader reader;
	int memory_fd;
	struct counters counters;
	struct cache_directory *directory;
	struct table_cache *tables;
	const struct symbol_table *table;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "symbols_bench: %s failed\n", what);
	exit(1);
}

static void empty_directory(const char *path)
{
	DIR *listing = opendir(path);
	struct dirent *entry;

	if (!listing)
		fail("opendir");
	while ((entry = readdir(listing)))
		(void)unlinkat(dirfd(listing), entry->d_name, 0); /* "." and ".." stay */
	(void)closedir(listing);
}

/* A symbolizer that just started, beside an empty cache. */
static void start_cold(struct bench *bench)
{
	struct table_cache_options options = {
		.bytes_max = TABLE_BYTES_MAX,
		.memory_fd = bench->memory_fd,
		.counters = &bench->counters,
	};

	table_cache_free(bench->tables);
	cache_directory_free(bench->directory);
	empty_directory(bench->directory_path);
	if (cache_directory_open(bench->directory_path, TABLE_BYTES_MAX, &bench->directory) < 0)
		fail("cache_directory_open");
	options.directory = bench->directory;
	if (table_cache_new(&options, &bench->tables) < 0)
		fail("table_cache_new");
}

static uint64_t get_table(struct bench *bench)
{
	uint64_t begun_ns = clock_monotonic_ns();

	if (table_cache_get(bench->tables, &bench->file.object, &bench->reader, &bench->table) != 0)
		fail("table_cache_get");
	return clock_monotonic_ns() - begun_ns;
}

static int by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* What this thread computed, however many others wanted the CPU. */
static uint64_t cpu_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); /* cannot fail */
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static void measure_cold(struct bench *bench)
{
	uint64_t times[COLD_TIMES], cpu_times[COLD_TIMES];

	(void)posix_fadvise(bench->file.fd, 0, 0, POSIX_FADV_DONTNEED); /* advice only */
	for (unsigned i = 0; i < COLD_TIMES; i++) {
		start_cold(bench);
		cpu_times[i] = cpu_ns();
		times[i] = get_table(bench);
		cpu_times[i] = cpu_ns() - cpu_times[i];
		if (i == 0) {
			printf("first_ns %" PRIu64 "\n", times[0]);
			printf("bytes_read %" PRIu64 "\n", bench->file.n_fetched_bytes);
			printf("fetches %u\n", bench->file.n_fetches);
		}
	}
	qsort(times, COLD_TIMES, sizeof(times[0]), by_number);
	qsort(cpu_times, COLD_TIMES, sizeof(cpu_times[0]), by_number);
	printf("cold_ns %" PRIu64 "\n", times[COLD_TIMES / 2]);
	printf("cold_cpu_ns %" PRIu64 "\n", cpu_times[COLD_TIMES / 2]);
	printf("table_bytes %" PRIu64 "\n", counters_get(&bench->counters, COUNTER_TABLE_BYTES));
	printf("symbols %u\n", bench->table->n_pieces);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 20;
}

/* Anywhere among the functions of the table's first group, as its pieces stand. */
static struct elf_addr random_address(const struct symbol_table *table, uint64_t *state)
{
	uint64_t base;
	uint32_t piece = (uint32_t)(next_random(state) % table->n_pieces);

	memcpy(&base, table->groups, sizeof(base));
	return (struct elf_addr){base + table->starts[piece] + next_random(state) % 16};
}

static void measure_lookups(struct bench *bench)
{
	struct elf_addr *addresses = malloc(LOOKUPS * sizeof(*addresses));
	uint64_t times[LOOKUP_TIMES], state = 1, n_found = 0, n_before;
	struct symbol_found found;

	if (!addresses)
		fail("malloc");
	for (unsigned i = 0; i < LOOKUPS; i++)
		addresses[i] = random_address(bench->table, &state);
	n_before = n_allocations;
	for (unsigned t = 0; t < LOOKUP_TIMES; t++) {
		uint64_t begun_ns = cpu_ns();

		for (unsigned i = 0; i < LOOKUPS; i++)
			n_found += symbol_table_find(bench->table, addresses[i], &found);
		times[t] = cpu_ns() - begun_ns;
	}
	qsort(times, LOOKUP_TIMES, sizeof(times[0]), by_number);
	printf("lookup_ns %.1f\n", (double)times[LOOKUP_TIMES / 2] / LOOKUPS);
	printf("lookups_found %.3f\n", (double)n_found / LOOKUPS / LOOKUP_TIMES);
	printf("lookup_allocations %" PRIu64 "\n", n_allocations - n_before);
	free(addresses);
}

/* The file offset of a random function: what a collector's locations are. */
static uint64_t random_offset(const struct symbol_table *table, uint64_t *state)
{
	struct elf_addr addr = random_address(table, state);

	for (uint32_t i = 0; i < table->n_segments; i++) {
		const struct symbol_segment *segment = &table->segments[i];

		if (addr.v >= segment->vaddr && addr.v - segment->vaddr < segment->file_bytes)
			return addr.v - segment->vaddr + segment->offset;
	}
	return 0;
}

static struct wire_location places[WINDOW_PLACES];
static struct wire_stack stacks[WINDOW_STACKS];
static uint32_t frames_of[WINDOW_STACKS][STACK_FRAMES];

static void fill_window(const struct bench *bench)
{
	uint64_t state = 2;

	for (unsigned i = 0; i < WINDOW_PLACES; i++)
		places[i] = (struct wire_location){.kind = FRAME_USER,
						   .value = random_offset(bench->table, &state)};
	for (unsigned s = 0; s < WINDOW_STACKS; s++) {
		for (unsigned f = 0; f < STACK_FRAMES; f++)
			frames_of[s][f] = (uint32_t)(next_random(&state) % WINDOW_PLACES);
		stacks[s] = (struct wire_stack){
			.count = 1, .n_locations = STACK_FRAMES, .locations = frames_of[s]};
	}
}

static void measure_windows(struct bench *bench)
{
	const struct wire_process process = {
		.comm = {"bench", 5}, .n_stacks = WINDOW_STACKS, .stacks = stacks};
	const struct wire_target target = {.n_processes = 1, .processes = &process};
	const struct wire_window window = {.id = {1, 1},
					   .time_wall_ns = 1,
					   .duration_ns = UINT64_C(15000000000),
					   .period_ns = 10309278,
					   .n_objects = 1,
					   .objects = &bench->file.object,
					   .n_locations = WINDOW_PLACES,
					   .locations = places,
					   .n_targets = 1,
					   .targets = &target};
	struct kernel_symbols kernel = {0};
	const struct frame_sources sources = {
		.tables = bench->tables, .kernel = &kernel, .reader = bench->reader};
	struct pprof_limits limits = PPROF_LIMITS_DEFAULT;
	struct bytes out = BYTES_INIT(PROFILE_BYTES);
	uint64_t begun_ns = clock_monotonic_ns(), n_windows = 0;

	fill_window(bench);
	while (clock_monotonic_ns() - begun_ns < WINDOWS_NS) {
		bytes_clear(&out);
		if (window_profile_encode(&window, &sources, &limits,
					  &(struct window_profile_results){
						  .out = &out, .counters = &bench->counters}) != 0)
			fail("window_profile_encode");
		n_windows++;
	}
	printf("windows_per_s %.1f\n",
	       (double)n_windows * 1e9 / (double)(clock_monotonic_ns() - begun_ns));
	printf("profile_bytes %zu\n", out.n_bytes);
	bytes_deinit(&out);
}

int main(int argc, char **argv)
{
	static struct bench bench;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: symbols_bench FILE DIRECTORY\n");
		return 64;
	}
	bench.path = argv[1];
	bench.directory_path = argv[2];
	bench.memory_fd = memfd_create("object", MFD_CLOEXEC);
	if (bench.memory_fd < 0 || !file_reader_open(&bench.file, bench.path))
		fail("opening");
	bench.reader = file_reader(&bench.file);
	measure_cold(&bench);
	measure_lookups(&bench);
	measure_windows(&bench);
	table_cache_free(bench.tables);
	cache_directory_free(bench.directory);
	empty_directory(bench.directory_path);
	file_reader_close(&bench.file);
	close_fdp(&bench.memory_fd);
	return 0;
}
