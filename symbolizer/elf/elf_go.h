#pragma once
/* What an ELF file's headers and symbols say of where Go's table is: from there to a go_image. */
#include "elf/elf_symbols.h"
#include "go/go_image.h"

/*
 * Looks for Go's table and fetches it.
 *   @image    of @elf; both are borrowed for the life of the result
 *   @symbols  of the same file
 *   @ret_go   set on 0 only; go_image_deinit()
 * Returns 0, whether there is one or not, a negative errno, or an enum elf_image_outcome, which
 * only costs this table, unless it is ELF_IMAGE_UNREADABLE.
 */
int elf_go_open(struct elf_image *elf, struct object_image *image,
		const struct elf_symbols *symbols, struct go_image *ret_go) warn_unused_result;
