#include "table/symbol_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "table/symbol_table.h"

#define SLOTS_AT_LEAST   64u
#define ROW_BYTES_MAX    50u /* five numbers of up to ten bytes */
#define HAS_GAP          1u  /* flags below a row's length */
#define HAS_FILE         2u
#define HAS_START        4u
#define LENGTH_SHIFT     3
#define LENGTH_BYTES_MAX (UINT64_MAX >> LENGTH_SHIFT)

/* A buffer's own failure, as callers of this module know it. */
static int outcome_of(const struct bytes *bytes)
{
	return bytes->error == -EMSGSIZE ? SYMBOL_TABLE_TOO_BIG : bytes->error;
}

static size_t put_number(uint8_t *to, uint64_t number)
{
	size_t n = 0;

	for (; number >= 0x80; number >>= 7)
		to[n++] = (uint8_t)(number | 0x80);
	to[n++] = (uint8_t)number;
	return n;
}

/* Small differences of either sign become small numbers. */
static uint64_t fold(uint32_t from, uint32_t to)
{
	int64_t difference = (int64_t)to - (int64_t)from;

	return ((uint64_t)difference << 1) ^ (uint64_t)(difference >> 63);
}

static uint32_t unfold(uint32_t from, uint64_t folded)
{
	return from + (uint32_t)((folded >> 1) ^ (0 - (folded & 1)));
}

static const char *file_of(const struct line_list *list, uint32_t file, uint16_t *ret_n_bytes)
{
	uint32_t at;

	memcpy(&at, list->files.data + file * sizeof(at), sizeof(at));
	memcpy(ret_n_bytes, list->file_text.data + at, sizeof(*ret_n_bytes));
	return (const char *)list->file_text.data + at + sizeof(*ret_n_bytes);
}

static size_t n_files(const struct line_list *list)
{
	return list->files.n_bytes / sizeof(uint32_t);
}

static size_t slot_of(const struct line_list *list, const char *name, size_t n_bytes)
{
	size_t slot = hash_bytes(list->seed, name, n_bytes) & (list->n_slots - 1);

	while (list->slots[slot] != 0) {
		uint16_t n_held_bytes;
		const char *held = file_of(list, list->slots[slot] - 1, &n_held_bytes);

		if (n_held_bytes == n_bytes && memcmp(held, name, n_bytes) == 0)
			break;
		slot = (slot + 1) & (list->n_slots - 1);
	}
	return slot;
}

/* Keeps the slots at most half full. */
static int grow_slots(struct line_list *list)
{
	size_t n_slots = list->n_slots ? list->n_slots * 2 : SLOTS_AT_LEAST;
	uint32_t *slots;

	if (2 * (n_files(list) + 1) <= list->n_slots)
		return 0;
	slots = calloc(n_slots, sizeof(*slots)); /* LINE_FILES_MAX */
	if (!slots)
		return -ENOMEM;
	if (!list->slots)
		list->seed = hash_new_seed();
	free(list->slots);
	list->slots = slots;
	list->n_slots = n_slots;
	for (uint32_t i = 0; i < n_files(list); i++) {
		uint16_t n_bytes;
		const char *name = file_of(list, i, &n_bytes);

		list->slots[slot_of(list, name, n_bytes)] = i + 1;
	}
	return 0;
}

void line_list_limit(struct line_list *list, size_t n_bytes)
{
	if (list->rows.bytes_max > n_bytes / 2)
		list->rows.bytes_max = n_bytes / 2;
	if (list->file_text.bytes_max > n_bytes / 4)
		list->file_text.bytes_max = n_bytes / 4;
}

size_t line_list_bytes(const struct line_list *list)
{
	return list->rows.n_bytes + list->chunks.n_bytes + list->files.n_bytes +
	       list->file_text.n_bytes;
}

int line_list_file(struct line_list *list, const char *name, size_t n_bytes, uint32_t *ret_file)
{
	uint32_t at = (uint32_t)list->file_text.n_bytes;
	uint16_t length = (uint16_t)n_bytes;
	size_t slot;

	if (n_bytes > LINE_FILE_NAME_BYTES_MAX || n_files(list) >= LINE_FILES_MAX ||
	    n_bytes + sizeof(length) > list->file_text.bytes_max - list->file_text.n_bytes)
		return SYMBOL_TABLE_TOO_BIG;
	if (grow_slots(list) < 0)
		return -ENOMEM;
	slot = slot_of(list, name, n_bytes);
	if (list->slots[slot] == 0) {
		bytes_append(&list->file_text, &length, sizeof(length));
		bytes_append(&list->file_text, name, n_bytes);
		bytes_append(&list->files, &at, sizeof(at));
		if (list->file_text.error || list->files.error)
			return -ENOMEM; /* the bounds were looked at above */
		list->slots[slot] = (uint32_t)n_files(list);
	}
	*ret_file = list->slots[slot] - 1;
	return 0;
}

static void begin_chunk(struct line_list *list, uint64_t start)
{
	const struct line_chunk chunk = {start, list->rows.n_bytes};

	bytes_append(&list->chunks, &chunk, sizeof(chunk));
	list->written = (struct line_row){.end = {start}};
	list->n_chunk_rows = 0;
}

static int write_row(struct line_list *list, const struct line_row *row)
{
	uint64_t n_length_bytes = row->end.v - row->start.v, gap;
	uint8_t bytes[ROW_BYTES_MAX];
	size_t n = 0;

	if (list->n_chunk_rows == LINE_CHUNK_ROWS)
		begin_chunk(list, row->start.v);
	gap = row->start.v - list->written.end.v;
	if (n_length_bytes > LENGTH_BYTES_MAX)
		n_length_bytes = LENGTH_BYTES_MAX;
	n += put_number(bytes, n_length_bytes << LENGTH_SHIFT | (gap ? HAS_GAP : 0) |
				       (row->file != list->written.file ? HAS_FILE : 0) |
				       (row->start_line ? HAS_START : 0));
	if (gap)
		n += put_number(bytes + n, gap);
	if (row->file != list->written.file)
		n += put_number(bytes + n, fold(list->written.file, row->file));
	n += put_number(bytes + n, fold(list->written.line, row->line));
	if (row->start_line)
		n += put_number(bytes + n, fold(row->line, row->start_line));
	bytes_append(&list->rows, bytes, n);
	list->written = *row;
	list->written.end.v = row->start.v + n_length_bytes;
	list->n_chunk_rows++;
	return list->rows.error ? outcome_of(&list->rows) : outcome_of(&list->chunks);
}

int line_list_finish(struct line_list *list)
{
	struct line_row row = list->pending;

	if (row.start.v == row.end.v)
		return 0;
	list->pending.start = row.end;
	return write_row(list, &row);
}

int line_list_add(struct line_list *list, const struct line_row *row)
{
	struct line_row *pending = &list->pending;
	struct line_row next = *row;
	int r;

	if (next.start.v < pending->end.v) {
		next.start = pending->end;
		next.start_line = 0;
	}
	if (next.end.v <= next.start.v || next.file >= n_files(list))
		return 0;
	if (pending->start.v < pending->end.v && pending->end.v == next.start.v &&
	    pending->file == next.file && pending->line == next.line && next.start_line == 0) {
		pending->end = next.end;
		return 0;
	}
	r = line_list_finish(list);
	*pending = next;
	return r;
}

void line_list_deinit(struct line_list *list)
{
	bytes_deinit(&list->rows);
	bytes_deinit(&list->chunks);
	bytes_deinit(&list->files);
	bytes_deinit(&list->file_text);
	free(list->slots);
	*list = (struct line_list)LINE_LIST_INIT;
}

struct row_cursor {
	const uint8_t *at;
	const uint8_t *end;
};

static bool take_number(struct row_cursor *cursor, uint64_t *ret_number)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		uint8_t byte = *cursor->at++;

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*ret_number = number;
			return true;
		}
	}
	return false;
}

/* Turns @row, the one before, into the next. */
static bool take_row(struct row_cursor *cursor, struct line_row *row)
{
	uint64_t length, gap = 0, file = 0, line, start = 0;

	if (!take_number(cursor, &length) || ((length & HAS_GAP) && !take_number(cursor, &gap)) ||
	    ((length & HAS_FILE) && !take_number(cursor, &file)) || !take_number(cursor, &line) ||
	    ((length & HAS_START) && !take_number(cursor, &start)))
		return false;
	row->start.v = row->end.v + gap;
	row->end.v = row->start.v + (length >> LENGTH_SHIFT);
	row->file = unfold(row->file, file);
	row->line = unfold(row->line, line);
	row->start_line = (length & HAS_START) ? unfold(row->line, start) : 0;
	return true;
}

/* The last chunk that begins at or below @addr. */
static bool find_chunk(const struct line_view *view, uint64_t addr, uint32_t *ret_chunk)
{
	uint32_t lo = 0, hi = view->n_chunks;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (view->chunks[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	*ret_chunk = lo - 1;
	return true;
}

bool line_view_find(const struct line_view *view, struct elf_addr addr, struct line_row *ret_row)
{
	struct row_cursor cursor;
	struct line_row row = {0};
	uint64_t at, end;
	uint32_t chunk;

	if (!find_chunk(view, addr.v, &chunk))
		return false;
	at = view->chunks[chunk].at;
	end = chunk + 1 < view->n_chunks ? view->chunks[chunk + 1].at : view->n_row_bytes;
	if (at > end || end > view->n_row_bytes)
		return false;
	cursor = (struct row_cursor){view->rows + at, view->rows + end};
	row.end.v = view->chunks[chunk].start;
	for (unsigned i = 0; i < LINE_CHUNK_ROWS && take_row(&cursor, &row); i++) {
		if (addr.v < row.start.v)
			return false;
		if (addr.v < row.end.v) {
			*ret_row = row;
			return true;
		}
	}
	return false;
}

const char *line_view_file(const struct line_view *view, uint32_t file, size_t *ret_n_bytes)
{
	uint16_t n_bytes;
	uint32_t at;

	if (file >= view->n_files)
		return NULL;
	at = view->files[file];
	if (at > view->n_file_text_bytes || view->n_file_text_bytes - at < sizeof(n_bytes))
		return NULL;
	memcpy(&n_bytes, view->file_text + at, sizeof(n_bytes));
	if (n_bytes > view->n_file_text_bytes - at - sizeof(n_bytes))
		return NULL;
	*ret_n_bytes = n_bytes;
	return view->file_text + at + sizeof(n_bytes);
}
