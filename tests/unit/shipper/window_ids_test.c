#include "spool/window_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct window_id id_of(uint64_t n)
{
	return (struct window_id){n % 3, n};
}

static void what_was_added_is_contained_and_nothing_else(void **state)
{
	struct window_ids ids = {0};

	(void)state;
	assert_false(window_ids_contain(&ids, id_of(0)));
	for (uint64_t n = 0; n < 5000; n += 2)
		assert_int_equal(window_ids_add(&ids, id_of(n)), 0);
	for (uint64_t n = 0; n < 5000; n++)
		assert_int_equal(window_ids_contain(&ids, id_of(n)), n % 2 == 0);
	window_ids_deinit(&ids);
}

static void the_last_retired_are_remembered_and_older_ones_forgotten(void **state)
{
	struct window_ids ids = {0};
	uint64_t n_all = WINDOW_IDS_RETIRED_MAX + 1000;

	(void)state;
	for (uint64_t n = 0; n < n_all; n++) {
		assert_int_equal(window_ids_add(&ids, id_of(n)), 0);
		assert_int_equal(window_ids_retire(&ids, id_of(n)), 0);
	}
	for (uint64_t n = 0; n < n_all; n++)
		assert_int_equal(window_ids_contain(&ids, id_of(n)), n >= 1000);
	window_ids_deinit(&ids);
}

static void a_file_brings_the_retired_back_and_a_damaged_one_is_refused(void **state)
{
	struct bytes file = BYTES_INIT(1u << 20);
	struct window_ids ids = {0}, again = {0};

	(void)state;
	for (uint64_t n = 1; n < 100; n++) {
		assert_int_equal(window_ids_add(&ids, id_of(n)), 0);
		assert_int_equal(window_ids_retire(&ids, id_of(n)), 0);
	}
	window_ids_encode(&ids, &file);
	assert_int_equal(file.error, 0);
	assert_int_equal(window_ids_decode(&again, file.data, file.n_bytes), 0);
	for (uint64_t n = 1; n < 100; n++)
		assert_true(window_ids_contain(&again, id_of(n)));
	assert_int_equal(again.n_retired, 99);
	for (size_t n = 0; n < file.n_bytes; n++)
		assert_int_equal(window_ids_decode(&again, file.data, n), WINDOW_IDS_DAMAGED);
	file.data[40] ^= 1;
	assert_int_equal(window_ids_decode(&again, file.data, file.n_bytes), WINDOW_IDS_DAMAGED);
	bytes_deinit(&file);
	window_ids_deinit(&ids);
	window_ids_deinit(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_contained_and_nothing_else),
		cmocka_unit_test(the_last_retired_are_remembered_and_older_ones_forgotten),
		cmocka_unit_test(a_file_brings_the_retired_back_and_a_damaged_one_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
