#include "display_name.h"

#include <stdbool.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

#define REPLACEMENT_BYTES (sizeof(replacement) - 1)

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * The length of the character that begins @at, of which @n_left bytes are there; 0 when it is none:
 * stray continuation, overlong form, surrogate, above U+10FFFF, or cut.
 */
static size_t character_bytes(const unsigned char *at, size_t n_left)
{
	unsigned char c = at[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (n == 1)
		return c >= 0x20 && c != 0x7f;
	if (c < 0xc2 || c > 0xf4 || n > n_left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (!is_continuation(at[i]))
			return 0;
	if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) ||
	    (c == 0xf0 && at[1] < 0x90) || (c == 0xf4 && at[1] > 0x8f))
		return 0;
	return n;
}

/* Whether all of 8 bytes are printable ASCII, which nearly all names are. */
static bool are_plain(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t bytes, low, deleted;

	memcpy(&bytes, at, sizeof(bytes));
	low = bytes - ones * 0x20;              /* borrows where a byte is below a space */
	deleted = (bytes ^ ones * 0x7f) - ones; /* and where one is 0x7f */
	return ((bytes | low | deleted) & high) == 0;
}

/* How many bytes from @at on may be taken as they are, in steps of 8; there may be more. */
static size_t plain_bytes(const char *at, size_t n_left)
{
	size_t n = 0;

	while (n_left - n >= 8 && are_plain(at + n))
		n += 8;
	return n;
}

/* What may be shown of @raw. */
static size_t clean(struct wire_bytes raw, char *out, size_t bytes_max)
{
	const char *text = raw.data;
	size_t at = 0, n_out = 0;

	while (at < raw.n_bytes) {
		size_t n_left = raw.n_bytes - at, n_room = bytes_max - n_out;
		size_t n = plain_bytes(text + at, n_left < n_room ? n_left : n_room), n_from;
		const char *from = text + at;

		if (n == 0)
			n = character_bytes((const unsigned char *)from, n_left);
		n_from = n;
		if (n == 0) {
			from = replacement;
			n_from = REPLACEMENT_BYTES;
		}
		if (n_from > n_room)
			break;
		memcpy(out + n_out, from, n_from);
		n_out += n_from;
		at += n ? n : 1;
	}
	return n_out;
}

size_t display_name(struct demangler *demangler, struct wire_bytes raw, char *out, size_t bytes_max)
{
	char said[DISPLAY_NAME_BYTES_MAX];
	size_t n_said = demangler ? demangle(demangler, raw, said, sizeof(said)) : 0;

	return clean(n_said > 0 ? (struct wire_bytes){said, n_said} : raw, out, bytes_max);
}
