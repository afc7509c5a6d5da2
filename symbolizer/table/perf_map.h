#pragma once
/*
 * Functions that a process made while it ran, from the text of its perf-PID.map: lines START SIZE
 * NAME, numbers in hexadecimal, with or without 0x; the name is the rest of the line.
 *
 * Runtimes append: code is moved and freed, and what comes to lie over it is said later. So of two
 * entries that overlap the later one holds where they do, and what of the earlier one is left stays
 * its. A table that was built from the text so far stands for all entries of that text, and what
 * nothing refers to any more is gone from it: memory is bounded by the code that is alive.
 *
 * Whoever runs the process writes the text: lines that are none are passed over; entries, bytes of
 * names and their length are bounded, and the latest entries are those that are kept.
 */
#include <stddef.h>

#include "table/symbol_table.h"
#include "wire/wire.h"

#define PERF_MAP_ENTRIES_MAX     (512u << 10)
#define PERF_MAP_TEXT_BYTES_MAX  (32u << 20)
#define PERF_MAP_NAME_BYTES_MAX  1024u       /* what is longer is cut */
#define PERF_MAP_NAMES_BYTES_MAX (32u << 20) /* of a table; those beyond have no place in it */

enum perf_map_outcome {
	PERF_MAP_TOO_BIG = 1, /* more text than PERF_MAP_TEXT_BYTES_MAX */
};

/* How many bytes of @text are whole lines: what is behind the last newline is still being written.
 */
size_t perf_map_whole_lines(const char *text, size_t n_bytes);

/*
 * Builds the table of @before (borrowed; NULL: none), over which the whole lines of @text lie.
 *   @text       borrowed for the call; not NUL-terminated
 *   @ret_block  of symbol_table.h, without segments; set on 0 only; owned, free()
 * Returns 0, -ENOMEM or an outcome.
 */
int perf_map_build(const struct symbol_table *before, struct wire_bytes text, void **ret_block,
		   size_t *ret_n_bytes) warn_unused_result;
