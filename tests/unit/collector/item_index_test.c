#include "item_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_ITEMS 1000u

static bool number_is(const void *owner, uint32_t item, const void *key)
{
	const uint64_t *numbers = owner;

	return numbers[item] == *(const uint64_t *)key;
}

/* Multiples of three, with no more than @n_hashes hashes. */
static void fill(struct item_index *index, uint64_t *numbers, uint64_t n_hashes)
{
	for (uint64_t i = 0; i < N_ITEMS; i++) {
		numbers[i] = 3 * i;
		assert_int_equal(item_index_reserve(index, 1), 0);
		assert_int_equal(item_index_add(index, i % n_hashes), i);
	}
}

static void every_item_is_found_by_its_content(void **state)
{
	static const uint64_t n_hashes[] = {N_ITEMS, 7, 1}; /* the last: all of them collide */
	uint64_t numbers[N_ITEMS];

	(void)state;
	for (size_t k = 0; k < sizeof(n_hashes) / sizeof(n_hashes[0]); k++) {
		struct item_index index = {0};

		fill(&index, numbers, n_hashes[k]);
		for (uint64_t i = 0; i < N_ITEMS; i++) {
			uint64_t key = 3 * i;

			assert_int_equal(
				item_index_find(&index, i % n_hashes[k], number_is, numbers, &key),
				i);
		}
		item_index_deinit(&index);
	}
}

static void what_was_not_added_is_not_found(void **state)
{
	struct item_index index = {0};
	uint64_t numbers[N_ITEMS] = {0}, key = 1;

	(void)state;
	assert_int_equal(item_index_find(&index, 1, number_is, numbers, &key), ITEM_NONE);
	fill(&index, numbers, 5);
	assert_int_equal(item_index_find(&index, 1, number_is, numbers, &key), ITEM_NONE);
	key = 3; /* there, under another hash */
	assert_int_equal(item_index_find(&index, 2, number_is, numbers, &key), ITEM_NONE);
	item_index_deinit(&index);
}

static void an_array_grows_by_doubling_and_is_bounded(void **state)
{
	size_t capacity = 0;
	void *array = item_array_reserve(NULL, &capacity, 1, 8);

	(void)state;
	assert_non_null(array);
	assert_true(capacity >= 1);
	array = item_array_reserve(array, &capacity, 1000, 8);
	assert_int_equal(capacity, 1024);
	assert_ptr_equal(item_array_reserve(array, &capacity, 1024, 8), array);
	assert_null(item_array_reserve(array, &capacity, SIZE_MAX / 2, 8));
	assert_int_equal(capacity, 1024);
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_item_is_found_by_its_content),
		cmocka_unit_test(what_was_not_added_is_not_found),
		cmocka_unit_test(an_array_grows_by_doubling_and_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
