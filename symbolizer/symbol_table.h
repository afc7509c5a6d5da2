#pragma once
/*
 * Which function covers an address, and which segment of a file an offset lies in: all that is
 * known of one file (or of the kernel), in one block of bytes without pointers, so that it can be
 * written to a file, mapped by another process and shared.
 *
 * A block is immutable once built. Looking things up allocates nothing and trusts nothing: every
 * index and offset is checked when it is used, so a block that changes under its reader gives wrong
 * names, never a wild access. Any number of threads may read one.
 *
 * Which name wins where several begin at one address, in this order: with a size before without,
 * typed before untyped, global before weak before local, fewer leading underscores, without a
 * version, shorter, bytewise smaller. Where functions overlap the one that begins last wins, and an
 * address that none covers has no name. A symbol without a size reaches to the next symbol, at most
 * to the end of its section, and only counts where no sized one covers its start.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cleanup.h"

#define SYMBOLS_MAX               (8u << 20) /* 192 MiB while a table is built */
#define SYMBOL_NAMES_BYTES_MAX    (256u << 20)
#define SYMBOL_NAME_BYTES_MAX     65535u /* what Pyroscope takes for one string */
#define SYMBOL_SEGMENTS_MAX       256u
#define SYMBOL_BUILD_ID_BYTES_MAX 64u

enum symbol_table_outcome {
	SYMBOL_TABLE_TOO_BIG = 1, /* over one of the bounds above */
	SYMBOL_TABLE_MALFORMED,   /* a block that is not one, or not of this version */
};

/* What makes a symbol lose against others at its address; bits, the highest weighs most. */
enum symbol_standing {
	SYMBOL_WEAK = 0x01,
	SYMBOL_LOCAL = 0x02,
	SYMBOL_UNTYPED = 0x04,
	SYMBOL_SIZELESS = 0x08,
};

/* One symbol on its way into a table. Names stay where they are until the table is built. */
struct symbol {
	struct elf_addr start;
	struct elf_addr end;   /* one past the last byte; of a sizeless one: of its section */
	uint32_t name_at;      /* in names[names_index] of the list */
	uint16_t n_name_bytes; /* without the version */
	uint8_t names_index;
	uint8_t standing : 4;
	uint8_t is_versioned : 1;
};

/* Names may come from two string tables: those of .symtab and of .dynsym. */
#define SYMBOL_NAME_SOURCES 2u

struct symbol_list {
	struct symbol *symbols; /* owned */
	size_t n_symbols;
	size_t capacity;
	size_t n_names_bytes;                   /* of all names added: bounds the work */
	const char *names[SYMBOL_NAME_SOURCES]; /* borrowed until the table is built */
};

/*
 * Adds @symbol, of which all is set but is_versioned; cuts "@VERSION" off its name. Passes over
 * what cannot be used: an empty name, an end that is not above its start. Returns 0, -ENOMEM or
 * SYMBOL_TABLE_TOO_BIG.
 */
int symbol_list_add(struct symbol_list *list, const struct symbol *symbol) warn_unused_result;

void symbol_list_deinit(struct symbol_list *list);

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
};

struct symbol_segments {
	size_t n_segments;
	struct symbol_segment segments[SYMBOL_SEGMENTS_MAX];
};

/*
 * Builds a block. @list is borrowed and left in another order; the others are borrowed.
 *   @ret_block  set on 0 only; owned, free()
 * Returns 0, -ENOMEM or SYMBOL_TABLE_TOO_BIG.
 */
int symbol_table_build(struct symbol_list *list, const struct symbol_segments *segments,
		       const struct symbol_build_id *build_id, void **ret_block,
		       size_t *ret_n_bytes) warn_unused_result;

/* A block as its readers see it: pointers into it, borrowed as long as the block stands. */
struct symbol_table {
	const struct symbol_segment *segments;
	const struct symbol_group *groups;
	const uint32_t *starts; /* three arrays, so that a search touches few cache lines */
	const uint32_t *sizes;
	const uint32_t *names;
	const char *text;
	uint32_t n_segments;
	uint32_t n_groups;
	uint32_t n_pieces;
	uint32_t n_text_bytes;
	struct symbol_build_id build_id;
};

/* Looks at @n_bytes of @block (aligned to 8). Returns 0 or SYMBOL_TABLE_MALFORMED. */
int symbol_table_view(const void *block, size_t n_bytes,
		      struct symbol_table *ret_table) warn_unused_result;

struct symbol_found {
	struct elf_addr start; /* of the whole symbol */
	uint64_t size_bytes;
	const char *name; /* borrowed from the block; not NUL-terminated */
	size_t n_name_bytes;
};

/* Finds the symbol that covers @addr; returns false, with @ret_found untouched, when none does. */
bool symbol_table_find(const struct symbol_table *table, struct elf_addr addr,
		       struct symbol_found *ret_found);

/*
 * Where @offset of the file lies in memory: in an executable segment when one holds it. A segment
 * that begins at or before the offset is preferred to one that merely shares its first page.
 * Returns the segment, borrowed from the block, with *@ret_addr set, or NULL.
 */
const struct symbol_segment *symbol_table_address(const struct symbol_table *table,
						  struct file_off offset,
						  struct elf_addr *ret_addr);
