/* Any text as kallsyms: an outcome, or a table in which every function covers its own start. */
#include <stdint.h>
#include <stdlib.h>

#include "kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_table table;
	struct symbol_found found;
	void *block;
	size_t n_bytes;

	if (kallsyms_parse((const char *)data, size, &block, &n_bytes) != 0)
		return 0;
	if (symbol_table_view(block, n_bytes, &table) != 0)
		abort();
	for (uint64_t addr = UINT64_C(0xffffffff81000000); addr < UINT64_C(0xffffffff81000900);
	     addr += 0x40)
		if (symbol_table_find(&table, (struct elf_addr){addr}, &found) &&
		    (found.start.v > addr || addr - found.start.v >= found.size_bytes))
			abort();
	free(block);
	return 0;
}
