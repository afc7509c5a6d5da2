#pragma once
/*
 * All that is known of the functions of one ELF file, from every image that says something of it:
 * the file itself, Go's table in it, its debug file, the MiniDebugInfo inside it.
 *
 * Opening fetches and building only parses, so that in between a digest over all that was fetched
 * can find a table that is there already. Addresses are those of the file: of the other images only
 * symbols' values count, for their segments and sections have no bytes. Another image that is bad
 * costs its own symbols alone.
 *
 * A debug file is looked for where it can pay: when the file has no .symtab with a function.
 * MiniDebugInfo is unpacked when there is no debug file either, which would have the same symbols
 * and more.
 */
#include "elf/debug_files.h"

struct file_symbols;

/* All borrowed for the life of what is opened. */
struct file_symbols_options {
	int memory_fd; /* a memfd for the file's image */
	const struct wire_object *object;
	const struct object_reader *reader;
	debug_tell_fn *tell; /* told each place of the search for a debug file, or NULL */
	void *owner;         /* of tell */
};

/*
 *   @ret_symbols  set on 0 only; owned, file_symbols_free()
 *   @ret_n_bytes  always set: what was read
 * Returns 0, a negative errno or an enum elf_image_outcome of the file itself.
 */
int file_symbols_open(const struct file_symbols_options *options, struct file_symbols **ret_symbols,
		      uint64_t *ret_n_bytes) warn_unused_result;

/* Of all that a table is built from; see object_image.h. Returns 0 or a negative errno. */
int file_symbols_digest(const struct file_symbols *symbols,
			uint8_t ret_digest[OBJECT_IMAGE_DIGEST_BYTES]) warn_unused_result;

/* A debug file could have added names, but none was found: there may be one another day. */
bool file_symbols_lacks_debug_file(const struct file_symbols *symbols);

/*
 * Parses what was fetched into a block of symbol_table.h. Where that has too many symbols, those
 * that fit are kept, and file_symbols_flaw() says so.
 *   @ret_block  set on 0 only; owned, free()
 * Returns 0, -ENOMEM or ELF_IMAGE_TOO_BIG.
 */
int file_symbols_build(struct file_symbols *symbols, void **ret_block,
		       size_t *ret_n_bytes) warn_unused_result;

/* 0, or the outcome that cost some of the symbols of a file which was opened all the same. */
int file_symbols_flaw(const struct file_symbols *symbols);

void file_symbols_free(struct file_symbols *symbols); /* NULL is fine */
