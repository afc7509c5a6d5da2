#pragma once
/*
 * Symbols of every source on their way into one table, and what is said of each.
 *
 * Names stay where they are until the table is built: a symbol refers into one of the list's name
 * texts. A list grows with realloc(), lives for one build and is used by one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cleanup.h"

#define SYMBOLS_MAX            (8u << 20)
#define SYMBOL_NAMES_BYTES_MAX (256u << 20)
#define SYMBOL_BUILD_BYTES_MAX (256u << 20) /* of memory, from the first symbol to the table */
#define SYMBOL_NAME_BYTES_MAX  65535u       /* what Pyroscope takes for one string */

/* Where a symbol was found. Part of the format of blocks: numbers are never used again. */
enum symbol_source {
	SYMBOL_FROM_SYMTAB = 1, /* of the file itself */
	SYMBOL_FROM_DYNSYM,
	SYMBOL_FROM_DEBUG, /* .symtab of a debug file */
	SYMBOL_FROM_GOPCLNTAB,
	SYMBOL_FROM_MINIDEBUG, /* .symtab inside .gnu_debugdata */
	SYMBOL_FROM_PERFMAP,
	SYMBOL_FROM_FDE, /* extents without names: .eh_frame */
	SYMBOL_FROM_KALLSYMS,
};

#define SYMBOL_SOURCES 9u /* one more than the last */

/* What makes a symbol lose against others at its address; bits, the highest weighs most. */
enum symbol_standing {
	SYMBOL_WEAK = 0x01,
	SYMBOL_LOCAL = 0x02,
	SYMBOL_UNTYPED = 0x04,
	SYMBOL_SIZELESS = 0x08,
};

struct symbol {
	struct elf_addr start;
	struct elf_addr end;   /* one past the last byte; of a sizeless one: of its section */
	uint32_t name_at;      /* in names[names_index] of the list */
	uint16_t n_name_bytes; /* without the version; 0 only of SYMBOL_FROM_FDE */
	uint8_t names_index : 4;
	uint8_t source : 4; /* enum symbol_source */
	uint8_t standing : 4;
	uint8_t is_versioned : 1;
};

/* Name texts of one list: a string table for each source, as a rule at its number less one. */
#define SYMBOL_NAME_SOURCES 8u

struct symbol_list {
	struct symbol *symbols; /* owned */
	size_t n_symbols;
	size_t capacity;
	size_t n_names_bytes; /* of all names looked at: bounds the work */
	bool is_cut; /* set by building: symbols or lines were left out, for want of memory */
	uint64_t build_bytes_max;               /* 0: SYMBOL_BUILD_BYTES_MAX */
	const char *names[SYMBOL_NAME_SOURCES]; /* borrowed until the table is built */
};

/*
 * Adds @symbol, of which all is set but is_versioned; cuts "@VERSION" off names that come from an
 * ELF symbol table. Passes over what cannot be used: an empty name where the source has names, an
 * end that is not above its start. Returns 0, -ENOMEM or SYMBOL_TABLE_TOO_BIG.
 */
int symbol_list_add(struct symbol_list *list, const struct symbol *symbol) warn_unused_result;

/*
 * Counts @n_bytes of a name that was looked at and is no use, so that looking is bounded as adding
 * is. Returns 0 or SYMBOL_TABLE_TOO_BIG.
 */
int symbol_list_pass_over(struct symbol_list *list, size_t n_bytes) warn_unused_result;

/* How much memory may be taken from the first symbol to the table. */
uint64_t symbol_list_build_bytes(const struct symbol_list *list);

void symbol_list_deinit(struct symbol_list *list);
