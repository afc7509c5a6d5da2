#include "go/go_symbols.h"

#include "go/go_lines.h"

#define NAMES_INDEX (SYMBOL_FROM_GOPCLNTAB - 1)
#define FILES_KEPT  256u /* a power of two */

/* A file whose number in the list is known; most runs are of one that was just seen. */
struct kept_file {
	uint64_t at_plus_1; /* 0: empty */
	uint32_t file;
};

struct writer {
	const struct go_table *table;
	struct symbol_list *list;
	struct line_list *lines;
	uint64_t n_steps;
	unsigned n_broken;
	int lines_outcome; /* not 0 once there is no room for more lines */
	struct kept_file files[FILES_KEPT];
};

/* Returns 0, -ENOMEM or an outcome: SYMBOL_TABLE_TOO_BIG is said in this module's words. */
static int file_number(struct writer *writer, uint64_t file_at, uint32_t *ret_file)
{
	struct kept_file *kept = &writer->files[(file_at * UINT64_C(0x9e3779b97f4a7c15)) >> 56];
	size_t n_bytes;
	const char *name;
	int r;

	if (kept->at_plus_1 != file_at + 1) {
		name = go_lines_file_name(writer->table, file_at, &n_bytes);
		if (!name)
			return GO_TABLE_MALFORMED;
		r = line_list_file(writer->lines, name, n_bytes, &kept->file);
		if (r != 0)
			return r < 0 ? r : GO_TABLE_TOO_BIG;
		kept->at_plus_1 = file_at + 1;
	}
	*ret_file = kept->file;
	return 0;
}

static int add_run(struct writer *writer, const struct go_function *function,
		   const struct go_run *run)
{
	struct line_row row = {.start = run->start, .end = run->end, .line = run->line};
	int r = file_number(writer, run->file_at, &row.file);

	if (r == GO_TABLE_MALFORMED && ++writer->n_broken <= GO_SYMBOLS_BROKEN_MAX)
		return 0;
	if (r != 0)
		return r;
	if (run->start.v == function->start.v && run->line != function->start_line)
		row.start_line = function->start_line;
	r = line_list_add(writer->lines, &row);
	return r > 0 ? GO_TABLE_TOO_BIG : r;
}

/*
 * Adds the lines of @function; *@ret_end is set to where they end, or to the function's start when
 * they do not say. Returns 0 or -ENOMEM.
 */
static int add_lines(struct writer *writer, const struct go_function *function,
		     struct elf_addr *ret_end)
{
	struct go_lines lines;
	struct go_run run;
	int r;

	go_lines_begin(&lines, writer->table, function, GO_SYMBOLS_STEPS_MAX - writer->n_steps);
	while (go_lines_next(&lines, &run)) {
		r = writer->lines_outcome == 0 ? add_run(writer, function, &run) : 0;
		if (r < 0)
			return r;
		if (r > 0)
			writer->lines_outcome = r;
	}
	writer->n_steps += lines.n_steps;
	if (writer->n_steps == GO_SYMBOLS_STEPS_MAX)
		writer->lines_outcome = GO_TABLE_TOO_BIG;
	*ret_end = writer->n_steps < GO_SYMBOLS_STEPS_MAX ? go_lines_end(&lines) : function->start;
	return 0;
}

static int add_function(struct writer *writer, const struct go_function *function)
{
	struct symbol symbol = {
		.start = function->start,
		.name_at = (uint32_t)(function->name - writer->list->names[NAMES_INDEX]),
		.n_name_bytes = (uint16_t)function->n_name_bytes,
		.names_index = NAMES_INDEX,
		.source = SYMBOL_FROM_GOPCLNTAB,
	};
	int r = add_lines(writer, function, &symbol.end);

	if (r != 0)
		return r;
	if (symbol.end.v == function->start.v) {
		symbol.end = function->end;
		symbol.standing = SYMBOL_SIZELESS;
	}
	r = symbol_list_add(writer->list, &symbol);
	return r > 0 ? GO_TABLE_TOO_BIG : r;
}

int go_symbols_add(const struct go_table *table, struct symbol_list *list, struct line_list *lines)
{
	struct writer writer = {.table = table, .list = list, .lines = lines};
	struct go_function function;
	int r;

	list->names[NAMES_INDEX] = (const char *)table->names.bytes;
	for (uint32_t i = 0; i < table->n_functions; i++) {
		if (go_table_entry(table, i).v > go_table_entry(table, i + 1).v)
			return GO_TABLE_MALFORMED;
		if (go_table_function(table, i, &function) != 0) {
			if (++writer.n_broken > GO_SYMBOLS_BROKEN_MAX)
				return GO_TABLE_MALFORMED;
			continue;
		}
		r = add_function(&writer, &function);
		if (r != 0)
			return r;
	}
	return writer.n_broken > 0 ? GO_TABLE_MALFORMED : writer.lines_outcome;
}
