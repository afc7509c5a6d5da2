#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "frame_names.h"
#include "window_fixture.h"

#define STACK(count, ...)                                                                          \
	{                                                                                          \
		count, 0, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),              \
			(const uint32_t[])                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static struct fixture fixture;
static struct frames frames;

static void resolve(const struct wire_stack *stacks, size_t n_stacks)
{
	fixture_set_stacks(&fixture, stacks, n_stacks);
	assert_int_equal(
		frames_resolve(&fixture.window, &fixture.sources, FRAMES_NAMES_BYTES_MAX, &frames),
		0);
}

static void assert_frame(uint32_t location, bool is_caller, const char *name,
			 enum frame_outcome outcome)
{
	const struct frame *frame = frames_at(&frames, location, is_caller);

	assert_true(frame->is_resolved);
	assert_int_equal(frame->outcome, outcome);
	assert_string_equal(frames.names[frames.functions[frame->function].name].text, name);
}

/* Gives the program's two functions other names, and the window another mode. */
static void rename_functions(const char *first, const char *second, enum demangle_mode mode)
{
	const char *const names[] = {first, second};

	small_elf_make(&fixture.elf, names, 2, 0xab);
	fixture.objects[0].size_bytes = fixture.elf.n_bytes;
	fixture.window.demangle = (uint8_t)mode;
}

static int set_up(void **state)
{
	(void)state;
	fixture_init(&fixture);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	frames_deinit(&frames);
	fixture_deinit(&fixture);
	return 0;
}

static void each_kind_of_location_gets_its_name(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST),       STACK(1, AT_GAP),
					    STACK(1, AT_BROKEN),      STACK(1, AT_VDSO),
					    STACK(1, AT_NOWHERE),     STACK(1, AT_KERNEL),
					    STACK(1, AT_STRANGE_KIND)};

	(void)state;
	resolve(stacks, 7);
	assert_frame(AT_FIRST, false, "first", FRAME_NAMED);
	assert_frame(AT_GAP, false, "/opt/app/program", FRAME_MODULE_ONLY);
	assert_frame(AT_BROKEN, false, "/opt/app/script.sh", FRAME_MODULE_ONLY);
	assert_frame(AT_VDSO, false, "[vdso]", FRAME_MODULE_ONLY);
	assert_frame(AT_NOWHERE, false, "[unknown]", FRAME_UNKNOWN);
	assert_frame(AT_KERNEL, false, "vfs_read", FRAME_NAMED);
	assert_frame(AT_STRANGE_KIND, false, "[unknown]", FRAME_UNKNOWN);
}

static void callers_are_looked_up_one_byte_before(void **state)
{
	const struct wire_stack stacks[] = {
		/* kernel leaf, kernel caller, then the user's: its first address is exact */
		STACK(1, AT_KERNEL, AT_KERNEL_CALLER, AT_SECOND_BEGIN, AT_FIRST_END),
		STACK(1, AT_SECOND_BEGIN, AT_SECOND_BEGIN),
	};

	(void)state;
	resolve(stacks, 2);
	assert_frame(AT_KERNEL, false, "vfs_read", FRAME_NAMED);
	assert_frame(AT_KERNEL_CALLER, true, "do_syscall_64", FRAME_NAMED);
	assert_frame(AT_SECOND_BEGIN, false, "second", FRAME_NAMED);
	assert_frame(AT_FIRST_END, true, "first", FRAME_NAMED);
	assert_frame(AT_SECOND_BEGIN, true, "/opt/app/program", FRAME_MODULE_ONLY);
	assert_false(frames_at(&frames, AT_FIRST_END, false)->is_resolved);
}

static void addresses_and_mappings_are_those_of_the_file(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST, AT_FIRST_END, AT_VDSO, AT_NOWHERE)};
	const struct frame *leaf, *caller;
	const struct frame_mapping *mapping;

	(void)state;
	resolve(stacks, 1);
	leaf = frames_at(&frames, AT_FIRST, false);
	caller = frames_at(&frames, AT_FIRST_END, true);
	assert_int_equal(leaf->address, SMALL_ELF_TEXT_ADDR + 0x10);
	assert_int_equal(caller->address,
			 SMALL_ELF_TEXT_ADDR + SMALL_ELF_SIZE); /* as returned to */
	assert_int_equal(leaf->mapping, caller->mapping);
	mapping = &frames.mappings[leaf->mapping];
	assert_int_equal(mapping->start, SMALL_ELF_TEXT_ADDR);
	assert_int_equal(mapping->limit, SMALL_ELF_TEXT_ADDR + 0x1000);
	assert_int_equal(mapping->offset, SMALL_ELF_TEXT_OFFSET);
	assert_int_equal(mapping->build_id.n_bytes, 20);
	assert_string_equal(frames.names[mapping->name].text, "/opt/app/program");
	assert_int_equal(frames_at(&frames, AT_VDSO, true)->address, 0);
	assert_int_equal(frames_at(&frames, AT_NOWHERE, true)->mapping, FRAMES_NO_MAPPING);
}

static void a_poisoned_window_reads_no_file(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_KERNEL, AT_FIRST, AT_BROKEN)};

	(void)state;
	fixture.window.name_nothing = true;
	resolve(stacks, 1);
	assert_frame(AT_FIRST, false, "program+0x1010", FRAME_MODULE_ONLY);
	assert_frame(AT_BROKEN, true, "script.sh+0x1234", FRAME_MODULE_ONLY);
	assert_frame(AT_KERNEL, false, "vfs_read", FRAME_NAMED);
	assert_int_equal(fixture.n_fetches, 1); /* kallsyms, which the kernel wrote */
}

static void kallsyms_is_read_again_when_its_generation_is_new(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_KERNEL)};

	(void)state;
	for (unsigned generation = 1; generation < 4; generation++) {
		fixture.objects[3].change_time_ns = generation / 2 + 1;
		resolve(stacks, 1);
		assert_frame(AT_KERNEL, false, "vfs_read", FRAME_NAMED);
		frames_deinit(&frames);
	}
	assert_int_equal(fixture.n_fetches, 2);
	resolve(stacks, 1);
}

static void an_address_that_the_kernels_text_lacks_asks_for_a_newer_one(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_KERNEL)};

	(void)state;
	resolve(stacks, 1);
	frames_deinit(&frames);
	fixture.n_fetches = 0;
	fixture.locations[AT_KERNEL].value = UINT64_C(0xffffffffffff0000);
	resolve(stacks, 1);
	assert_frame(AT_KERNEL, false, "[kernel]", FRAME_MODULE_ONLY);
	assert_int_equal(fixture.n_fetches, 1);
}

static void a_kernel_that_cannot_be_read_is_called_kernel(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_KERNEL, AT_FIRST)};

	(void)state;
	fixture.objects[3].size_bytes = 1 << 20; /* more than there is */
	resolve(stacks, 1);
	assert_frame(AT_KERNEL, false, "[kernel]", FRAME_MODULE_ONLY);
	assert_int_equal(frames_at(&frames, AT_KERNEL, false)->address, 0);
	assert_frame(AT_FIRST, false, "first", FRAME_NAMED);
}

static void names_beyond_the_budget_are_cut_short(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST)};
	char text[2000];
	uint32_t first, second, again;

	(void)state;
	fixture_set_stacks(&fixture, stacks, 1);
	assert_int_equal(frames_resolve(&fixture.window, &fixture.sources, 4000, &frames), 0);
	memset(text, 'x', sizeof(text));
	assert_int_equal(frame_names_add(&frames, (struct wire_bytes){text, 1000}, &first), 0);
	assert_int_equal(frames.names[first].n_bytes, 1000);
	assert_int_equal(frame_names_add(&frames, (struct wire_bytes){text, 2000}, &second), 0);
	assert_int_equal(frames.names[second].n_bytes, FRAMES_SHORT_NAME_BYTES);
	assert_int_equal(frame_names_add(&frames, (struct wire_bytes){text, 2000}, &again), 0);
	assert_int_equal(again, second);
}

static void names_are_demangled_as_the_window_asks(void **state)
{
	static const char *const shown[] = {
		[DEMANGLE_NONE] = "_ZN3foo3getIiEET_S1_",
		[DEMANGLE_SIMPLIFIED] = "foo::get",
		[DEMANGLE_TEMPLATES] = "foo::get<int>",
		[DEMANGLE_FULL] = "int foo::get<int>(int)",
	};
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST, AT_FIRST_END)};

	(void)state;
	for (int mode = DEMANGLE_NONE; mode <= DEMANGLE_FULL; mode++) {
		const struct frame_function *function;

		rename_functions("_ZN3foo3getIiEET_S1_", "second", (enum demangle_mode)mode);
		resolve(stacks, 1);
		assert_frame(AT_FIRST, false, shown[mode], FRAME_NAMED);
		assert_frame(AT_FIRST_END, true, shown[mode], FRAME_NAMED);
		function = &frames.functions[frames_at(&frames, AT_FIRST, false)->function];
		assert_string_equal(frames.names[function->raw].text, "_ZN3foo3getIiEET_S1_");
		assert_int_equal(function->file, FRAMES_NO_NAME);
		assert_int_equal(frames_at(&frames, AT_FIRST, false)->function,
				 frames_at(&frames, AT_FIRST_END, true)->function);
		frames_deinit(&frames);
	}
}

static void functions_that_are_shown_alike_stay_several(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST), STACK(1, AT_SECOND_BEGIN)};
	uint32_t first, second;

	(void)state;
	rename_functions("_ZN3fooC1Ev", "_ZN3fooC2Ev", DEMANGLE_SIMPLIFIED);
	resolve(stacks, 2);
	assert_frame(AT_FIRST, false, "foo::foo", FRAME_NAMED);
	assert_frame(AT_SECOND_BEGIN, false, "foo::foo", FRAME_NAMED);
	first = frames_at(&frames, AT_FIRST, false)->function;
	second = frames_at(&frames, AT_SECOND_BEGIN, false)->function;
	assert_int_not_equal(first, second);
	assert_int_equal(frames.functions[first].name, frames.functions[second].name);
}

/* Modules and marks are no functions of a file, whatever they are called. */
static void only_symbols_are_demangled(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_BROKEN, AT_FIRST)};

	(void)state;
	fixture.objects[1].name = (struct wire_bytes){"_Z3foov", 7};
	rename_functions("_Z3foov", "second", DEMANGLE_FULL);
	resolve(stacks, 1);
	assert_frame(AT_BROKEN, false, "_Z3foov", FRAME_MODULE_ONLY);
	assert_frame(AT_FIRST, true, "foo()", FRAME_NAMED);
}

static void where_names_must_be_short_there_is_one_a_function(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST)};
	const struct frame_function *function;

	(void)state;
	rename_functions("_ZN3fooC1Ev", "second", DEMANGLE_SIMPLIFIED);
	fixture_set_stacks(&fixture, stacks, 1);
	assert_int_equal(frames_resolve(&fixture.window, &fixture.sources, 0, &frames), 0);
	assert_frame(AT_FIRST, false, "foo::foo", FRAME_NAMED);
	function = &frames.functions[frames_at(&frames, AT_FIRST, false)->function];
	assert_int_equal(function->raw, function->name);
}

static void a_function_is_told_apart_by_name_file_and_line(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, AT_FIRST)};
	const struct frame_symbol symbols[] = {
		{{"f", 1}, {"a.go", 4}, 10}, {{"f", 1}, {"b.go", 4}, 10},
		{{"f", 1}, {"a.go", 4}, 11}, {{"g", 1}, {"a.go", 4}, 10},
		{{"f", 1}, {"", 0}, 0},
	};
	uint32_t functions[5], again;

	(void)state;
	resolve(stacks, 1);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(frame_names_function(&frames, NULL, &symbols[i], &functions[i]),
				 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(functions[i], functions[j]);
	}
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(frame_names_function(&frames, NULL, &symbols[i], &again), 0);
		assert_int_equal(again, functions[i]);
	}
	assert_string_equal(frames.names[frames.functions[functions[1]].file].text, "b.go");
	assert_int_equal(frames.functions[functions[2]].start_line, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(each_kind_of_location_gets_its_name),
		TEST(callers_are_looked_up_one_byte_before),
		TEST(addresses_and_mappings_are_those_of_the_file),
		TEST(a_poisoned_window_reads_no_file),
		TEST(kallsyms_is_read_again_when_its_generation_is_new),
		TEST(an_address_that_the_kernels_text_lacks_asks_for_a_newer_one),
		TEST(a_kernel_that_cannot_be_read_is_called_kernel),
		TEST(names_beyond_the_budget_are_cut_short),
		TEST(names_are_demangled_as_the_window_asks),
		TEST(functions_that_are_shown_alike_stay_several),
		TEST(only_symbols_are_demangled),
		TEST(where_names_must_be_short_there_is_one_a_function),
		TEST(a_function_is_told_apart_by_name_file_and_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
