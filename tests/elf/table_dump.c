/*
 * What the symbolizer makes of a file, as text for judges: `table_dump FILE [ADDRESS…]`.
 *
 *   outcome OUTCOME FLAW       0 0 for a file that is as it should be
 *   read BYTES OF FETCHES
 *   build-id HEX
 *   segment OFFSET FILE_BYTES VADDR MEMORY_BYTES EXECUTABLE
 *   symbol START SIZE NAME     each once, the first PRINTED_MAX
 *   at ADDRESS START SIZE NAME or `at ADDRESS -`
 *   line ADDRESS LINE START_LINE FILE, where it is known
 *   time NANOSECONDS for the table, NANOSECONDS a lookup
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "elf/file_symbols.h"
#include "readers.h"

#define LOOKUPS     1000000u
#define PRINTED_MAX 200000u

static struct file_reader file;

static void print_found(const struct symbol_found *found)
{
	printf("%" PRIx64 " %" PRIx64 " %.*s\n", found->start.v, found->size_bytes,
	       (int)found->n_name_bytes, found->name);
}

/* The start of piece @i, which lies in the group that holds it. */
static uint64_t piece_start(const struct symbol_table *table, uint32_t i, uint32_t *group,
			    const uint64_t *groups)
{
	while (*group + 1 < table->n_groups && groups[2 * (*group + 1) + 1] <= i)
		(*group)++;
	return groups[2 * *group] + table->starts[i];
}

static void print_table(const struct symbol_table *table)
{
	const uint64_t *groups = (const uint64_t *)table->groups;
	struct symbol_found found;
	uint32_t group = 0;

	printf("build-id ");
	for (size_t i = 0; i < table->build_id.n_bytes; i++)
		printf("%02x", table->build_id.bytes[i]);
	printf("\npieces %u groups %u text %u\n", table->n_pieces, table->n_groups,
	       table->n_text_bytes);
	for (uint32_t i = 0; i < table->n_segments; i++)
		printf("segment %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIu64 "\n",
		       table->segments[i].offset, table->segments[i].file_bytes,
		       table->segments[i].vaddr, table->segments[i].memory_bytes,
		       table->segments[i].is_executable);
	for (uint32_t i = 0; i < table->n_pieces && i < PRINTED_MAX; i++) {
		struct elf_addr addr = {piece_start(table, i, &group, groups)};

		if (!symbol_table_find(table, addr, &found) || found.start.v != addr.v)
			continue;
		printf("symbol ");
		print_found(&found);
	}
}

static void print_at(const struct symbol_table *table, const char *text)
{
	struct elf_addr addr = {strtoull(text, NULL, 16)};
	struct symbol_found found;
	struct symbol_line line;

	printf("at %" PRIx64 " ", addr.v);
	if (symbol_table_find(table, addr, &found))
		print_found(&found);
	else
		printf("-\n");
	if (symbol_table_line(table, addr, &line))
		printf("line %" PRIx64 " %u %u %.*s\n", addr.v, line.line, line.start_line,
		       (int)line.n_file_bytes, line.file);
}

/* Looks addresses up all over the table, in an order that no cache can guess. */
static uint64_t time_lookups(const struct symbol_table *table)
{
	const uint64_t *groups = (const uint64_t *)table->groups;
	uint64_t range, start_ns, state = 1, n_found = 0;
	struct symbol_found found;

	if (table->n_pieces == 0)
		return 0;
	range = (uint64_t)table->starts[table->n_pieces - 1] + 1;
	start_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < LOOKUPS; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		n_found += symbol_table_find(
			table, (struct elf_addr){groups[0] + (state >> 20) % range}, &found);
	}
	fprintf(stderr, "%" PRIu64 " of %u found\n", n_found, LOOKUPS);
	return (clock_monotonic_ns() - start_ns) / LOOKUPS;
}

int main(int argc, char **argv)
{
	struct file_symbols_options options = {.memory_fd =
						       memfd_create("table_dump", MFD_CLOEXEC)};
	struct file_symbols *symbols = NULL;
	struct object_reader reader;
	struct symbol_table table;
	uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES];
	uint64_t start_ns = clock_monotonic_ns(), open_ns, digest_ns, build_ns, n_read;
	void *block = NULL;
	size_t n_bytes;
	int r;

	if (argc < 2 || options.memory_fd < 0 || !file_reader_open(&file, argv[1]))
		return perror(argc < 2 ? argv[0] : argv[1]), 2;
	reader = file_reader(&file);
	options.object = &file.object;
	options.reader = &reader;
	r = file_symbols_open(&options, &symbols, &n_read);
	open_ns = clock_monotonic_ns();
	if (r == 0 && file_symbols_digest(symbols, digest) < 0)
		return 3;
	digest_ns = clock_monotonic_ns();
	if (r == 0)
		r = file_symbols_build(symbols, &block, &n_bytes);
	build_ns = clock_monotonic_ns();
	printf("outcome %d %d\n", r, symbols ? file_symbols_flaw(symbols) : 0);
	printf("read %" PRIu64 " %" PRIu64 " %u\n", file.n_fetched_bytes, file.object.size_bytes,
	       file.n_fetches);
	if (r == 0 && symbol_table_view(block, n_bytes, &table) == 0) {
		print_table(&table);
		for (int i = 2; i < argc; i++)
			print_at(&table, argv[i]);
		printf("time %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", open_ns - start_ns,
		       digest_ns - open_ns, build_ns - digest_ns, time_lookups(&table));
	}
	free(block);
	file_symbols_free(symbols);
	file_reader_close(&file);
	return r < 0 ? 4 : 0;
}
