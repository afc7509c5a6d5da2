#pragma once
/*
 * Which line of which source file code comes from: written row by row, read from a block.
 *
 * A row is a run of code of one line. Rows are kept as they come, as differences to the row before,
 * two or three bytes each; every LINE_CHUNK_ROWS rows begin a chunk that can be read by itself.
 * What was written by somebody else is checked at every step: it gives wrong lines, never a wild
 * access.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"

#define LINE_BYTES_MAX           (64u << 20) /* of all rows, some 25 million */
#define LINE_CHUNKS_MAX          (1u << 20)
#define LINE_CHUNK_ROWS          32u
#define LINE_FILES_MAX           (1u << 20)
#define LINE_FILE_BYTES_MAX      (64u << 20) /* of all file names */
#define LINE_FILE_NAME_BYTES_MAX 65535u

struct line_row {
	struct elf_addr start;
	struct elf_addr end; /* one past the last byte */
	uint32_t file;       /* of line_list_file() */
	uint32_t line;
	uint32_t start_line; /* of the function that begins here, where that is another; or 0 */
};

/* Where a chunk begins, in memory and among the bytes. */
struct line_chunk {
	uint64_t start;
	uint64_t at;
};

/* On the way into a table. Begin with LINE_LIST_INIT; one thread. */
struct line_list {
	struct bytes rows;
	struct bytes chunks;    /* of struct line_chunk */
	struct bytes files;     /* uint32_t each: where its name begins in file_text */
	struct bytes file_text; /* uint16_t length, then the name */
	uint32_t *slots;        /* owned: how names are found again, index + 1 */
	size_t n_slots;
	uint64_t seed;
	struct line_row pending; /* may still grow; empty when there is none */
	struct line_row written; /* the last one in rows */
	unsigned n_chunk_rows;
};

#define LINE_LIST_INIT                                                                             \
	{                                                                                          \
		.rows = BYTES_INIT(LINE_BYTES_MAX),                                                \
		.chunks = BYTES_INIT(LINE_CHUNKS_MAX * sizeof(struct line_chunk)),                 \
		.files = BYTES_INIT(LINE_FILES_MAX * sizeof(uint32_t)),                            \
		.file_text = BYTES_INIT(LINE_FILE_BYTES_MAX), .n_chunk_rows = LINE_CHUNK_ROWS,     \
	}

/* Makes that an empty list takes at most some @n_bytes; and how many a list takes. */
void line_list_limit(struct line_list *list, size_t n_bytes);
size_t line_list_bytes(const struct line_list *list);

/* The index of the file @name (copied once each). Returns 0, -ENOMEM or SYMBOL_TABLE_TOO_BIG. */
int line_list_file(struct line_list *list, const char *name, size_t n_bytes,
		   uint32_t *ret_file) warn_unused_result;

/*
 * Adds a row; they come in the order of their addresses. One that begins before the end of the row
 * before is cut to begin there, and passed over when nothing is left.
 * Returns 0, -ENOMEM or SYMBOL_TABLE_TOO_BIG.
 */
int line_list_add(struct line_list *list, const struct line_row *row) warn_unused_result;

/* Writes the row that was still open. Returns as line_list_add(); more rows may follow. */
int line_list_finish(struct line_list *list) warn_unused_result;

void line_list_deinit(struct line_list *list);

/* The parts of a block that hold lines, borrowed from it. */
struct line_view {
	const struct line_chunk *chunks;
	const uint32_t *files;
	const uint8_t *rows;
	const char *file_text;
	uint32_t n_chunks;
	uint32_t n_files;
	uint32_t n_row_bytes;
	uint32_t n_file_text_bytes;
};

/* Finds the row that covers @addr; false, with *@ret_row untouched, when there is none. */
bool line_view_find(const struct line_view *view, struct elf_addr addr, struct line_row *ret_row);

/* The name of @file, borrowed from the block, or NULL. */
const char *line_view_file(const struct line_view *view, uint32_t file, size_t *ret_n_bytes);
