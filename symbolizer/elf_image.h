#pragma once
/*
 * What an ELF file says of its code: segments, build id, symbols. The only reader of libelf.
 *
 * Opening checks every count, size and offset against the file and fetches exactly what is needed;
 * parsing then touches nothing that was not fetched. A table that is broken costs its own symbols,
 * not those of the other one, and a file without usable symbols still has its segments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "object_image.h"
#include "symbol_table.h"

enum elf_image_outcome {
	ELF_IMAGE_NOT_ELF = 1,
	ELF_IMAGE_MALFORMED,
	ELF_IMAGE_TOO_BIG,
	ELF_IMAGE_UNREADABLE, /* may be readable another time; the others stay as they are */
};

struct elf_image;

/*
 * Fetches headers, segments, notes, symbols and their names.
 *   @image      borrowed for the life of the result
 *   @ret_elf    set on 0 only; owned, elf_image_free()
 * Returns 0, a negative errno or an enum elf_image_outcome.
 */
int elf_image_open(struct object_image *image, struct elf_image **ret_elf) warn_unused_result;

/* 0, or the outcome that cost a symbol table of a file which was opened all the same. */
int elf_image_flaw(const struct elf_image *elf);

/*
 * Parses what was fetched into a block of symbol_table.h. Where that has too many symbols, those
 * that fit are kept, and elf_image_flaw() says so.
 *   @ret_block  set on 0 only; owned, free()
 * Returns 0, -ENOMEM, or ELF_IMAGE_TOO_BIG. A symbol that is broken is passed over.
 */
int elf_image_build(struct elf_image *elf, void **ret_block,
		    size_t *ret_n_bytes) warn_unused_result;

void elf_image_free(struct elf_image *elf); /* NULL is fine */
