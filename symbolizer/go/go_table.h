#pragma once
/*
 * Go's table of its own functions, .gopclntab: names, extents, files and lines of all Go code in a
 * file. The runtime prints its tracebacks from it, so no stripping takes it away.
 *
 * There are four formats, of Go 1.2, 1.16, 1.18 and 1.20 (which later ones keep). All words are
 * little or big endian as the machine is; a table of the other kind is none. Everything here works
 * on bytes alone, trusts none of them, and allocates nothing: a table is a view, its bytes are
 * borrowed as long as it is used.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cleanup.h"

#define GO_TABLE_FUNCTIONS_MAX (8u << 20)
#define GO_TABLE_SCAN_STEP     8u /* where a table may begin: the linker aligns it to more */

enum go_table_outcome {
	GO_TABLE_MALFORMED = 1, /* no table, or one whose parts do not lie inside its bytes */
	GO_TABLE_TOO_BIG,       /* over a bound: of functions, of the table under construction */
};

enum go_format { GO_FORMAT_1_2 = 1, GO_FORMAT_1_16, GO_FORMAT_1_18, GO_FORMAT_1_20 };

struct go_part {
	const uint8_t *bytes;
	size_t n_bytes;
};

struct go_table {
	enum go_format format;
	uint32_t quantum_bytes; /* of an instruction: what differences of addresses count in */
	uint32_t pointer_bytes; /* 4 or 8 */
	uint32_t n_functions;
	struct elf_addr text; /* since 1.18 addresses are relative to this; the caller may set it */
	struct go_part whole;
	struct go_part names;
	struct go_part units; /* since 1.16: from files of a compilation unit to files */
	struct go_part files;
	struct go_part values; /* files and lines by address */
	struct go_part functions;
};

/*
 * Looks at the @n_bytes of a table, which may be followed by something else.
 *   @ret_table  set on 0 only; its text is what the header says, 0 where that is left to others
 * Returns 0 or an enum go_table_outcome.
 */
int go_table_open(const uint8_t *bytes, size_t n_bytes,
		  struct go_table *ret_table) warn_unused_result;

/*
 * Looks for a table that is not alone, at every multiple of GO_TABLE_SCAN_STEP. It must say what a
 * linker would write, so that a few bytes which happen to look like its magic are passed over, but
 * not many times. Returns true with *@ret_at and *@ret_table set, or false.
 */
bool go_table_scan(const struct go_part *bytes, size_t *ret_at, struct go_table *ret_table);

/* Whether addresses are relative to text. */
bool go_table_is_relative(const struct go_table *table);

/* Where in the table the address of its text stands, 0: nowhere. Only if it is relative. */
size_t go_table_text_at(const struct go_table *table);

/* Where function @i begins; of @i == n_functions: where the last one ends, at the latest. */
struct elf_addr go_table_entry(const struct go_table *table, uint32_t i);

struct go_function {
	struct elf_addr start;
	struct elf_addr end; /* where the next one begins: there may be padding before */
	const char *name;    /* borrowed from the table, not terminated */
	size_t n_name_bytes;
	uint32_t start_line; /* of "func"; 0: not known, before 1.20 */
	uint32_t unit;       /* first of its files in units */
	uint32_t files_at;   /* in values; 0: none */
	uint32_t lines_at;
};

/* Reads function @i < n_functions. Returns 0 or GO_TABLE_MALFORMED, which costs only this one. */
int go_table_function(const struct go_table *table, uint32_t i,
		      struct go_function *ret_function) warn_unused_result;

/* Reads 32 bits at @at of @part, in the machine's order; returns false when they are not there. */
bool go_part_u32(const struct go_part *part, uint64_t at, uint32_t *ret_value);

/* The text at @at of @part that ends there with a zero, or NULL. */
const char *go_part_text(const struct go_part *part, uint64_t at, size_t *ret_n_bytes);
