#pragma once
/*
 * The symbol tables of an ELF file, .symtab and .dynsym: from their bytes to a symbol_list.
 *
 * Opening fetches, collecting only parses what was fetched. A table that is broken costs its own
 * symbols, not those of the other one; a symbol that is broken is passed over.
 */
#include "elf/elf_image.h"

/* Whose symbols they are: decides what they are said to come from. */
enum elf_symbols_role {
	ELF_SYMBOLS_OWN,
	ELF_SYMBOLS_DEBUG,     /* of the file's debug file */
	ELF_SYMBOLS_MINIDEBUG, /* of what was in its .gnu_debugdata */
};

/* A table and its names, checked and fetched; without symbols when there is none. */
struct elf_symbol_table {
	struct wire_bytes symbols;
	struct wire_bytes names;
	struct wire_bytes sections; /* a number each, where 16 bits do not hold them; or none */
};

struct elf_symbols {
	struct elf_symbol_table symtab;
	struct elf_symbol_table dynsym;
	int flaw; /* 0, or the outcome that cost a table, or the end of one */
};

/*
 * Fetches the first table of each kind.
 *   @ret_symbols  set on 0 only; borrows from @elf
 * Returns 0, a negative errno or ELF_IMAGE_UNREADABLE.
 */
int elf_symbols_open(struct elf_image *elf, struct elf_symbols *ret_symbols) warn_unused_result;

/* The value of the first symbol of that name in .symtab; false, with *@ret_value untouched, when
 * there is none. */
bool elf_symbols_find(const struct elf_symbols *symbols, const struct elf_image *elf,
		      const char *name, struct elf_addr *ret_value);

/* Whether .symtab has a function: a file may keep one of which nothing useful was left. */
bool elf_symbols_has_symtab(const struct elf_symbols *symbols, const struct elf_image *elf);

/*
 * Adds all functions to @list, which borrows the names. Where there are too many, those that fit
 * are added, and the flaw says so. Of a file that is not the mapped one itself, .dynsym counts only
 * without .symtab, which has the same symbols. Returns 0 or -ENOMEM.
 */
int elf_symbols_collect(struct elf_symbols *symbols, const struct elf_image *elf,
			enum elf_symbols_role role, struct symbol_list *list) warn_unused_result;
