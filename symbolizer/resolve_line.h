#pragma once
/* An answer of `resolve`, from a table to text: quick, for there may be millions. Pure. */
#include <stddef.h>

#include "display_name.h"
#include "symbol_table.h"

/* A name, a file, and five numbers with what stands between them. */
#define RESOLVE_LINE_BYTES_MAX (2 * DISPLAY_NAME_BYTES_MAX + 256u)

/*
 * Writes what @table says of @addr, with its newline and without a NUL.
 *   @module  the base name of the file, for functions that have no name of their own; borrowed
 *   @demangler  NULL: names stay as they are
 * Returns the number of bytes written, at most RESOLVE_LINE_BYTES_MAX.
 */
size_t resolve_line(const struct symbol_table *table, const char *module,
		    struct demangler *demangler, struct elf_addr addr, char *out);

/* The word that SOURCE is for @source. */
const char *resolve_source_word(enum symbol_source source);
