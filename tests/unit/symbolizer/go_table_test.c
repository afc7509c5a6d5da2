#include "go/go_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go_fixture.h"
#include "go/go_lines.h"

/* Every format with every kind of machine; since 1.26 the header leaves the text to others. */
static const struct variant {
	enum go_format format;
	uint8_t quantum_bytes, pointer_bytes;
	uint64_t header_text;
} variants[] = {
	{GO_FORMAT_1_2, 1, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_2, 1, 4, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_2, 4, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_16, 1, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_16, 2, 4, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_18, 1, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_18, 4, 4, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_20, 1, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_20, 4, 8, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_20, 1, 4, GO_FIXTURE_TEXT},
	{GO_FORMAT_1_20, 1, 8, 0},
};

#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

static void make(struct go_fixture *fixture, const struct variant *variant)
{
	fixture->format = variant->format;
	fixture->quantum_bytes = variant->quantum_bytes;
	fixture->pointer_bytes = variant->pointer_bytes;
	fixture->text = variant->header_text;
	go_fixture_make(fixture);
}

static void open_variant(struct go_fixture *fixture, size_t i, struct go_table *ret_table)
{
	make(fixture, &variants[i]);
	assert_int_equal(go_table_open(fixture->bytes, fixture->n_bytes, ret_table), 0);
	if (variants[i].header_text == 0) {
		assert_int_equal(ret_table->text.v, 0);
		ret_table->text.v = GO_FIXTURE_TEXT;
	}
}

static void every_format_gives_names_and_extents(void **state)
{
	static const struct {
		const char *name;
		uint32_t start, end;
	} expected[] = {{"main.main", 0, 0x40},
			{"main.(*T).M[...]", 0x40, 0x80},
			{"x_cgo_init", 0x80, 0x100}};
	struct go_fixture fixture;
	struct go_function function;
	struct go_table table;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		open_variant(&fixture, i, &table);
		assert_int_equal(table.n_functions, 3);
		for (uint32_t n = 0; n < 3; n++) {
			assert_int_equal(go_table_function(&table, n, &function), 0);
			assert_int_equal(function.start.v, GO_FIXTURE_TEXT + expected[n].start);
			assert_int_equal(function.end.v, GO_FIXTURE_TEXT + expected[n].end);
			assert_int_equal(function.n_name_bytes, strlen(expected[n].name));
			assert_memory_equal(function.name, expected[n].name, function.n_name_bytes);
			assert_int_equal(function.start_line, table.format == GO_FORMAT_1_20
								      ? GO_FIXTURE_START_LINE
								      : 0);
		}
	}
}

static void expect_run(const struct go_table *table, struct go_lines *lines, uint32_t start,
		       uint32_t end, uint32_t line, const char *file)
{
	struct go_run run;
	size_t n_bytes;
	const char *name;

	assert_true(go_lines_next(lines, &run));
	assert_int_equal(run.start.v, GO_FIXTURE_TEXT + start);
	assert_int_equal(run.end.v, GO_FIXTURE_TEXT + end);
	assert_int_equal(run.line, line);
	name = go_lines_file_name(table, run.file_at, &n_bytes);
	assert_non_null(name);
	assert_int_equal(n_bytes, strlen(file));
	assert_memory_equal(name, file, n_bytes);
}

static void begin(struct go_lines *lines, const struct go_table *table, uint32_t i)
{
	struct go_function function;

	assert_int_equal(go_table_function(table, i, &function), 0);
	go_lines_begin(lines, table, &function, 1000);
}

static void every_format_gives_files_and_lines_and_where_code_ends(void **state)
{
	struct go_fixture fixture;
	struct go_table table;
	struct go_lines lines;
	struct go_run run;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		open_variant(&fixture, i, &table);
		begin(&lines, &table, 0);
		expect_run(&table, &lines, 0, 8, 10, "main.go");
		expect_run(&table, &lines, 8, 0x10, 20, "util.go");
		expect_run(&table, &lines, 0x10, 0x20, 12, "main.go");
		assert_false(go_lines_next(&lines, &run));
		assert_int_equal(go_lines_end(&lines).v, GO_FIXTURE_TEXT + 0x20);
		begin(&lines, &table, 1);
		expect_run(&table, &lines, 0x40, 0x80, 30, "main.go");
		assert_false(go_lines_next(&lines, &run));
		begin(&lines, &table, 2);
		assert_false(go_lines_next(&lines, &run));
		assert_int_equal(go_lines_end(&lines).v, GO_FIXTURE_TEXT + 0x80);
	}
}

static void where_the_header_has_the_text_is_known(void **state)
{
	struct go_fixture fixture;
	struct go_table table;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		uint32_t text;

		open_variant(&fixture, i, &table);
		assert_int_equal(go_table_is_relative(&table),
				 variants[i].format >= GO_FORMAT_1_18);
		if (!go_table_is_relative(&table))
			continue;
		memcpy(&text, fixture.bytes + go_table_text_at(&table), sizeof(text));
		assert_int_equal(text, variants[i].header_text);
	}
}

/* Opens and reads all; what it says does not matter, only that nothing is read which is not there.
 */
static void read_all(const uint8_t *bytes, size_t n_bytes)
{
	struct go_function function;
	struct go_table table;
	struct go_lines lines;
	struct go_run run;
	size_t n_name_bytes;

	if (go_table_open(bytes, n_bytes, &table) != 0)
		return;
	for (uint32_t i = 0; i < table.n_functions && i < 1000; i++) {
		if (go_table_function(&table, i, &function) != 0)
			continue;
		go_lines_begin(&lines, &table, &function, 100);
		while (go_lines_next(&lines, &run))
			(void)go_lines_file_name(&table, run.file_at, &n_name_bytes);
	}
}

static void a_table_cut_short_anywhere_gives_what_is_there(void **state)
{
	struct go_fixture fixture;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&fixture, &variants[i]);
		for (size_t n = 0; n < fixture.n_bytes; n++) {
			uint8_t *bytes = malloc(n ? n : 1); /* so that a sanitizer sees its end */

			assert_non_null(bytes);
			memcpy(bytes, fixture.bytes, n);
			read_all(bytes, n);
			free(bytes);
		}
	}
}

static void any_word_may_be_a_lie(void **state)
{
	static const uint32_t lies[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX};
	struct go_fixture fixture;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&fixture, &variants[i]);
		for (size_t at = 0; at + 4 <= fixture.n_bytes; at++) {
			uint32_t truth;

			memcpy(&truth, fixture.bytes + at, sizeof(truth));
			for (size_t n = 0; n < sizeof(lies) / sizeof(lies[0]); n++) {
				go_fixture_put32(&fixture, at, lies[n]);
				read_all(fixture.bytes, fixture.n_bytes);
			}
			go_fixture_put32(&fixture, at, truth);
		}
	}
}

static void what_is_no_table_is_malformed_and_too_many_functions_are_too_big(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		int expected;
	} changes[] = {
		{0, 0xfbffffff, GO_TABLE_MALFORMED}, /* of the other byte order */
		{0, 0xfffffff2, GO_TABLE_MALFORMED},
		{4, 0x08010001, GO_TABLE_MALFORMED}, /* two zero bytes, quantum, pointer */
		{4, 0x08010100, GO_TABLE_MALFORMED},
		{4, 0x08030000, GO_TABLE_MALFORMED},
		{4, 0x02010000, GO_TABLE_MALFORMED},
		{8, 0, GO_TABLE_MALFORMED},
		{8, 4000, GO_TABLE_MALFORMED},
		{8, GO_TABLE_FUNCTIONS_MAX + 1, GO_TABLE_TOO_BIG},
		{12, 1, GO_TABLE_TOO_BIG}, /* the upper half of their number */
	};
	struct go_fixture fixture;
	struct go_table table;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		if (variants[i].pointer_bytes != 8)
			continue;
		for (size_t n = 0; n < sizeof(changes) / sizeof(changes[0]); n++) {
			make(&fixture, &variants[i]);
			go_fixture_put32(&fixture, changes[n].at, changes[n].value);
			assert_int_equal(go_table_open(fixture.bytes, fixture.n_bytes, &table),
					 changes[n].expected);
		}
	}
}

static void a_name_that_does_not_end_costs_its_function_alone(void **state)
{
	struct go_fixture fixture;
	struct go_function function;
	struct go_table table;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		open_variant(&fixture, i, &table);
		go_fixture_put32(&fixture,
				 fixture.function_at[1] +
					 (go_table_is_relative(&table) ? 4 : fixture.pointer_bytes),
				 (uint32_t)fixture.n_bytes);
		assert_int_equal(go_table_function(&table, 1, &function), GO_TABLE_MALFORMED);
		assert_int_equal(go_table_function(&table, 2, &function), 0);
	}
}

/* @bytes in place of the first function's lines; returns where its code is then said to end. */
static uint64_t end_of_lines(const uint8_t *bytes, size_t n_bytes, unsigned *ret_n_runs)
{
	struct go_fixture fixture;
	struct go_table table;
	struct go_lines lines;
	struct go_run run;

	open_variant(&fixture, N_VARIANTS - 1, &table);
	memcpy(fixture.bytes + fixture.lines_at[0], bytes, n_bytes);
	begin(&lines, &table, 0);
	for (*ret_n_runs = 0; go_lines_next(&lines, &run); ++*ret_n_runs)
		assert_true(run.line >= 1 && run.start.v < run.end.v);
	return go_lines_end(&lines).v - GO_FIXTURE_TEXT;
}

static void broken_lines_end_where_they_break(void **state)
{
	static const struct {
		uint8_t bytes[8];
		uint64_t end;
		unsigned n_runs;
	} strings[] = {
		{{22, 8, 20, 0, 2, 8, 0}, 8, 1},                     /* a line of no code */
		{{22, 8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, 8, 1}, /* a number too long */
		{{22, 0x7f, 0}, 0x40, 3},    /* longer than the function: its end is the next one */
		{{1, 8, 22, 8, 0}, 0x10, 1}, /* a negative line has no run */
		{{0, 8, 22, 8, 0}, 0x10, 1}, /* the first difference may be 0 */
		{{0xff, 0xff, 0xff, 0xff, 0x0f, 8, 0}, 8, 1}, /* the greatest line */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		unsigned n_runs;
		uint64_t end = end_of_lines(strings[i].bytes, 8, &n_runs);

		assert_int_equal(end, strings[i].end);
		assert_int_equal(n_runs, strings[i].n_runs);
	}
}

static void reading_lines_ends_after_so_many_steps(void **state)
{
	struct go_fixture fixture;
	struct go_function function;
	struct go_table table;
	struct go_lines lines;
	struct go_run run;

	(void)state;
	open_variant(&fixture, 0, &table);
	assert_int_equal(go_table_function(&table, 0, &function), 0);
	go_lines_begin(&lines, &table, &function, 2);
	assert_true(go_lines_next(&lines, &run));
	assert_false(go_lines_next(&lines, &run));
	assert_int_equal(lines.n_steps, 2);
}

static void a_scan_finds_a_table_among_other_bytes(void **state)
{
	struct go_fixture fixture;
	struct go_table table;
	uint8_t bytes[8192];
	size_t at;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		memset(bytes, 0xff, sizeof(bytes));
		make(&fixture, &variants[i]);
		memcpy(bytes + 64, fixture.bytes, 16); /* looks like one, but says nonsense */
		memcpy(bytes + 1024 + 4, fixture.bytes, fixture.n_bytes); /* where none may be */
		memcpy(bytes + 4096, fixture.bytes, fixture.n_bytes);
		assert_true(go_table_scan(&(struct go_part){bytes, sizeof(bytes)}, &at, &table));
		assert_int_equal(at, 4096);
		assert_int_equal(table.format, variants[i].format);
		bytes[4096] ^= 4;
		assert_false(go_table_scan(&(struct go_part){bytes, sizeof(bytes)}, &at, &table));
	}
}

static void a_scan_passes_over_functions_out_of_order(void **state)
{
	struct go_fixture fixture;
	struct go_table table;
	size_t at;

	(void)state;
	for (size_t i = 0; i < N_VARIANTS; i++) {
		make(&fixture, &variants[i]);
		go_fixture_put32(&fixture, fixture.list_at, 0x7fffffff);
		assert_false(go_table_scan(&(struct go_part){fixture.bytes, fixture.n_bytes}, &at,
					   &table));
	}
}

/* The seeds of the fuzz target that are right: made up by another program, or real ones cropped. */
static void what_linkers_write_opens(void **state)
{
	static const struct {
		const char *name;
		uint32_t n_functions;
		const char *first;
	} files[] = {
		{"well-formed-1.2", 3, "main.main"},
		{"well-formed-1.2-32", 3, "main.main"},
		{"well-formed-1.16", 3, "main.main"},
		{"well-formed-1.18", 3, "main.main"},
		{"well-formed-1.18-32-quantum-4", 3, "main.main"},
		{"well-formed-1.20", 3, "main.main"},
		{"well-formed-1.26-text-elsewhere", 3, "main.main"},
		{"real-1.18", 12, "internal/cpu.Initialize"},
		{"real-1.20", 12, "internal/abi.Kind.String"},
		{"real-1.26", 12, "internal/abi.BoundsDecode"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		uint8_t bytes[16384];
		struct go_function function;
		struct go_table table;
		struct go_run run;
		struct go_lines lines;
		char path[512];
		size_t n_bytes, n_runs = 0;
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/%s", CORPUS_DIRECTORY, files[i].name);
		file = fopen(path, "rb");
		assert_non_null(file);
		n_bytes = fread(bytes, 1, sizeof(bytes), file);
		(void)fclose(file);
		assert_int_equal(go_table_open(bytes, n_bytes, &table), 0);
		assert_int_equal(table.n_functions, files[i].n_functions);
		assert_int_equal(go_table_function(&table, 0, &function), 0);
		assert_int_equal(function.n_name_bytes, strlen(files[i].first));
		assert_memory_equal(function.name, files[i].first, function.n_name_bytes);
		for (uint32_t n = 0; n < table.n_functions; n++) {
			assert_int_equal(go_table_function(&table, n, &function), 0);
			for (go_lines_begin(&lines, &table, &function, 1000);
			     go_lines_next(&lines, &run);)
				n_runs++;
			assert_true(go_lines_end(&lines).v <= function.end.v);
		}
		assert_true(n_runs >= files[i].n_functions);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_gives_names_and_extents),
		cmocka_unit_test(every_format_gives_files_and_lines_and_where_code_ends),
		cmocka_unit_test(where_the_header_has_the_text_is_known),
		cmocka_unit_test(a_table_cut_short_anywhere_gives_what_is_there),
		cmocka_unit_test(any_word_may_be_a_lie),
		cmocka_unit_test(what_is_no_table_is_malformed_and_too_many_functions_are_too_big),
		cmocka_unit_test(a_name_that_does_not_end_costs_its_function_alone),
		cmocka_unit_test(broken_lines_end_where_they_break),
		cmocka_unit_test(reading_lines_ends_after_so_many_steps),
		cmocka_unit_test(a_scan_finds_a_table_among_other_bytes),
		cmocka_unit_test(a_scan_passes_over_functions_out_of_order),
		cmocka_unit_test(what_linkers_write_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
