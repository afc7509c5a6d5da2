#include "elf/debuglink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CRC "\x78\x56\x34\x12" /* on a little-endian machine, as all are that this runs on */

static const struct {
	const char *what;
	struct wire_bytes section;
	const char *name; /* NULL: malformed */
} links[] = {
	{"three zeros", {"a\0\0\0" CRC, 8}, "a"},
	{"two zeros", {"ab\0\0" CRC, 8}, "ab"},
	{"one zero", {"abc\0" CRC, 8}, "abc"},
	{"four zeros", {"abcd\0\0\0\0" CRC, 12}, "abcd"},
	{"more behind it", {"abc\0" CRC "more", 12}, "abc"},
	{"a path, which is for others to refuse", {"../ab\0\0\0" CRC, 12}, "../ab"},
	{"nothing", {"", 0}, NULL},
	{"no name", {"\0\0\0\0" CRC, 8}, NULL},
	{"no end", {"abcdefgh", 8}, NULL},
	{"no checksum", {"abc\0", 4}, NULL},
	{"half a checksum", {"abc\0" CRC, 7}, NULL},
	{"a checksum without its zeros", {"ab\0" CRC, 7}, NULL},
};

static void a_link_is_a_name_and_a_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		struct debuglink link = {.crc = 1};
		int r = debuglink_parse(links[i].section, &link);

		if (r != (links[i].name ? 0 : DEBUGLINK_MALFORMED))
			fail_msg("%s: %d", links[i].what, r);
		if (!links[i].name)
			continue;
		assert_int_equal(link.name.n_bytes, strlen(links[i].name));
		assert_memory_equal(link.name.data, links[i].name, link.name.n_bytes);
		assert_int_equal(link.crc, 0x12345678);
	}
}

static void a_name_has_at_most_255_bytes(void **state)
{
	char section[264];
	struct debuglink link;

	(void)state;
	memset(section, 'a', sizeof(section));
	memset(section + 255, 0, 9);
	assert_int_equal(debuglink_parse((struct wire_bytes){section, 260}, &link), 0);
	section[255] = 'a';
	assert_int_equal(debuglink_parse((struct wire_bytes){section, 264}, &link),
			 DEBUGLINK_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_a_name_and_a_checksum),
		cmocka_unit_test(a_name_has_at_most_255_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
