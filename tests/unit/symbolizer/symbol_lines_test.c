#include "table/symbol_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "table/symbol_table.h"

/* The list as its readers see it; the parts of a block are copies of it. */
static struct line_view view_of(struct line_list *list)
{
	assert_int_equal(line_list_finish(list), 0);
	return (struct line_view){
		.chunks = (const struct line_chunk *)(const void *)list->chunks.data,
		.files = (const uint32_t *)(const void *)list->files.data,
		.rows = list->rows.data,
		.file_text = (const char *)list->file_text.data,
		.n_chunks = (uint32_t)(list->chunks.n_bytes / sizeof(struct line_chunk)),
		.n_files = (uint32_t)(list->files.n_bytes / sizeof(uint32_t)),
		.n_row_bytes = (uint32_t)list->rows.n_bytes,
		.n_file_text_bytes = (uint32_t)list->file_text.n_bytes,
	};
}

static void add(struct line_list *list, uint64_t start, uint64_t end, uint32_t file, uint32_t line)
{
	assert_int_equal(line_list_add(list, &(struct line_row){{start}, {end}, file, line, 0}), 0);
}

static uint32_t file(struct line_list *list, const char *name)
{
	uint32_t index;

	assert_int_equal(line_list_file(list, name, strlen(name), &index), 0);
	return index;
}

static void a_file_name_is_kept_once(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	struct line_view view;
	const char *kept;
	char name[32];
	size_t n_bytes;

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 1000; i++) {
			(void)snprintf(name, sizeof(name), "/src/file-%u.go", i);
			assert_int_equal(file(&list, name), i);
		}
	view = view_of(&list);
	assert_int_equal(view.n_files, 1000);
	kept = line_view_file(&view, 999, &n_bytes);
	assert_int_equal(n_bytes, strlen("/src/file-999.go"));
	assert_memory_equal(kept, "/src/file-999.go", n_bytes);
	assert_null(line_view_file(&view, 1000, &n_bytes));
	line_list_deinit(&list);
}

static void a_name_over_the_bound_is_refused(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	char *name = calloc(1, LINE_FILE_NAME_BYTES_MAX + 1);
	uint32_t index;

	(void)state;
	assert_int_equal(line_list_file(&list, name, LINE_FILE_NAME_BYTES_MAX, &index), 0);
	assert_int_equal(line_list_file(&list, name, LINE_FILE_NAME_BYTES_MAX + 1, &index),
			 SYMBOL_TABLE_TOO_BIG);
	free(name);
	line_list_deinit(&list);
}

enum { ROWS = 5000 };

/* Rows with and without gaps, of near and far lines and files, across many chunks. */
static void every_address_finds_its_row_and_no_other(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	static struct line_row rows[ROWS];
	uint64_t at = UINT64_C(0xffffffff00000000);
	struct line_view view;
	struct line_row row;
	unsigned seed = 7;

	(void)state;
	(void)file(&list, "a");
	(void)file(&list, "b");
	(void)file(&list, "c");
	for (unsigned i = 0; i < ROWS; i++) {
		at += rand_r(&seed) % 3 == 0 ? 1 + (unsigned)rand_r(&seed) % 5000 : 0;
		rows[i].start.v = at;
		at += 1 + (unsigned)rand_r(&seed) % 200;
		rows[i].end.v = at;
		rows[i].file = (unsigned)rand_r(&seed) % 3;
		rows[i].line = rand_r(&seed) % 9 == 0 ? UINT32_MAX - i : i;
		rows[i].start_line = rand_r(&seed) % 7 == 0 ? i + 5 : 0;
		assert_int_equal(line_list_add(&list, &rows[i]), 0);
	}
	view = view_of(&list);
	assert_true(list.rows.n_bytes < ROWS * 8);
	for (unsigned i = 0; i < ROWS; i++) {
		assert_true(line_view_find(&view, rows[i].start, &row));
		assert_int_equal(row.line, rows[i].line);
		assert_int_equal(row.file, rows[i].file);
		assert_int_equal(row.start_line, rows[i].start_line);
		assert_true(line_view_find(&view, (struct elf_addr){rows[i].end.v - 1}, &row));
		assert_int_equal(row.line, rows[i].line);
		if (i + 1 < ROWS && rows[i + 1].start.v > rows[i].end.v)
			assert_false(line_view_find(&view, rows[i].end, &row));
	}
	assert_false(line_view_find(&view, (struct elf_addr){rows[0].start.v - 1}, &row));
	assert_false(line_view_find(&view, rows[ROWS - 1].end, &row));
	line_list_deinit(&list);
}

static void rows_that_touch_and_say_the_same_are_one(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	struct line_view view;
	struct line_row row;

	(void)state;
	(void)file(&list, "a");
	add(&list, 0x10, 0x20, 0, 1);
	add(&list, 0x20, 0x30, 0, 1);
	add(&list, 0x31, 0x40, 0, 1);
	view = view_of(&list);
	assert_true(line_view_find(&view, (struct elf_addr){0x2f}, &row));
	assert_int_equal(row.start.v, 0x10);
	assert_int_equal(row.end.v, 0x30);
	assert_false(line_view_find(&view, (struct elf_addr){0x30}, &row));
	line_list_deinit(&list);
}

static void a_function_that_begins_keeps_its_row_apart(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	struct line_row row = {{0x20}, {0x30}, 0, 5, 3};
	struct line_view view;

	(void)state;
	(void)file(&list, "a");
	add(&list, 0x10, 0x20, 0, 5);
	assert_int_equal(line_list_add(&list, &row), 0);
	row.start.v = 0x28; /* all but its end is there: what is left does not begin anything */
	row.end.v = 0x40;
	assert_int_equal(line_list_add(&list, &row), 0);
	view = view_of(&list);
	assert_true(line_view_find(&view, (struct elf_addr){0x1f}, &row));
	assert_int_equal(row.start_line, 0);
	assert_true(line_view_find(&view, (struct elf_addr){0x3f}, &row));
	assert_int_equal(row.start.v, 0x20);
	assert_int_equal(row.start_line, 3);
	line_list_deinit(&list);
}

static void rows_out_of_order_are_cut_or_passed_over(void **state)
{
	struct line_list list = LINE_LIST_INIT;
	struct line_view view;
	struct line_row row;

	(void)state;
	(void)file(&list, "a");
	add(&list, 0x10, 0x20, 0, 1);
	add(&list, 0x18, 0x28, 0, 2); /* cut to 0x20 … 0x28 */
	add(&list, 0x08, 0x12, 0, 3); /* nothing is left */
	add(&list, 0x30, 0x30, 0, 4); /* empty */
	add(&list, 0x40, 0x30, 0, 5); /* backwards */
	add(&list, 0x50, 0x60, 9, 6); /* of no file */
	view = view_of(&list);
	assert_true(line_view_find(&view, (struct elf_addr){0x1f}, &row));
	assert_int_equal(row.line, 1);
	assert_true(line_view_find(&view, (struct elf_addr){0x20}, &row));
	assert_int_equal(row.line, 2);
	assert_false(line_view_find(&view, (struct elf_addr){0x28}, &row));
	assert_false(line_view_find(&view, (struct elf_addr){0x08}, &row));
	assert_false(line_view_find(&view, (struct elf_addr){0x50}, &row));
	line_list_deinit(&list);
}

/* However many lines there are, and however little room, names that were added are found. */
static void lines_without_room_cost_no_names(void **state)
{
	struct symbol_list list = {.names = {"name"}, .build_bytes_max = 512};
	struct line_list lines = LINE_LIST_INIT;
	const struct symbol_table_input input = {.list = &list, .lines = &lines};
	struct symbol symbol = {.start = {0x1000},
				.end = {0x2000},
				.n_name_bytes = 4,
				.source = SYMBOL_FROM_SYMTAB};
	struct line_row row = {.start = {0x1000}, .end = {0x1001}};
	struct symbol_table table;
	struct symbol_found found;
	struct symbol_line line;
	size_t n_bytes;
	void *block;

	(void)state;
	line_list_limit(&lines, 64);
	assert_int_equal(line_list_file(&lines, "a.go", 4, &row.file), 0);
	assert_int_equal(line_list_file(&lines, "too-long.go", 11, &row.file),
			 SYMBOL_TABLE_TOO_BIG);
	while (line_list_add(&lines, &row) == 0) {
		row.start.v++;
		row.end.v++;
		row.line += 77;
	}
	assert_in_range(row.start.v, 0x1008, 0x1020);
	while (symbol_list_add(&list, &symbol) == 0)
		symbol.start.v = symbol.end.v++;
	assert_int_equal(list.n_symbols, 512 / (2 * sizeof(symbol)));
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	assert_true(symbol_table_find(&table, (struct elf_addr){0x1fff}, &found));
	assert_true(symbol_table_find(&table, (struct elf_addr){0x2000}, &found));
	assert_true(list.is_cut);
	assert_true(symbol_table_line(&table, (struct elf_addr){0x1002}, &line));
	assert_int_equal(line.line, 2 * 77);
	line_list_deinit(&lines);
	symbol_list_deinit(&list);
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_name_is_kept_once),
		cmocka_unit_test(a_name_over_the_bound_is_refused),
		cmocka_unit_test(every_address_finds_its_row_and_no_other),
		cmocka_unit_test(rows_that_touch_and_say_the_same_are_one),
		cmocka_unit_test(a_function_that_begins_keeps_its_row_apart),
		cmocka_unit_test(lines_without_room_cost_no_names),
		cmocka_unit_test(rows_out_of_order_are_cut_or_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
