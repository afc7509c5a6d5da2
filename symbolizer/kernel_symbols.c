#include "kernel_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kallsyms.h"

/* Reads the whole text. Returns 0, a negative errno or KERNEL_SYMBOLS_UNREADABLE. */
static int read_text(const struct wire_object *object, const struct object_reader *reader,
		     char *text)
{
	for (uint64_t at = 0; at < object->size_bytes;) {
		uint64_t n_left = object->size_bytes - at;
		uint32_t n_bytes =
			n_left < OBJECT_READ_BYTES_MAX ? (uint32_t)n_left : OBJECT_READ_BYTES_MAX;
		struct wire_bytes bytes;
		int r = reader->fetch(reader->owner, object->id, (struct file_off){at}, n_bytes,
				      &bytes);

		if (r < 0)
			return r;
		if (r > 0 || bytes.n_bytes == 0 || bytes.n_bytes > n_bytes)
			return KERNEL_SYMBOLS_UNREADABLE;
		memcpy(text + at, bytes.data, bytes.n_bytes);
		at += bytes.n_bytes;
	}
	return 0;
}

static void drop_table(struct kernel_symbols *kernel)
{
	free(kernel->block);
	kernel->block = NULL;
	cached_block_deinit(&kernel->mapped);
	kernel->has_table = false;
}

/* Uses the table that the pool has, if it is one. */
static bool recall(struct kernel_symbols *kernel, const struct table_digest *digest)
{
	struct cached_block mapped;
	struct symbol_table table;

	if (!kernel->directory || cache_directory_map(kernel->directory, digest, &mapped) != 0)
		return false;
	if (symbol_table_view(mapped.block, mapped.n_bytes, &table) != 0) {
		cached_block_deinit(&mapped);
		return false;
	}
	drop_table(kernel);
	kernel->mapped = mapped;
	kernel->table = table;
	kernel->has_table = true;
	kernel->outcome = 0;
	return true;
}

/* Replaces the table by what @text gives; an outcome leaves none, since the old one is stale. */
static int replace(struct kernel_symbols *kernel, const struct table_digest *digest,
		   const char *text, size_t n_bytes)
{
	size_t n_block_bytes;
	void *block;
	int r;

	r = kallsyms_parse(text, n_bytes, &block, &n_block_bytes);
	if (r < 0)
		return r;
	drop_table(kernel);
	kernel->outcome = 0;
	if (r == KALLSYMS_HIDDEN)
		kernel->outcome = KERNEL_SYMBOLS_HIDDEN;
	else if (r != 0)
		kernel->outcome = KERNEL_SYMBOLS_MALFORMED;
	if (r != 0)
		return 0;
	kernel->block = block;
	if (symbol_table_view(block, n_block_bytes, &kernel->table) != 0)
		kernel->outcome = KERNEL_SYMBOLS_MALFORMED;
	else
		kernel->has_table = true;
	/* A full disk costs the sharing, not the table. */
	if (kernel->has_table && kernel->directory &&
	    cache_directory_publish(kernel->directory, digest, block, n_block_bytes) == 0)
		(void)recall(kernel, digest);
	return 0;
}

static int read_object(struct kernel_symbols *kernel, const struct wire_object *object,
		       const struct object_reader *reader)
{
	struct table_digest digest;
	cleanup_with(free_freep) char *text = NULL;
	int r;

	if (object->size_bytes == 0 || object->size_bytes > KALLSYMS_TEXT_BYTES_MAX)
		return KERNEL_SYMBOLS_UNREADABLE;
	/* Equal generations are equal texts. */
	table_digest_of("kallsyms", (uint64_t[]){object->size_bytes, object->change_time_ns},
			&digest);
	if (recall(kernel, &digest))
		return 0;
	text = malloc(object->size_bytes); /* KALLSYMS_TEXT_BYTES_MAX above */
	if (!text)
		return -ENOMEM;
	r = read_text(object, reader, text);
	return r != 0 ? r : replace(kernel, &digest, text, object->size_bytes);
}

int kernel_symbols_get(struct kernel_symbols *kernel, const struct wire_object *object,
		       const struct object_reader *reader, const struct symbol_table **ret_table)
{
	if (kernel->generation != object->change_time_ns || kernel->generation == 0) {
		int r = read_object(kernel, object, reader);

		if (r < 0 || (r > 0 && !kernel->has_table))
			return r;
		if (r == 0)
			kernel->generation = object->change_time_ns;
	}
	if (kernel->outcome != 0)
		return kernel->outcome;
	*ret_table = &kernel->table;
	return 0;
}

void kernel_symbols_deinit(struct kernel_symbols *kernel)
{
	drop_table(kernel);
	*kernel = (struct kernel_symbols){0};
}
