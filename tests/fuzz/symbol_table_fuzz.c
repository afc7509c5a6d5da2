/*
 * A block of symbol_table.h as a cache file may hold it: the first two bytes say where to look, the
 * rest is the block. Whatever it is, looking things up stays inside it.
 */
#include <stdlib.h>
#include <string.h>

#include "table/symbol_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/* Reads what was found, so that a sanitizer sees it. */
static void touch(const void *data, size_t n_bytes)
{
	const volatile uint8_t *bytes = data;

	for (size_t i = 0; i < n_bytes; i++)
		(void)bytes[i];
}

static void look_up(const struct symbol_table *table, struct elf_addr addr)
{
	struct symbol_found found;
	struct symbol_line line;
	struct elf_addr address;

	if (symbol_table_find(table, addr, &found))
		touch(found.name, found.n_name_bytes);
	if (symbol_table_line(table, addr, &line))
		touch(line.file, line.n_file_bytes);
	(void)symbol_table_address(table, (struct file_off){addr.v}, &address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct symbol_table table;
	uint16_t at;
	void *block;

	if (n_bytes < sizeof(at))
		return 0;
	memcpy(&at, data, sizeof(at));
	n_bytes -= sizeof(at);
	block = malloc(n_bytes ? n_bytes : 1); /* exactly as large as it is, and aligned */
	if (!block)
		return 0;
	memcpy(block, data + sizeof(at), n_bytes);
	if (symbol_table_view(block, n_bytes, &table) == 0) {
		look_up(&table, (struct elf_addr){at});
		look_up(&table, (struct elf_addr){UINT64_MAX - at});
		for (uint32_t i = 0; i < table.n_pieces && i < 64; i++)
			look_up(&table, (struct elf_addr){table.starts[i]});
		for (uint32_t i = 0; i < table.lines.n_chunks && i < 64; i++)
			look_up(&table, (struct elf_addr){table.lines.chunks[i].start + at});
	}
	free(block);
	return 0;
}
