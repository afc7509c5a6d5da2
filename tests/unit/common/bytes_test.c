#include "base/bytes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void appended_bytes_stand_one_after_another(void **state)
{
	struct bytes b = BYTES_INIT(64);

	(void)state;
	bytes_append(&b, "ab", 2);
	bytes_printf(&b, "%d", 42);
	assert_int_equal(b.n_bytes, 4);
	assert_memory_equal(b.data, "ab42", 4);
	assert_int_equal(b.error, 0);
	bytes_deinit(&b);
}

static void the_bound_is_inclusive_and_keeps_what_was_there(void **state)
{
	struct bytes b = BYTES_INIT(4);

	(void)state;
	bytes_append(&b, "abcd", 4);
	assert_int_equal(b.error, 0);
	bytes_append(&b, "e", 1);
	assert_int_equal(b.error, -EMSGSIZE);
	assert_memory_equal(b.data, "abcd", 4);
	bytes_clear(&b);
	assert_int_equal(b.error, 0);
	bytes_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended_bytes_stand_one_after_another),
		cmocka_unit_test(the_bound_is_inclusive_and_keeps_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
