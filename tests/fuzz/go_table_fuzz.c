/*
 * Any bytes as Go's table, and as data that may hold one: an outcome, or functions that a table of
 * symbols can be built from, whose lines lie inside them.
 */
#include <stdint.h>
#include <stdlib.h>

#include "go/go_symbols.h"
#include "table/symbol_table.h"

#define TEXT 0x401000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct go_table *go, const struct symbol_table *table)
{
	for (uint32_t i = 0; i < go->n_functions && i < 1000; i++) {
		struct elf_addr addr = go_table_entry(go, i);
		struct symbol_found found;
		struct symbol_line line;

		if (symbol_table_find(table, addr, &found) &&
		    (found.start.v > addr.v || addr.v - found.start.v >= found.size_bytes))
			abort();
		if (symbol_table_line(table, addr, &line) && (line.line == 0 || !line.file))
			abort();
	}
}

static void build(const struct go_table *go)
{
	cleanup_with(symbol_list_deinit) struct symbol_list list = {0};
	cleanup_with(line_list_deinit) struct line_list lines = LINE_LIST_INIT;
	const struct symbol_table_input input = {.list = &list, .lines = &lines};
	struct symbol_table table;
	size_t n_bytes;
	void *block;

	(void)!go_symbols_add(go, &list, &lines); /* what was added until then is right */
	if (symbol_table_build(&input, &block, &n_bytes) != 0)
		return;
	if (symbol_table_view(block, n_bytes, &table) != 0)
		abort(); /* what we built, we can read */
	ask(go, &table);
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct go_table go;
	size_t at;

	if (go_table_open(data, size, &go) == 0) {
		go.text.v = go.text.v ? go.text.v : TEXT;
		build(&go);
	}
	if (go_table_scan(&(struct go_part){data, size}, &at, &go)) {
		if (at % GO_TABLE_SCAN_STEP != 0 || at >= size)
			abort();
		build(&go);
	}
	return 0;
}
