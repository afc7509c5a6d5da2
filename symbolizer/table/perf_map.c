#include "table/perf_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table/symbol_order.h"

/* Which text of the list a name stands in, and so whether its entry is of the table before. */
enum { NAMES_BEFORE, NAMES_TEXT };

/* What is left of a line. */
struct cursor {
	const char *at;
	const char *end;
};

/* Entries that have begun where the sweep stands, as a heap: the latest is the first. */
struct sweep {
	const struct symbol_list *entries; /* by start */
	struct symbol_list *pieces;        /* disjoint, ascending */
	uint32_t *heap;                    /* owned */
	size_t n_heap;
	struct symbol piece; /* may yet grow; empty: start is end */
};

static void sweep_deinit(struct sweep *sweep)
{
	free(sweep->heap);
}

size_t perf_map_whole_lines(const char *text, size_t n_bytes)
{
	const char *last = n_bytes > 0 ? memrchr(text, '\n', n_bytes) : NULL;

	return last ? (size_t)(last - text) + 1 : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

/* Takes a number that ends before a blank. */
static bool take_number(struct cursor *c, uint64_t *ret_number)
{
	const char *first;

	if (c->end - c->at > 2 && c->at[0] == '0' && (c->at[1] == 'x' || c->at[1] == 'X'))
		c->at += 2;
	first = c->at;
	*ret_number = 0;
	for (; c->at < c->end && hex_digit(*c->at) >= 0; c->at++) {
		if (*ret_number >> 60)
			return false;
		*ret_number = *ret_number << 4 | (unsigned)hex_digit(*c->at);
	}
	return c->at > first && c->at < c->end && is_blank(*c->at);
}

/* Parses a line of the text that begins at @text. */
static bool parse_line(const char *text, struct cursor c, struct symbol *ret_entry)
{
	uint64_t start, size;
	size_t n_name;

	skip_blanks(&c);
	if (!take_number(&c, &start))
		return false;
	skip_blanks(&c);
	if (!take_number(&c, &size) || size == 0 || size > UINT64_MAX - start)
		return false;
	skip_blanks(&c);
	while (c.end > c.at && is_blank(c.end[-1]))
		c.end--;
	n_name = (size_t)(c.end - c.at);
	*ret_entry = (struct symbol){
		.start = {start},
		.end = {start + size},
		.name_at = (uint32_t)(c.at - text), /* PERF_MAP_TEXT_BYTES_MAX */
		.n_name_bytes =
			(uint16_t)(n_name < PERF_MAP_NAME_BYTES_MAX ? n_name
								    : PERF_MAP_NAME_BYTES_MAX),
		.names_index = NAMES_TEXT,
		.source = SYMBOL_FROM_PERFMAP,
	};
	return n_name > 0;
}

/* Adds the entries of the last PERF_MAP_ENTRIES_MAX lines, of which there are @n_lines. */
static int add_text(struct symbol_list *entries, const char *text, size_t n_bytes, size_t n_lines)
{
	const char *at = text, *end = text + n_bytes, *newline;
	struct symbol entry;
	int r = 0;

	for (; r == 0 && at < end; at = newline + 1, n_lines--) {
		newline = memchr(at, '\n', (size_t)(end - at)); /* there is one: whole lines */
		if (n_lines <= PERF_MAP_ENTRIES_MAX &&
		    parse_line(text, (struct cursor){at, newline}, &entry))
			r = symbol_list_add(entries, &entry);
	}
	return r;
}

static int add_before(struct symbol_list *entries, const struct symbol_table *before, size_t n_max)
{
	struct symbol_walk walk = {0};
	struct symbol_found found;
	int r = 0;

	while (r == 0 && entries->n_symbols < n_max && symbol_table_next(before, &walk, &found)) {
		const struct symbol entry = {
			.start = found.start,
			.end = {found.start.v + found.size_bytes},
			.name_at = (uint32_t)(found.name - before->text),
			.n_name_bytes = (uint16_t)found.n_name_bytes,
			.names_index = NAMES_BEFORE,
			.source = SYMBOL_FROM_PERFMAP,
		};

		r = symbol_list_add(entries, &entry);
	}
	return r;
}

static size_t count_lines(const char *text, size_t n_bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < n_bytes; i++)
		n += text[i] == '\n';
	return n;
}

/* Of the table before all is disjoint; of the text, what stands later was written later. */
static bool is_later(const struct sweep *sweep, uint32_t left, uint32_t right)
{
	const struct symbol *a = &sweep->entries->symbols[left];
	const struct symbol *b = &sweep->entries->symbols[right];

	return a->names_index != b->names_index ? a->names_index > b->names_index
						: a->name_at > b->name_at;
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t was = *a;

	*a = *b;
	*b = was;
}

static void push(struct sweep *sweep, uint32_t entry)
{
	size_t at = sweep->n_heap++;

	sweep->heap[at] = entry;
	for (; at > 0 && is_later(sweep, sweep->heap[at], sweep->heap[(at - 1) / 2]);
	     at = (at - 1) / 2)
		swap(&sweep->heap[at], &sweep->heap[(at - 1) / 2]);
}

static void pop(struct sweep *sweep)
{
	size_t at = 0, child;

	sweep->heap[0] = sweep->heap[--sweep->n_heap];
	while ((child = 2 * at + 1) < sweep->n_heap) {
		if (child + 1 < sweep->n_heap &&
		    is_later(sweep, sweep->heap[child + 1], sweep->heap[child]))
			child++;
		if (!is_later(sweep, sweep->heap[child], sweep->heap[at]))
			break;
		swap(&sweep->heap[child], &sweep->heap[at]);
		at = child;
	}
}

static int finish_piece(struct sweep *sweep)
{
	const struct symbol *piece = &sweep->piece;

	if (piece->start.v == piece->end.v ||
	    sweep->pieces->n_names_bytes + piece->n_name_bytes > PERF_MAP_NAMES_BYTES_MAX)
		return 0;
	return symbol_list_add(sweep->pieces, piece);
}

/* [from, to) is @entry's, perhaps as what is before it was. */
static int emit(struct sweep *sweep, const struct symbol *entry, uint64_t from, uint64_t to)
{
	struct symbol *piece = &sweep->piece;
	int r;

	if (piece->end.v == from && piece->names_index == entry->names_index &&
	    piece->name_at == entry->name_at && piece->start.v < piece->end.v) {
		piece->end.v = to;
		return 0;
	}
	r = finish_piece(sweep);
	*piece = *entry;
	piece->start.v = from;
	piece->end.v = to;
	return r;
}

/* Gives [from, to), in which nothing begins, to the latest of those that have begun. */
static int sweep_range(struct sweep *sweep, uint64_t from, uint64_t to)
{
	int r = 0;

	while (r == 0 && sweep->n_heap > 0 && from < to) {
		const struct symbol *entry = &sweep->entries->symbols[sweep->heap[0]];
		uint64_t end = entry->end.v < to ? entry->end.v : to;

		if (entry->end.v <= from) {
			pop(sweep);
			continue;
		}
		r = emit(sweep, entry, from, end);
		from = end;
	}
	return r;
}

/* Cuts entries, sorted by start, into pieces that do not overlap. */
static int flatten(struct symbol_list *entries, struct symbol_list *pieces)
{
	cleanup_with(sweep_deinit) struct sweep sweep = {.entries = entries, .pieces = pieces};
	uint64_t from = 0;
	int r = 0;

	sweep.heap = malloc((entries->n_symbols + 1) * sizeof(*sweep.heap)); /* ENTRIES_MAX */
	if (!sweep.heap)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < entries->n_symbols; i++) {
		r = sweep_range(&sweep, from, entries->symbols[i].start.v);
		from = entries->symbols[i].start.v;
		push(&sweep, (uint32_t)i);
	}
	if (r == 0)
		r = sweep_range(&sweep, from, UINT64_MAX);
	return r == 0 ? finish_piece(&sweep) : r;
}

int perf_map_build(const struct symbol_table *before, struct wire_bytes text, void **ret_block,
		   size_t *ret_n_bytes)
{
	const char *names[] = {before ? before->text : NULL, text.data};
	cleanup_with(symbol_list_deinit) struct symbol_list entries = {0}, pieces = {0};
	const struct symbol_table_input input = {.list = &pieces};
	size_t n_bytes, n_lines;
	int r;

	if (text.n_bytes > PERF_MAP_TEXT_BYTES_MAX)
		return PERF_MAP_TOO_BIG;
	memcpy(entries.names, names, sizeof(names));
	memcpy(pieces.names, names, sizeof(names));
	n_bytes = perf_map_whole_lines(text.data, text.n_bytes);
	n_lines = count_lines(text.data, n_bytes);
	r = add_text(&entries, text.data, n_bytes, n_lines);
	if (r == 0 && before)
		r = add_before(&entries, before, PERF_MAP_ENTRIES_MAX);
	if (r == 0)
		r = symbol_order_sort(&entries);
	if (r == 0)
		r = flatten(&entries, &pieces);
	if (r == 0)
		r = symbol_table_build(&input, ret_block, ret_n_bytes);
	return r > 0 ? PERF_MAP_TOO_BIG : r;
}
