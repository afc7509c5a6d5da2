#include "table/symbol_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct given {
	uint64_t start;
	uint64_t end;
	const char *name;
	uint8_t standing; /* with OF() a source; without: of .symtab */
};

#define OF(source) ((uint8_t)((source) << 4))

struct asked {
	const char *what;
	uint64_t addr;
	const char *name; /* NULL: nothing covers it */
	uint64_t start;
};

#define TEXT_BYTES 4096

/* Builds a table of @given, in an order that is not theirs. */
static void *build(const struct given *given, size_t n, struct symbol_table *ret_table)
{
	struct symbol_list list = {0};
	const struct symbol_table_input input = {.list = &list};
	char text[TEXT_BYTES];
	size_t at = 0, n_bytes;
	void *block;

	list.names[0] = text;
	for (size_t i = n; i-- > 0;) {
		const struct given *from = &given[i];
		struct symbol symbol = {
			.start = {from->start},
			.end = {from->end},
			.name_at = (uint32_t)at,
			.n_name_bytes = (uint16_t)strlen(from->name),
			.standing = from->standing & 0xfu,
			.source = (from->standing >> 4 ? from->standing >> 4 : SYMBOL_FROM_SYMTAB) &
				  0xfu,
		};

		assert_true(at + strlen(from->name) < sizeof(text));
		memcpy(text + at, from->name, strlen(from->name));
		at += strlen(from->name);
		assert_int_equal(symbol_list_add(&list, &symbol), 0);
	}
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, ret_table), 0);
	symbol_list_deinit(&list);
	return block;
}

static void check(const struct given *given, size_t n_given, const struct asked *asked,
		  size_t n_asked)
{
	struct symbol_table table;
	struct symbol_found found;
	void *block = build(given, n_given, &table);

	for (size_t i = 0; i < n_asked; i++) {
		bool is_found = symbol_table_find(&table, (struct elf_addr){asked[i].addr}, &found);

		if (!asked[i].name) {
			if (is_found)
				fail_msg("%s: found %.*s", asked[i].what, (int)found.n_name_bytes,
					 found.name);
			continue;
		}
		if (!is_found)
			fail_msg("%s: found nothing", asked[i].what);
		if (found.n_name_bytes != strlen(asked[i].name) ||
		    memcmp(found.name, asked[i].name, found.n_name_bytes) != 0)
			fail_msg("%s: found %.*s", asked[i].what, (int)found.n_name_bytes,
				 found.name);
		assert_int_equal(found.start.v, asked[i].start);
	}
	free(block);
}

#define CHECK(given, asked)                                                                        \
	check(given, sizeof(given) / sizeof(given[0]), asked, sizeof(asked) / sizeof(asked[0]))

static void a_gap_stays_a_gap(void **state)
{
	const struct given given[] = {{0x1000, 0x1010, "one", 0}, {0x1020, 0x1030, "two", 0}};
	const struct asked asked[] = {
		{"before the first symbol", 0xfff, NULL, 0},
		{"its first byte", 0x1000, "one", 0x1000},
		{"its last byte", 0x100f, "one", 0x1000},
		{"one past its end", 0x1010, NULL, 0},
		{"just before the next", 0x101f, NULL, 0},
		{"the next", 0x1020, "two", 0x1020},
		{"past all", 0x1030, NULL, 0},
		{"the top of the address space", UINT64_MAX, NULL, 0},
	};

	(void)state;
	CHECK(given, asked);
}

static void an_inner_symbol_wins_and_the_outer_goes_on_behind_it(void **state)
{
	const struct given given[] = {
		{0x1000, 0x1100, "outer", 0},
		{0x1010, 0x1040, "middle", 0},
		{0x1020, 0x1030, "inner", 0},
		{0x1080, 0x1180, "overhang", 0},
	};
	const struct asked asked[] = {
		{"outer begins", 0x1000, "outer", 0x1000},
		{"middle", 0x1010, "middle", 0x1010},
		{"inner", 0x102f, "inner", 0x1020},
		{"middle goes on", 0x1030, "middle", 0x1010},
		{"outer goes on", 0x1040, "outer", 0x1000},
		{"overhang begins last", 0x1080, "overhang", 0x1080},
		{"overhang outlives outer", 0x1100, "overhang", 0x1080},
		{"past all", 0x1180, NULL, 0},
	};

	(void)state;
	CHECK(given, asked);
}

static void the_order_of_aliases_is_the_documented_one(void **state)
{
	const struct given pairs[][2] = {
		{{16, 32, "zz", 0}, {16, 64, "a", SYMBOL_SIZELESS}},
		{{16, 32, "zz", 0}, {16, 32, "a", SYMBOL_UNTYPED}},
		{{16, 32, "zz", 0}, {16, 32, "a", SYMBOL_WEAK}},
		{{16, 32, "zz", SYMBOL_WEAK}, {16, 32, "a", SYMBOL_LOCAL}},
		{{16, 32, "_zzz", 0}, {16, 32, "__a", 0}},
		{{16, 32, "zzz", 0}, {16, 32, "a@V1", 0}},
		{{16, 32, "zz", 0}, {16, 32, "aaa", 0}},
		{{16, 32, "ay", 0}, {16, 32, "az", 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct given turned[2] = {pairs[i][1], pairs[i][0]};
		const struct asked asked[] = {{"the winner", 16, pairs[i][0].name, 16}};

		CHECK(pairs[i], asked);
		CHECK(turned, asked);
	}
}

static void a_wider_alias_names_what_the_winner_does_not_reach(void **state)
{
	const struct given given[] = {{16, 32, "winner", 0}, {16, 64, "local", SYMBOL_LOCAL}};
	const struct asked asked[] = {
		{"both", 31, "winner", 16},
		{"the wider one", 32, "local", 16},
		{"past both", 64, NULL, 0},
	};

	(void)state;
	CHECK(given, asked);
}

static void a_sizeless_symbol_reaches_to_the_next_and_yields_to_sized_ones(void **state)
{
	const struct given given[] = {
		{0x100, 0x200, "sized", 0},
		{0x180, 0x400, "covered", SYMBOL_SIZELESS},
		{0x200, 0x400, "label", SYMBOL_SIZELESS},
		{0x200, 0x400, "alias", SYMBOL_SIZELESS | SYMBOL_LOCAL},
		{0x300, 0x400, "last", SYMBOL_SIZELESS | SYMBOL_UNTYPED},
		{0x380, 0x390, "untyped", SYMBOL_UNTYPED},
		{0x110, 0x118, "inside", SYMBOL_UNTYPED},
	};
	const struct asked asked[] = {
		{"under a sized one", 0x180, "sized", 0x100},
		{"untyped under a typed one", 0x110, "sized", 0x100},
		{"the label", 0x200, "label", 0x200},
		{"up to the next", 0x2ff, "label", 0x200},
		{"the next", 0x300, "last", 0x300},
		{"sized within sizeless", 0x380, "untyped", 0x380},
		{"ends at the next symbol", 0x390, NULL, 0},
		{"past the section", 0x400, NULL, 0},
	};

	(void)state;
	CHECK(given, asked);
}

static void versions_are_cut_off_names(void **state)
{
	const struct given given[] = {{16, 32, "open@@GLIBC_2.2.5", 0}, {32, 48, "@odd", 0}};
	struct symbol_table table;
	struct symbol_found found;
	void *block = build(given, 2, &table);

	(void)state;
	assert_true(symbol_table_find(&table, (struct elf_addr){16}, &found));
	assert_int_equal(found.n_name_bytes, 4);
	assert_memory_equal(found.name, "open", 4);
	assert_true(symbol_table_find(&table, (struct elf_addr){32}, &found));
	assert_memory_equal(found.name, "@odd", 4);
	free(block);
}

static void symbols_may_lie_anywhere_in_the_address_space(void **state)
{
	const struct given given[] = {
		{0x10, UINT64_C(5) << 32, "wide", 0},
		{UINT64_C(1) << 33, (UINT64_C(1) << 33) + 16, "inside, out of reach", 0},
		{UINT64_C(0xffffffff81000000), UINT64_C(0xffffffff81000010), "kernel", 0},
		{UINT64_MAX - 16, UINT64_MAX, "last", 0},
	};
	const struct asked asked[] = {
		{"below 4 GiB", 0x1000, "wide", 0x10},
		{"in the group of the inner one", UINT64_C(1) << 33, "inside, out of reach",
		 UINT64_C(1) << 33},
		{"behind the inner one", (UINT64_C(1) << 33) + 16, "wide", 0x10},
		{"the kernel's", UINT64_C(0xffffffff8100000f), "kernel",
		 UINT64_C(0xffffffff81000000)},
		{"the last byte", UINT64_MAX - 1, "last", UINT64_MAX - 16},
	};

	(void)state;
	CHECK(given, asked);
}

static void sources_stand_in_the_documented_order(void **state)
{
	const struct given given[] = {
		/* what Go's table has wins, whatever else begins there or inside */
		{0x1000, 0x1020, "main.run", SYMBOL_LOCAL | OF(SYMBOL_FROM_GOPCLNTAB)},
		{0x1000, 0x1020, "run", OF(SYMBOL_FROM_SYMTAB)},
		{0x1010, 0x1018, "inside", OF(SYMBOL_FROM_SYMTAB)},
		{0x1020, 0x1030, "cgo", SYMBOL_LOCAL | OF(SYMBOL_FROM_SYMTAB)},
		/* of the others the better name, wherever it comes from */
		{0x2000, 0x2010, "__GI_read", SYMBOL_LOCAL | OF(SYMBOL_FROM_DEBUG)},
		{0x2000, 0x2010, "read", OF(SYMBOL_FROM_DYNSYM)},
		{0x2000, 0x2010, "read", OF(SYMBOL_FROM_MINIDEBUG)},
		{0x2010, 0x2020, "write", OF(SYMBOL_FROM_DYNSYM)},
		{0x2010, 0x2020, "write", OF(SYMBOL_FROM_DEBUG)},
		{0x2010, 0x2020, "write", OF(SYMBOL_FROM_SYMTAB)},
		/* extents count where there is no symbol, and do not overlap */
		{0x3000, 0x3040, "", OF(SYMBOL_FROM_FDE)},
		{0x3000, 0x3010, "named", OF(SYMBOL_FROM_DYNSYM)},
		{0x3008, 0x3030, "", OF(SYMBOL_FROM_FDE)},
		{0x3100, 0x3180, "", OF(SYMBOL_FROM_FDE)},
		{0x3140, 0x4000, "label", SYMBOL_SIZELESS | OF(SYMBOL_FROM_SYMTAB)},
		{0x3180, 0x3190, "", OF(SYMBOL_FROM_FDE)},
	};
	const struct asked asked[] = {
		{"Go's own", 0x1000, "main.run", 0x1000},
		{"Go's own goes on", 0x1010, "main.run", 0x1000},
		{"C beside Go", 0x1020, "cgo", 0x1020},
		{"the global name", 0x2000, "read", 0x2000},
		{"the file's own source", 0x2010, "write", 0x2010},
		{"the name at an extent", 0x3000, "named", 0x3000},
		{"behind the name", 0x3010, "", 0x3000},
		{"an extent", 0x3100, "", 0x3100},
		{"a label inside an extent", 0x3140, "label", 0x3140},
		{"the next extent ends the label", 0x3180, "", 0x3180},
	};

	(void)state;
	CHECK(given, asked);
}

static void a_name_says_which_source_it_came_from(void **state)
{
	const struct given given[] = {
		{0x10, 0x20, "a", OF(SYMBOL_FROM_DYNSYM)},
		{0x10, 0x20, "a", OF(SYMBOL_FROM_MINIDEBUG)},
		{0x20, 0x30, "b", OF(SYMBOL_FROM_MINIDEBUG)},
		{0x20, 0x30, "b", OF(SYMBOL_FROM_DEBUG)},
		{0x30, 0x40, "c", OF(SYMBOL_FROM_DEBUG)},
		{0x30, 0x40, "c", OF(SYMBOL_FROM_SYMTAB)},
		{0x40, 0x50, "d", OF(SYMBOL_FROM_GOPCLNTAB)},
		{0x40, 0x50, "d", OF(SYMBOL_FROM_SYMTAB)},
		{0x50, 0x60, "", OF(SYMBOL_FROM_FDE)},
		{0x60, 0x70, "e", OF(SYMBOL_FROM_KALLSYMS)},
		{0x70, 0x80, "f", OF(SYMBOL_FROM_PERFMAP)},
	};
	const enum symbol_source expected[] = {
		SYMBOL_FROM_MINIDEBUG, SYMBOL_FROM_DEBUG, SYMBOL_FROM_SYMTAB,
		SYMBOL_FROM_GOPCLNTAB, SYMBOL_FROM_FDE,   SYMBOL_FROM_KALLSYMS,
		SYMBOL_FROM_PERFMAP,
	};
	struct symbol_table table;
	struct symbol_found found;
	void *block = build(given, sizeof(given) / sizeof(given[0]), &table);

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(symbol_table_find(&table, (struct elf_addr){0x10 + 0x10 * i}, &found));
		assert_int_equal(found.source, expected[i]);
	}
	free(block);
}

/* What does not fit its place in a block stands elsewhere. */
static void long_names_and_large_symbols_are_whole(void **state)
{
	static const size_t lengths[] = {1, 4094, 4095, 4096, SYMBOL_NAME_BYTES_MAX};
	static const uint64_t sizes[] = {1, 65534, 65535, 65536, UINT64_C(1) << 40};
	char *name = malloc(SYMBOL_NAME_BYTES_MAX);
	struct symbol_list list = {.names = {name}};
	const struct symbol_table_input input = {.list = &list};
	struct symbol_table table;
	struct symbol_found found;
	uint64_t start = 0;
	size_t n_bytes;
	void *block;

	(void)state;
	memset(name, 'n', SYMBOL_NAME_BYTES_MAX);
	for (unsigned i = 0; i < 25; i++, start += UINT64_C(1) << 41)
		assert_int_equal(
			symbol_list_add(&list,
					&(struct symbol){.start = {start},
							 .end = {start + sizes[i % 5]},
							 .n_name_bytes = (uint16_t)lengths[i / 5],
							 .source = SYMBOL_FROM_DYNSYM}),
			0);
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	start = 0;
	for (unsigned i = 0; i < 25; i++, start += UINT64_C(1) << 41) {
		assert_true(symbol_table_find(&table, (struct elf_addr){start + sizes[i % 5] - 1},
					      &found));
		assert_int_equal(found.size_bytes, sizes[i % 5]);
		assert_int_equal(found.n_name_bytes, lengths[i / 5]);
		assert_memory_equal(found.name, name, found.n_name_bytes);
		assert_false(
			symbol_table_find(&table, (struct elf_addr){start + sizes[i % 5]}, &found));
	}
	free(block);
	free(name);
	symbol_list_deinit(&list);
}

static void an_at_sign_is_a_version_only_in_elf_symbols(void **state)
{
	const struct given given[] = {
		{0x10, 0x20, "read@V1", OF(SYMBOL_FROM_DEBUG)},
		{0x20, 0x30, "~ /node_modules/@scope/a.js", OF(SYMBOL_FROM_PERFMAP)},
	};
	const struct asked asked[] = {
		{"an ELF symbol", 0x10, "read", 0x10},
		{"a perf map's", 0x20, "~ /node_modules/@scope/a.js", 0x20},
	};

	(void)state;
	CHECK(given, asked);
}

static void lines_come_with_the_line_of_their_function(void **state)
{
	struct line_list lines = LINE_LIST_INIT;
	struct symbol_list list = {.names = {"mainrun"}};
	const struct symbol symbols[] = {
		{.start = {0x1000}, .end = {0x1100}, .n_name_bytes = 4, .source = 4},
		{.start = {0x1100}, .end = {0x1200}, .name_at = 4, .n_name_bytes = 3, .source = 4},
	};
	const struct symbol_table_input input = {.list = &list, .lines = &lines};
	const struct {
		uint64_t addr;
		const char *file; /* NULL: no line */
		uint32_t line, start_line;
	} asked[] = {
		{0xfff, NULL, 0, 0},      {0x1000, "a.go", 10, 10}, {0x107f, "b.go", 7, 0},
		{0x1090, "a.go", 12, 10}, {0x1100, "b.go", 3, 3},   {0x1180, NULL, 0, 0},
	};
	struct symbol_table table;
	struct symbol_line line;
	uint32_t a, b;
	size_t n_bytes;
	void *block;

	(void)state;
	assert_int_equal(line_list_file(&lines, "a.go", 4, &a), 0);
	assert_int_equal(line_list_file(&lines, "b.go", 4, &b), 0);
	assert_int_equal(line_list_add(&lines, &(struct line_row){{0x1000}, {0x1020}, a, 10, 0}),
			 0);
	assert_int_equal(line_list_add(&lines, &(struct line_row){{0x1020}, {0x1080}, b, 7, 0}), 0);
	assert_int_equal(line_list_add(&lines, &(struct line_row){{0x1080}, {0x1100}, a, 12, 0}),
			 0);
	assert_int_equal(line_list_add(&lines, &(struct line_row){{0x1100}, {0x1180}, b, 3, 0}), 0);
	assert_int_equal(symbol_list_add(&list, &symbols[0]), 0);
	assert_int_equal(symbol_list_add(&list, &symbols[1]), 0);
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		bool is_found = symbol_table_line(&table, (struct elf_addr){asked[i].addr}, &line);

		assert_int_equal(is_found, asked[i].file != NULL);
		if (!is_found)
			continue;
		assert_int_equal(line.n_file_bytes, strlen(asked[i].file));
		assert_memory_equal(line.file, asked[i].file, line.n_file_bytes);
		assert_int_equal(line.line, asked[i].line);
		assert_int_equal(line.start_line, asked[i].start_line);
	}
	free(block);
	symbol_list_deinit(&list);
	line_list_deinit(&lines);
}

static void what_cannot_be_used_is_passed_over(void **state)
{
	struct symbol_list list = {.names = {"name"}};
	const struct symbol empty = {.start = {16}, .end = {16}, .n_name_bytes = 4};
	const struct symbol backwards = {.start = {16}, .end = {8}, .n_name_bytes = 4};
	const struct symbol nameless = {.start = {16}, .end = {32}};

	(void)state;
	assert_int_equal(symbol_list_add(&list, &empty), 0);
	assert_int_equal(symbol_list_add(&list, &backwards), 0);
	assert_int_equal(symbol_list_add(&list, &nameless), 0);
	assert_int_equal(list.n_symbols, 0);
	list.n_names_bytes = SYMBOL_NAMES_BYTES_MAX;
	assert_int_equal(
		symbol_list_add(&list,
				&(struct symbol){.start = {1}, .end = {2}, .n_name_bytes = 4}),
		SYMBOL_TABLE_TOO_BIG);
	symbol_list_deinit(&list);
}

static void no_more_symbols_are_taken_than_memory_is_for(void **state)
{
	const struct symbol symbol = {.start = {1}, .end = {2}, .source = SYMBOL_FROM_FDE};
	struct symbol_list list = {.n_symbols = SYMBOL_BUILD_BYTES_MAX / (2 * sizeof(symbol))};

	(void)state;
	assert_true(list.n_symbols <= SYMBOLS_MAX);
	assert_int_equal(symbol_list_add(&list, &symbol), SYMBOL_TABLE_TOO_BIG);
}

/* Names that fit the list, but not the block beside it. */
static void a_table_stays_within_its_memory(void **state)
{
	char *name = malloc(SYMBOL_NAME_BYTES_MAX);
	struct symbol_list list = {.names = {name}};
	const struct symbol_table_input input = {.list = &list};
	struct symbol symbol = {.n_name_bytes = SYMBOL_NAME_BYTES_MAX, .source = SYMBOL_FROM_DEBUG};
	struct symbol_table table;
	struct symbol_found found;
	size_t n_bytes;
	void *block;
	int r;

	(void)state;
	memset(name, 'n', SYMBOL_NAME_BYTES_MAX);
	do {
		symbol.start.v += 0x10;
		symbol.end.v = symbol.start.v + 0x10;
		r = symbol_list_add(&list, &symbol);
	} while (r == 0);
	assert_int_equal(r, SYMBOL_TABLE_TOO_BIG);
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	assert_true(list.is_cut);
	assert_true(n_bytes <= SYMBOL_BUILD_BYTES_MAX);
	assert_true(symbol_table_find(&table, (struct elf_addr){0x10}, &found));
	assert_true(symbol_table_find(&table, (struct elf_addr){symbol.start.v / 2}, &found));
	assert_false(symbol_table_find(&table, (struct elf_addr){symbol.start.v - 0x10}, &found));
	free(block);
	free(name);
	symbol_list_deinit(&list);
}

static void lines_leave_symbols_their_memory(void **state)
{
	struct line_row row = {.start = {0x10}, .end = {0x20}, .line = 1};
	struct line_list lines = LINE_LIST_INIT;
	struct symbol_list list = {.names = {"name"}};
	const struct symbol_table_input input = {.list = &list, .lines = &lines};
	char *text = calloc(1, LINE_FILE_BYTES_MAX);
	struct symbol_table table;
	struct symbol_found found;
	struct symbol_line line;
	size_t n_bytes;
	void *block;

	(void)state;
	assert_int_equal(line_list_file(&lines, "a.c", 3, &row.file), 0);
	assert_int_equal(line_list_add(&lines, &row), 0);
	bytes_append(&lines.file_text, text, LINE_FILE_BYTES_MAX - lines.file_text.n_bytes);
	assert_int_equal(lines.file_text.error, 0);
	assert_int_equal(symbol_list_add(&list, &(struct symbol){.start = {0x10},
								 .end = {0x20},
								 .n_name_bytes = 4,
								 .source = SYMBOL_FROM_DEBUG}),
			 0);
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	assert_true(list.is_cut);
	assert_true(symbol_table_find(&table, (struct elf_addr){0x10}, &found));
	assert_false(symbol_table_line(&table, (struct elf_addr){0x10}, &line));
	free(block);
	free(text);
	symbol_list_deinit(&list);
	line_list_deinit(&lines);
}

enum { RANDOM_SYMBOLS = 64 };

static const struct given *best_by_definition(const struct given *given, uint64_t addr)
{
	const struct given *best = NULL;

	for (unsigned i = 0; i < RANDOM_SYMBOLS; i++) {
		if (given[i].start > addr || addr >= given[i].end)
			continue;
		if (!best || given[i].start > best->start ||
		    (given[i].start == best->start && given[i].standing < best->standing))
			best = &given[i];
	}
	return best;
}

/* Against the definition, byte by byte: the covering symbol that begins last, best alias first. */
static void random_symbols_agree_with_the_definition(void **state)
{
	char names[RANDOM_SYMBOLS][8];
	struct given given[RANDOM_SYMBOLS];
	struct symbol_table table;
	struct symbol_found found;
	unsigned seed = 1;
	void *block;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < RANDOM_SYMBOLS; i++) {
			uint64_t start = 1 + (unsigned)rand_r(&seed) % 200;

			(void)snprintf(names[i], sizeof(names[i]), "s%02u", i);
			given[i] = (struct given){
				start, start + 1 + (unsigned)rand_r(&seed) % 60, names[i],
				(uint8_t)(rand_r(&seed) % 4 == 0 ? SYMBOL_WEAK : 0)};
		}
		block = build(given, RANDOM_SYMBOLS, &table);
		for (uint64_t addr = 0; addr < 300; addr++) {
			const struct given *best = best_by_definition(given, addr);

			assert_int_equal(symbol_table_find(&table, (struct elf_addr){addr}, &found),
					 best != NULL);
			if (best)
				assert_int_equal(found.start.v, best->start);
			if (best && best->standing == 0)
				assert_true(found.size_bytes <= 60);
		}
		free(block);
	}
}

enum { NAMED = 12 }; /* the rest of the random ones are extents */

static bool begins_before(const struct given *a, const struct given *b)
{
	return a->start != b->start ? a->start < b->start : a->end > b->end;
}

/* The extent that covers @addr, of those that do not begin inside one before. */
static const struct given *extent_by_definition(const struct given *extents, size_t n,
						uint64_t addr)
{
	const struct given *last = NULL;

	for (;;) {
		const struct given *next = NULL;

		for (size_t i = 0; i < n; i++)
			if ((!last || extents[i].start >= last->end) &&
			    (!next || begins_before(&extents[i], next)))
				next = &extents[i];
		if (!next || next->start > addr)
			return NULL;
		if (addr < next->end)
			return next;
		last = next;
	}
}

/* Against the definition, byte by byte: an extent is found wherever no symbol covers it. */
static void random_extents_agree_with_the_definition(void **state)
{
	char names[RANDOM_SYMBOLS][8];
	struct given given[RANDOM_SYMBOLS];
	struct symbol_table table, named;
	struct symbol_found found, expected;
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		unsigned n = NAMED + (unsigned)rand_r(&seed) % (RANDOM_SYMBOLS - NAMED);
		void *blocks[2];

		for (unsigned i = 0; i < n; i++) {
			uint64_t start = 1 + (unsigned)rand_r(&seed) % 250;

			(void)snprintf(names[i], sizeof(names[i]), "s%02u", i);
			given[i] = (struct given){start, start + 1 + (unsigned)rand_r(&seed) % 30,
						  i < NAMED ? names[i] : "", OF(SYMBOL_FROM_FDE)};
			if (i < NAMED)
				given[i].standing = rand_r(&seed) % 4 ? OF(SYMBOL_FROM_SYMTAB)
								      : OF(SYMBOL_FROM_GOPCLNTAB);
		}
		blocks[0] = build(given, n, &table);
		blocks[1] = build(given, NAMED, &named);
		for (uint64_t addr = 0; addr < 300; addr++) {
			const struct given *extent =
				extent_by_definition(given + NAMED, n - NAMED, addr);
			bool has_name =
				symbol_table_find(&named, (struct elf_addr){addr}, &expected);

			assert_int_equal(symbol_table_find(&table, (struct elf_addr){addr}, &found),
					 has_name || extent);
			if (has_name) {
				assert_int_equal(found.start.v, expected.start.v);
				assert_int_equal(found.size_bytes, expected.size_bytes);
				assert_memory_equal(found.name, expected.name, 3);
			} else if (extent) {
				assert_int_equal(found.source, SYMBOL_FROM_FDE);
				assert_int_equal(found.start.v, extent->start);
				assert_int_equal(found.size_bytes, extent->end - extent->start);
			}
		}
		free(blocks[0]);
		free(blocks[1]);
	}
}

static void a_symbol_without_a_size_ends_with_its_extent(void **state)
{
	const struct given given[] = {
		{0x1000, 0x1040, "", OF(SYMBOL_FROM_FDE)},
		{0x1010, 0x2000, "inside", SYMBOL_SIZELESS},
		{0x1100, 0x2000, "between", SYMBOL_SIZELESS},
		{0x1180, 0x1190, "", OF(SYMBOL_FROM_FDE)},
	};
	const struct asked asked[] = {
		{"the extent before it", 0x100f, "", 0x1000},
		{"inside its extent", 0x103f, "inside", 0x1010},
		{"behind its extent", 0x1040, NULL, 0},
		{"outside of extents", 0x117f, "between", 0x1100},
		{"up to the next", 0x1180, "", 0x1180},
		{"behind that", 0x1190, NULL, 0},
	};

	(void)state;
	CHECK(given, asked);
}

static void segments_give_addresses_by_file_offset(void **state)
{
	const struct symbol_segments segments = {.n_segments = 4,
						 .segments = {
							 {0x0, 0x1800, 0x400000, 0x1800, 0},
							 {0x1800, 0x1000, 0x402800, 0x1000,
							  1}, /* vaddr - offset is not a constant */
							 {0x2900, 0x100, 0x500900, 0x100, 1},
							 {0x3000, 0, 0x600000, 0x1000, 1},
						 }};
	const struct {
		uint64_t offset, addr;
		bool is_found;
	} asked[] = {
		{0x10, 0x400010, true},   {0x1800, 0x402800, true}, {0x27ff, 0x4037ff, true},
		{0x1700, 0x402700, true}, /* the executable segment's first page begins here */
		{0x2800, 0x500800, true}, {0x2a00, 0, false},       {0x3000, 0, false},
		{UINT64_MAX, 0, false},
	};
	const struct symbol_build_id build_id = {.n_bytes = 2, .bytes = {0xab, 0xcd}};
	const struct symbol_table_input input = {.segments = &segments, .build_id = &build_id};
	struct symbol_table table;
	struct elf_addr addr;
	size_t n_bytes;
	void *block;

	(void)state;
	assert_int_equal(symbol_table_build(&input, &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	assert_int_equal(table.build_id.n_bytes, 2);
	assert_memory_equal(table.build_id.bytes, build_id.bytes, 2);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct symbol_segment *segment =
			symbol_table_address(&table, (struct file_off){asked[i].offset}, &addr);

		assert_int_equal(segment != NULL, asked[i].is_found);
		if (segment)
			assert_int_equal(addr.v, asked[i].addr);
	}
	free(block);
}

/* A block may lie in a file that others write: any change gives wrong names at worst. */
static void a_block_that_was_changed_is_refused_or_harmless(void **state)
{
	const struct given given[] = {{0x1000, 0x1100, "outer", 0},
				      {0x1010, 0x1040, "middle", 0},
				      {0x2000, 0x2010, "c", 0}};
	struct symbol_table table;
	struct symbol_found found;
	struct elf_addr addr;
	unsigned char *block = build(given, 3, &table);
	size_t n_bytes = (size_t)((const unsigned char *)table.text + table.n_text_bytes - block);
	unsigned char *changed = malloc(n_bytes);
	unsigned seed = 1, n_refused = 0;

	(void)state;
	assert_int_equal(symbol_table_view(block, n_bytes - 1, &table), SYMBOL_TABLE_MALFORMED);
	assert_int_equal(symbol_table_view(block, 8, &table), SYMBOL_TABLE_MALFORMED);
	for (unsigned round = 0; round < 20000; round++) {
		memcpy(changed, block, n_bytes);
		for (unsigned i = 0; i < 1 + round % 4; i++)
			changed[(unsigned)rand_r(&seed) % n_bytes] = (unsigned char)rand_r(&seed);
		if (symbol_table_view(changed, n_bytes, &table) != 0) {
			n_refused++;
			continue;
		}
		for (uint64_t at = 0xfff; at < 0x2020; at += 7)
			(void)symbol_table_find(&table, (struct elf_addr){at}, &found);
		(void)symbol_table_find(&table, (struct elf_addr){UINT64_MAX}, &found);
		(void)symbol_table_address(&table, (struct file_off){round}, &addr);
	}
	assert_in_range(n_refused, 1000, 19000);
	free(changed);
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_stays_a_gap),
		cmocka_unit_test(an_inner_symbol_wins_and_the_outer_goes_on_behind_it),
		cmocka_unit_test(the_order_of_aliases_is_the_documented_one),
		cmocka_unit_test(a_wider_alias_names_what_the_winner_does_not_reach),
		cmocka_unit_test(a_sizeless_symbol_reaches_to_the_next_and_yields_to_sized_ones),
		cmocka_unit_test(versions_are_cut_off_names),
		cmocka_unit_test(symbols_may_lie_anywhere_in_the_address_space),
		cmocka_unit_test(sources_stand_in_the_documented_order),
		cmocka_unit_test(a_name_says_which_source_it_came_from),
		cmocka_unit_test(long_names_and_large_symbols_are_whole),
		cmocka_unit_test(an_at_sign_is_a_version_only_in_elf_symbols),
		cmocka_unit_test(lines_come_with_the_line_of_their_function),
		cmocka_unit_test(what_cannot_be_used_is_passed_over),
		cmocka_unit_test(random_symbols_agree_with_the_definition),
		cmocka_unit_test(no_more_symbols_are_taken_than_memory_is_for),
		cmocka_unit_test(a_table_stays_within_its_memory),
		cmocka_unit_test(lines_leave_symbols_their_memory),
		cmocka_unit_test(random_extents_agree_with_the_definition),
		cmocka_unit_test(a_symbol_without_a_size_ends_with_its_extent),
		cmocka_unit_test(segments_give_addresses_by_file_offset),
		cmocka_unit_test(a_block_that_was_changed_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
