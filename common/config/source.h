#pragma once
/*
 * The text of a configuration and places in it.
 *
 * A place is a byte offset into the text; people get line and column, and a column counts
 * characters from 1, so that an editor's "go to" lands on the token whatever stands before it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_SOURCE_BYTES_MAX ((size_t)1 << 20)

/* A piece of text: bytes of any value, with a NUL behind them that does not count. */
struct config_text {
	const char *data; /* borrowed, mostly from an arena; "" when n_bytes is 0 */
	size_t n_bytes;
};

#define CONFIG_TEXT(literal)                                                                       \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

/* Where a token stands: offsets of its first byte and of the one past its last. An expression
 * stands where its first token does. */
struct config_span {
	uint32_t start;
	uint32_t end;
};

/* One of several files whose texts stand behind one another, with a byte between them. */
struct config_file {
	const char *name; /* for messages; borrowed */
	uint32_t start;   /* of its text in that of the source */
};

struct config_source {
	const char *name; /* of the file, or of the directory of files; borrowed */
	struct config_text text;
	const struct config_file *files; /* borrowed; in the order of the text. NULL: one file */
	size_t n_files;
};

/* What of the text of a source is in one file. */
struct config_extent {
	const char *name;
	uint32_t start;
	uint32_t end;
};

struct config_position {
	uint32_t line;   /* of its file, from 1 */
	uint32_t column; /* characters, from 1; a byte that is no UTF-8 counts as one */
	uint32_t line_start;
	uint32_t line_end; /* offset of the line's LF, CRLF or the end of the text */
};

/* The file that @offset stands in, or ends. */
struct config_extent config_source_extent(const struct config_source *source, uint32_t offset);

/* "line 3", and "of b.alloy" when that is another file than @from stands in. A value: use it at
 * once. */
struct config_where {
	char text[128];
};
struct config_where config_source_where(const struct config_source *source, uint32_t offset,
					uint32_t from);

/* The line alone, which costs less than the column. @ret_line_start may be NULL. */
uint32_t config_source_line(const struct config_source *source, uint32_t offset,
			    uint32_t *ret_line_start);

struct config_position config_source_position(const struct config_source *source, uint32_t offset);

/*
 * Reads one character of UTF-8. Overlong forms, surrogates and values past U+10FFFF are not UTF-8.
 * Returns its length in bytes, or 0 when there is none at @text.
 */
size_t config_utf8_read(const char *text, size_t n_bytes, uint32_t *ret_character);

/* Writes @character as UTF-8 to @at, which has room for 4 bytes, and returns its length. */
size_t config_utf8_write(uint32_t character, char *at);

bool config_utf8_valid(struct config_text text);

/* Unicode letters (general category L) and decimal digits (Nd), as identifiers may have them. */
bool config_is_letter(uint32_t character);
bool config_is_digit(uint32_t character);

/* The character that is @character in the other case; itself when there is none, or several. */
uint32_t config_to_upper(uint32_t character);
uint32_t config_to_lower(uint32_t character);

/* Is @text an identifier: a letter or `_`, then letters, digits and `_`, and not a keyword? */
bool config_is_identifier(struct config_text text);

bool config_text_equals(struct config_text text, const char *word);

/* Orders texts bytewise, like strcmp(), the shorter first. */
int config_text_compare(struct config_text a, struct config_text b);
