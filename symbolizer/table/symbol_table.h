#pragma once
/*
 * Which function covers an address, which line it comes from, and which segment of a file an offset
 * lies in: all that is known of one file (or of the kernel), in one block of bytes without
 * pointers, so that it can be written to a file, mapped by another process and shared.
 *
 * A block is immutable once built. Looking things up allocates nothing and trusts nothing: every
 * index and offset is checked when it is used, so a block that changes under its reader gives wrong
 * names, never a wild access. Any number of threads may read one.
 *
 * Symbols of all sources are merged. Which name wins where several begin at one address, in this
 * order: Go's own table before all others; with a size before without, typed before untyped, global
 * before weak before local, fewer leading underscores, without a version, shorter, bytewise
 * smaller; of one name, the source in the order .symtab, debug file, MiniDebugInfo, .dynsym. So a
 * debug file adds names, and takes none away.
 *
 * Where functions overlap the one that begins last wins, and an address that none covers has no
 * name. But nothing begins inside a function of Go's table except another of Go's. A symbol without
 * a size reaches to the next symbol or extent, at most to the end of its section and of the extent
 * that it lies in, and only counts where no sized one covers its start.
 *
 * Extents, which have no name, lie under all of this: one is found wherever no symbol covers an
 * address that it covers. They do not overlap: one that begins inside another is passed over.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table/symbol_lines.h"
#include "table/symbol_list.h"

#define SYMBOL_SEGMENTS_MAX       256u
#define SYMBOL_BUILD_ID_BYTES_MAX 64u

enum symbol_table_outcome {
	SYMBOL_TABLE_TOO_BIG = 1, /* over a bound of this header or of those it includes */
	SYMBOL_TABLE_MALFORMED,   /* a block that is not one, or not of this version */
};

/* A PT_LOAD. */
struct symbol_segment {
	uint64_t offset;     /* p_offset: of vaddr in the file */
	uint64_t file_bytes; /* p_filesz */
	uint64_t vaddr;
	uint64_t memory_bytes; /* p_memsz */
	uint64_t is_executable;
};

struct symbol_build_id {
	size_t n_bytes; /* 0: none */
	uint8_t bytes[SYMBOL_BUILD_ID_BYTES_MAX];
	bool has_go; /* one of Go's linker, a text that is not kept */
};

struct symbol_segments {
	size_t n_segments;
	struct symbol_segment segments[SYMBOL_SEGMENTS_MAX];
};

/* What a table is built from; all borrowed, and each may be NULL. */
struct symbol_table_input {
	struct symbol_list *list; /* left in another order */
	struct line_list *lines;  /* left finished */
	const struct symbol_segments *segments;
	const struct symbol_build_id *build_id;
};

/*
 * Builds a block, in symbol_list_build_bytes() of memory: where that is not enough, lines are left
 * out that would take half of it, then the symbols at the highest addresses; the list says so.
 *   @ret_block  set on 0 only; owned, free()
 * Returns 0, -ENOMEM or SYMBOL_TABLE_TOO_BIG.
 */
int symbol_table_build(const struct symbol_table_input *input, void **ret_block,
		       size_t *ret_n_bytes) warn_unused_result;

/* A block as its readers see it: pointers into it, borrowed as long as the block stands. */
struct symbol_table {
	const struct symbol_segment *segments;
	const struct symbol_group *groups;
	const struct symbol_record *records;
	const uint32_t
		*starts; /* apart from the records, so that a search touches few cache lines */
	const char *text;
	uint32_t n_segments;
	uint32_t n_groups;
	uint32_t n_pieces;
	uint32_t n_text_bytes;
	struct line_view lines;
	struct symbol_build_id build_id;
};

/* Looks at @n_bytes of @block (aligned to 8). Returns 0 or SYMBOL_TABLE_MALFORMED. */
int symbol_table_view(const void *block, size_t n_bytes,
		      struct symbol_table *ret_table) warn_unused_result;

/* What is in a table. */
struct symbol_count {
	uint64_t n_symbols;
	bool has_mini_debug; /* some come from .gnu_debugdata */
};

struct symbol_count symbol_table_count(const struct symbol_table *table);

struct symbol_found {
	struct elf_addr start; /* of the whole symbol */
	uint64_t size_bytes;
	const char *name; /* borrowed from the block; not NUL-terminated */
	size_t n_name_bytes;
	enum symbol_source source;
};

/* Finds the symbol that covers @addr; returns false, with @ret_found untouched, when none does. */
bool symbol_table_find(const struct symbol_table *table, struct elf_addr addr,
		       struct symbol_found *ret_found);

/* Where a walk over all symbols of a table stands; a zeroed one is before the first. */
struct symbol_walk {
	uint32_t piece;
	uint32_t group;
};

/* The next symbol, in ascending order of starts; false at the end, or where a block is no more. */
bool symbol_table_next(const struct symbol_table *table, struct symbol_walk *walk,
		       struct symbol_found *ret_found);

struct symbol_line {
	const char *file; /* borrowed from the block; not NUL-terminated */
	size_t n_file_bytes;
	uint32_t line;
	uint32_t start_line; /* where the function that covers the address begins; 0: not known */
};

/* Finds the line that @addr comes from; false, with *@ret_line untouched, when none is known. */
bool symbol_table_line(const struct symbol_table *table, struct elf_addr addr,
		       struct symbol_line *ret_line);

/*
 * Where @offset of the file lies in memory: in an executable segment when one holds it. A segment
 * that begins at or before the offset is preferred to one that merely shares its first page.
 * Returns the segment, borrowed from the block, with *@ret_addr set, or NULL.
 */
const struct symbol_segment *symbol_table_address(const struct symbol_table *table,
						  struct file_off offset,
						  struct elf_addr *ret_addr);
