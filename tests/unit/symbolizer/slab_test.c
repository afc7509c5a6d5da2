#include "slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_taken_is_zeroed_aligned_and_apart(void **state)
{
	struct slab slab = {.bytes_max = 1 << 20};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		unsigned char *taken = slab_take(&slab, i % 7 + 1, 3);

		assert_non_null(taken);
		assert_int_equal((uintptr_t)taken % 16, 0);
		for (unsigned j = 0; j < (i % 7 + 1) * 3; j++)
			assert_int_equal(taken[j], 0);
		memset(taken, 0xff, (i % 7 + 1) * 3);
	}
	slab_deinit(&slab);
}

static void the_bound_and_an_overflow_are_refused(void **state)
{
	struct slab slab = {.bytes_max = 100 << 10};

	(void)state;
	assert_null(slab_take(&slab, SIZE_MAX / 2, 3));
	assert_null(slab_take(&slab, SIZE_MAX, 1));
	assert_null(slab_take(&slab, 101 << 10, 1));
	assert_non_null(slab_take(&slab, 64 << 10, 1));
	assert_null(slab_take(&slab, 64 << 10, 1));
	slab_deinit(&slab);
	assert_non_null(slab_take(&slab, 64 << 10, 1));
	slab_deinit(&slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_zeroed_aligned_and_apart),
		cmocka_unit_test(the_bound_and_an_overflow_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
