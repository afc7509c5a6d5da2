#include "resolve_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HIGH UINT64_C(0xffffffff81000000)

static void *make_table(struct symbol_table *ret_table)
{
	static const struct {
		uint64_t start, end;
		const char *name;
		unsigned source;
	} given[] = {
		{0x1000, 0x1010, "_ZN1a1bEv", SYMBOL_FROM_SYMTAB},
		{0x2000, 0x2100, "main.run", SYMBOL_FROM_GOPCLNTAB},
		{0x3000, 0x3001, "tab\there\n", SYMBOL_FROM_DYNSYM},
		{0x4000, 0x4100, "", SYMBOL_FROM_FDE},
		{HIGH, HIGH + (UINT64_C(1) << 20), "far", SYMBOL_FROM_DEBUG},
	};
	struct symbol_list list = {0};
	struct line_list lines = LINE_LIST_INIT;
	const struct symbol_table_input input = {.list = &list, .lines = &lines};
	uint32_t file;
	size_t n_bytes;
	void *block;

	for (unsigned i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		list.names[i] = given[i].name;
		assert_int_equal(
			symbol_list_add(&list, &(struct symbol){.start = {given[i].start},
								.end = {given[i].end},
								.n_name_bytes = (uint16_t)strlen(
									given[i].name),
								.names_index = i & 0xf,
								.source = given[i].source & 0xf}),
			0);
	}
	assert_int_equal(line_list_file(&lines, "/src/a.go", 9, &file), 0);
	assert_int_equal(line_list_add(&lines, &(struct line_row){{0x2000}, {0x2080}, file, 42, 0}),
			 0);
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, ret_table), 0);
	symbol_list_deinit(&list);
	line_list_deinit(&lines);
	return block;
}

static void a_line_says_all_that_is_known_and_a_dash_for_the_rest(void **state)
{
	static const struct {
		uint64_t addr;
		const char *line;
	} asked[] = {
		{0, "0x0\t-\t-\t-\t-\t-\n"},
		{0x100f, "0x100f\t_ZN1a1bEv\t0x1000\t16\tsymtab\t-\n"},
		{0x1010, "0x1010\t-\t-\t-\t-\t-\n"},
		{0x2000, "0x2000\tmain.run\t0x2000\t256\tgopclntab\t/src/a.go:42\n"},
		{0x20ff, "0x20ff\tmain.run\t0x2000\t256\tgopclntab\t-\n"},
		/* What a terminal or a reader of columns would take for something else. */
		{0x3000, "0x3000\ttab\xef\xbf\xbdhere\xef\xbf\xbd\t0x3000\t1\tdynsym\t-\n"},
		{0x40ab, "0x40ab\tlibm.so+0x4000\t0x4000\t256\tfde\t-\n"},
		{HIGH + 7, "0xffffffff81000007\tfar\t0xffffffff81000000\t1048576\tdebug\t-\n"},
		{UINT64_MAX, "0xffffffffffffffff\t-\t-\t-\t-\t-\n"},
	};
	char *line = malloc(RESOLVE_LINE_BYTES_MAX + 1);
	struct symbol_table table;
	struct resolve_names names = {.table = &table, .module = "libm.so"};
	void *block = make_table(&table);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			size_t n = resolve_line(&names, (struct elf_addr){asked[i].addr}, line);

			line[n] = '\0';
			assert_string_equal(line, asked[i].line);
		}
		if (round == 0) /* from then on, from the memo */
			assert_int_equal(name_memo_new(&names.memo), 0);
	}
	name_memo_free(names.memo);
	free(block);
	free(line);
}

static void every_source_has_a_word(void **state)
{
	(void)state;
	for (unsigned i = 1; i < SYMBOL_SOURCES; i++)
		assert_string_not_equal(resolve_source_word((enum symbol_source)i), "-");
	assert_string_equal(resolve_source_word((enum symbol_source)SYMBOL_SOURCES), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_all_that_is_known_and_a_dash_for_the_rest),
		cmocka_unit_test(every_source_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
