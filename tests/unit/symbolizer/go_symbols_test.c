#include "go/go_symbols.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go_fixture.h"
#include "table/symbol_table.h"

#define ELF_NAMES "before\0inside\0padding\0alias\0after"

/* A table of the fixture's functions beside those of an ELF symbol table. */
struct built {
	struct go_fixture fixture;
	struct go_table go;
	struct symbol_list list;
	struct line_list lines;
	int outcome;
	void *block;
	struct symbol_table table;
};

static void begin(struct built *built)
{
	*built = (struct built){
		.fixture = {.format = GO_FORMAT_1_20,
			    .quantum_bytes = 1,
			    .pointer_bytes = 8,
			    .text = GO_FIXTURE_TEXT},
		.lines = LINE_LIST_INIT,
	};
	go_fixture_make(&built->fixture);
	assert_int_equal(go_table_open(built->fixture.bytes, built->fixture.n_bytes, &built->go),
			 0);
}

static void add_elf_symbol(struct built *built, const char *name, uint32_t start, uint32_t size)
{
	static const char names[] = ELF_NAMES;
	struct symbol symbol = {
		.start = {GO_FIXTURE_TEXT + start},
		.end = {GO_FIXTURE_TEXT + start + size},
		.n_name_bytes = (uint16_t)strlen(name),
		.source = SYMBOL_FROM_SYMTAB,
	};

	built->list.names[0] = names;
	symbol.name_at =
		(uint32_t)((const char *)memmem(names, sizeof(names), name, strlen(name)) - names);
	assert_int_equal(symbol_list_add(&built->list, &symbol), 0);
}

static void build(struct built *built)
{
	const struct symbol_table_input input = {.list = &built->list, .lines = &built->lines};
	size_t n_bytes;

	built->outcome = go_symbols_add(&built->go, &built->list, &built->lines);
	assert_int_equal(symbol_table_build(&input, &built->block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(built->block, n_bytes, &built->table), 0);
}

static void end(struct built *built)
{
	free(built->block);
	symbol_list_deinit(&built->list);
	line_list_deinit(&built->lines);
}

/* @name NULL: nothing is there. */
static void expect(const struct built *built, uint32_t at, const char *name, uint32_t size)
{
	struct symbol_found found;

	if (!symbol_table_find(&built->table, (struct elf_addr){GO_FIXTURE_TEXT + at}, &found)) {
		assert_null(name);
		return;
	}
	assert_non_null(name);
	assert_int_equal(found.n_name_bytes, strlen(name));
	assert_memory_equal(found.name, name, found.n_name_bytes);
	assert_int_equal(found.size_bytes, size);
}

static void expect_line(const struct built *built, uint32_t at, const char *file, uint32_t line)
{
	struct symbol_line found;

	if (!symbol_table_line(&built->table, (struct elf_addr){GO_FIXTURE_TEXT + at}, &found)) {
		assert_null(file);
		return;
	}
	assert_non_null(file);
	assert_int_equal(found.n_file_bytes, strlen(file));
	assert_memory_equal(found.file, file, found.n_file_bytes);
	assert_int_equal(found.line, line);
	assert_int_equal(found.start_line,
			 strcmp(file, "main.go") == 0 ? GO_FIXTURE_START_LINE : 0);
}

static void functions_end_with_their_code_and_have_lines(void **state)
{
	struct built built;

	(void)state;
	begin(&built);
	build(&built);
	assert_int_equal(built.outcome, 0);
	expect(&built, 0, "main.main", 0x20);
	expect(&built, 0x1f, "main.main", 0x20);
	expect(&built, 0x20, NULL, 0);
	expect(&built, 0x7f, "main.(*T).M[...]", 0x40);
	expect(&built, 0x80, "x_cgo_init", 0x80);
	expect(&built, 0x100, NULL, 0);
	expect_line(&built, 7, "main.go", 10);
	expect_line(&built, 8, "util.go", 20);
	expect_line(&built, 0x1f, "main.go", 12);
	expect_line(&built, 0x20, NULL, 0);
	expect_line(&built, 0x40, "main.go", 30);
	expect_line(&built, 0x80, NULL, 0);
	end(&built);
}

/* Go's own code is Go's to name; the C code of the same program is not. */
static void the_symbol_table_names_what_go_does_not(void **state)
{
	struct built built;

	(void)state;
	begin(&built);
	add_elf_symbol(&built, "before", (uint32_t)-0x40, 0x40);
	add_elf_symbol(&built, "alias", 0, 0x20);
	add_elf_symbol(&built, "inside", 8, 8);
	add_elf_symbol(&built, "padding", 0x20, 8);
	add_elf_symbol(&built, "after", 0x100, 0x10);
	build(&built);
	expect(&built, (uint32_t)-1, "before", 0x40);
	expect(&built, 0, "main.main", 0x20);
	expect(&built, 8, "main.main", 0x20);
	expect(&built, 0x20, "padding", 8);
	expect(&built, 0x28, NULL, 0);
	expect(&built, 0x10f, "after", 0x10);
	end(&built);
}

static void a_broken_function_costs_itself_alone(void **state)
{
	struct built built;

	(void)state;
	begin(&built);
	go_fixture_put32(&built.fixture, built.fixture.function_at[0] + 4, 0x7fffffff);
	build(&built);
	assert_int_equal(built.outcome, GO_TABLE_MALFORMED);
	expect(&built, 0, NULL, 0);
	expect(&built, 0x40, "main.(*T).M[...]", 0x40);
	end(&built);
}

static void functions_that_do_not_ascend_end_the_table(void **state)
{
	struct built built;

	(void)state;
	begin(&built);
	go_fixture_put32(&built.fixture, built.fixture.list_at + 4 * sizeof(uint32_t), 0x10);
	build(&built);
	assert_int_equal(built.outcome, GO_TABLE_MALFORMED);
	expect(&built, 0, "main.main", 0x20);
	expect(&built, 0x80, NULL, 0);
	end(&built);
}

static void a_file_that_cannot_be_named_costs_its_lines_alone(void **state)
{
	struct built built;

	(void)state;
	begin(&built);
	memset(built.fixture.bytes + built.fixture.function_at[0] + 0x20, 0x77, 4); /* its unit */
	build(&built);
	assert_int_equal(built.outcome, 0);
	expect(&built, 0, "main.main", 0x20);
	expect_line(&built, 0, NULL, 0);
	expect_line(&built, 0x40, "main.go", 30);
	end(&built);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_end_with_their_code_and_have_lines),
		cmocka_unit_test(the_symbol_table_names_what_go_does_not),
		cmocka_unit_test(a_broken_function_costs_itself_alone),
		cmocka_unit_test(functions_that_do_not_ascend_end_the_table),
		cmocka_unit_test(a_file_that_cannot_be_named_costs_its_lines_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
