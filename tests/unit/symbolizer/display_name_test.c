#include "display_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static size_t show(struct demangler *demangler, const char *raw, size_t n_bytes, char *shown,
		   size_t bytes_max)
{
	return display_name(demangler, (struct wire_bytes){raw, n_bytes}, shown, bytes_max);
}

static void what_is_no_text_is_replaced_and_the_rest_is_kept(void **state)
{
	const struct {
		const char *raw, *shown;
	} rows[] = {
		{"plain_name", "plain_name"},
		{"_ZN3fooE", "_ZN3fooE"}, /* nothing is demangled without a demangler */
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
		size_t n = show(NULL, rows[i].raw, strlen(rows[i].raw), shown, sizeof(shown) - 1);

		shown[n] = '\0';
		assert_string_equal(shown, rows[i].shown);
		assert_true(n <= display_name_bytes_max(strlen(rows[i].raw)));
	}
}

static void a_nul_inside_is_replaced(void **state)
{
	char shown[16];

	(void)state;
	assert_int_equal(show(NULL, "a\0b", 3, shown, sizeof(shown)), 5);
	assert_memory_equal(shown, "a" BAD "b", 5);
}

static void a_long_name_is_cut_between_characters(void **state)
{
	char shown[8];
	char *raw = malloc(100000), *out = malloc(DISPLAY_NAME_BYTES_MAX);

	(void)state;
	assert_int_equal(show(NULL, "abc\xe2\x82\xac", 6, shown, 5), 3);
	assert_int_equal(show(NULL, "abc\xe2\x82\xac", 6, shown, 6), 6);
	memset(raw, 0xff, 100000);
	assert_int_equal(display_name_bytes_max(100000), DISPLAY_NAME_BYTES_MAX);
	assert_int_equal(show(NULL, raw, 100000, out, DISPLAY_NAME_BYTES_MAX), 65535);
	free(raw);
	free(out);
}

static void a_mangled_name_is_shown_as_what_it_says(void **state)
{
	const struct {
		const char *raw, *shown;
	} rows[] = {
		{"_ZN3fooC1Ev", "foo::foo"},
		{"_ZN3\xff\xff\xff"
		 "C1Ev",
		 BAD BAD BAD "::" BAD BAD BAD},
		{"_RNvC1a1b", "a::b"},
		{"_ZN3foo", "_ZN3foo"},
		{"main.(*T).Method", "main.(*T).Method"},
	};
	struct demangler *demangler;
	char shown[64];

	(void)state;
	assert_int_equal(demangler_new(DEMANGLE_SIMPLIFIED, &demangler), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n =
			show(demangler, rows[i].raw, strlen(rows[i].raw), shown, sizeof(shown) - 1);

		shown[n] = '\0';
		assert_string_equal(shown, rows[i].shown);
	}
	assert_int_equal(show(demangler, "_ZN3fooC1Ev", 11, shown, 4), 4); /* cut as names are */
	assert_memory_equal(shown, "foo:", 4);
	demangler_free(demangler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_text_is_replaced_and_the_rest_is_kept),
		cmocka_unit_test(a_nul_inside_is_replaced),
		cmocka_unit_test(a_long_name_is_cut_between_characters),
		cmocka_unit_test(a_mangled_name_is_shown_as_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
