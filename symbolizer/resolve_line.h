#pragma once
/* An answer of `resolve`, from a table to text: quick, for there may be millions. */
#include <stddef.h>

#include "display_name.h"
#include "name_memo.h"
#include "table/symbol_table.h"

/* A name, a file, and five numbers with what stands between them. */
#define RESOLVE_LINE_BYTES_MAX (2 * DISPLAY_NAME_BYTES_MAX + 256u)

/* Whom to ask; all borrowed. */
struct resolve_names {
	const struct symbol_table *table;
	const char
		*module; /* the base name of the file, for functions without a name of their own */
	struct demangler *demangler; /* NULL: names stay as they are */
	struct name_memo *memo;      /* of names of this table by this demangler, or NULL */
};

/*
 * Writes what the table says of @addr, with its newline and without a NUL.
 * Returns the number of bytes written, at most RESOLVE_LINE_BYTES_MAX.
 */
size_t resolve_line(const struct resolve_names *names, struct elf_addr addr, char *out);

/* The word that SOURCE is for @source. */
const char *resolve_source_word(enum symbol_source source);
