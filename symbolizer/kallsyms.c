#include "kallsyms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One line: ADDRESS TYPE NAME, then for a module's a tab and its name in brackets. */
struct kallsyms_line {
	uint64_t address;
	char type;
	uint32_t name_at;
	uint16_t n_name_bytes;
	bool is_foreign;
};

/* Starts of all symbols, data too: a function ends before the next. */
struct boundaries {
	uint64_t *starts; /* owned */
	size_t n;
	bool is_unsorted;
	uint64_t etext;
	uint64_t einittext;
	uint64_t sinittext;
};

static void boundaries_deinit(struct boundaries *b)
{
	free(b->starts);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_address(const char **at, const char *end, uint64_t *ret_address)
{
	uint64_t address = 0;
	unsigned n_digits = 0;

	for (; *at < end && hex_digit(**at) >= 0; (*at)++, n_digits++)
		address = address << 4 | (unsigned)hex_digit(**at);
	*ret_address = address;
	return n_digits > 0 && n_digits <= 16;
}

/* Parses [at, end), a line without its newline, which begins at @text + something below 64 MiB. */
static bool read_line(const char *text, const char *at, const char *end,
		      struct kallsyms_line *ret_line)
{
	const char *name, *tab;

	if (!read_address(&at, end, &ret_line->address) || end - at < 4 || at[0] != ' ' ||
	    at[2] != ' ')
		return false;
	ret_line->type = at[1];
	name = at + 3;
	tab = memchr(name, '\t', (size_t)(end - name));
	ret_line->is_foreign = tab != NULL;
	if (end == name || tab == name || end - name > (ptrdiff_t)SYMBOL_NAME_BYTES_MAX)
		return false;
	ret_line->name_at = (uint32_t)(name - text);
	ret_line->n_name_bytes = (uint16_t)(end - name);
	return true;
}

static bool line_is(const char *text, const struct kallsyms_line *line, const char *name)
{
	return line->n_name_bytes == strlen(name) &&
	       memcmp(text + line->name_at, name, line->n_name_bytes) == 0;
}

/* The marks of where text ends are no functions, though they have the type of one. */
static bool is_function(const char *text, const struct kallsyms_line *line)
{
	return line->type && strchr("TtWw", line->type) && !line_is(text, line, "_etext") &&
	       !line_is(text, line, "_einittext");
}

static void note_boundary(const char *text, const struct kallsyms_line *line, struct boundaries *b)
{
	b->is_unsorted |= b->n > 0 && b->starts[b->n - 1] > line->address;
	b->starts[b->n++] = line->address;
	if (line_is(text, line, "_etext"))
		b->etext = line->address;
	else if (line_is(text, line, "_sinittext"))
		b->sinittext = line->address;
	else if (line_is(text, line, "_einittext"))
		b->einittext = line->address;
}

static int add_function(struct symbol_list *list, const struct kallsyms_line *line)
{
	struct symbol symbol = {
		.start = {line->address},
		.end = {UINT64_MAX},
		.name_at = line->name_at,
		.n_name_bytes = line->n_name_bytes,
		.names_index = line->is_foreign, /* until it has an end; both are the same text */
		.source = SYMBOL_FROM_KALLSYMS,
	};

	if (line->type == 'W' || line->type == 'w')
		symbol.standing = SYMBOL_WEAK;
	else if (line->type == 't')
		symbol.standing = SYMBOL_LOCAL;
	return symbol_list_add(list, &symbol);
}

/* Reads every line. Returns 0, -ENOMEM or an outcome. */
static int read_lines(const char *text, size_t n_bytes, struct symbol_list *list,
		      struct boundaries *b)
{
	const char *at = text, *text_end = text + n_bytes, *newline;
	struct kallsyms_line line;
	bool any_line = false;
	int r;

	for (; at < text_end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(text_end - at));
		if (!newline)
			break;
		if (!read_line(text, at, newline, &line))
			continue;
		any_line = true;
		if (line.address == 0)
			continue;
		note_boundary(text, &line, b);
		if (!is_function(text, &line))
			continue;
		r = add_function(list, &line);
		if (r != 0)
			return r < 0 ? r : KALLSYMS_TOO_BIG;
	}
	if (!any_line)
		return KALLSYMS_MALFORMED;
	if (b->n == 0)
		return KALLSYMS_HIDDEN;
	return list->n_symbols > 0 ? 0 : KALLSYMS_MALFORMED;
}

static int by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The kernel's own text has two ends that are known; what lies elsewhere is not believed far. */
static uint64_t end_of(const struct symbol *symbol, uint64_t next, const struct boundaries *b)
{
	uint64_t start = symbol->start.v, limit = UINT64_MAX;

	if (symbol->names_index == 0 && start < b->etext)
		limit = b->etext;
	else if (symbol->names_index == 0 && start >= b->sinittext && start < b->einittext)
		limit = b->einittext;
	else if (start < UINT64_MAX - KALLSYMS_FOREIGN_BYTES_MAX)
		limit = start + KALLSYMS_FOREIGN_BYTES_MAX;
	return next < limit ? next : limit;
}

/* The first boundary above @start. */
static uint64_t next_boundary(const struct boundaries *b, uint64_t start)
{
	size_t lo = 0, hi = b->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->starts[mid] <= start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->n ? b->starts[lo] : UINT64_MAX;
}

static void end_functions(struct symbol_list *list, struct boundaries *b)
{
	if (b->is_unsorted)
		qsort(b->starts, b->n, sizeof(b->starts[0]),
		      by_number); /* the kernel's text, not foreign */
	for (size_t i = 0; i < list->n_symbols; i++) {
		struct symbol *symbol = &list->symbols[i];

		symbol->end.v = end_of(symbol, next_boundary(b, symbol->start.v), b);
	}
}

/* A copy in which modules stand behind a space, where the kernel writes a tab. */
static char *copy_text(const char *text, size_t n_bytes)
{
	char *copy = malloc(n_bytes + 1);

	for (size_t i = 0; copy && i < n_bytes; i++)
		copy[i] = text[i] == '\t' ? ' ' : text[i];
	return copy;
}

int kallsyms_parse(const char *text, size_t n_bytes, void **ret_block, size_t *ret_n_bytes)
{
	cleanup_with(free_freep) char *shown = NULL;
	cleanup_with(symbol_list_deinit) struct symbol_list list = {0};
	cleanup_with(boundaries_deinit) struct boundaries b = {0};
	const struct symbol_table_input input = {.list = &list};
	int r;

	if (n_bytes > KALLSYMS_TEXT_BYTES_MAX)
		return KALLSYMS_TOO_BIG;
	/* The shortest line has five bytes: "0 T a" and its newline, without. */
	b.starts = calloc(n_bytes / 5 + 1, sizeof(*b.starts)); /* KALLSYMS_TEXT_BYTES_MAX */
	shown = copy_text(text, n_bytes);
	if (!b.starts || !shown)
		return -ENOMEM;
	list.names[0] = list.names[1] = shown;
	r = read_lines(text, n_bytes, &list, &b);
	if (r != 0)
		return r;
	end_functions(&list, &b);
	r = symbol_table_build(&input, ret_block, ret_n_bytes);
	return r > 0 ? KALLSYMS_TOO_BIG : r;
}
