/* Any bytes as an ELF file: an outcome, or a table that answers. Reads stay within the budget. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "elf/file_symbols.h"
#include "readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const void *block, size_t n_bytes)
{
	struct symbol_table table;
	struct symbol_found found;
	struct elf_addr addr;

	if (symbol_table_view(block, n_bytes, &table) != 0)
		abort(); /* what we built, we can read */
	for (uint32_t i = 0; i < table.n_pieces && i < 1000; i++) {
		addr.v = (uint64_t)table.starts[i];
		(void)symbol_table_find(&table, addr, &found);
	}
	for (uint64_t offset = 0; offset < 0x4000; offset += 0x111)
		if (symbol_table_address(&table, (struct file_off){offset}, &addr))
			(void)symbol_table_find(&table, addr, &found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory_fd = -1;
	struct memory_reader memory = {.data = data, .n_bytes = size};
	const struct object_reader reader = memory_reader(&memory);
	const struct wire_object object = {.id = 1, .kind = OBJECT_FILE, .size_bytes = size};
	struct file_symbols_options options = {.object = &object, .reader = &reader};
	struct file_symbols *symbols = NULL;
	uint64_t n_read;
	void *block = NULL;
	size_t n_bytes;

	if (memory_fd < 0)
		memory_fd = memfd_create("object", MFD_CLOEXEC);
	options.memory_fd = memory_fd;
	if (file_symbols_open(&options, &symbols, &n_read) == 0 &&
	    file_symbols_build(symbols, &block, &n_bytes) == 0)
		ask(block, n_bytes);
	/* nothing twice, but what is read and not kept may overlap the rest */
	assert(memory.n_fetched_bytes <= 2 * size);
	free(block);
	file_symbols_free(symbols);
	return 0;
}
