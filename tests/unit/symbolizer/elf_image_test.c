#include "elf/file_symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "readers.h"
#include "small_elf.h"

/* Opens and builds; returns the first outcome that is not 0. The block is the caller's on 0. */
static int table_of(const struct wire_object *object, const struct object_reader *reader,
		    void **ret_block, struct symbol_table *ret_table)
{
	const struct file_symbols_options options = {
		.memory_fd = memfd_create("object", MFD_CLOEXEC),
		.object = object,
		.reader = reader,
	};
	struct file_symbols *symbols = NULL;
	uint64_t n_read;
	size_t n_bytes;
	int r = file_symbols_open(&options, &symbols, &n_read);

	if (r == 0)
		r = file_symbols_build(symbols, ret_block, &n_bytes);
	if (r == 0)
		r = symbol_table_view(*ret_block, n_bytes, ret_table);
	file_symbols_free(symbols);
	close(options.memory_fd);
	return r;
}

static void a_small_file_gives_segments_build_id_and_functions(void **state)
{
	static const char *const names[] = {"first", "second"};
	struct small_elf elf;
	struct memory_reader memory;
	struct object_reader reader;
	struct wire_object object = {.id = 1, .kind = OBJECT_FILE};
	struct symbol_table table;
	struct symbol_found found;
	struct elf_addr addr;
	void *block;

	(void)state;
	small_elf_make(&elf, names, 2, 0xab);
	memory = (struct memory_reader){.data = elf.data, .n_bytes = elf.n_bytes};
	reader = memory_reader(&memory);
	object.size_bytes = elf.n_bytes;
	assert_int_equal(table_of(&object, &reader, &block, &table), 0);
	assert_int_equal(table.build_id.n_bytes, 20);
	assert_int_equal(table.build_id.bytes[19], 0xab);
	assert_non_null(symbol_table_address(
		&table, (struct file_off){SMALL_ELF_TEXT_OFFSET + SMALL_ELF_STRIDE}, &addr));
	assert_int_equal(addr.v, SMALL_ELF_TEXT_ADDR + SMALL_ELF_STRIDE);
	assert_true(symbol_table_find(&table, addr, &found));
	assert_int_equal(found.n_name_bytes, 6);
	assert_memory_equal(found.name, "second", 6);
	addr.v += SMALL_ELF_SIZE;
	assert_false(symbol_table_find(&table, addr, &found));
	free(block);
}

/* However early the reader gives up: the file may be readable later, and nothing leaks. */
static void a_reader_that_refuses_leaves_a_file_unreadable(void **state)
{
	static struct file_reader file;
	struct memory_reader memory = {0};
	struct object_reader reader;
	struct symbol_table table;
	unsigned n_unreadable = 0;
	void *block;
	int r;

	(void)state;
	assert_true(file_reader_open(&file, "/proc/self/exe"));
	memory.n_bytes = file.object.size_bytes;
	memory.data = mmap(NULL, memory.n_bytes, PROT_READ, MAP_PRIVATE, file.fd, 0);
	assert_ptr_not_equal(memory.data, MAP_FAILED);
	do {
		memory.n_fetches = 0;
		memory.n_fetches_max = n_unreadable + 1;
		reader = memory_reader(&memory);
		r = table_of(&file.object, &reader, &block, &table);
		if (r != 0) {
			assert_int_equal(r, ELF_IMAGE_UNREADABLE);
			n_unreadable++;
		}
	} while (r != 0);
	assert_in_range(n_unreadable, 2, 100);
	assert_true(table.n_pieces > 10); /* this test's own functions */
	free(block);
	munmap((void *)memory.data, memory.n_bytes);
	file_reader_close(&file);
}

/* A file that changes while it is read may be anything, but never harm. */
static void a_file_cut_anywhere_has_an_outcome(void **state)
{
	static const char *const names[] = {"first", "second"};
	struct small_elf elf;

	(void)state;
	small_elf_make(&elf, names, 2, 0xab);
	for (size_t n_bytes = 0; n_bytes < elf.n_bytes; n_bytes += n_bytes < 0x200 ? 1 : 13) {
		struct memory_reader memory = {.data = elf.data, .n_bytes = n_bytes};
		struct object_reader reader = memory_reader(&memory);
		struct wire_object object = {.id = 1, .size_bytes = n_bytes};
		struct symbol_table table;
		void *block = NULL;
		int r = table_of(&object, &reader, &block, &table);

		assert_in_range(r, ELF_IMAGE_NOT_ELF, ELF_IMAGE_MALFORMED);
		object.size_bytes = elf.n_bytes; /* as it was when it was opened */
		r = table_of(&object, &reader, &block, &table);
		assert_int_equal(r, ELF_IMAGE_UNREADABLE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_file_gives_segments_build_id_and_functions),
		cmocka_unit_test(a_reader_that_refuses_leaves_a_file_unreadable),
		cmocka_unit_test(a_file_cut_anywhere_has_an_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
