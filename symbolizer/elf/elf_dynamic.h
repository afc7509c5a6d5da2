#pragma once
/*
 * The dynamic symbols of an ELF file without section headers: found as the dynamic loader finds
 * them, by what PT_DYNAMIC says. How many there are only their hash table tells.
 */
#include "elf/elf_symbols.h"

/*
 * Fetches the table and its names, where there is one.
 *   @ret_table  set on 0 only; borrows from @elf, without symbols when there is none
 * Returns 0, a negative errno or an enum elf_image_outcome.
 */
int elf_dynamic_open(struct elf_image *elf, struct elf_symbol_table *ret_table) warn_unused_result;
