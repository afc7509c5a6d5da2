#pragma once
/*
 * Where the .eh_frame of an ELF file is, and the extents of functions that it tells.
 *
 * Opening reads, and keeps no more than the extents, which a digest over all that a table is built
 * from has to cover. The section is found by its name; in a
 * file without section headers by way of the segment that says where .eh_frame_hdr is, whose table
 * tells how far it reaches. Only a file that is mapped has one: those of debug files are empty.
 */
#include "elf/elf_image.h"
#include "elf/fde_table.h"

struct elf_extents {
	struct bytes text; /* owned; of fde_table.h */
	int flaw;          /* 0, or the outcome that cost extents */
};

/*
 *   @ret_extents  set on 0 only; owned, elf_extents_deinit()
 * Returns 0, a negative errno or ELF_IMAGE_UNREADABLE.
 */
int elf_extents_open(struct elf_image *elf, struct elf_extents *ret_extents) warn_unused_result;

/* Adds what there is to @list; where that is not all, the flaw says so. Returns 0 or -ENOMEM. */
int elf_extents_collect(struct elf_extents *extents, struct symbol_list *list) warn_unused_result;

void elf_extents_deinit(struct elf_extents *extents);
