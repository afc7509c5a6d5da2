#include "cpu_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_list_is_taken_range_by_range(void **state)
{
	static const struct {
		const char *list, *ranges;
	} rows[] = {
		{"0\n", "[0 0]"},   {"0-3\n", "[0 3]"}, {"0-3,8,10-11", "[0 3][8 8][10 11]"},
		{"", ""},           {"\n", ""},         {"0,", "[0 0]"},
		{"1-", ""},         {"-1", ""},         {" 1", ""},
		{"0,x,2", "[0 0]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *list = rows[i].list;
		unsigned long first, last;
		char found[128] = "";

		while (cpu_list_next(&list, &first, &last))
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found),
				       "[%lu %lu]", first, last);
		assert_string_equal(found, rows[i].ranges);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_taken_range_by_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
