#include "go/go_image.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "go_fixture.h"
#include "readers.h"

/* A file: code, then data with the table, relocations and what tells where those are. */
#define CODE_VADDR     GO_FIXTURE_TEXT
#define DATA_VADDR     UINT64_C(0x600000)
#define DATA_OFFSET    0x1000u
#define TABLE_AT       0x1040u /* all from the start of the data */
#define MODULE_AT      0x2000u
#define DYNAMIC_AT     0x3000u
#define RELOCATIONS_AT 0x3100u
#define FILE_BYTES     0x6000u

struct program {
	uint8_t bytes[FILE_BYTES];
	struct symbol_segments segments;
	struct go_fixture fixture;
	struct memory_reader memory;
	struct object_reader reader;
	struct object_image *image;
	int memory_fd;
	size_t n_relocations;
	struct go_image go;
};

static void put(struct program *program, size_t at, const void *data, size_t n_bytes)
{
	memcpy(program->bytes + DATA_OFFSET + at, data, n_bytes);
}

static struct go_range range_of(uint32_t at, uint64_t n_bytes)
{
	return (struct go_range){DATA_VADDR + at, DATA_OFFSET + at, n_bytes};
}

/* @text is what the header says of it; before 1.18, what the addresses count from. */
static void make(struct program *program, enum go_format format, uint64_t text)
{
	memset(program, 0, sizeof(*program));
	program->fixture = (struct go_fixture){
		.format = format, .quantum_bytes = 1, .pointer_bytes = 8, .text = text};
	go_fixture_make(&program->fixture);
	put(program, TABLE_AT, program->fixture.bytes, program->fixture.n_bytes);
	program->segments.n_segments = 2;
	program->segments.segments[0] = (struct symbol_segment){
		.vaddr = CODE_VADDR,
		.file_bytes = DATA_OFFSET,
		.memory_bytes = DATA_OFFSET,
		.is_executable = true,
	};
	program->segments.segments[1] = (struct symbol_segment){
		.offset = DATA_OFFSET,
		.vaddr = DATA_VADDR,
		.file_bytes = FILE_BYTES - DATA_OFFSET,
		.memory_bytes = FILE_BYTES - DATA_OFFSET,
	};
	program->go.machine = EM_X86_64;
	program->go.is_64 = true;
	program->go.is_go = true;
}

static void relocate(struct program *program, uint32_t at, uint64_t addend)
{
	const Elf64_Rela entry = {DATA_VADDR + at, R_X86_64_RELATIVE, (int64_t)addend};
	size_t n_bytes = (program->n_relocations + 1) * sizeof(entry);
	const Elf64_Dyn dynamic[] = {
		{DT_RELA, {DATA_VADDR + RELOCATIONS_AT}}, {DT_RELASZ, {n_bytes}}, {DT_NULL, {0}}};

	put(program, RELOCATIONS_AT + n_bytes - sizeof(entry), &entry, sizeof(entry));
	put(program, DYNAMIC_AT, dynamic, sizeof(dynamic));
	program->go.dynamic = range_of(DYNAMIC_AT, sizeof(dynamic));
	program->n_relocations++;
}

static void see(struct program *program, const char *name, uint32_t at, uint64_t n_bytes)
{
	const struct go_range range = range_of(at, n_bytes);

	go_image_see_section(&program->go, name, &range);
}

static void see_table(struct program *program)
{
	see(program, ".gopclntab", TABLE_AT, program->fixture.n_bytes);
}

static int fetch(struct program *program)
{
	const struct wire_object object = {.id = 1, .kind = OBJECT_FILE, .size_bytes = FILE_BYTES};

	program->memory.data = program->bytes;
	program->memory.n_bytes = FILE_BYTES;
	program->reader = memory_reader(&program->memory);
	program->memory_fd = memfd_create("object", MFD_CLOEXEC);
	assert_int_equal(
		object_image_new(program->memory_fd, &object, &program->reader, &program->image),
		0);
	program->go.image = program->image;
	program->go.segments = &program->segments;
	return go_image_fetch(&program->go);
}

static void end(struct program *program)
{
	go_image_deinit(&program->go);
	object_image_free(program->image);
	close(program->memory_fd);
}

static void expect_found(struct program *program)
{
	assert_int_equal(fetch(program), 0);
	assert_true(program->go.is_found);
	for (uint32_t i = 0; i <= 3; i++) {
		static const uint32_t starts[] = {0, 0x40, 0x80, 0x100};

		assert_int_equal(go_table_entry(&program->go.table, i).v, CODE_VADDR + starts[i]);
	}
	end(program);
}

static void expect_outcome(struct program *program, int outcome)
{
	assert_int_equal(fetch(program), outcome);
	assert_false(program->go.is_found);
	end(program);
}

static void the_section_has_any_of_its_names(void **state)
{
	static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};
	static struct program program;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (enum go_format f = GO_FORMAT_1_2; f <= GO_FORMAT_1_20; f++) {
			make(&program, f, CODE_VADDR);
			program.go.is_go = false; /* the name says it */
			see(&program, names[i], TABLE_AT, program.fixture.n_bytes);
			expect_found(&program);
			assert_true(program.memory.n_fetched_bytes <= 2 * 4096);
		}
	}
}

static void symbols_stand_around_the_table(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_18, CODE_VADDR);
	go_image_see_symbol(&program.go, "runtime.pclntab", DATA_VADDR + TABLE_AT);
	go_image_see_symbol(&program.go, "runtime.epclntab",
			    DATA_VADDR + TABLE_AT + program.fixture.n_bytes);
	expect_found(&program);
	assert_true(program.memory.n_fetched_bytes <= 2 * 4096);
}

static void a_stripped_file_is_looked_through(void **state)
{
	static struct program program;

	(void)state;
	for (enum go_format f = GO_FORMAT_1_2; f <= GO_FORMAT_1_20; f++) {
		make(&program, f, CODE_VADDR);
		see(&program, ".data.rel.ro", 0x1000, 0x1000);
		expect_found(&program);
		assert_true(program.memory.n_fetched_bytes <= 2 * 4096);
		make(&program, f, CODE_VADDR); /* without any section */
		expect_found(&program);
	}
}

static void a_section_that_lies_does_not_hide_the_table(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, CODE_VADDR);
	see(&program, ".gopclntab", MODULE_AT, 64);
	expect_found(&program);
	make(&program, GO_FORMAT_1_20, CODE_VADDR);
	program.bytes[DATA_OFFSET + TABLE_AT] = 0;
	see(&program, ".gopclntab", MODULE_AT, 64);
	expect_outcome(&program, GO_IMAGE_MALFORMED);
	make(&program, GO_FORMAT_1_20, CODE_VADDR);
	program.bytes[DATA_OFFSET + TABLE_AT] = 0;
	see(&program, ".gopclntab", TABLE_AT, UINT64_MAX / 2);
	expect_outcome(&program, GO_IMAGE_MALFORMED);
}

static void a_file_that_is_not_go_is_not_read(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, CODE_VADDR);
	program.go.is_go = false;
	see(&program, ".data.rel.ro", 0x1000, 0x1000);
	expect_outcome(&program, GO_IMAGE_NO_TABLE);
	assert_int_equal(program.memory.n_fetches, 0);
	make(&program, GO_FORMAT_1_20, CODE_VADDR);
	program.go.is_go = false;
	see(&program, ".go.buildinfo", 0, 16);
	expect_found(&program);
}

static void without_a_text_in_the_header_the_module_has_it(void **state)
{
	const uint64_t text = CODE_VADDR;
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, 0);
	see_table(&program);
	see(&program, ".go.module", MODULE_AT, 0x200);
	see(&program, ".text", 0, 0x100); /* is wrong here, and not taken */
	put(&program, MODULE_AT + 176, &text, sizeof(text));
	expect_found(&program);
}

static void without_section_names_the_module_is_looked_for(void **state)
{
	static const uint64_t module = DATA_VADDR + TABLE_AT, nonsense = DATA_VADDR;
	static const uint64_t text = CODE_VADDR;
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, 0);
	put(&program, MODULE_AT, &module, sizeof(module)); /* looks like one */
	put(&program, MODULE_AT + 176, &nonsense, sizeof(nonsense));
	put(&program, MODULE_AT + 0x800, &module, sizeof(module));
	put(&program, MODULE_AT + 0x800 + 176, &text, sizeof(text));
	expect_found(&program);
}

static void a_relocation_has_what_the_file_has_not(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, 0);
	see_table(&program);
	see(&program, ".go.module", MODULE_AT, 0x200);
	relocate(&program, MODULE_AT + 176, CODE_VADDR);
	expect_found(&program);
	make(&program, GO_FORMAT_1_18, 0);
	see_table(&program);
	relocate(&program, MODULE_AT, 0x123);
	relocate(&program, TABLE_AT + 24, CODE_VADDR);
	go_image_see_symbol(&program.go, "runtime.text", CODE_VADDR + 0x40);
	expect_found(&program);
}

static void addresses_of_old_formats_are_relocated_one_by_one(void **state)
{
	static const uint32_t starts[] = {0, 0x40, 0x80, 0x100};
	static const uint64_t zero;
	static struct program program;

	(void)state;
	for (enum go_format f = GO_FORMAT_1_2; f <= GO_FORMAT_1_16; f++) {
		make(&program, f, CODE_VADDR);
		see_table(&program);
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t at = TABLE_AT + (uint32_t)program.fixture.list_at + i * 16;

			put(&program, at, &zero, sizeof(zero));
			relocate(&program, at, CODE_VADDR + starts[i]);
		}
		expect_found(&program);
		program.n_relocations = 0;
		make(&program, f, CODE_VADDR);
		see_table(&program);
		for (uint32_t i = 0; i < 4; i++)
			put(&program, TABLE_AT + program.fixture.list_at + i * 16, &zero, 8);
		expect_outcome(&program, GO_IMAGE_MALFORMED); /* nothing says where */
	}
}

static void the_symbol_and_then_the_section_are_the_last_resorts(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, 0);
	see_table(&program);
	go_image_see_symbol(&program.go, "runtime.text", CODE_VADDR);
	go_image_see_section(&program.go, ".text", &(struct go_range){CODE_VADDR + 64, 64, 64});
	expect_found(&program);
	make(&program, GO_FORMAT_1_20, 0);
	see_table(&program);
	go_image_see_section(&program.go, ".text", &(struct go_range){CODE_VADDR, 0, 64});
	expect_found(&program);
	make(&program, GO_FORMAT_1_20, 0);
	see_table(&program);
	expect_outcome(&program, GO_IMAGE_MALFORMED);
}

static void a_text_outside_the_code_is_not_believed(void **state)
{
	static struct program program;

	(void)state;
	make(&program, GO_FORMAT_1_20, DATA_VADDR);
	see_table(&program);
	go_image_see_symbol(&program.go, "runtime.text", CODE_VADDR);
	expect_found(&program);
	make(&program, GO_FORMAT_1_20, CODE_VADDR + 0xf80); /* the last function would be outside */
	see_table(&program);
	expect_outcome(&program, GO_IMAGE_MALFORMED);
}

static void a_reader_that_refuses_leaves_the_file_unreadable(void **state)
{
	static struct program program;

	(void)state;
	for (unsigned n = 1; n < 20; n++) {
		int r;

		make(&program, GO_FORMAT_1_20, 0);
		program.memory.n_fetches_max = n;
		see_table(&program);
		see(&program, ".go.module", MODULE_AT, 0x200);
		relocate(&program, TABLE_AT + 24, CODE_VADDR);
		r = fetch(&program);
		end(&program);
		if (r == 0 && program.memory.n_fetches < n)
			return;
		assert_true(r == 0 || r == GO_IMAGE_UNREADABLE);
	}
	fail_msg("it never gets what it needs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_section_has_any_of_its_names),
		cmocka_unit_test(symbols_stand_around_the_table),
		cmocka_unit_test(a_stripped_file_is_looked_through),
		cmocka_unit_test(a_section_that_lies_does_not_hide_the_table),
		cmocka_unit_test(a_file_that_is_not_go_is_not_read),
		cmocka_unit_test(without_a_text_in_the_header_the_module_has_it),
		cmocka_unit_test(without_section_names_the_module_is_looked_for),
		cmocka_unit_test(a_relocation_has_what_the_file_has_not),
		cmocka_unit_test(addresses_of_old_formats_are_relocated_one_by_one),
		cmocka_unit_test(the_symbol_and_then_the_section_are_the_last_resorts),
		cmocka_unit_test(a_text_outside_the_code_is_not_believed),
		cmocka_unit_test(a_reader_that_refuses_leaves_the_file_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
