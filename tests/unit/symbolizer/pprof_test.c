#include "pprof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "profile.pb-c.h"
#include "window_fixture.h"
#include "window_profile.h"

#define STACK(count, flags, ...)                                                                   \
	{                                                                                          \
		count, flags, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),          \
			(const uint32_t[])                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#define MESSAGE_BYTES_MAX (4u << 20)

typedef Perftools__Profiles__Profile Profile;

static struct fixture fixture;
static struct frames frames;
static struct pprof_parts parts;
static struct pprof_limits limits;

static int set_up(void **state)
{
	(void)state;
	fixture_init(&fixture);
	limits = PPROF_LIMITS_DEFAULT;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pprof_parts_deinit(&parts);
	frames_deinit(&frames);
	fixture_deinit(&fixture);
	return 0;
}

/* Builds the profiles of the window's only target; returns what the builder says. */
static int build(const struct wire_stack *stacks, size_t n_stacks)
{
	struct pprof_builder *builder;
	int r;

	pprof_parts_deinit(&parts);
	frames_deinit(&frames);
	fixture.counters = (struct counters){0};
	fixture_set_stacks(&fixture, stacks, n_stacks);
	assert_int_equal(
		frames_resolve(&fixture.window, &fixture.sources, FRAMES_NAMES_BYTES_MAX, &frames),
		0);
	assert_int_equal(
		pprof_builder_new(&fixture.window, &frames, &limits, &fixture.counters, &builder),
		0);
	r = pprof_builder_add(builder, &fixture.target, &parts);
	pprof_builder_free(builder);
	return r;
}

static Profile *unpack(const struct wire_part *part)
{
	uint8_t *message = malloc(MESSAGE_BYTES_MAX);
	z_stream stream = {
		.next_in = (Bytef *)part->pprof_gz.data,
		.avail_in = (uInt)part->pprof_gz.n_bytes,
		.next_out = message,
		.avail_out = MESSAGE_BYTES_MAX,
	};
	Profile *profile;

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, part->uncompressed_bytes);
	profile = perftools__profiles__profile__unpack(NULL, stream.total_out, message);
	assert_non_null(profile);
	(void)inflateEnd(&stream);
	free(message);
	return profile;
}

static void release(Profile *profile)
{
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static const Perftools__Profiles__Location *location_of(const Profile *profile, size_t sample,
							size_t i)
{
	return profile->location[profile->sample[sample]->location_id[i] - 1];
}

/* "leaf;caller;…;comm" of a sample. */
static const char *stack_text(const Profile *profile, size_t sample)
{
	static char text[4096];
	size_t at = 0;

	for (size_t i = 0; i < profile->sample[sample]->n_location_id; i++) {
		uint64_t function = location_of(profile, sample, i)->line[0]->function_id;

		at += (size_t)snprintf(
			text + at, sizeof(text) - at, "%s%s", i ? ";" : "",
			profile->string_table[profile->function[function - 1]->name]);
	}
	return text;
}

static void a_stack_becomes_a_sample_with_the_comm_at_its_root(void **state)
{
	const struct wire_stack stacks[] = {
		STACK(3, 0, AT_KERNEL, AT_KERNEL_CALLER, AT_FIRST, AT_FIRST_END, AT_NOWHERE)};
	Profile *profile;

	(void)state;
	assert_int_equal(build(stacks, 1), 0);
	assert_int_equal(parts.n_parts, 1);
	assert_int_equal(parts.parts[0].n_samples, 3);
	profile = unpack(&parts.parts[0]);
	assert_int_equal(profile->n_sample, 1);
	assert_string_equal(stack_text(profile, 0),
			    "vfs_read;do_syscall_64;first;first;[unknown];program");
	assert_int_equal(profile->sample[0]->value[0], 3 * 10309278);
	assert_string_equal(profile->string_table[0], "");
	assert_string_equal(profile->string_table[profile->sample_type[0]->type], "cpu");
	assert_string_equal(profile->string_table[profile->sample_type[0]->unit], "nanoseconds");
	assert_string_equal(profile->string_table[profile->period_type->type], "cpu");
	assert_int_equal(profile->period, 10309278);
	assert_int_equal(profile->time_nanos, INT64_C(1700000000000000000));
	assert_int_equal(profile->duration_nanos, INT64_C(15000000000));
	release(profile);
}

static void mappings_carry_build_ids_and_marks_carry_none(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, 0, AT_KERNEL, AT_FIRST, AT_VDSO)};
	Profile *profile;
	const Perftools__Profiles__Location *at;
	const Perftools__Profiles__Mapping *mapping;

	(void)state;
	assert_int_equal(build(stacks, 1), 0);
	profile = unpack(&parts.parts[0]);
	assert_int_equal(profile->n_mapping, 3);
	at = location_of(profile, 0, 1);
	mapping = profile->mapping[at->mapping_id - 1];
	assert_int_equal(at->address, SMALL_ELF_TEXT_ADDR + 0x10);
	assert_string_equal(profile->string_table[mapping->filename], "/opt/app/program");
	assert_string_equal(profile->string_table[mapping->build_id],
			    "abababababababababababababababababababab");
	assert_int_equal(mapping->memory_start, SMALL_ELF_TEXT_ADDR);
	assert_int_equal(mapping->memory_limit, SMALL_ELF_TEXT_ADDR + 0x1000);
	assert_int_equal(mapping->file_offset, SMALL_ELF_TEXT_OFFSET);
	assert_true(mapping->has_functions);
	mapping = profile->mapping[location_of(profile, 0, 0)->mapping_id - 1];
	assert_string_equal(profile->string_table[mapping->filename], "[kernel]");
	at = location_of(profile, 0, 3);
	assert_int_equal(at->mapping_id, 0);
	assert_int_equal(at->address, 0);
	release(profile);
}

static void cut_stacks_are_marked_where_they_were_cut(void **state)
{
	const struct wire_stack stacks[] = {
		STACK(1, STACK_TRUNCATED_USER, AT_FIRST),
		STACK(1, STACK_TRUNCATED_KERNEL, AT_KERNEL, AT_SECOND_BEGIN),
		STACK(1, STACK_TRUNCATED_KERNEL | STACK_TRUNCATED_USER, AT_KERNEL, AT_FIRST),
		STACK(1, STACK_TRUNCATED_KERNEL, AT_KERNEL),
	};
	static const char *const texts[] = {
		"first;[truncated];program",
		"vfs_read;[truncated];second;program",
		"vfs_read;[truncated];first;[truncated];program",
		"vfs_read;[truncated];program",
	};
	Profile *profile;

	(void)state;
	assert_int_equal(build(stacks, 4), 0);
	profile = unpack(&parts.parts[0]);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(stack_text(profile, i), texts[i]);
	release(profile);
}

static void equal_stacks_are_one_sample(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, 0, AT_FIRST, AT_VDSO), STACK(2, 0, AT_FIRST),
					    STACK(4, 0, AT_FIRST, AT_VDSO)};
	const struct wire_process twins[2] = {
		{{"twin", 4}, 3, stacks},
		{{"twin\0garbage", 12}, 3, stacks},
	};
	Profile *profile;

	(void)state;
	fixture.target.n_processes = 2;
	fixture.target.processes = twins;
	assert_int_equal(build(stacks, 3), 0);
	profile = unpack(&parts.parts[0]);
	assert_int_equal(profile->n_sample, 2);
	assert_int_equal(profile->sample[0]->value[0], 10 * INT64_C(10309278));
	assert_int_equal(profile->sample[1]->value[0], 4 * INT64_C(10309278));
	assert_int_equal(parts.parts[0].n_samples, 14);
	release(profile);
}

static void what_became_of_frames_is_counted_by_samples(void **state)
{
	const struct wire_stack stacks[] = {
		STACK(5, 0, AT_KERNEL, AT_FIRST, AT_NOWHERE),
		STACK(2, 0, AT_FIRST, AT_GAP, AT_GAP),
		STACK(7, 0, AT_KERNEL),
	};

	(void)state;
	assert_int_equal(build(stacks, 3), 0);
	assert_int_equal(counters_get(&fixture.counters, COUNTER_FRAMES_NAMED), 5 * 2 + 2 + 7);
	assert_int_equal(counters_get(&fixture.counters, COUNTER_FRAMES_MODULE_ONLY), 2 * 2);
	assert_int_equal(counters_get(&fixture.counters, COUNTER_FRAMES_UNKNOWN), 5);
	assert_int_equal(counters_get(&fixture.counters, COUNTER_FLAT_STACKS), 5);
}

/* Distinct stacks by the thousand: over both limits; nothing is lost, no time is used twice. */
static void what_exceeds_a_limit_goes_on_in_another_part(void **state)
{
	enum { STACKS = 1000, DEPTH = 12 };
	static uint32_t locations[STACKS][DEPTH];
	static struct wire_stack stacks[STACKS];
	uint64_t n_samples = 0, n_nanoseconds = 0;

	(void)state;
	for (uint32_t i = 0; i < STACKS; i++) {
		for (uint32_t j = 0; j < DEPTH; j++)
			locations[i][j] = i >> j & 1 ? AT_FIRST : AT_GAP;
		stacks[i] = (struct wire_stack){2, 0, DEPTH, locations[i]};
	}
	for (unsigned round = 0; round < 2; round++) {
		limits.samples_max = round == 0 ? 300 : 16000;
		limits.bytes_max = round == 0 ? 1 << 20 : 20000;
		n_samples = n_nanoseconds = 0;
		assert_int_equal(build(stacks, STACKS), 0);
		assert_in_range(parts.n_parts, 3, 20);
		assert_int_equal(counters_get(&fixture.counters, COUNTER_PROFILES_SPLIT),
				 parts.n_parts - 1);
		for (size_t i = 0; i < parts.n_parts; i++) {
			Profile *profile = unpack(&parts.parts[i]);

			assert_in_range(profile->n_sample, 1, limits.samples_max);
			assert_in_range(parts.parts[i].uncompressed_bytes, 1, limits.bytes_max);
			assert_int_equal(profile->time_nanos,
					 INT64_C(1700000000000000000) + (int64_t)i);
			n_samples += parts.parts[i].n_samples;
			for (size_t s = 0; s < profile->n_sample; s++)
				n_nanoseconds += (uint64_t)profile->sample[s]->value[0];
			release(profile);
		}
		assert_int_equal(n_samples, 2 * STACKS);
		assert_int_equal(n_nanoseconds, 2 * STACKS * UINT64_C(10309278));
	}
}

static void a_stack_that_fits_nowhere_is_an_outcome(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, 0, AT_FIRST, AT_FIRST_END, AT_BROKEN)};

	(void)state;
	limits.bytes_max = 200;
	assert_int_equal(build(stacks, 1), PPROF_TOO_BIG);
}

static void a_stack_deeper_than_the_server_takes_keeps_its_leaf_and_is_marked(void **state)
{
	static uint32_t locations[3000];
	const struct wire_stack stack = {1, 0, 3000, locations};
	Profile *profile;

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		locations[i] = i == 0 ? AT_VDSO : AT_GAP;
	assert_int_equal(build(&stack, 1), 0);
	profile = unpack(&parts.parts[0]);
	assert_int_equal(profile->sample[0]->n_location_id, 1002);
	assert_true(location_of(profile, 0, 0) != location_of(profile, 0, 1));
	release(profile);
}

static void the_same_window_gives_the_same_bytes(void **state)
{
	const struct wire_stack stacks[] = {STACK(1, 0, AT_KERNEL, AT_FIRST, AT_FIRST_END, AT_VDSO),
					    STACK(2, 0, AT_BROKEN, AT_NOWHERE)};
	struct bytes first = BYTES_INIT(1 << 20), second = BYTES_INIT(1 << 20);

	(void)state;
	fixture_set_stacks(&fixture, stacks, 2);
	assert_int_equal(
		window_profile_encode(&fixture.window, &fixture.sources, &limits,
				      &(struct window_profile_results){
					      .out = &first, .counters = &fixture.counters}),
		0);
	table_cache_free(fixture.tables);
	kernel_symbols_deinit(&fixture.kernel);
	fixture_init(&fixture); /* another symbolizer, with nothing in its caches */
	fixture_set_stacks(&fixture, stacks, 2);
	assert_int_equal(
		window_profile_encode(&fixture.window, &fixture.sources, &limits,
				      &(struct window_profile_results){
					      .out = &second, .counters = &fixture.counters}),
		0);
	assert_int_equal(first.n_bytes, second.n_bytes);
	assert_memory_equal(first.data, second.data, first.n_bytes);
	bytes_deinit(&first);
	bytes_deinit(&second);
}

static void names_that_do_not_fit_are_cut_and_counted_once(void **state)
{
	static char name[20000];
	const struct wire_stack stacks[] = {STACK(3, 0, AT_GAP)};
	struct bytes out = BYTES_INIT(1 << 20);
	struct wire_arena arena = {0};
	struct wire_profile decoded;
	Profile *profile;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	fixture.process.comm = (struct wire_bytes){name, sizeof(name)};
	limits.bytes_max = 10000;
	fixture_set_stacks(&fixture, stacks, 1);
	assert_int_equal(window_profile_encode(&fixture.window, &fixture.sources, &limits,
					       &(struct window_profile_results){
						       .out = &out, .counters = &fixture.counters}),
			 0);
	assert_int_equal(wire_decode_profile(out.data, out.n_bytes, &arena, &decoded), 0);
	assert_int_equal(decoded.n_parts, 1);
	assert_int_equal(decoded.window.sequence, 1);
	profile = unpack(&decoded.parts[0]);
	assert_int_equal(strlen(strchr(stack_text(profile, 0), ';') + 1), FRAMES_SHORT_NAME_BYTES);
	assert_int_equal(counters_get(&fixture.counters, COUNTER_FRAMES_MODULE_ONLY), 3);
	release(profile);
	wire_arena_deinit(&arena);
	bytes_deinit(&out);
}

static const char *text_of(const Profile *profile, int64_t string)
{
	return profile->string_table[string];
}

/* Two functions that are shown alike, and a line. */
static void functions_carry_what_is_shown_what_is_written_and_where_it_is_from(void **state)
{
	static const char *const names[] = {"_ZN3fooC1Ev", "_ZN3fooC2Ev"};
	const struct wire_stack stacks[] = {STACK(1, 0, AT_FIRST), STACK(1, 0, AT_SECOND_BEGIN)};
	const Perftools__Profiles__Function *function;
	const Perftools__Profiles__Line *line;
	Profile *profile;

	(void)state;
	small_elf_make(&fixture.elf, names, 2, 0xab);
	fixture.objects[0].size_bytes = fixture.elf.n_bytes;
	fixture.window.demangle = DEMANGLE_SIMPLIFIED;
	assert_int_equal(build(stacks, 2), 0);
	profile = unpack(&parts.parts[0]);
	assert_string_equal(stack_text(profile, 0), "foo::foo;program");
	assert_string_equal(stack_text(profile, 1), "foo::foo;program");
	assert_int_equal(profile->n_function, 3);
	for (size_t i = 0; i < 2; i++) {
		line = location_of(profile, i, 0)->line[0];
		function = profile->function[line->function_id - 1];
		assert_string_equal(text_of(profile, function->name), "foo::foo");
		assert_string_equal(text_of(profile, function->system_name), names[i]);
		assert_int_equal(function->filename, 0);
		assert_int_equal(function->start_line, 0);
		assert_int_equal(line->line, 0);
	}
	function = profile->function[location_of(profile, 0, 1)->line[0]->function_id - 1];
	assert_string_equal(text_of(profile, function->system_name), "program");
	release(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_stack_becomes_a_sample_with_the_comm_at_its_root),
		TEST(mappings_carry_build_ids_and_marks_carry_none),
		TEST(cut_stacks_are_marked_where_they_were_cut),
		TEST(equal_stacks_are_one_sample),
		TEST(what_became_of_frames_is_counted_by_samples),
		TEST(what_exceeds_a_limit_goes_on_in_another_part),
		TEST(a_stack_that_fits_nowhere_is_an_outcome),
		TEST(a_stack_deeper_than_the_server_takes_keeps_its_leaf_and_is_marked),
		TEST(the_same_window_gives_the_same_bytes),
		TEST(names_that_do_not_fit_are_cut_and_counted_once),
		TEST(functions_carry_what_is_shown_what_is_written_and_where_it_is_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
