/* Any bytes as .gnu_debugdata: an outcome, or bytes within the budget that may be an ELF file. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/elf_symbols.h"
#include "elf/mini_debug.h"

#define BUDGET_BYTES (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the symbolizer reads what it unpacked. */
static void read_inner(int memory_fd, uint64_t n_bytes)
{
	struct symbol_list list = {0};
	struct object_image *image = NULL;
	struct elf_image *elf = NULL;
	struct elf_symbols symbols;
	uint64_t left = BUDGET_BYTES;

	if (object_image_whole(memory_fd, n_bytes, &image) != 0)
		abort(); /* within the budget it can always be one */
	if (elf_image_open(image, &left, &elf) == 0 && elf_symbols_open(elf, &symbols) == 0)
		(void)!elf_symbols_collect(&symbols, elf, ELF_SYMBOLS_MINIDEBUG, &list);
	symbol_list_deinit(&list);
	elf_image_free(elf);
	object_image_free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory_fd = -1;
	uint64_t left = BUDGET_BYTES, n_bytes;
	struct stat stat;

	if (memory_fd < 0)
		memory_fd = memfd_create("inner", MFD_CLOEXEC);
	if (ftruncate(memory_fd, 0) < 0)
		abort();
	if (mini_debug_unpack((struct wire_bytes){data, size}, memory_fd, &left, &n_bytes) == 0) {
		assert(n_bytes == BUDGET_BYTES - left);
		read_inner(memory_fd, n_bytes);
	}
	assert(fstat(memory_fd, &stat) == 0 && stat.st_size <= (off_t)BUDGET_BYTES);
	return 0;
}
