#include "kallsyms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char kernel_text[] = "ffffffff81000000 T _text\n"
				  "ffffffff81000000 T _stext\n"
				  "ffffffff81000000 T first\n"
				  "ffffffff81000100 t second\n"
				  "ffffffff81000200 W weak_one\n"
				  "ffffffff81000300 D data_in_between\n"
				  "ffffffff81000400 T last\n"
				  "ffffffff81000800 T _etext\n"
				  "ffffffff82000000 D data\n"
				  "ffffffff83000000 T _sinittext\n"
				  "ffffffff83000010 T start_kernel\n"
				  "ffffffff83000400 T _einittext\n"
				  "0000000000012340 A percpu\n"
				  "ffffffffa0000000 t helper\t[module]\n"
				  "ffffffffa0000100 t last_of_module\t[module]\n"
				  "ffffffffc0000000 t bpf_prog_0123456789abcdef_tick\t[bpf]\n";

static void check_name(const struct symbol_table *table, uint64_t addr, const char *name)
{
	struct symbol_found found;
	bool is_found = symbol_table_find(table, (struct elf_addr){addr}, &found);

	if (!name && is_found)
		fail_msg("%llx is %.*s", (unsigned long long)addr, (int)found.n_name_bytes,
			 found.name);
	if (!name)
		return;
	if (!is_found)
		fail_msg("%llx is nothing, not %s", (unsigned long long)addr, name);
	assert_int_equal(found.n_name_bytes, strlen(name));
	assert_memory_equal(found.name, name, strlen(name));
}

static void functions_end_where_the_next_symbol_begins(void **state)
{
	const struct {
		uint64_t addr;
		const char *name;
	} rows[] = {
		{0xffffffff80ffffff, NULL},
		{0xffffffff81000000, "first"}, /* not _text, not _stext */
		{0xffffffff810000ff, "first"},
		{0xffffffff81000100, "second"},
		{0xffffffff810002ff, "weak_one"},
		{0xffffffff81000300, NULL}, /* data names no code */
		{0xffffffff810007ff, "last"},
		{0xffffffff82000000, NULL},
		{0xffffffff830003ff, "start_kernel"},
		{0xffffffff84000000, NULL},
		{0x12340, NULL},
		{0xffffffffa0000000, "helper [module]"},
		{0xffffffffa00001ff, "last_of_module [module]"},
		{0xffffffffa0000100 + KALLSYMS_FOREIGN_BYTES_MAX,
		 NULL}, /* nobody knows where it ends */
		{0xffffffffc0000020, "bpf_prog_0123456789abcdef_tick [bpf]"},
		{0xffffffffffffffff, NULL},
	};
	struct symbol_table table;
	size_t n_bytes;
	void *block;

	(void)state;
	assert_int_equal(kallsyms_parse(kernel_text, strlen(kernel_text), &block, &n_bytes), 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_name(&table, rows[i].addr, rows[i].name);
	free(block);
}

static void texts_that_are_none_have_their_outcome(void **state)
{
	static const struct {
		const char *text;
		int outcome;
	} rows[] = {
		{"", KALLSYMS_MALFORMED},
		{"garbage\n", KALLSYMS_MALFORMED},
		{"0000000000000000 T _text\n0000000000000000 t other\n", KALLSYMS_HIDDEN},
		{"ffffffff81000000 D only_data\n", KALLSYMS_MALFORMED},
		{"ffffffff81000000 T cut_off", KALLSYMS_MALFORMED}, /* no newline: not whole */
		{"ffffffff81000000 T \nffffffff81000010  x\n", KALLSYMS_MALFORMED},
		{"11112222333344445 T too_long_an_address\n", KALLSYMS_MALFORMED},
	};
	size_t n_bytes;
	void *block;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			kallsyms_parse(rows[i].text, strlen(rows[i].text), &block, &n_bytes),
			rows[i].outcome);
	assert_int_equal(kallsyms_parse("", (size_t)KALLSYMS_TEXT_BYTES_MAX + 1, &block, &n_bytes),
			 KALLSYMS_TOO_BIG);
}

/* This machine's own, where it can be read: every function of the kernel's text under its name. */
static void the_kernels_own_text_is_understood(void **state)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char *text = malloc(KALLSYMS_TEXT_BYTES_MAX);
	struct symbol_table table;
	struct symbol_found found;
	size_t n_text, n_bytes;
	void *block;
	int r;

	(void)state;
	assert_non_null(file);
	n_text = fread(text, 1, KALLSYMS_TEXT_BYTES_MAX, file);
	(void)fclose(file);
	r = kallsyms_parse(text, n_text, &block, &n_bytes);
	if (r == KALLSYMS_HIDDEN) {
		free(text);
		skip(); /* without privilege a kernel may show zeros */
	}
	assert_int_equal(r, 0);
	assert_int_equal(symbol_table_view(block, n_bytes, &table), 0);
	assert_true(table.n_pieces > 10000);
	for (char *line = text; line && line - text < 100000; line = strchr(line, '\n') + 1) {
		unsigned long long address = strtoull(line, NULL, 16);

		if (line[17] == 'T' && address > UINT64_C(0xffffffff80000000)) {
			assert_true(symbol_table_find(&table, (struct elf_addr){address}, &found));
			assert_int_equal(found.start.v, address);
		}
	}
	free(block);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_end_where_the_next_symbol_begins),
		cmocka_unit_test(texts_that_are_none_have_their_outcome),
		cmocka_unit_test(the_kernels_own_text_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
