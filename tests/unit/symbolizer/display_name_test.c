#include "display_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static void what_is_no_text_is_replaced_and_the_rest_is_kept(void **state)
{
	const struct {
		const char *raw, *shown;
	} rows[] = {
		{"plain_name", "plain_name"},
		{"_ZN3fooE", "_ZN3fooE"}, /* names are raw: what is shown is what the file says */
		{"Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac \xf0\x9f\x94\xa5", "\xe2\x82\xac \xf0\x9f\x94\xa5"},
		{"a\x80z", "a" BAD "z"},                 /* stray continuation */
		{"\xc0\xaf", BAD BAD},                   /* overlong */
		{"\xe0\x80\xaf", BAD BAD BAD},           /* overlong */
		{"\xed\xa0\x80", BAD BAD BAD},           /* surrogate */
		{"\xf4\x90\x80\x80", BAD BAD BAD BAD},   /* above U+10FFFF */
		{"\xf5z", BAD "z"},                      /* no such lead */
		{"cut\xe2\x82", "cut" BAD BAD},          /* cut */
		{"tab\there\x7f", "tab" BAD "here" BAD}, /* control characters */
		{"", ""},
	};
	char shown[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = display_name(rows[i].raw, strlen(rows[i].raw), shown, sizeof(shown) - 1);

		shown[n] = '\0';
		assert_string_equal(shown, rows[i].shown);
		assert_true(n <= display_name_bytes_max(strlen(rows[i].raw)));
	}
}

static void a_nul_inside_is_replaced(void **state)
{
	char shown[16];

	(void)state;
	assert_int_equal(display_name("a\0b", 3, shown, sizeof(shown)), 5);
	assert_memory_equal(shown, "a" BAD "b", 5);
}

static void a_long_name_is_cut_between_characters(void **state)
{
	char shown[8];
	char *raw = malloc(100000), *out = malloc(DISPLAY_NAME_BYTES_MAX);

	(void)state;
	assert_int_equal(display_name("abc\xe2\x82\xac", 6, shown, 5), 3);
	assert_int_equal(display_name("abc\xe2\x82\xac", 6, shown, 6), 6);
	memset(raw, 0xff, 100000);
	assert_int_equal(display_name_bytes_max(100000), DISPLAY_NAME_BYTES_MAX);
	assert_int_equal(display_name(raw, 100000, out, DISPLAY_NAME_BYTES_MAX), 65535);
	free(raw);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_text_is_replaced_and_the_rest_is_kept),
		cmocka_unit_test(a_nul_inside_is_replaced),
		cmocka_unit_test(a_long_name_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
