#include "pages/status_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/source.h"
#include "endpoints/series.h"

#define REPLACEMENT       "\xef\xbf\xbd" /* U+FFFD */
#define SECOND_NS         UINT64_C(1000000000)
#define VALUE_BYTES_SHOWN 200u
#define DIGITS_BYTES      21u /* of a 64-bit number, with its end */

/* A byte that has a meaning in HTML, or none. */
static void print_ascii(struct bytes *out, char c)
{
	switch (c) {
	case '<':
		bytes_append(out, "&lt;", 4);
		break;
	case '&':
		bytes_append(out, "&amp;", 5);
		break;
	case '"':
		bytes_append(out, "&quot;", 6);
		break;
	default: /* control characters have no place in HTML */
		bytes_append(out, (unsigned char)c < ' ' || c == 0x7f ? " " : &c, 1);
	}
}

void status_text(struct bytes *out, const void *bytes, size_t n_bytes)
{
	const char *data = bytes;
	uint32_t character;

	for (size_t i = 0; i < n_bytes;) {
		size_t n = config_utf8_read(data + i, n_bytes - i, &character);

		if (n == 1)
			print_ascii(out, data[i]);
		else if (n > 1)
			bytes_append(out, data + i, n);
		else
			bytes_append(out, REPLACEMENT, strlen(REPLACEMENT));
		i += n > 0 ? n : 1;
	}
}

void status_string(struct bytes *out, const char *string)
{
	status_text(out, string, strlen(string));
}

/* Of a long value what begins it, cut between two characters. */
static void value(struct bytes *out, struct wire_bytes bytes)
{
	const unsigned char *data = bytes.data;
	size_t n = bytes.n_bytes;

	if (n > VALUE_BYTES_SHOWN) {
		n = VALUE_BYTES_SHOWN;
		while (n > 0 && (data[n] & 0xc0) == 0x80)
			n--;
	}
	status_text(out, data, n);
	if (n < bytes.n_bytes)
		bytes_printf(out, "…");
}

void status_labels(struct bytes *out, struct wire_bytes set)
{
	struct wire_arena arena = {0};
	const struct wire_label *labels;
	size_t n_labels;

	if (wire_decode_labels(set.data, set.n_bytes, &arena, &labels, &n_labels) != 0)
		n_labels = 0;
	for (size_t i = 0; i < n_labels; i++) {
		if (series_is_for_ourselves(labels[i].name))
			continue;
		bytes_printf(out, "<span class=\"label\"><b>");
		value(out, labels[i].name);
		bytes_printf(out, "</b>=");
		value(out, labels[i].value);
		bytes_printf(out, "</span> ");
	}
	wire_arena_deinit(&arena);
}

void status_number(struct bytes *out, uint64_t value)
{
	char digits[DIGITS_BYTES];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			bytes_printf(out, "&#8239;"); /* a narrow blank that does not break */
		bytes_append(out, &digits[i], 1);
	}
}

void status_age(struct bytes *out, uint64_t age_ns)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	uint64_t seconds = age_ns / SECOND_NS;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i].seconds || units[i].seconds == 1) {
			bytes_printf(out, "%" PRIu64 " %s ago", seconds / units[i].seconds,
				     units[i].unit);
			return;
		}
}

void status_table(struct bytes *out, const char *const *heads)
{
	bytes_printf(out, "<table>\n<thead><tr>");
	for (; *heads; heads++)
		bytes_printf(out, **heads == '#' ? "<th class=\"n\">%s</th>" : "<th>%s</th>",
			     *heads + (**heads == '#'));
	bytes_printf(out, "</tr></thead>\n<tbody>\n");
}

void status_table_end(struct bytes *out)
{
	bytes_printf(out, "</tbody></table>\n");
}

void status_cell(struct bytes *out, const char *head, const char *class)
{
	bytes_printf(out, "<td class=\"%s\" data-of=\"%s\">", class, head);
}
