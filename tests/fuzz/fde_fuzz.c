/*
 * Any bytes as an .eh_frame, or as an .eh_frame_hdr: the first says which and of what class. What
 * is written can be read again, in order, and every extent lies in the code.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "elf/fde_table.h"

#define CODE       UINT64_C(0x400000)
#define CODE_BYTES UINT64_C(0x10000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct symbol_segments segments = {
	1, {{.vaddr = CODE, .memory_bytes = CODE_BYTES, .is_executable = true}}};

static void check(const struct symbol_list *list, const struct bytes *extents)
{
	assert(list->n_symbols <= extents->n_bytes / 2);
	for (size_t i = 0; i < list->n_symbols; i++) {
		const struct symbol *symbol = &list->symbols[i];

		assert(symbol->start.v >= CODE && symbol->start.v < symbol->end.v &&
		       symbol->end.v <= CODE + CODE_BYTES);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes extents = BYTES_INIT(4096);
	struct symbol_list list = {0};
	struct fde_header header;
	struct fde_section section = {.start = {CODE + 0x1000}};

	if (size == 0)
		return 0;
	section.is_64 = data[0] & 1;
	section.ends_at_zero = data[0] & 2;
	section.data.v = data[0] & 4 ? CODE : 0;
	section.last_fde.v = data[0] & 8 ? section.start.v + size / 2 : 0;
	section.bytes = (struct wire_bytes){data + 1, size - 1};
	(void)!fde_header_read(&section, &header);
	(void)!fde_table_read(&section, &segments, &extents);
	if (fde_table_collect((struct wire_bytes){extents.data, extents.n_bytes}, &list) != 0)
		abort(); /* what we wrote, we can read */
	check(&list, &extents);
	symbol_list_deinit(&list);
	(void)!fde_table_collect(section.bytes, &list);
	symbol_list_deinit(&list);
	bytes_deinit(&extents);
	return 0;
}
