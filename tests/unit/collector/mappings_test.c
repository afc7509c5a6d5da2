#include "mappings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#define HOLD_NS 1000u

static const char typical[] =
	"555d713ac000-555d713ae000 r--p 00000000 fe:00 247278                     /usr/bin/head\n"
	"555d713ae000-555d713b4000 r-xp 00002000 fe:00 247278                     /usr/bin/head\n"
	"555d713b4000-555d713b7000 rw-p 00008000 fe:00 247278                     /usr/bin/head\n"
	"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
	"7f0000010000-7f0000020000 r-xs 00abc000 103:1f 99                        /lib/a b "
	"(deleted)\n"
	"7fff40bd4000-7fff40bd6000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static struct wire_bytes text_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static struct mappings parsed(const char *text)
{
	struct mappings mappings;

	assert_int_equal(mappings_parse(text_of(text), &mappings), 0);
	return mappings;
}

static struct objects *new_objects(void)
{
	struct objects *objects;

	assert_int_equal(objects_new(16, HOLD_NS, &objects), 0);
	return objects;
}

/* A new object in @mapping, and the fd that it holds. */
static int hold(struct objects *objects, struct mapping *mapping)
{
	static uint64_t inode;
	struct file_identity identity = {.device = 1, .inode = ++inode};
	int fd = memfd_create("file", MFD_CLOEXEC);

	mapping->object = objects_adopt(objects, fd, &identity, text_of("/file"));
	assert_non_null(mapping->object);
	return fd;
}

static void assert_name(const struct mappings *mappings, size_t at, const char *name)
{
	struct wire_bytes is = mapping_name(mappings, &mappings->mappings[at]);

	assert_int_equal(is.n_bytes, strlen(name));
	assert_memory_equal(is.data, name, is.n_bytes);
}

static void only_executable_lines_are_kept(void **state)
{
	struct objects *objects = new_objects();
	struct mappings mappings = parsed(typical);

	(void)state;
	assert_int_equal(mappings.n_mappings, 5);
	assert_int_equal(mappings.n_truncated, 0);
	assert_int_equal(mappings.mappings[0].start.v, 0x555d713ae000);
	assert_int_equal(mappings.mappings[0].end.v, 0x555d713b4000);
	assert_int_equal(mappings.mappings[0].offset.v, 0x2000);
	assert_int_equal(mappings.mappings[0].device, makedev(0xfe, 0));
	assert_int_equal(mappings.mappings[0].inode, 247278);
	assert_null(mappings.mappings[0].object);
	assert_name(&mappings, 0, "/usr/bin/head");
	assert_name(&mappings, 1, "");
	assert_int_equal(mappings.mappings[2].device, makedev(0x103, 0x1f));
	assert_name(&mappings, 2, "/lib/a b (deleted)");
	assert_name(&mappings, 3, "[vdso]");
	assert_name(&mappings, 4, "[vsyscall]");
	mappings_deinit(&mappings, objects, 0);
	objects_free(objects);
}

static void an_address_is_found_in_its_mapping_and_a_gap_stays_a_gap(void **state)
{
	static const struct {
		uint64_t addr;
		int mapping; /* -1: none */
		uint64_t offset;
	} cases[] = {
		{0, -1, 0},
		{0x555d713adfff, -1, 0},
		{0x555d713ae000, 0, 0x2000},
		{0x555d713b3fff, 0, 0x7fff},
		{0x555d713b4000, -1, 0},
		{0x7f0000010010, 2, 0xabc010},
		{0x7fff40bd6000, -1, 0},
		{0xffffffffff600fff, 4, 0xfff},
		{UINT64_MAX, -1, 0},
	};
	struct objects *objects = new_objects();
	struct mappings mappings = parsed(typical);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proc_addr addr = {cases[i].addr};
		struct mapping *found = mappings_find(&mappings, addr);

		if (cases[i].mapping < 0) {
			assert_null(found);
			continue;
		}
		assert_ptr_equal(found, &mappings.mappings[cases[i].mapping]);
		assert_int_equal(mapping_file_off(found, addr).v, cases[i].offset);
	}
	mappings_deinit(&mappings, objects, 0);
	objects_free(objects);
}

static void a_line_that_is_not_one_is_counted_and_passed_over(void **state)
{
	static const char *const bad[] = {
		"\n",
		"garbage\n",
		"1000-2000\n",
		"1000-2000 r-xp 0 0:0\n",
		"2000-1000 r-xp 0 0:0 0\n",                    /* ends before it starts */
		"1000-1000 r-xp 0 0:0 0\n",                    /* empty */
		"1000-2000 rwx 0 0:0 0\n",                     /* permissions too short */
		"1000-2000 r-Xp 0 0:0 0\n",                    /* not a permission */
		"11111111111111111-2 r-xp 0 0:0 0\n",          /* more than 64 bits */
		"1000-2000 r-xp 0 100000000:0 0\n",            /* a device of more than 32 bits */
		"1000-2000 r-xp 0 0:0 18446744073709551616\n", /* an inode of more than 64 bits */
		"1000-2000 r-xp 0 0:0 12x /name\n",
		"1000-2000 r-xp 0 0:0 -1 /name\n",
		"A000-B000 r-xp 0 0:0 0\n",
		"1000-2000 r-xp 0 0:0 0", /* cut: no newline */
	};
	struct objects *objects = new_objects();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];
		struct mappings mappings;

		(void)snprintf(text, sizeof(text), "100-200 r-xp 0 0:0 7 /good\n%s", bad[i]);
		mappings = parsed(text);
		assert_int_equal(mappings.n_mappings, 1);
		assert_int_equal(mappings.n_truncated, 1);
		assert_name(&mappings, 0, "/good");
		mappings_deinit(&mappings, objects, 0);
	}
	objects_free(objects);
}

static void mappings_that_overlap_or_descend_are_refused(void **state)
{
	struct objects *objects = new_objects();
	struct mappings mappings = parsed("1000-3000 r-xp 0 0:0 1 /a\n"
					  "2000-4000 r-xp 0 0:0 2 /b\n"
					  "0-1000 r-xp 0 0:0 3 /c\n"
					  "3000-4000 r-xp 0 0:0 4 /d\n");

	(void)state;
	assert_int_equal(mappings.n_mappings, 2);
	assert_int_equal(mappings.n_truncated, 2);
	assert_name(&mappings, 1, "/d");
	mappings_deinit(&mappings, objects, 0);
	objects_free(objects);
}

static void empty_text_has_no_mappings(void **state)
{
	struct objects *objects = new_objects();
	struct mappings mappings;

	(void)state;
	assert_int_equal(mappings_parse((struct wire_bytes){NULL, 0}, &mappings), 0);
	assert_int_equal(mappings.n_mappings, 0);
	assert_int_equal(mappings.n_truncated, 0);
	assert_null(mappings_find(&mappings, (struct proc_addr){1}));
	mappings_deinit(&mappings, objects, 0);
	objects_free(objects);
}

static void more_mappings_than_the_bound_are_counted(void **state)
{
	const size_t n_lines = MAPPINGS_MAX + 3;
	struct objects *objects = new_objects();
	char *text = malloc(n_lines * 64), *at = text;
	struct mappings mappings;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n_lines; i++)
		at += sprintf(at, "%zx000-%zx800 rwxp 00000000 00:00 0 \n", i + 1, i + 1);
	mappings = parsed(text);
	assert_int_equal(mappings.n_mappings, MAPPINGS_MAX);
	assert_int_equal(mappings.n_truncated, 3);
	mappings_deinit(&mappings, objects, 0);
	free(text);
	objects_free(objects);
}

static void a_name_longer_than_the_bound_is_cut(void **state)
{
	struct objects *objects = new_objects();
	char *text = malloc(OBJECT_NAME_BYTES_MAX + 128);
	struct mappings mappings;
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "1000-2000 r-xp 0 0:0 1 /");
	memset(text + n, 'x', OBJECT_NAME_BYTES_MAX + 10);
	strcpy(text + n + OBJECT_NAME_BYTES_MAX + 10, "\n");
	mappings = parsed(text);
	assert_int_equal(mappings.n_mappings, 1);
	assert_int_equal(mappings.mappings[0].n_name_bytes, OBJECT_NAME_BYTES_MAX);
	mappings_deinit(&mappings, objects, 0);
	free(text);
	objects_free(objects);
}

static void a_run_of_one_name_stores_it_once(void **state)
{
	struct objects *objects = new_objects();
	struct mappings mappings = parsed("1000-2000 r-xp 0 0:0 1 /long/name\n"
					  "2000-3000 r-xp 0 0:0 1 /long/name\n"
					  "3000-4000 r-xp 0 0:0 2 /long/name\n"
					  "4000-5000 r-xp 0 0:0 2 /other\n");

	(void)state;
	assert_int_equal(mappings.n_names_bytes, strlen("/long/name/other"));
	assert_true(mapping_same_file(&mappings, &mappings.mappings[0], &mappings.mappings[1]));
	assert_false(mapping_same_file(&mappings, &mappings.mappings[1], &mappings.mappings[2]));
	assert_false(mapping_same_file(&mappings, &mappings.mappings[2], &mappings.mappings[3]));
	assert_name(&mappings, 2, "/long/name");
	mappings_deinit(&mappings, objects, 0);
	objects_free(objects);
}

static void a_newer_text_keeps_objects_of_what_is_still_mapped(void **state)
{
	struct objects *objects = new_objects();
	struct mappings old = parsed("1000-2000 r-xp 0 0:1 1 /a\n"
				     "5000-6000 r-xp 0 0:1 2 /b\n");
	struct mappings fresh = parsed("1000-2000 r-xp 0 0:1 1 /a\n"
				       "3000-4000 r-xp 0 0:1 3 /c\n"
				       "5000-6000 r-xp 0 0:1 4 /b\n");
	struct object *kept;

	(void)state;
	(void)hold(objects, &old.mappings[0]);
	(void)hold(objects, &old.mappings[1]);
	kept = old.mappings[0].object;
	old.mappings[0].is_opening = true;
	mappings_replace(&old, &fresh, objects, 0);
	assert_int_equal(old.n_mappings, 3);
	assert_ptr_equal(old.mappings[0].object, kept);
	assert_true(old.mappings[0].is_opening);
	assert_int_equal(kept->n_refs, 1);
	assert_null(old.mappings[1].object);
	assert_null(old.mappings[2].object); /* another inode: another file */
	assert_int_equal(fresh.n_mappings, 0);
	mappings_deinit(&old, objects, 0);
	objects_free(objects);
}

static void an_unmapped_library_is_resolved_until_it_is_pruned(void **state)
{
	struct objects *objects = new_objects();
	struct mappings set = parsed("1000-2000 r-xp 0 0:1 1 /a\n"
				     "3000-4000 r-xp 7000 0:1 2 /unloaded\n"
				     "8000-a000 r-xp 0 0:1 3 /overlapped\n");
	struct mappings fresh = parsed("1000-2000 r-xp 0 0:1 1 /a\n"
				       "9000-b000 r-xp 0 0:1 4 /new\n");
	struct mapping *found;
	struct object *unloaded;

	(void)state;
	(void)hold(objects, &set.mappings[1]);
	(void)hold(objects, &set.mappings[2]);
	unloaded = set.mappings[1].object;
	mappings_replace(&set, &fresh, objects, 0);
	assert_int_equal(set.n_mappings, 3);
	found = mappings_find(&set, (struct proc_addr){0x3010});
	assert_non_null(found);
	assert_true(found->is_gone);
	assert_ptr_equal(found->object, unloaded);
	assert_int_equal(mapping_file_off(found, (struct proc_addr){0x3010}).v, 0x7010);
	assert_name(&set, 1, "/unloaded");
	assert_null(mappings_find(&set, (struct proc_addr){0x8010}));
	assert_int_equal(unloaded->n_refs, 1);

	mappings_prune(&set, objects, 5);
	assert_int_equal(set.n_mappings, 2);
	assert_null(mappings_find(&set, (struct proc_addr){0x3010}));
	assert_int_equal(unloaded->n_refs, 0);
	assert_name(&set, 1, "/new");
	mappings_deinit(&set, objects, 0);
	objects_free(objects);
}

static void what_is_gone_may_come_back(void **state)
{
	static const char with[] = "1000-2000 r-xp 0 0:1 1 /a\n3000-4000 r-xp 0 0:1 2 /b\n";
	struct objects *objects = new_objects();
	struct mappings set = parsed(with), without = parsed("1000-2000 r-xp 0 0:1 1 /a\n"),
			again = parsed(with);
	struct object *object;

	(void)state;
	(void)hold(objects, &set.mappings[1]);
	object = set.mappings[1].object;
	mappings_replace(&set, &without, objects, 0);
	mappings_replace(&set, &again, objects, 0);
	assert_int_equal(set.n_mappings, 2);
	assert_ptr_equal(set.mappings[1].object, object);
	assert_false(set.mappings[1].is_gone);
	mappings_deinit(&set, objects, 0);
	objects_free(objects);
}

static void a_copy_has_references_of_its_own(void **state)
{
	struct objects *objects = new_objects();
	struct mappings set = parsed(typical), copy;
	struct object *object;

	(void)state;
	(void)hold(objects, &set.mappings[0]);
	object = set.mappings[0].object;
	assert_int_equal(mappings_copy(&set, &copy), 0);
	assert_int_equal(object->n_refs, 2);
	assert_int_equal(copy.n_mappings, set.n_mappings);
	assert_int_equal(mappings_bytes(&copy), mappings_bytes(&set));
	mappings_deinit(&set, objects, 0);
	assert_int_equal(object->n_refs, 1);
	assert_name(&copy, 2, "/lib/a b (deleted)");
	mappings_deinit(&copy, objects, 0);
	objects_free(objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_executable_lines_are_kept),
		cmocka_unit_test(an_address_is_found_in_its_mapping_and_a_gap_stays_a_gap),
		cmocka_unit_test(a_line_that_is_not_one_is_counted_and_passed_over),
		cmocka_unit_test(mappings_that_overlap_or_descend_are_refused),
		cmocka_unit_test(empty_text_has_no_mappings),
		cmocka_unit_test(more_mappings_than_the_bound_are_counted),
		cmocka_unit_test(a_name_longer_than_the_bound_is_cut),
		cmocka_unit_test(a_run_of_one_name_stores_it_once),
		cmocka_unit_test(a_newer_text_keeps_objects_of_what_is_still_mapped),
		cmocka_unit_test(an_unmapped_library_is_resolved_until_it_is_pruned),
		cmocka_unit_test(what_is_gone_may_come_back),
		cmocka_unit_test(a_copy_has_references_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
