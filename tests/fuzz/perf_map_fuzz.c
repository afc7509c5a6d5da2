/* Any text as a perf map, at once and in two parts: the same names at the same addresses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table/perf_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *build(const struct symbol_table *before, const char *text, size_t n_bytes,
		   struct symbol_table *ret_table)
{
	size_t n_block_bytes;
	void *block;

	if (perf_map_build(before, (struct wire_bytes){text, n_bytes}, &block, &n_block_bytes) !=
		    0 ||
	    symbol_table_view(block, n_block_bytes, ret_table) != 0)
		abort();
	return block;
}

/* Names are equal, and what begins in one table is covered in the other. */
static void compare(const struct symbol_table *a, const struct symbol_table *b)
{
	struct symbol_walk walk = {0};
	struct symbol_found found, other;
	uint64_t end = 0;

	while (symbol_table_next(a, &walk, &found)) {
		if (found.start.v < end || found.size_bytes == 0)
			abort();
		end = found.start.v + found.size_bytes;
		if (!symbol_table_find(b, found.start, &other) ||
		    other.n_name_bytes != found.n_name_bytes ||
		    memcmp(other.name, found.name, found.n_name_bytes) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct symbol_table whole, first, both;
	size_t n_first = perf_map_whole_lines(text, size / 2);
	void *blocks[3];

	blocks[0] = build(NULL, text, size, &whole);
	blocks[1] = build(NULL, text, n_first, &first);
	blocks[2] = build(&first, text + n_first, size - n_first, &both);
	compare(&whole, &both);
	compare(&both, &whole);
	for (size_t i = 0; i < 3; i++)
		free(blocks[i]);
	return 0;
}
