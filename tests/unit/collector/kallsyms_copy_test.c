/* The copy of a text that a memory file plays. */
#include "kallsyms_copy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define START_NS UINT64_C(1000000000)
#define LINE     "ffffffff81000000 T function\n"
#define N_LINES  30000u /* several pieces */

struct fixture {
	struct kallsyms_copy copy;
	struct objects *objects;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->copy = (struct kallsyms_copy)KALLSYMS_COPY_NULL;
	f->copy.source_fd = memfd_create("source", MFD_CLOEXEC);
	*state = f;
	return objects_new(16, 0, &f->objects);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kallsyms_copy_deinit(&f->copy);
	objects_free(f->objects);
	free(f);
	return 0;
}

static void write_lines(int fd, unsigned n_lines)
{
	for (unsigned i = 0; i < n_lines; i++)
		assert_int_equal(write(fd, LINE, sizeof(LINE) - 1), sizeof(LINE) - 1);
}

/* Makes a copy to its end; returns in how many pieces. */
static unsigned make_copy(struct fixture *f, uint64_t now_ns)
{
	unsigned n_pieces = 1;

	kallsyms_copy_begin(&f->copy, now_ns);
	while (kallsyms_copy_step(&f->copy, f->objects, now_ns))
		n_pieces++;
	return n_pieces;
}

static void the_text_is_copied_in_pieces_from_its_beginning(void **state)
{
	struct fixture *f = *state;
	char line[sizeof(LINE)] = "";
	const struct object *object;

	write_lines(f->copy.source_fd, N_LINES); /* the fd stands at its end now */
	assert_true(make_copy(f, START_NS) > 3);
	object = objects_kallsyms(f->objects);
	assert_non_null(object);
	assert_int_equal(object->kind, OBJECT_KALLSYMS);
	assert_int_equal(object->identity.size_bytes, N_LINES * (sizeof(LINE) - 1));
	assert_int_not_equal(object->identity.change_time_ns, 0);
	for (unsigned i = 0; i < N_LINES; i += N_LINES - 1) {
		assert_int_equal(
			pread(object->fd, line, sizeof(LINE) - 1, (off_t)(i * (sizeof(LINE) - 1))),
			sizeof(LINE) - 1);
		assert_string_equal(line, LINE);
	}
}

static void there_is_nothing_to_give_before_the_last_piece(void **state)
{
	struct fixture *f = *state;

	write_lines(f->copy.source_fd, N_LINES);
	kallsyms_copy_begin(&f->copy, START_NS);
	assert_true(kallsyms_copy_step(&f->copy, f->objects, START_NS));
	assert_null(objects_kallsyms(f->objects));
	kallsyms_copy_begin(&f->copy, START_NS); /* one is under way: it goes on */
	while (kallsyms_copy_step(&f->copy, f->objects, START_NS))
		;
	assert_int_equal(objects_kallsyms(f->objects)->identity.size_bytes,
			 N_LINES * (sizeof(LINE) - 1));
}

static void a_young_copy_is_not_made_again_and_an_old_one_is_replaced(void **state)
{
	struct fixture *f = *state;

	uint64_t first;

	write_lines(f->copy.source_fd, 1);
	(void)make_copy(f, START_NS);
	first = objects_kallsyms(f->objects)->identity.change_time_ns;
	write_lines(f->copy.source_fd, 1);
	(void)make_copy(f, START_NS + KALLSYMS_AGE_NS - 1);
	assert_int_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
	(void)make_copy(f, START_NS + KALLSYMS_AGE_NS);
	assert_int_not_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
	assert_int_equal(objects_kallsyms(f->objects)->identity.size_bytes, 2 * (sizeof(LINE) - 1));
	assert_int_equal(objects_n_held(f->objects), 1);
}

static void equal_texts_are_one_generation(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	write_lines(f->copy.source_fd, 3);
	(void)make_copy(f, START_NS);
	first = objects_kallsyms(f->objects)->identity.change_time_ns;
	(void)make_copy(f, START_NS + KALLSYMS_AGE_NS);
	assert_int_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
	/* Asking for what does not change costs less and less. */
	write_lines(f->copy.source_fd, 1);
	(void)make_copy(f, START_NS + 3 * KALLSYMS_AGE_NS - 1);
	assert_int_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
	(void)make_copy(f, START_NS + 3 * KALLSYMS_AGE_NS);
	assert_int_not_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
}

static void a_text_that_ends_in_an_error_leaves_the_older_copy(void **state)
{
	struct fixture *f = *state;
	int unreadable = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint64_t first;

	write_lines(f->copy.source_fd, 1);
	(void)make_copy(f, START_NS);
	first = objects_kallsyms(f->objects)->identity.change_time_ns;
	close_fdp(&f->copy.source_fd);
	f->copy.source_fd = unreadable;
	(void)make_copy(f, START_NS + KALLSYMS_AGE_NS);
	assert_int_equal(f->copy.copy_fd, -1);
	assert_int_equal(objects_kallsyms(f->objects)->identity.change_time_ns, first);
}

static void a_text_beyond_the_bound_is_given_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ftruncate(f->copy.source_fd, (off_t)KALLSYMS_BYTES_MAX + 1), 0);
	(void)make_copy(f, START_NS);
	assert_null(objects_kallsyms(f->objects));
	assert_int_equal(f->copy.copy_fd, -1);
	assert_int_equal(ftruncate(f->copy.source_fd, (off_t)KALLSYMS_BYTES_MAX), 0);
	(void)make_copy(f, START_NS);
	assert_int_equal(objects_kallsyms(f->objects)->identity.size_bytes, KALLSYMS_BYTES_MAX);
}

static void without_a_source_nothing_happens(void **state)
{
	struct fixture *f = *state;

	close_fdp(&f->copy.source_fd);
	assert_int_equal(make_copy(f, START_NS), 1);
	assert_null(objects_kallsyms(f->objects));
}

static void the_kernels_own_text_can_be_opened(void **state)
{
	struct fixture *f = *state;

	close_fdp(&f->copy.source_fd);
	assert_int_equal(kallsyms_copy_open(&f->copy), 0);
	(void)make_copy(f, START_NS);
	assert_true(objects_kallsyms(f->objects)->identity.size_bytes > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_copied_in_pieces_from_its_beginning),
		TEST(there_is_nothing_to_give_before_the_last_piece),
		TEST(a_young_copy_is_not_made_again_and_an_old_one_is_replaced),
		TEST(equal_texts_are_one_generation),
		TEST(a_text_that_ends_in_an_error_leaves_the_older_copy),
		TEST(a_text_beyond_the_bound_is_given_up),
		TEST(without_a_source_nothing_happens),
		TEST(the_kernels_own_text_can_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
