/* The texts that runtimes write, honest and not, and what of overlapping entries is left. */
#include "table/perf_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE     256u /* addresses of the model */
#define N_ENTRIES 40u

static void *build(const struct symbol_table *before, const char *text,
		   struct symbol_table *ret_table)
{
	size_t n_bytes;
	void *block;

	assert_int_equal(
		perf_map_build(before, (struct wire_bytes){text, strlen(text)}, &block, &n_bytes),
		0);
	assert_int_equal(symbol_table_view(block, n_bytes, ret_table), 0);
	return block;
}

/* The name at @addr, in a buffer that the next call uses again; "" where there is none. */
static const char *name_at(const struct symbol_table *table, uint64_t addr)
{
	static char name[2048];
	struct symbol_found found;

	if (!symbol_table_find(table, (struct elf_addr){addr}, &found))
		return "";
	assert_int_equal(found.source, SYMBOL_FROM_PERFMAP);
	assert_true(addr >= found.start.v && addr - found.start.v < found.size_bytes);
	memcpy(name, found.name, found.n_name_bytes);
	name[found.n_name_bytes] = '\0';
	return name;
}

static void the_texts_of_runtimes_are_understood(void **state)
{
	static const char text[] = "7f4c70005b80 180 JS:*fib /tmp/node_modules/@a/fib.js:1:13\n"
				   "0x00007f9a18ec7640 0x0000000000000130 int Fib.fib(int)\n"
				   "7fdceecde155 b py::<module>:<frozen io>\n"
				   "7FDCEECDF000 10 upper case\r\n"
				   "  7fdceecdf100\t10\ttabs \n"
				   "7fdceecdf200 10 not yet whole";
	static const struct {
		uint64_t addr;
		const char *name;
	} cases[] = {
		{0x7f4c70005b80, "JS:*fib /tmp/node_modules/@a/fib.js:1:13"},
		{0x7f4c70005cff, "JS:*fib /tmp/node_modules/@a/fib.js:1:13"},
		{0x7f4c70005d00, ""},
		{0x7f9a18ec7640 + 0x12f, "int Fib.fib(int)"},
		{0x7fdceecde15f, "py::<module>:<frozen io>"},
		{0x7fdceecdf00f, "upper case"},
		{0x7fdceecdf100, "tabs"},
		{0x7fdceecdf200, ""},
	};
	struct symbol_table table;
	void *block = build(NULL, text, &table);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(name_at(&table, cases[i].addr), cases[i].name);
	free(block);
}

static void lines_that_are_none_are_passed_over(void **state)
{
	static const char text[] = "\n \nx\n10\n10 20\n10 20 \n0x 20 a\n10 0x a\n10 g a\n10 0 a\n"
				   "-10 20 a\n10, 20 a\n11111111111111111 20 a\n"
				   "ffffffffffffffff 2 a\n10 ffffffffffffffff a\n10:20 30 a\n"
				   "100 1 good\n";
	struct symbol_table table;
	struct symbol_walk walk = {0};
	struct symbol_found found;
	void *block = build(NULL, text, &table);

	(void)state;
	assert_true(symbol_table_next(&table, &walk, &found));
	assert_int_equal(found.start.v, 0x100);
	assert_false(symbol_table_next(&table, &walk, &found));
	free(block);
	block = build(NULL, "", &table);
	assert_string_equal(name_at(&table, 0), "");
	free(block);
}

static void a_name_too_long_is_cut(void **state)
{
	char text[PERF_MAP_NAME_BYTES_MAX + 100];
	struct symbol_table table;
	void *block;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "10 10 ", 6);
	memcpy(text + sizeof(text) - 2, "\n", 2);
	block = build(NULL, text, &table);
	assert_int_equal(strlen(name_at(&table, 0x10)), PERF_MAP_NAME_BYTES_MAX);
	free(block);
}

/* What each address is called when entries are laid over one another, one address at a time. */
static void lay(unsigned char model[SPACE], unsigned start, unsigned size, unsigned char name)
{
	for (unsigned at = start; at < start + size && at < SPACE; at++)
		model[at] = name;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void later_entries_lie_over_earlier_ones_however_the_text_is_cut(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		unsigned char model[SPACE] = {0};
		unsigned cut_at = next_random(&seed) % N_ENTRIES;
		struct symbol_table before, table;
		char texts[2][N_ENTRIES * 32] = {"", ""};
		void *first, *block;

		for (unsigned i = 0; i < N_ENTRIES; i++) {
			unsigned start = 1 + next_random(&seed) % (SPACE - 60);
			unsigned size = 1 + next_random(&seed) % 50;
			char *to = texts[i >= cut_at];

			(void)sprintf(to + strlen(to), "%x %x n%u\n", start, size, i);
			lay(model, start, size, (unsigned char)(i + 1));
		}
		first = build(NULL, texts[0], &before);
		block = build(&before, texts[1], &table);
		for (unsigned at = 0; at < SPACE; at++) {
			char expected[16] = "";

			if (model[at])
				(void)sprintf(expected, "n%u", model[at] - 1u);
			assert_string_equal(name_at(&table, at), expected);
		}
		free(block);
		free(first);
	}
}

static void what_is_dead_is_gone_and_pieces_of_one_entry_are_one(void **state)
{
	struct symbol_table table, again;
	struct symbol_walk walk = {0};
	struct symbol_found found;
	void *block =
		build(NULL, "10 10 dead\n8 20 all\n30 8 left\n38 8 right\n30 8 left\n", &table);
	void *block_again = build(&table, "1000 10 new\n", &again);
	static const char *const names[] = {"all", "left", "right", "new"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(symbol_table_next(&again, &walk, &found));
		assert_int_equal(found.n_name_bytes, strlen(names[i]));
		assert_memory_equal(found.name, names[i], found.n_name_bytes);
	}
	assert_false(symbol_table_next(&again, &walk, &found));
	free(block);
	free(block_again);
}

static void of_too_many_entries_the_last_are_kept(void **state)
{
	const size_t n_lines = PERF_MAP_ENTRIES_MAX + 1000;
	char *text = malloc(n_lines * 20 + 1), *at = text;
	struct symbol_table table;
	void *block;

	(void)state;
	for (size_t i = 0; i < n_lines; i++)
		at += sprintf(at, "%zx 8 n%zx\n", 0x10000 + 16 * i, i);
	block = build(NULL, text, &table);
	assert_string_equal(name_at(&table, 0x10000 + 16 * 999), "");
	assert_string_equal(name_at(&table, 0x10000 + 16 * 1000), "n3e8");
	free(block);
	free(text);
}

static void a_text_that_is_too_long_is_refused(void **state)
{
	size_t n_bytes;
	void *block;

	(void)state;
	assert_int_equal(perf_map_build(NULL,
					(struct wire_bytes){"", PERF_MAP_TEXT_BYTES_MAX + 1ul},
					&block, &n_bytes),
			 PERF_MAP_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_texts_of_runtimes_are_understood),
		cmocka_unit_test(lines_that_are_none_are_passed_over),
		cmocka_unit_test(a_name_too_long_is_cut),
		cmocka_unit_test(later_entries_lie_over_earlier_ones_however_the_text_is_cut),
		cmocka_unit_test(what_is_dead_is_gone_and_pieces_of_one_entry_are_one),
		cmocka_unit_test(of_too_many_entries_the_last_are_kept),
		cmocka_unit_test(a_text_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
