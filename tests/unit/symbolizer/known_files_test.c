#include "table/known_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct file_key key_of(uint64_t number)
{
	return (struct file_key){1, number, 4096, 77};
}

static const struct known_file *find(struct known_files *known, uint64_t number)
{
	const struct file_key key = key_of(number);

	return known_files_find(known, &key);
}

static void note(struct known_files *known, uint64_t number, int outcome)
{
	const struct file_note note = {.digest = {{(uint8_t)number}}, .outcome = outcome};
	const struct file_key key = key_of(number);

	known_files_note(known, &key, &note);
}

static void a_file_keeps_what_was_noted_last(void **state)
{
	struct known_files *known = calloc(1, sizeof(*known));

	(void)state;
	known_files_init(known);
	assert_null(find(known, 1));
	note(known, 1, 3);
	note(known, 2, 0);
	assert_int_equal(find(known, 1)->note.outcome, 3);
	assert_int_equal(find(known, 2)->note.digest.bytes[0], 2);
	note(known, 1, 0);
	assert_int_equal(find(known, 1)->note.outcome, 0);
	assert_int_equal(find(known, 1)->note.digest.bytes[0], 1);
	assert_int_equal(known->n, 2);
	free(known);
}

static void the_least_recently_used_file_is_forgotten(void **state)
{
	struct known_files *known = calloc(1, sizeof(*known));

	(void)state;
	known_files_init(known);
	for (uint64_t i = 0; i < KNOWN_FILES_MAX; i++)
		note(known, i, 1);
	assert_non_null(find(known, 0));
	for (uint64_t i = 0; i < 1000; i++)
		note(known, KNOWN_FILES_MAX + i, 1);
	assert_non_null(find(known, 0));
	for (uint64_t i = 1; i < KNOWN_FILES_MAX + 1000; i++)
		assert_int_equal(find(known, i) != NULL, i > 1000);
	free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_keeps_what_was_noted_last),
		cmocka_unit_test(the_least_recently_used_file_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
