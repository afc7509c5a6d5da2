#pragma once
/*
 * Files and lines of a function of a Go table, run by run.
 *
 * Both are kept as pairs of differences, of the value and of the address, in two strings of bytes
 * that have nothing to do with one another; a run here is where neither changes. A string tells
 * its function's extent, too: the only place where it is said without the padding that follows.
 */
#include <stdbool.h>
#include <stdint.h>

#include "go/go_table.h"

/* One of the two strings, as far as it was read. */
struct go_values {
	struct go_part part;
	uint64_t at;    /* of what comes next in part */
	uint64_t end;   /* address where the value stops to hold */
	uint32_t value; /* modulo 2^32, the first difference is to -1 */
	bool is_begun;
	bool is_over;
};

/* Begin with go_lines_begin(); the table is borrowed. */
struct go_lines {
	const struct go_table *table;
	struct go_function function;
	struct go_values files;
	struct go_values lines;
	uint64_t at; /* address up to which runs were given */
	uint64_t n_steps;
	uint64_t n_steps_max;
};

struct go_run {
	struct elf_addr start;
	struct elf_addr end;
	uint32_t line;    /* at least 1 */
	uint64_t file_at; /* for go_lines_file_name(); equal for equal files */
};

/* Reading ends after @n_steps_max steps, wherever it stands then. @function is copied. */
void go_lines_begin(struct go_lines *lines, const struct go_table *table,
		    const struct go_function *function, uint64_t n_steps_max);

/*
 * Reads the next run that has a file and a line; n_steps counts the pairs read for it. Returns
 * false at the end, with @ret_run untouched.
 */
bool go_lines_next(struct go_lines *lines, struct go_run *ret_run);

/* Once all was read: where the function's code ends, or its start when its lines do not say. */
struct elf_addr go_lines_end(const struct go_lines *lines);

/* The name of a file, borrowed from the table and not terminated, or NULL. */
const char *go_lines_file_name(const struct go_table *table, uint64_t file_at, size_t *ret_n_bytes);
