#include "config/source.h"

#include <stdio.h>
#include <string.h>

struct config_extent config_source_extent(const struct config_source *source, uint32_t offset)
{
	struct config_extent extent = {source->name, 0, (uint32_t)source->text.n_bytes};

	for (size_t i = 0; i < source->n_files && source->files[i].start <= offset; i++) {
		extent.name = source->files[i].name;
		extent.start = source->files[i].start;
		extent.end = (uint32_t)source->text.n_bytes;
		if (i + 1 < source->n_files)
			extent.end = source->files[i + 1].start - 1;
	}
	return extent;
}

struct config_where config_source_where(const struct config_source *source, uint32_t offset,
					uint32_t from)
{
	const char *name = config_source_extent(source, offset).name;
	uint32_t line = config_source_line(source, offset, NULL);
	struct config_where where;

	if (name == config_source_extent(source, from).name)
		(void)snprintf(where.text, sizeof(where.text), "line %u", line);
	else /* cut rather than long */
		(void)snprintf(where.text, sizeof(where.text), "line %u of %s", line, name);
	return where;
}

uint32_t config_source_line(const struct config_source *source, uint32_t offset,
			    uint32_t *ret_line_start)
{
	struct config_extent extent = config_source_extent(source, offset);
	const char *text = source->text.data, *start = text + extent.start, *newline;
	size_t n_bytes = offset < extent.end ? offset : extent.end;
	uint32_t line = 1;

	while ((newline = memchr(start, '\n', n_bytes - (size_t)(start - text)))) {
		start = newline + 1;
		line++;
	}
	if (ret_line_start)
		*ret_line_start = (uint32_t)(start - text);
	return line;
}

struct config_position config_source_position(const struct config_source *source, uint32_t offset)
{
	struct config_extent extent = config_source_extent(source, offset);
	struct config_position position = {.column = 1};
	const char *text = source->text.data, *newline;
	size_t n_bytes = extent.end, at;
	uint32_t character;

	position.line = config_source_line(source, offset, &position.line_start);
	if (position.line_start == extent.start && n_bytes - extent.start >= 3 &&
	    memcmp(text + extent.start, "\xef\xbb\xbf", 3) == 0)
		position.line_start += 3; /* a byte order mark is no character of the line */
	for (at = position.line_start; at < offset && at < n_bytes; position.column++) {
		size_t n = config_utf8_read(text + at, n_bytes - at, &character);

		at += n ? n : 1;
	}
	at = offset < n_bytes ? offset : n_bytes;
	newline = memchr(text + at, '\n', n_bytes - at);
	at = newline ? (size_t)(newline - text) : n_bytes;
	position.line_end = (uint32_t)at;
	if (newline && at > position.line_start && text[at - 1] == '\r')
		position.line_end--;
	return position;
}

size_t config_utf8_read(const char *text, size_t n_bytes, uint32_t *ret_character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)text;
	uint32_t character;
	size_t n;

	if (n_bytes == 0)
		return 0;
	n = u[0] < 0x80 ? 1 : u[0] < 0xc0 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (n == 0 || n > n_bytes || u[0] > 0xf4)
		return 0;
	character = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (u[i] & 0x3f);
	}
	if (character < least[n] || character > 0x10ffff)
		return 0;
	if (character >= 0xd800 && character < 0xe000)
		return 0;
	*ret_character = character;
	return n;
}

size_t config_utf8_write(uint32_t character, char *at)
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

	if (n == 1) {
		at[0] = (char)character;
		return 1;
	}
	for (size_t i = n - 1; i > 0; i--, character >>= 6)
		at[i] = (char)(0x80 | (character & 0x3f));
	at[0] = (char)(lead[n] | character);
	return n;
}

bool config_utf8_valid(struct config_text text)
{
	uint32_t character;
	size_t n;

	for (size_t at = 0; at < text.n_bytes; at += n) {
		n = config_utf8_read(text.data + at, text.n_bytes - at, &character);
		if (n == 0)
			return false;
	}
	return true;
}

bool config_is_identifier(struct config_text text)
{
	uint32_t character;
	size_t n;

	if (text.n_bytes == 0 || config_text_equals(text, "true") ||
	    config_text_equals(text, "false") || config_text_equals(text, "null"))
		return false;
	for (size_t at = 0; at < text.n_bytes; at += n) {
		n = config_utf8_read(text.data + at, text.n_bytes - at, &character);
		if (n == 0)
			return false;
		if (!config_is_letter(character) && character != '_' &&
		    (at == 0 || !config_is_digit(character)))
			return false;
	}
	return true;
}

bool config_text_equals(struct config_text text, const char *word)
{
	size_t n = strlen(word);

	return text.n_bytes == n && memcmp(text.data, word, n) == 0;
}

int config_text_compare(struct config_text a, struct config_text b)
{
	size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
	int order = n > 0 ? memcmp(a.data, b.data, n) : 0;

	if (order != 0)
		return order;
	return (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}
