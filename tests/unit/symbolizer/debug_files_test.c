#include "elf/file_symbols.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "debug_world.h"

#define ID       0xab
#define OTHER_ID 0xcd
#define NO_ID    0
#define BOUND    (DEBUG_CRC_BYTES_MAX + 1u)

static struct debug_world world;
static enum debug_outcome told[8];
static size_t n_told;
static enum symbol_source source; /* that names are to come from */

static void note(void *owner, const struct debug_attempt *attempt)
{
	(void)owner;
	assert_int_equal((attempt->outcome == DEBUG_REFUSED), (attempt->sibling == 0));
	told[n_told++] = attempt->outcome;
}

/* The outcome of opening the file; its function's name, or "" when it has none. */
static int name_of(char name[64], uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES])
{
	const struct object_reader reader = debug_world_reader(&world);
	const struct wire_object object = debug_world_object(&world);
	const struct file_symbols_options options = {
		.memory_fd = memfd_create("object", MFD_CLOEXEC),
		.object = &object,
		.reader = &reader,
		.tell = note,
	};
	struct file_symbols *symbols = NULL;
	struct symbol_table table;
	struct symbol_found found;
	uint64_t n_read;
	size_t n_bytes;
	void *block = NULL;
	int r;

	n_told = world.n_asked = world.n_fetches = 0;
	name[0] = '\0';
	r = file_symbols_open(&options, &symbols, &n_read);
	if (r == 0)
		r = file_symbols_digest(symbols, digest);
	if (r == 0)
		r = file_symbols_build(symbols, &block, &n_bytes);
	if (r == 0 && symbol_table_view(block, n_bytes, &table) == 0 &&
	    symbol_table_find(&table, (struct elf_addr){SMALL_ELF_TEXT_ADDR}, &found)) {
		memcpy(name, found.name, found.n_name_bytes);
		name[found.n_name_bytes] = '\0';
		assert_int_equal(found.source, source);
	}
	free(block);
	file_symbols_free(symbols);
	close(options.memory_fd);
	return r;
}

static void assert_name(const char *expected)
{
	uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES];
	char name[64];

	assert_int_equal(name_of(name, digest), 0);
	assert_string_equal(name, expected);
}

static void assert_asked(const enum object_open_kind *kinds, size_t n)
{
	assert_int_equal(world.n_asked, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(world.asked[i], kinds[i]);
}

static int set_up(void **state)
{
	struct small_elf linked;

	(void)state;
	source = SYMBOL_FROM_DEBUG;
	debug_world_make(&linked, "right", ID);
	debug_world_init(&world, ID, &linked);
	return 0;
}

static void what_is_nowhere_costs_four_questions(void **state)
{
	static const enum object_open_kind kinds[] = {OBJECT_OPEN_BUILD_ID, OBJECT_OPEN_BESIDE,
						      OBJECT_OPEN_BESIDE_DOT_DEBUG,
						      OBJECT_OPEN_GLOBAL_DEBUG};

	(void)state;
	assert_name("");
	assert_asked(kinds, 4);
	for (size_t i = 0; i < n_told; i++)
		assert_int_equal(told[i], DEBUG_REFUSED);
	assert_int_equal(n_told, 4);
}

static void every_place_is_as_good_as_another(void **state)
{
	for (unsigned kind = OBJECT_OPEN_BUILD_ID; kind <= OBJECT_OPEN_GLOBAL_DEBUG; kind++) {
		(void)set_up(state);
		debug_world_put(&world, kind, "right", ID, 7);
		assert_name("right");
		assert_int_equal(world.n_asked, kind);
		assert_int_equal(told[n_told - 1], DEBUG_TAKEN);
	}
}

static const struct {
	const char *what;
	uint8_t my_id, its_id;
	bool has_other_crc;
	uint64_t size_bytes;
	enum debug_outcome beside;   /* found by link */
	enum debug_outcome build_id; /* found by build id; not looked for without one */
} proofs[] = {
	{"all is right", ID, ID, false, 0, DEBUG_TAKEN, DEBUG_TAKEN},
	{"another file of the same build id", ID, ID, true, 0, DEBUG_OTHER_CRC, DEBUG_TAKEN},
	{"another build id", ID, OTHER_ID, false, 0, DEBUG_OTHER_BUILD_ID, DEBUG_OTHER_BUILD_ID},
	{"it has no build id", ID, NO_ID, false, 0, DEBUG_TAKEN, DEBUG_OTHER_BUILD_ID},
	{"it has no build id, nor the CRC", ID, NO_ID, true, 0, DEBUG_OTHER_CRC,
	 DEBUG_OTHER_BUILD_ID},
	{"only it has a build id", NO_ID, ID, false, 0, DEBUG_TAKEN, DEBUG_REFUSED},
	{"neither has one", NO_ID, NO_ID, false, 0, DEBUG_TAKEN, DEBUG_REFUSED},
	{"neither has one, nor the CRC", NO_ID, NO_ID, true, 0, DEBUG_OTHER_CRC, DEBUG_REFUSED},
	{"large, with a build id", ID, ID, true, BOUND, DEBUG_TAKEN, DEBUG_TAKEN},
	{"large, without one", NO_ID, NO_ID, false, BOUND, DEBUG_UNPROVED, DEBUG_REFUSED},
};

static void a_debug_file_proves_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		bool is_named = proofs[i].beside == DEBUG_TAKEN;
		struct small_elf linked;

		debug_world_make(&linked, "right", proofs[i].its_id);
		linked.data[linked.n_bytes - 1] ^= proofs[i].has_other_crc;
		debug_world_init(&world, proofs[i].my_id, &linked);
		debug_world_put(&world, OBJECT_OPEN_BESIDE, "right", proofs[i].its_id, 7);
		world.places[OBJECT_OPEN_BESIDE].size_bytes = proofs[i].size_bytes;
		assert_name(is_named ? "right" : "");
		if (told[proofs[i].my_id != NO_ID] != proofs[i].beside)
			fail_msg("%s: beside: %d", proofs[i].what, told[1]);
		if (proofs[i].my_id == NO_ID)
			continue;
		world.places[OBJECT_OPEN_BUILD_ID] = world.places[OBJECT_OPEN_BESIDE];
		world.places[OBJECT_OPEN_BESIDE].is_there = false;
		assert_name(proofs[i].build_id == DEBUG_TAKEN ? "right" : "");
		if (told[0] != proofs[i].build_id)
			fail_msg("%s: by build id: %d", proofs[i].what, told[0]);
	}
}

static void what_a_target_has_does_not_hide_what_the_host_has(void **state)
{
	static const enum object_open_kind by_build_id[] = {OBJECT_OPEN_BUILD_ID,
							    OBJECT_OPEN_HOST_BUILD_ID};

	(void)state;
	debug_world_put(&world, OBJECT_OPEN_BUILD_ID, "wrong", OTHER_ID, 7);
	debug_world_put(&world, OBJECT_OPEN_HOST_BUILD_ID, "right", ID, 8);
	assert_name("right");
	assert_asked(by_build_id, 2);
	world.places[OBJECT_OPEN_HOST_BUILD_ID].is_there = false;
	debug_world_put(&world, OBJECT_OPEN_GLOBAL_DEBUG, "wrong", OTHER_ID, 9);
	debug_world_put(&world, OBJECT_OPEN_HOST_GLOBAL_DEBUG, "right", ID, 10);
	assert_name("right");
	assert_int_equal(world.n_asked, 6);
}

static void one_file_at_several_places_is_read_once(void **state)
{
	(void)state;
	debug_world_put(&world, OBJECT_OPEN_BUILD_ID, "wrong", OTHER_ID, 7);
	debug_world_put(&world, OBJECT_OPEN_HOST_BUILD_ID, "wrong", OTHER_ID, 7);
	debug_world_put(&world, OBJECT_OPEN_BESIDE, "wrong", OTHER_ID, 7);
	debug_world_put(&world, OBJECT_OPEN_GLOBAL_DEBUG, "itself", ID, 1);
	assert_name("");
	assert_int_equal(world.places[OBJECT_OPEN_HOST_BUILD_ID].n_fetches, 0);
	assert_int_equal(world.places[OBJECT_OPEN_BESIDE].n_fetches, 0);
	assert_int_equal(world.places[OBJECT_OPEN_GLOBAL_DEBUG].n_fetches, 0);
	assert_int_equal(told[0], DEBUG_OTHER_BUILD_ID);
	assert_int_equal(told[1], DEBUG_SEEN);
	assert_int_equal(told[2], DEBUG_SEEN);
}

static void a_debug_file_without_symbols_is_passed_over(void **state)
{
	(void)state;
	world.places[OBJECT_OPEN_BUILD_ID] = world.places[0]; /* stripped as well */
	world.places[OBJECT_OPEN_BUILD_ID].inode = 7;
	debug_world_put(&world, OBJECT_OPEN_HOST_BUILD_ID, "right", ID, 8);
	assert_name("right");
	assert_int_equal(told[0], DEBUG_NO_SYMBOLS);
}

static void a_file_that_says_of_none_is_not_asked_about(void **state)
{
	(void)state;
	small_elf_make_stripped(&world.places[0].elf, NO_ID, NULL, 0);
	assert_name("");
	assert_int_equal(world.n_asked, 0);
}

static void a_file_with_functions_of_its_own_is_not_asked_about(void **state)
{
	uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES];
	char name[64];

	(void)state;
	debug_world_make(&world.places[0].elf, "mine", ID);
	source = SYMBOL_FROM_SYMTAB;
	assert_int_equal(name_of(name, digest), 0);
	assert_string_equal(name, "mine");
	assert_int_equal(world.n_asked, 0);
}

/* However early the reader gives up, the outcome is the file's, or that nothing was found. */
static void a_debug_file_that_cannot_be_read_costs_nothing(void **state)
{
	uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES];
	unsigned n_unreadable = 0, n_nameless = 0;
	char name[64] = "";

	(void)state;
	debug_world_put(&world, OBJECT_OPEN_BESIDE, "right", ID, 7);
	for (unsigned n = 1; strcmp(name, "right") != 0; n++) {
		int r;

		world.n_fetches_max = n;
		r = name_of(name, digest);
		assert_true(r == 0 || r == ELF_IMAGE_UNREADABLE);
		n_unreadable += r == ELF_IMAGE_UNREADABLE;
		n_nameless += r == 0 && name[0] == '\0';
	}
	assert_true(n_unreadable >= 1 && n_nameless >= 1);
}

static void a_link_that_fails_is_an_error(void **state)
{
	uint8_t digest[OBJECT_IMAGE_DIGEST_BYTES];
	char name[64];

	(void)state;
	world.open_fails = -EPIPE;
	assert_int_equal(name_of(name, digest), -EPIPE);
}

static void a_digest_covers_the_debug_file(void **state)
{
	uint8_t without[OBJECT_IMAGE_DIGEST_BYTES], with[OBJECT_IMAGE_DIGEST_BYTES],
		again[OBJECT_IMAGE_DIGEST_BYTES], other[OBJECT_IMAGE_DIGEST_BYTES];
	char name[64];

	(void)state;
	assert_int_equal(name_of(name, without), 0);
	debug_world_put(&world, OBJECT_OPEN_BUILD_ID, "right", ID, 7);
	assert_int_equal(name_of(name, with), 0);
	world.places[OBJECT_OPEN_BESIDE] = world.places[OBJECT_OPEN_BUILD_ID];
	world.places[OBJECT_OPEN_BUILD_ID].is_there = false;
	assert_int_equal(name_of(name, again), 0);
	debug_world_put(&world, OBJECT_OPEN_BUILD_ID, "wrong", ID, 7);
	assert_int_equal(name_of(name, other), 0);
	assert_memory_not_equal(without, with, sizeof(with));
	assert_memory_equal(with, again, sizeof(with));
	assert_memory_not_equal(with, other, sizeof(with));
}

static void every_outcome_has_a_text(void **state)
{
	(void)state;
	for (unsigned i = DEBUG_TAKEN; i <= DEBUG_NO_SYMBOLS; i++)
		assert_true(strlen(debug_outcome_text(i)) > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, set_up)
		TEST(what_is_nowhere_costs_four_questions),
		TEST(every_place_is_as_good_as_another),
		TEST(a_debug_file_proves_itself),
		TEST(what_a_target_has_does_not_hide_what_the_host_has),
		TEST(one_file_at_several_places_is_read_once),
		TEST(a_debug_file_without_symbols_is_passed_over),
		TEST(a_file_that_says_of_none_is_not_asked_about),
		TEST(a_file_with_functions_of_its_own_is_not_asked_about),
		TEST(a_debug_file_that_cannot_be_read_costs_nothing),
		TEST(a_link_that_fails_is_an_error),
		TEST(a_digest_covers_the_debug_file),
		TEST(every_outcome_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
