#pragma once
/* Go's functions and lines on their way into a table of symbols. */
#include "go/go_table.h"
#include "table/symbol_lines.h"
#include "table/symbol_list.h"

/* Of all functions together: honest files have one or two a line of code. */
#define GO_SYMBOLS_STEPS_MAX  (64u << 20)
#define GO_SYMBOLS_BROKEN_MAX 1024u

/*
 * Adds every function of @table with its lines. What ends a function is the end of its lines; one
 * without lines (C code that Go's own linker took in) is given up to the next as SYMBOL_SIZELESS.
 * Names stay in the table, as names[SYMBOL_FROM_GOPCLNTAB - 1] of @list. A broken function is
 * passed over, where functions do not ascend the table ends, and over a bound of lines or of steps
 * functions lose their lines.
 *   @table  borrowed until a table is built of @list
 * Returns 0, -ENOMEM, or an enum go_table_outcome: what was added until then is right.
 */
int go_symbols_add(const struct go_table *table, struct symbol_list *list,
		   struct line_list *lines) warn_unused_result;
