#pragma once
/*
 * The current table of the kernel's symbols, made from the collector's copy of kallsyms. It is
 * larger than most, so the pool shares it: whoever parses a text first publishes the table under a
 * hash of the text, and all use the one mapping.
 */
#include "table/cache_directory.h"
#include "elf/object_image.h"
#include "table/symbol_table.h"

enum kernel_symbols_outcome {
	KERNEL_SYMBOLS_HIDDEN = 1, /* the kernel shows no addresses to the collector */
	KERNEL_SYMBOLS_UNREADABLE, /* not now; an older table, if there is one, stays */
	KERNEL_SYMBOLS_MALFORMED,
};

/* A zeroed one is empty, and shares with nobody. */
struct kernel_symbols {
	struct cache_directory *directory; /* borrowed, or NULL */
	uint64_t generation;               /* of the text, see wire_object; 0: none */
	int outcome;                       /* of the last parse */
	void *block;                       /* owned, or NULL when mapped */
	struct cached_block mapped;        /* owned */
	bool has_table;
	struct symbol_table table;
};

/*
 * Makes sure that the table is that of @object (an OBJECT_KALLSYMS): reads and parses it when its
 * generation is new.
 *   @ret_table  set on 0 only; borrowed until the next call
 * Returns 0, a negative errno or an outcome.
 */
int kernel_symbols_get(struct kernel_symbols *kernel, const struct wire_object *object,
		       const struct object_reader *reader,
		       const struct symbol_table **ret_table) warn_unused_result;

void kernel_symbols_deinit(struct kernel_symbols *kernel);
