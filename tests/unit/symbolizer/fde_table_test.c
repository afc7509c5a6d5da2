#include "elf/fde_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CODE     UINT64_C(0x401000)
#define SECTION  UINT64_C(0x500000)
#define TEXT_MAX 4096u

static const struct symbol_segments segments = {
	2, {{.vaddr = CODE, .memory_bytes = 0x10000, .is_executable = true}, {.vaddr = SECTION}}};

/* A section while it is written. */
struct writer {
	uint8_t data[1024];
	size_t n;
};

static void put(struct writer *w, uint64_t value, unsigned n_bytes)
{
	memcpy(w->data + w->n, &value, n_bytes);
	w->n += n_bytes;
}

static void put_text(struct writer *w, const char *text)
{
	memcpy(w->data + w->n, text, strlen(text) + 1);
	w->n += strlen(text) + 1;
}

/* Begins a record; end_record() fills in its length. */
static size_t begin_record(struct writer *w, bool is_long)
{
	size_t at = w->n;

	put(w, is_long ? UINT32_MAX : 0, 4);
	if (is_long)
		put(w, 0, 8);
	return at;
}

static void end_record(struct writer *w, size_t at)
{
	uint32_t first;
	uint64_t n_bytes;

	memcpy(&first, w->data + at, sizeof(first));
	if (first == UINT32_MAX) {
		n_bytes = w->n - at - 12;
		memcpy(w->data + at + 4, &n_bytes, 8);
	} else {
		n_bytes = w->n - at - 4;
		memcpy(w->data + at, &n_bytes, 4);
	}
}

/* A CIE of version 1 with @augmentation, whose data is @data. */
static size_t put_cie(struct writer *w, const char *augmentation, const char *data, size_t n_data)
{
	size_t at = begin_record(w, false);

	put(w, 0, 4);
	put(w, 1, 1);
	put_text(w, augmentation);
	put(w, 1, 1);
	put(w, 0x78, 1);
	put(w, 16, 1);
	if (augmentation[0] == 'z')
		put(w, n_data, 1);
	memcpy(w->data + w->n, data, n_data);
	w->n += n_data;
	end_record(w, at);
	return at;
}

/* An FDE of the CIE at @cie: its address as @start in @n_bytes, and @size in as many. */
static void put_fde(struct writer *w, size_t cie, uint64_t start, uint64_t size, unsigned n_bytes)
{
	size_t at = begin_record(w, false);

	put(w, w->n - cie, 4);
	put(w, start, n_bytes);
	put(w, size, n_bytes);
	put(w, 0, 1);
	end_record(w, at);
}

static int read_extents(const struct writer *w, struct fde_section section,
			struct symbol_list *list)
{
	cleanup_with(bytes_deinit) struct bytes extents = BYTES_INIT(TEXT_MAX);
	int r, outcome;

	section.bytes = (struct wire_bytes){w->data, w->n};
	section.start.v = section.start.v ? section.start.v : SECTION;
	outcome = fde_table_read(&section, &segments, &extents);
	r = fde_table_collect((struct wire_bytes){extents.data, extents.n_bytes}, list);
	assert_int_equal(r, 0);
	return outcome;
}

static void assert_extent(const struct symbol_list *list, size_t i, uint64_t start, uint64_t size)
{
	assert_true(i < list->n_symbols);
	assert_int_equal(list->symbols[i].start.v, start);
	assert_int_equal(list->symbols[i].end.v, start + size);
	assert_int_equal(list->symbols[i].source, SYMBOL_FROM_FDE);
}

static void every_encoding_of_an_address_is_read(void **state)
{
	static const struct {
		const char *what;
		uint8_t encoding;
		bool is_64;
		uint64_t base; /* to take from CODE; 1: of its own place */
		unsigned n_bytes;
		bool is_bad;
	} cases[] = {
		{"absolute", 0x00, true, 0, 8, false},
		{"absolute of 32 bits", 0x00, false, 0, 4, false},
		{"signed native", 0x08, true, 0, 8, false},
		{"udata4", 0x03, true, 0, 4, false},
		{"sdata4", 0x0b, true, 0, 4, false},
		{"udata8", 0x04, true, 0, 8, false},
		{"sdata8", 0x0c, true, 0, 8, false},
		{"pcrel sdata4", 0x1b, true, 1, 4, false},
		{"pcrel udata4, of 32 bits", 0x13, false, 1, 4, false},
		{"pcrel sdata8", 0x1c, true, 1, 8, false},
		{"datarel sdata4", 0x3b, true, CODE + 0x100, 4, false},
		{"indirect", 0x9b, true, 1, 4, true},
		{"textrel", 0x2b, true, 0, 4, true},
		{"funcrel", 0x4b, true, 0, 4, true},
		{"of no such size", 0x05, true, 0, 4, true},
		{"omitted", 0xff, true, 0, 4, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = {0};
		struct symbol_list list = {0};
		size_t cie = put_cie(&w, "zR", (const char *)&cases[i].encoding, 1);
		uint64_t base = cases[i].base == 1 ? SECTION + w.n + 8 : cases[i].base;
		int r;

		put_fde(&w, cie, CODE - base, 0x40, cases[i].n_bytes);
		r = read_extents(
			&w, (struct fde_section){.is_64 = cases[i].is_64, .data = {CODE + 0x100}},
			&list);
		if (r != (cases[i].is_bad ? FDE_TABLE_MALFORMED : 0))
			print_error("%s\n", cases[i].what);
		assert_int_equal(r, cases[i].is_bad ? FDE_TABLE_MALFORMED : 0);
		assert_int_equal(list.n_symbols, !cases[i].is_bad);
		if (!cases[i].is_bad)
			assert_extent(&list, 0, CODE, 0x40);
		symbol_list_deinit(&list);
	}
}

static void leb128_and_small_encodings_are_read(void **state)
{
	static const struct symbol_segments low = {
		1, {{.vaddr = 0x100, .memory_bytes = 0x10000, .is_executable = true}}};
	static const struct {
		uint8_t encoding;
		const char *bytes;
		size_t n_bytes;
	} cases[] = {
		{0x01, "\x80\x08\x40", 3},         /* uleb128: 0x400, 0x40 */
		{0x09, "\x80\x08\xc0\x00", 4},     /* sleb128 */
		{0x02, "\x00\x04\x40\x00", 4},     /* udata2 */
		{0x0a, "\x00\x04\x40\x00", 4},     /* sdata2 */
		{0x1a, "\xf3\xff\x40\x00", 4},     /* pcrel sdata2: less than nothing */
		{0x01, "\x80\x88\x80\x00\x40", 5}, /* longer than need be */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = {0};
		struct fde_section section = {
			.is_64 = true,
		};
		cleanup_with(bytes_deinit) struct bytes extents = BYTES_INIT(TEXT_MAX);
		struct symbol_list list = {0};
		size_t cie = put_cie(&w, "zR", (const char *)&cases[i].encoding, 1), at;

		at = begin_record(&w, false);
		put(&w, w.n - cie, 4);
		memcpy(w.data + w.n, cases[i].bytes, cases[i].n_bytes);
		section.start.v = 0x40d - w.n;
		w.n += cases[i].n_bytes;
		end_record(&w, at);
		section.bytes = (struct wire_bytes){w.data, w.n};
		assert_int_equal(fde_table_read(&section, &low, &extents), 0);
		assert_int_equal(fde_table_collect(
					 (struct wire_bytes){extents.data, extents.n_bytes}, &list),
				 0);
		assert_extent(&list, 0, 0x400, 0x40);
		symbol_list_deinit(&list);
	}
}

static void what_augmentations_say_is_skipped_up_to_the_encoding(void **state)
{
	static const struct {
		const char *letters, *data;
		size_t n_data;
		bool is_bad;
	} cases[] = {
		{"zR", "\x1b", 1, false},
		{"zPLR", "\x9b\1\2\3\4\x1b\x1b", 7,
		 false}, /* an indirect personality is nobody's */
		{"zPR", "\x00\1\2\3\4\5\6\7\x08\x1b", 10, false},
		{"zRS", "\x1b", 1, false}, /* of a signal's frame */
		{"zSR", "\x1b", 1, false},
		{"zRQ", "\x1b", 1, false}, /* unknown, behind what matters */
		{"zQR", "\x1b", 1, true},
		{"armcc+", "", 0, true},
		{"zPPPPPPPPPPPPPPPR", "", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = {0};
		struct symbol_list list = {0};
		size_t cie = put_cie(&w, cases[i].letters, cases[i].data, cases[i].n_data);

		put_fde(&w, cie, CODE - (SECTION + w.n + 8), 0x40, 4);
		assert_int_equal(read_extents(&w, (struct fde_section){.is_64 = true}, &list),
				 cases[i].is_bad ? FDE_TABLE_MALFORMED : 0);
		assert_int_equal(list.n_symbols, !cases[i].is_bad);
		symbol_list_deinit(&list);
	}
}

/* A section is what the linker put one after another: an end of one is not the end. */
static void records_behind_a_terminator_and_of_64_bits_are_read(void **state)
{
	struct writer w = {0};
	struct symbol_list list = {0};
	size_t cie, at;

	(void)state;
	cie = put_cie(&w, "", "", 0);
	put_fde(&w, cie, CODE, 0x10, 8);
	put(&w, 0, 4);
	put_fde(&w, cie, CODE + 0x10, 0x20, 8);
	at = begin_record(&w, true);
	put(&w, w.n - cie, 4);
	put(&w, CODE + 0x40, 8);
	put(&w, 0x30, 8);
	end_record(&w, at);
	put_fde(&w, cie, CODE + 0x80, 0x40, 8);
	put(&w, 0, 4);
	assert_int_equal(read_extents(&w, (struct fde_section){.is_64 = true}, &list), 0);
	assert_int_equal(list.n_symbols, 4);
	assert_extent(&list, 0, CODE, 0x10);
	assert_extent(&list, 1, CODE + 0x10, 0x20);
	assert_extent(&list, 2, CODE + 0x40, 0x30);
	assert_extent(&list, 3, CODE + 0x80, 0x40);
	symbol_list_deinit(&list);

	list = (struct symbol_list){0};
	assert_int_equal(
		read_extents(&w, (struct fde_section){.is_64 = true, .ends_at_zero = true}, &list),
		0);
	assert_int_equal(list.n_symbols, 1);
	symbol_list_deinit(&list);
}

static void newer_versions_of_a_cie_are_read(void **state)
{
	static const struct {
		uint8_t version, address_bytes;
		bool is_bad;
	} cases[] = {{3, 0, false}, {4, 8, false}, {4, 4, true}, {2, 0, true}, {5, 0, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = {0};
		struct symbol_list list = {0};
		size_t at = begin_record(&w, false);

		put(&w, 0, 4);
		put(&w, cases[i].version, 1);
		put_text(&w, "zR");
		if (cases[i].version == 4)
			put(&w, cases[i].address_bytes, 2); /* and no segment */
		put(&w, 1, 1);
		put(&w, 0x78, 1);
		put(&w, 0x0090, 2); /* the register in two bytes, as a LEB128 */
		put(&w, 1, 1);
		put(&w, 0x03, 1);
		end_record(&w, at);
		put_fde(&w, 0, CODE, 0x40, 4);
		assert_int_equal(read_extents(&w, (struct fde_section){.is_64 = true}, &list),
				 cases[i].is_bad ? FDE_TABLE_MALFORMED : 0);
		assert_int_equal(list.n_symbols, !cases[i].is_bad);
		symbol_list_deinit(&list);
	}
}

static void only_extents_of_code_count(void **state)
{
	static const struct {
		uint64_t start, size;
	} cases[] = {
		{0, 0x10},                   /* of code that the linker dropped */
		{CODE, 0},                   /* of nothing */
		{CODE - 1, 0x10},            /* begins before the code */
		{CODE + 0xfff0, 0x11},       /* ends behind it */
		{SECTION, 0x10},             /* data */
		{UINT64_MAX - 8, 0x10},      /* wraps */
		{CODE + 8, UINT64_MAX - 16}, /* wraps */
	};
	struct writer w = {0};
	struct symbol_list list = {0};
	size_t cie = put_cie(&w, "", "", 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		put_fde(&w, cie, cases[i].start, cases[i].size, 8);
	put_fde(&w, cie, CODE + 0xfff0, 0x10, 8);
	assert_int_equal(read_extents(&w, (struct fde_section){.is_64 = true}, &list), 0);
	assert_int_equal(list.n_symbols, 1);
	assert_extent(&list, 0, CODE + 0xfff0, 0x10);
	symbol_list_deinit(&list);
}

static void a_record_that_lies_costs_itself_or_what_follows(void **state)
{
	struct writer w = {0};
	struct symbol_list list = {0};
	size_t cie = put_cie(&w, "", "", 0), at;

	(void)state;
	put_fde(&w, cie, CODE, 0x10, 8);
	at = begin_record(&w, false); /* of a CIE before the section */
	put(&w, 0x10000, 4);
	end_record(&w, at);
	at = begin_record(&w, false); /* of a CIE that is an FDE */
	put(&w, w.n - (cie + 24), 4);
	put(&w, CODE, 8);
	end_record(&w, at);
	at = begin_record(&w, false); /* too short to hold an address */
	put(&w, w.n - cie, 4);
	put(&w, 0, 2);
	end_record(&w, at);
	at = begin_record(&w, false); /* too short to say whose it is */
	put(&w, 1, 2);
	end_record(&w, at);
	put_fde(&w, cie, CODE + 0x10, 0x10, 8);
	put(&w, 0x7fffffff, 4); /* a length beyond the end */
	put_fde(&w, cie, CODE + 0x20, 0x10, 8);
	assert_int_equal(read_extents(&w, (struct fde_section){.is_64 = true}, &list),
			 FDE_TABLE_MALFORMED);
	assert_int_equal(list.n_symbols, 2);
	assert_extent(&list, 1, CODE + 0x10, 0x10);
	symbol_list_deinit(&list);
}

static void too_many_extents_are_an_outcome(void **state)
{
	cleanup_with(bytes_deinit) struct bytes extents = BYTES_INIT(7);
	struct writer w = {0};
	struct fde_section section = {.is_64 = true, .start = {SECTION}};
	struct symbol_list list = {0};
	size_t cie = put_cie(&w, "", "", 0);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put_fde(&w, cie, CODE + 0x10 * i, 0x10, 8);
	section.bytes = (struct wire_bytes){w.data, w.n};
	assert_int_equal(fde_table_read(&section, &segments, &extents), FDE_TABLE_TOO_BIG);
	assert_int_equal(
		fde_table_collect((struct wire_bytes){extents.data, extents.n_bytes}, &list), 0);
	assert_extent(&list, 0, CODE, 0x10);
	symbol_list_deinit(&list);
	assert_int_equal(fde_table_collect((struct wire_bytes){"\x80", 1}, &list),
			 FDE_TABLE_MALFORMED);
}

static int read_header(const char *bytes, size_t n_bytes, struct fde_header *ret_header)
{
	const struct fde_section header = {
		.bytes = {bytes, n_bytes}, .start = {SECTION}, .data = {SECTION}, .is_64 = true};

	return fde_header_read(&header, ret_header);
}

static void a_header_says_where_the_section_is_and_ends(void **state)
{
	struct fde_header header;

	(void)state;
	/* .eh_frame 0x20 behind the field; two rows: code at -0x1000 and -0x800, FDEs at 0x48, 0x40
	 */
	assert_int_equal(read_header("\x01\x1b\x03\x3b\x20\0\0\0\x02\0\0\0"
				     "\0\xf0\xff\xff\x48\0\0\0\0\xf8\xff\xff\x40\0\0\0",
				     28, &header),
			 0);
	assert_int_equal(header.section.v, SECTION + 4 + 0x20);
	assert_int_equal(header.last_fde.v, SECTION + 0x48);
	/* a table that claims more rows than there are tells of those that there are */
	assert_int_equal(read_header("\x01\x1b\x03\x3b\x20\0\0\0\xff\xff\xff\xff"
				     "\0\xf0\xff\xff\x48\0\0\0\0\xf8\xff\xff",
				     24, &header),
			 0);
	assert_int_equal(header.last_fde.v, SECTION + 0x48);
	/* no table */
	assert_int_equal(read_header("\x01\x1b\xff\xff\x20\0\0\0", 8, &header), 0);
	assert_int_equal(header.section.v, SECTION + 4 + 0x20);
	assert_int_equal(header.last_fde.v, 0);
	assert_int_equal(read_header("\x02\x1b\x03\x3b\x20\0\0\0", 8, &header),
			 FDE_TABLE_MALFORMED);
	assert_int_equal(read_header("\x01\x9b\x03\x3b\x20\0\0\0", 8, &header),
			 FDE_TABLE_MALFORMED);
	assert_int_equal(read_header("\x01\x1b\x03\x3b\x20\0\0", 7, &header), FDE_TABLE_MALFORMED);
	assert_int_equal(read_header("", 0, &header), FDE_TABLE_MALFORMED);
}

static void nothing_is_read_behind_the_last_record_of_a_header(void **state)
{
	struct writer w = {0};
	struct symbol_list list = {0};
	size_t cie = put_cie(&w, "", "", 0), last;

	(void)state;
	put_fde(&w, cie, CODE, 0x10, 8);
	last = w.n;
	put_fde(&w, cie, CODE + 0x10, 0x10, 8);
	put(&w, UINT64_C(0x1234567812345678), 8); /* another section */
	assert_int_equal(
		read_extents(&w, (struct fde_section){.is_64 = true, .last_fde = {SECTION + last}},
			     &list),
		0);
	assert_int_equal(list.n_symbols, 2);
	symbol_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_encoding_of_an_address_is_read),
		cmocka_unit_test(leb128_and_small_encodings_are_read),
		cmocka_unit_test(what_augmentations_say_is_skipped_up_to_the_encoding),
		cmocka_unit_test(records_behind_a_terminator_and_of_64_bits_are_read),
		cmocka_unit_test(newer_versions_of_a_cie_are_read),
		cmocka_unit_test(only_extents_of_code_count),
		cmocka_unit_test(a_record_that_lies_costs_itself_or_what_follows),
		cmocka_unit_test(too_many_extents_are_an_outcome),
		cmocka_unit_test(a_header_says_where_the_section_is_and_ends),
		cmocka_unit_test(nothing_is_read_behind_the_last_record_of_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
