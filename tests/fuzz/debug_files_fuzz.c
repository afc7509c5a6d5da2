/*
 * Two ELF files of any bytes, one the other's debug file at whatever place: notes, debuglinks, CRC,
 * symbols of both. The first two bytes say where the first file ends.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "elf/file_symbols.h"
#include "readers.h"

#define OPENS_MAX 6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pair {
	struct memory_reader files[2];
	unsigned n_opens;
};

static struct wire_object object_of(const struct pair *pair, unsigned i)
{
	return (struct wire_object){
		.id = i + 1, .kind = OBJECT_FILE, .inode = i, .size_bytes = pair->files[i].n_bytes};
}

static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct pair *pair = owner;
	struct object_reader reader = memory_reader(&pair->files[object - 1]);

	return reader.fetch(reader.owner, object, offset, n_bytes, ret_bytes);
}

static int open_sibling(void *owner, const struct wire_object_open *ask,
			struct wire_object *ret_sibling)
{
	struct pair *pair = owner;

	assert(ask->object == 1 && ask->name.n_bytes > 0 && ask->name.n_bytes <= 255);
	pair->n_opens++;
	*ret_sibling = object_of(pair, 1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair pair = {0};
	const struct object_reader reader = {.fetch = fetch, .open = open_sibling, .owner = &pair};
	struct file_symbols_options options = {.reader = &reader};
	struct file_symbols *symbols = NULL;
	struct wire_object object;
	struct symbol_table table;
	static int memory_fd = -1;
	size_t n_bytes, n_first;
	uint64_t n_read;
	void *block = NULL;

	if (size < 2)
		return 0;
	if (memory_fd < 0)
		memory_fd = memfd_create("object", MFD_CLOEXEC);
	n_first = (size_t)data[0] << 8 | data[1];
	n_first = n_first < size - 2 ? n_first : size - 2;
	pair.files[0] = (struct memory_reader){.data = data + 2, .n_bytes = n_first};
	pair.files[1] =
		(struct memory_reader){.data = data + 2 + n_first, .n_bytes = size - 2 - n_first};
	object = object_of(&pair, 0);
	options.memory_fd = memory_fd;
	options.object = &object;
	if (file_symbols_open(&options, &symbols, &n_read) == 0 &&
	    file_symbols_build(symbols, &block, &n_bytes) == 0 &&
	    symbol_table_view(block, n_bytes, &table) != 0)
		abort(); /* what we built, we can read */
	assert(pair.n_opens <= OPENS_MAX);
	/* Once for what is kept, and for .eh_frame and its header, which may lie anywhere. */
	assert(pair.files[0].n_fetched_bytes <= 3 * pair.files[0].n_bytes);
	/* Once for its CRC, once for what is kept. */
	assert(pair.files[1].n_fetched_bytes <= 2 * pair.files[1].n_bytes);
	free(block);
	file_symbols_free(symbols);
	return 0;
}
