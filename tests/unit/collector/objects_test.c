#include "objects.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "object_roots.h"

#define N_MAX   4u
#define HOLD_NS 1000u

static int setup(void **state)
{
	struct objects *objects;

	assert_int_equal(objects_new(N_MAX, HOLD_NS, &objects), 0);
	*state = objects;
	return 0;
}

static int teardown(void **state)
{
	objects_free(*state);
	return 0;
}

static struct wire_bytes name_of(const char *name)
{
	return (struct wire_bytes){name, strlen(name)};
}

static int new_fd(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static struct object *adopt(struct objects *objects, uint64_t inode)
{
	struct file_identity identity = {.device = 7, .inode = inode, .size_bytes = 9};

	return objects_adopt(objects, new_fd(), &identity, name_of("/lib/x.so"));
}

static void one_file_is_one_object_and_the_second_fd_is_closed(void **state)
{
	struct file_identity identity = {.device = 7, .inode = 8, .size_bytes = 9};
	int first = new_fd(), second = new_fd();
	struct object *a = objects_adopt(*state, first, &identity, name_of("/a"));
	struct object *b = objects_adopt(*state, second, &identity, name_of("/b"));

	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_int_equal(a->n_refs, 2);
	assert_int_equal(a->kind, OBJECT_FILE);
	assert_int_equal(a->fd, first);
	assert_false(is_open(second));
	assert_string_equal(a->name, "/a");
	assert_true(a->id > 0);
	assert_int_equal(a->root_fd, -1);
	assert_ptr_equal(objects_find(*state, a->id), a);
	assert_int_equal(objects_n_held(*state), 1);
	object_release(*state, a, 0);
	object_release(*state, b, 0);
}

static void each_field_of_the_identity_tells_files_apart(void **state)
{
	const struct file_identity identities[] = {
		{.device = 1, .inode = 1, .size_bytes = 1, .change_time_ns = 1},
		{.device = 2, .inode = 1, .size_bytes = 1, .change_time_ns = 1},
		{.device = 1, .inode = 2, .size_bytes = 1, .change_time_ns = 1},
		{.device = 1, .inode = 1, .size_bytes = 2, .change_time_ns = 1},
		{.device = 1, .inode = 1, .size_bytes = 1, .change_time_ns = 2},
	};
	struct object *objects[5];
	struct objects *table;

	(void)state;
	assert_int_equal(objects_new(5, HOLD_NS, &table), 0);
	for (size_t i = 0; i < 5; i++) {
		objects[i] = objects_adopt(table, new_fd(), &identities[i], name_of("/a"));
		assert_non_null(objects[i]);
		for (size_t j = 0; j < i; j++) {
			assert_ptr_not_equal(objects[i], objects[j]);
			assert_int_not_equal(objects[i]->id, objects[j]->id);
		}
	}
	objects_free(table);
}

static void a_file_is_held_until_its_last_image_is_gone_for_the_hold_time(void **state)
{
	struct object *object = adopt(*state, 1);
	uint64_t id = object->id;
	int fd = object->fd;

	assert_int_equal(objects_expire(*state, 10 * HOLD_NS), UINT64_MAX); /* in use: no hurry */
	object_release_mapped(*state, object, 5000);
	assert_int_equal(objects_expire(*state, 5000), 5000 + HOLD_NS);
	assert_int_equal(objects_expire(*state, 5000 + HOLD_NS - 1), 5000 + HOLD_NS);
	assert_true(is_open(fd));
	assert_int_equal(objects_expire(*state, 5000 + HOLD_NS), UINT64_MAX);
	assert_false(is_open(fd));
	assert_null(objects_find(*state, id));
	assert_int_equal(objects_n_held(*state), 0);
}

static void a_window_keeps_a_file_but_does_not_prolong_its_hold(void **state)
{
	struct object *object = adopt(*state, 1);
	int fd = object->fd;

	(void)object_retain(object); /* a window */
	object_release_mapped(*state, object, 5000);
	(void)objects_expire(*state, 5000 + 2 * HOLD_NS);
	assert_true(is_open(fd));
	object_release(*state, object, 5000 + 2 * HOLD_NS);
	assert_false(is_open(fd)); /* at once: its last process is gone long enough */

	object = adopt(*state, 2);
	fd = object->fd;
	(void)object_retain(object);
	object_release_mapped(*state, object, 5000);
	object_release(*state, object, 5000 + HOLD_NS / 2);
	assert_int_equal(objects_expire(*state, 5000 + HOLD_NS / 2), 5000 + HOLD_NS);
	assert_true(is_open(fd));
}

static void a_file_that_only_windows_used_is_held_from_the_last_of_them(void **state)
{
	struct object *object = adopt(*state, 1);
	int fd = object->fd;

	object_release(*state, object, 700);
	assert_true(is_open(fd));
	assert_int_equal(objects_expire(*state, 700), 700 + HOLD_NS);
	assert_ptr_equal(adopt(*state, 1), object);
	object_release(*state, object, 900);
	assert_int_equal(objects_expire(*state, 900), 900 + HOLD_NS);
}

static void a_full_table_lets_go_of_the_oldest_idle_file_never_of_one_in_use(void **state)
{
	struct object *objects[N_MAX];
	uint64_t second_id, third_id;
	int fd;

	for (uint64_t i = 0; i < N_MAX; i++)
		objects[i] = adopt(*state, i);
	fd = new_fd();
	assert_null(objects_adopt(*state, fd, &(struct file_identity){.inode = 99}, name_of("/")));
	assert_false(is_open(fd));

	second_id = objects[1]->id;
	third_id = objects[2]->id;
	object_release_mapped(*state, objects[1], 20);
	object_release_mapped(*state, objects[2], 10);
	assert_non_null(adopt(*state, 100));
	assert_null(objects_find(*state, third_id)); /* idle since 10 */
	assert_non_null(objects_find(*state, second_id));
	assert_non_null(adopt(*state, 101));
	assert_null(objects_find(*state, second_id));
	assert_null(adopt(*state, 102));
	assert_int_equal(objects_n_held(*state), N_MAX);
}

static void a_held_file_is_found_by_what_maps_printed(void **state)
{
	const struct object_key key = {1, 2, 3};
	const struct object_key others[] = {{9, 2, 3}, {1, 9, 3}, {1, 2, 9}};
	struct object *object = adopt(*state, 1);

	assert_null(objects_find_mapped(*state, &key, name_of("/x")));
	objects_note_mapped(*state, object, &key, name_of("/x"));
	objects_note_mapped(*state, object, &key, name_of("/x"));
	assert_ptr_equal(objects_find_mapped(*state, &key, name_of("/x")), object);
	assert_int_equal(object->n_refs, 2);
	assert_null(objects_find_mapped(*state, &key, name_of("/y")));
	for (size_t i = 0; i < 3; i++)
		assert_null(objects_find_mapped(*state, &others[i], name_of("/x")));
}

static void a_key_that_means_another_file_now_is_moved(void **state)
{
	const struct object_key key = {1, 2, 3};
	struct object *before = adopt(*state, 1), *after = adopt(*state, 2);

	objects_note_mapped(*state, before, &key, name_of("/x"));
	objects_note_mapped(*state, after, &key, name_of("/x"));
	assert_ptr_equal(objects_find_mapped(*state, &key, name_of("/x")), after);
}

static void a_file_with_very_many_keys_forgets_the_oldest(void **state)
{
	struct object *object = adopt(*state, 1);

	for (uint64_t i = 0; i < 100; i++)
		objects_note_mapped(*state, object, &(struct object_key){1, 1, i}, name_of("/x"));
	assert_null(objects_find_mapped(*state, &(struct object_key){1, 1, 0}, name_of("/x")));
	assert_non_null(objects_find_mapped(*state, &(struct object_key){1, 1, 99}, name_of("/x")));
}

static void keys_go_with_their_file(void **state)
{
	const struct object_key key = {1, 2, 3};
	struct object *object = adopt(*state, 1);

	objects_note_mapped(*state, object, &key, name_of("/x"));
	object_release_mapped(*state, object, 0);
	assert_ptr_equal(objects_find_mapped(*state, &key, name_of("/x")), object); /* idle, held */
	object_release_mapped(*state, object, 0);
	(void)objects_expire(*state, HOLD_NS);
	assert_null(objects_find_mapped(*state, &key, name_of("/x")));
}

static struct object_root *adopt_root(struct objects *objects, int fd, uint64_t mount_id)
{
	struct file_identity identity = {.device = 1, .inode = 2};

	return objects_adopt_root(objects, fd, &identity, mount_id, (struct wire_bytes){"/", 1});
}

static void nameless_objects_are_shared_by_name_and_gone_with_the_last_reference(void **state)
{
	struct object *a = objects_nameless(*state, name_of("[anon]"));
	struct object *b = objects_nameless(*state, name_of("[anon]"));
	struct object *c = objects_nameless(*state, name_of("[vdso]"));
	struct object *empty = objects_nameless(*state, (struct wire_bytes){NULL, 0});

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_int_equal(a->n_refs, 2);
	assert_int_equal(a->id, 0);
	assert_int_equal(a->kind, OBJECT_NAMELESS);
	assert_int_equal(a->fd, -1);
	assert_int_equal(empty->n_name_bytes, 0);
	assert_int_equal(objects_n_held(*state), 0);
	object_release(*state, a, 0);
	object_release_mapped(*state, b, 0);
	object_release(*state, c, 0);
	object_release(*state, empty, 0);
}

static void code_of_a_process_has_a_root_and_goes_with_its_last_reference(void **state)
{
	static const struct file_identity process = {.device = 7, .inode = 12345};
	struct object *a = objects_new_code(*state, &process, name_of("[anon]"));
	struct object *b = objects_new_code(*state, &process, name_of("[anon]"));
	struct object_root *root = adopt_root(*state, new_fd(), 1);
	uint64_t id = a->id;

	assert_ptr_not_equal(a, b);
	assert_int_equal(a->kind, OBJECT_CODE);
	assert_int_equal(a->identity.inode, 12345);
	assert_int_equal(a->fd, -1);
	assert_true(object_lacks_root(a));
	object_set_root(a, root);
	assert_false(object_lacks_root(a));
	assert_int_equal(objects_n_held(*state), 1); /* the root: it holds no fd itself */
	object_release_mapped(*state, a, 0);
	assert_null(objects_find(*state, id));
	object_release(*state, b, 0);
}

static void code_beyond_the_bound_has_no_object(void **state)
{
	static const struct file_identity process = {.device = 7};
	static struct object *all[OBJECTS_CODE_MAX];

	for (size_t i = 0; i < OBJECTS_CODE_MAX; i++)
		all[i] = objects_new_code(*state, &process, name_of("[anon]"));
	assert_non_null(all[OBJECTS_CODE_MAX - 1]);
	assert_null(objects_new_code(*state, &process, name_of("[anon]")));
	for (size_t i = 0; i < OBJECTS_CODE_MAX; i++)
		object_release(*state, all[i], 0);
	assert_non_null(objects_new_code(*state, &process, name_of("[anon]")));
}

static void a_file_that_only_passes_through_is_not_held(void **state)
{
	struct object *object = adopt(*state, 1);
	uint64_t id = object->id;

	object->is_passing = true;
	object_release(*state, object, 0);
	assert_null(objects_find(*state, id));
	assert_int_equal(objects_n_held(*state), 0);
}

static void names_beyond_the_bound_share_one_object(void **state)
{
	struct object *last = NULL, *again;
	char name[32];

	for (unsigned i = 0; i < OBJECTS_NAMELESS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "/name-%u", i);
		last = objects_nameless(*state, name_of(name));
	}
	assert_string_equal(last->name, name);
	last = objects_nameless(*state, name_of("/one too many"));
	assert_string_equal(last->name, "[other]");
	again = objects_nameless(*state, name_of("/another"));
	assert_ptr_equal(again, last);
	object_release(*state, again, 0);
	object_release(*state, last, 0);
	object_release(*state, objects_nameless(*state, name_of("/name-7")), 0);
}

static void a_long_name_is_cut(void **state)
{
	char name[OBJECT_NAME_BYTES_MAX + 10];
	struct object *object;

	memset(name, 'x', sizeof(name));
	object = objects_nameless(*state, (struct wire_bytes){name, sizeof(name)});
	assert_int_equal(object->n_name_bytes, OBJECT_NAME_BYTES_MAX);
	object_release(*state, object, 0);
}

static void a_new_copy_of_kallsyms_replaces_the_old_when_no_window_needs_it(void **state)
{
	int first = new_fd(), second = new_fd(), third = new_fd();
	struct object *a, *b;
	uint64_t first_id;

	assert_null(objects_kallsyms(*state));
	a = objects_set_kallsyms(*state, first, 1000, 1);
	assert_ptr_equal(objects_kallsyms(*state), a);
	assert_int_equal(a->kind, OBJECT_KALLSYMS);
	assert_int_equal(a->identity.size_bytes, 1000);
	assert_int_equal(a->identity.change_time_ns, 1);
	first_id = a->id;
	(void)object_retain(a); /* a window */
	b = objects_set_kallsyms(*state, second, 1001, 2);
	assert_ptr_equal(objects_find(*state, first_id), a);
	assert_ptr_equal(objects_kallsyms(*state), b);
	assert_int_equal(objects_n_held(*state), 2);
	object_release(*state, a, 0);
	assert_false(is_open(first));
	assert_null(objects_find(*state, first_id));
	(void)objects_set_kallsyms(*state, third, 1002, 3);
	assert_false(is_open(second));
	(void)objects_expire(*state, UINT64_MAX / 2);
	assert_true(is_open(third));
}

static void a_mount_namespace_has_one_root(void **state)
{
	int first = new_fd(), second = new_fd(), other = new_fd();
	struct object_root *root = adopt_root(*state, first, 1);

	assert_ptr_equal(adopt_root(*state, second, 1), root);
	assert_false(is_open(second));
	assert_ptr_not_equal(adopt_root(*state, other, 2), root);
	assert_int_equal(objects_n_held(*state), 2);
}

static void a_root_is_closed_when_its_images_are_gone_for_the_hold_time(void **state)
{
	int fd = new_fd();
	struct object_root *root = adopt_root(*state, fd, 1);
	struct object *object = adopt(*state, 1), *nameless;
	uint64_t n_lost = objects_roots_lost(*state);

	object_set_root(object, root);
	assert_int_equal(object->root_fd, fd);
	nameless = objects_nameless(*state, name_of("[anon]"));
	object_set_root(nameless, root);
	assert_int_equal(nameless->root_fd, -1);
	object_release(*state, nameless, 0);

	assert_int_equal(objects_expire(*state, 1000), UINT64_MAX);
	object_root_release(*state, root, 1000);
	assert_int_equal(objects_expire(*state, 1000), 1000 + HOLD_NS);
	assert_int_equal(object->root_fd, fd);
	assert_int_equal(objects_expire(*state, 1000 + HOLD_NS), UINT64_MAX);
	assert_int_equal(object->root_fd, -1); /* though the object is in use */
	assert_int_equal(objects_roots_lost(*state), n_lost + 1);
	assert_false(is_open(fd));
}

static void a_root_that_is_opened_again_in_time_stays(void **state)
{
	int fd = new_fd();
	struct object_root *root = adopt_root(*state, fd, 1);
	struct object *object = adopt(*state, 1);

	object_set_root(object, root);
	object_root_release(*state, root, 1000);
	assert_ptr_equal(adopt_root(*state, new_fd(), 1), root);
	assert_int_equal(objects_expire(*state, 1000 + HOLD_NS), UINT64_MAX);
	assert_int_equal(object->root_fd, fd);
}

static void roots_are_bounded_and_an_idle_one_makes_room(void **state)
{
	struct object_root *first = NULL;
	struct object *object = adopt(*state, 1);
	int fd;

	for (uint64_t i = 0; i < OBJECTS_ROOTS_MAX; i++) {
		struct object_root *root = adopt_root(*state, new_fd(), i);

		assert_non_null(root);
		first = first ? first : root;
	}
	fd = new_fd();
	assert_null(adopt_root(*state, fd, 1000));
	assert_false(is_open(fd));
	object_set_root(object, first);
	object_root_release(*state, first, 5);
	assert_non_null(adopt_root(*state, new_fd(), 1000));
	assert_int_equal(object->root_fd, -1);
}

static void a_senseless_bound_is_refused(void **state)
{
	struct objects *objects;

	(void)state;
	assert_int_equal(objects_new(0, HOLD_NS, &objects), -EINVAL);
	assert_int_equal(objects_new(OBJECTS_MAX_MAX + 1, HOLD_NS, &objects), -EINVAL);
	objects_free(NULL);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(one_file_is_one_object_and_the_second_fd_is_closed),
		test(each_field_of_the_identity_tells_files_apart),
		test(a_file_is_held_until_its_last_image_is_gone_for_the_hold_time),
		test(a_window_keeps_a_file_but_does_not_prolong_its_hold),
		test(a_file_that_only_windows_used_is_held_from_the_last_of_them),
		test(a_full_table_lets_go_of_the_oldest_idle_file_never_of_one_in_use),
		test(a_held_file_is_found_by_what_maps_printed),
		test(a_key_that_means_another_file_now_is_moved),
		test(a_file_with_very_many_keys_forgets_the_oldest),
		test(keys_go_with_their_file),
		test(nameless_objects_are_shared_by_name_and_gone_with_the_last_reference),
		test(code_of_a_process_has_a_root_and_goes_with_its_last_reference),
		test(code_beyond_the_bound_has_no_object),
		test(a_file_that_only_passes_through_is_not_held),
		test(names_beyond_the_bound_share_one_object),
		test(a_long_name_is_cut),
		test(a_new_copy_of_kallsyms_replaces_the_old_when_no_window_needs_it),
		test(a_mount_namespace_has_one_root),
		test(a_root_is_closed_when_its_images_are_gone_for_the_hold_time),
		test(a_root_that_is_opened_again_in_time_stays),
		test(roots_are_bounded_and_an_idle_one_makes_room),
		test(a_senseless_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
