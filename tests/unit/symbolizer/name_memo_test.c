#include "name_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_name_keeps_its_own_text(void **state)
{
	enum { NAMES = 20000 };
	char *raw = calloc(1, NAMES), shown[32];
	struct name_memo *memo;
	struct wire_bytes found;

	(void)state;
	assert_int_equal(name_memo_new(&memo), 0);
	assert_int_equal(name_memo_find(memo, raw).n_bytes, 0);
	for (unsigned i = 0; i < NAMES; i++) {
		int n = snprintf(shown, sizeof(shown), "name::of<%u>", i);

		assert_int_equal(name_memo_find(memo, raw + i).n_bytes, 0);
		name_memo_keep(memo, raw + i, (struct wire_bytes){shown, (size_t)n});
	}
	for (unsigned i = 0; i < NAMES; i++) {
		int n = snprintf(shown, sizeof(shown), "name::of<%u>", i);

		found = name_memo_find(memo, raw + i);
		assert_int_equal(found.n_bytes, n);
		assert_memory_equal(found.data, shown, found.n_bytes);
	}
	name_memo_free(memo);
	free(raw);
}

static void what_is_over_the_bound_is_not_kept_and_the_rest_stays(void **state)
{
	const size_t n_large = NAME_MEMO_BYTES_MAX - 10;
	char raw[3], *large = calloc(1, n_large);
	struct name_memo *memo;

	(void)state;
	assert_non_null(large);
	assert_int_equal(name_memo_new(&memo), 0);
	name_memo_keep(memo, &raw[0], (struct wire_bytes){large, n_large});
	name_memo_keep(memo, &raw[1], (struct wire_bytes){"eleven byte", 11});
	assert_int_equal(name_memo_find(memo, &raw[0]).n_bytes, n_large);
	assert_int_equal(name_memo_find(memo, &raw[1]).n_bytes, 0);
	assert_int_equal(name_memo_find(memo, &raw[2]).n_bytes, 0);
	name_memo_free(memo);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_keeps_its_own_text),
		cmocka_unit_test(what_is_over_the_bound_is_not_kept_and_the_rest_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
