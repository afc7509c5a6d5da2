#pragma once
/*
 * Where functions begin and end, of what .eh_frame tells an unwinder: the extents are there in
 * stripped files, too, without names.
 *
 * Works on bytes alone. Records are 32- or 64-bit DWARF as the Linux Standard Base has them in this
 * section, where the field that says which CIE an FDE belongs to has four bytes in both. A length
 * of zero ends what one object file brought, not the section. Addresses may be absolute, relative
 * to their own place or to the section's header, of any size; indirect ones cannot be known without
 * running the program. A record that cannot be read is passed over; where even its length is none,
 * the rest is.
 */
#include "base/bytes.h"
#include "table/symbol_list.h"
#include "table/symbol_table.h"
#include "wire/wire.h"

enum fde_table_outcome {
	FDE_TABLE_MALFORMED = 1, /* a record's length is none, or records say what they may not */
	FDE_TABLE_TOO_BIG,       /* over SYMBOLS_MAX, or over the bound of what is written */
};

/* Bytes of a section and what their addresses count from. */
struct fde_section {
	struct wire_bytes bytes;  /* borrowed */
	struct elf_addr start;    /* of the first byte in memory */
	struct elf_addr data;     /* what "relative to data" is relative to; 0: nobody knows */
	bool is_64;               /* addresses have eight bytes, not four */
	bool ends_at_zero;        /* at the first length of zero; else where the bytes end */
	struct elf_addr last_fde; /* the record that ends it; 0: none does */
};

/*
 * Appends the extent of each FDE of an .eh_frame to @extents, those that lie in an executable
 * segment: what of the section a table depends on, in a tenth of its bytes. Returns 0, -ENOMEM or
 * an outcome; what was written until then is right.
 */
int fde_table_read(const struct fde_section *section, const struct symbol_segments *segments,
		   struct bytes *extents) warn_unused_result;

/* Adds @extents to @list, as SYMBOL_FROM_FDE. Returns 0, -ENOMEM or an outcome, likewise. */
int fde_table_collect(struct wire_bytes extents, struct symbol_list *list) warn_unused_result;

/* What .eh_frame_hdr says of the .eh_frame beside it. */
struct fde_header {
	struct elf_addr section;  /* where .eh_frame begins */
	struct elf_addr last_fde; /* the one at the greatest address; 0: it has no table */
};

/* Returns 0 with @ret_header set, or FDE_TABLE_MALFORMED. */
int fde_header_read(const struct fde_section *header,
		    struct fde_header *ret_header) warn_unused_result;
