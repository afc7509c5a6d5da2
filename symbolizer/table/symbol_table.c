/*
 * How overlapping symbols become one sorted array.
 *
 * A piece is an address and the symbol that covers what begins there. Every symbol has a piece at
 * its own start. Where a symbol ends inside another one, the outer symbol goes on, so a piece is
 * put there which only refers to the outer symbol's own piece (CONTINUES | index). The piece with
 * the greatest start at or below an address therefore always belongs to the innermost symbol, and
 * one binary search answers, whatever the nesting; starts and sizes stay those of the file.
 *
 * An extent without a name lies under all symbols. Its own piece may therefore be hidden by another
 * one at the same address, which a search finds first; where no symbol covers the extent, a piece
 * refers to it.
 *
 * Beside the starts, which are all that a search looks at, stands a record of eight bytes a piece:
 * twelve bytes, and the name in the text. What is too large for its place in the record, a length
 * or a size, stands in the text before the name; few are.
 *
 * Starts are 32 bits from the base of a group; a new group begins where that would not reach. Files
 * and kernels of this world have one or two.
 */
#include "table/symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table/symbol_order.h"

#define BLOCK_MAGIC   UINT64_C(0x354c424d59535254) /* "TRSYMBL5" */
#define CONTINUES     (UINT32_C(1) << 31)
#define PAGE_BYTES    4096u
#define SIZE_FAR      UINT16_MAX /* the size stands before the name, in eight bytes */
#define LENGTH_FAR    0xfffu     /* the length stands before the name, in two bytes */
#define SOURCE_SHIFT  12
#define NAME_HEAD_MAX 12u

struct symbol_record {
	uint32_t name; /* where it begins in the text, or CONTINUES | index of a piece */
	uint16_t size;
	uint16_t source_and_length;
};

struct symbol_group {
	uint64_t base;
	uint64_t first; /* piece */
};

/* All fields are multiples of 8 bytes together, so that what follows is aligned. */
struct block_head {
	uint64_t magic;
	uint32_t n_segments;
	uint32_t n_groups;
	uint32_t n_pieces;
	uint32_t n_text_bytes;
	uint32_t n_line_chunks;
	uint32_t n_line_files;
	uint32_t n_line_row_bytes;
	uint32_t n_line_text_bytes;
	uint32_t n_build_id_bytes;
	uint32_t has_go_build_id;
	uint8_t build_id[SYMBOL_BUILD_ID_BYTES_MAX];
};

_Static_assert(sizeof(struct block_head) % 8 == 0, "arrays behind the head are aligned");
_Static_assert(SYMBOL_NAMES_BYTES_MAX + (uint64_t)NAME_HEAD_MAX * SYMBOLS_MAX < CONTINUES,
	       "name offsets fit");

static bool is_far_size(const struct symbol *symbol)
{
	return symbol->end.v - symbol->start.v >= SIZE_FAR;
}

static size_t head_bytes(const struct symbol *symbol)
{
	return (is_far_size(symbol) ? 8u : 0u) + (symbol->n_name_bytes >= LENGTH_FAR ? 2u : 0u);
}

static size_t block_bytes(const struct block_head *head)
{
	return sizeof(*head) + head->n_segments * sizeof(struct symbol_segment) +
	       head->n_groups * sizeof(struct symbol_group) +
	       head->n_line_chunks * sizeof(struct line_chunk) +
	       (size_t)head->n_pieces * (sizeof(struct symbol_record) + sizeof(uint32_t)) +
	       head->n_line_files * sizeof(uint32_t) + head->n_text_bytes +
	       (size_t)head->n_line_row_bytes + head->n_line_text_bytes;
}

static void set_pointers(const struct block_head *head, struct symbol_table *table)
{
	const unsigned char *at = (const unsigned char *)(head + 1);

	table->segments = (const struct symbol_segment *)(const void *)at;
	table->n_segments = head->n_segments;
	table->groups = (const struct symbol_group *)(table->segments + head->n_segments);
	table->n_groups = head->n_groups;
	table->lines.chunks = (const struct line_chunk *)(table->groups + head->n_groups);
	table->lines.n_chunks = head->n_line_chunks;
	table->records = (const struct symbol_record *)(table->lines.chunks + head->n_line_chunks);
	table->n_pieces = head->n_pieces;
	table->starts = (const uint32_t *)(table->records + head->n_pieces);
	table->lines.files = table->starts + head->n_pieces;
	table->lines.n_files = head->n_line_files;
	table->text = (const char *)(table->lines.files + head->n_line_files);
	table->n_text_bytes = head->n_text_bytes;
	table->lines.rows = (const uint8_t *)table->text + head->n_text_bytes;
	table->lines.n_row_bytes = head->n_line_row_bytes;
	table->lines.file_text = (const char *)table->lines.rows + head->n_line_row_bytes;
	table->lines.n_file_text_bytes = head->n_line_text_bytes;
}

/* Writes the name of @symbol, after what of it has no place in its record. */
static void write_name(const struct symbol_list *list, const struct symbol *symbol, char *to)
{
	const uint64_t size = symbol->end.v - symbol->start.v;
	const uint16_t n_name_bytes = symbol->n_name_bytes;

	if (n_name_bytes >= LENGTH_FAR) {
		memcpy(to, &n_name_bytes, sizeof(n_name_bytes));
		to += sizeof(n_name_bytes);
	}
	if (is_far_size(symbol)) {
		memcpy(to, &size, sizeof(size));
		to += sizeof(size);
	}
	if (n_name_bytes > 0)
		memcpy(to, list->names[symbol->names_index] + symbol->name_at, n_name_bytes);
}

static struct symbol_record record_of(const struct symbol *symbol, size_t name_at)
{
	const unsigned length = symbol->n_name_bytes;

	return (struct symbol_record){
		.name = (uint32_t)name_at,
		.size = is_far_size(symbol) ? SIZE_FAR
					    : (uint16_t)(symbol->end.v - symbol->start.v),
		.source_and_length = (uint16_t)(symbol->source << SOURCE_SHIFT |
						(length < LENGTH_FAR ? length : LENGTH_FAR)),
	};
}

/* A symbol that has begun and not ended where the sweep stands, and its own piece. */
struct open_symbol {
	uint32_t symbol;
	uint32_t piece;
};

/*
 * Goes over the sorted symbols twice: once to count what the block will take, once to write it, so
 * that pieces never stand anywhere but in the block.
 */
struct sweep {
	const struct symbol_list *list;
	const struct symbol_table *table; /* that is written, ours until given away; NULL: counts */
	struct open_symbol *open;         /* owned; outermost first */
	size_t n_open;
	uint32_t extent;     /* the piece of the extent that the sweep is in, or was last */
	uint64_t extent_end; /* 0: there was none */
	uint64_t base;       /* of the current group */
	uint32_t n_groups;
	uint32_t n_pieces;
	size_t n_text_bytes;
};

static void sweep_deinit(struct sweep *sweep)
{
	free(sweep->open);
}

/* Puts a piece at @start, in a new group where the current one's base is out of reach. */
static void place(struct sweep *sweep, uint64_t start, struct symbol_record record)
{
	if (sweep->n_pieces == 0 || start - sweep->base > UINT32_MAX) {
		sweep->base = start;
		if (sweep->table)
			((struct symbol_group *)sweep->table->groups)[sweep->n_groups] =
				(struct symbol_group){start, sweep->n_pieces};
		sweep->n_groups++;
	}
	if (sweep->table) {
		((uint32_t *)sweep->table->starts)[sweep->n_pieces] =
			(uint32_t)(start - sweep->base);
		((struct symbol_record *)sweep->table->records)[sweep->n_pieces] = record;
	}
	sweep->n_pieces++;
}

/* Puts a piece at @start that only refers to @piece. */
static void go_on(struct sweep *sweep, uint64_t start, uint32_t piece)
{
	place(sweep, start, (struct symbol_record){.name = CONTINUES | piece});
}

static void begin_symbol(struct sweep *sweep, uint32_t index)
{
	const struct symbol *symbol = &sweep->list->symbols[index];

	if (symbol->source == SYMBOL_FROM_FDE) {
		sweep->extent = sweep->n_pieces;
		sweep->extent_end = symbol->end.v;
	} else {
		sweep->open[sweep->n_open++] = (struct open_symbol){index, sweep->n_pieces};
	}
	place(sweep, symbol->start.v, record_of(symbol, sweep->n_text_bytes));
	if (sweep->table)
		write_name(sweep->list, symbol, (char *)sweep->table->text + sweep->n_text_bytes);
	sweep->n_text_bytes += head_bytes(symbol) + symbol->n_name_bytes;
	if (symbol->source == SYMBOL_FROM_FDE && sweep->n_open > 0)
		go_on(sweep, symbol->start.v, sweep->open[sweep->n_open - 1].piece);
}

static uint64_t open_end(const struct sweep *sweep)
{
	return sweep->list->symbols[sweep->open[sweep->n_open - 1].symbol].end.v;
}

/* Ends what does not reach past @addr; what is around it and goes on before that gets a piece. */
static void sweep_to(struct sweep *sweep, uint64_t addr)
{
	while (sweep->n_open > 0 && open_end(sweep) <= addr) {
		uint64_t end = open_end(sweep);

		while (sweep->n_open > 0 && open_end(sweep) <= end)
			sweep->n_open--;
		if (sweep->n_open > 0 && end < addr)
			go_on(sweep, end, sweep->open[sweep->n_open - 1].piece);
		else if (sweep->n_open == 0 && end < addr && end < sweep->extent_end)
			go_on(sweep, end, sweep->extent);
	}
}

static void sweep_symbols(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->list->n_symbols; i++) {
		sweep_to(sweep, sweep->list->symbols[i].start.v);
		begin_symbol(sweep, (uint32_t)i);
	}
	sweep_to(sweep, UINT64_MAX);
}

static void write_lines(const struct line_list *lines, const struct line_view *view)
{
	if (view->n_chunks > 0)
		memcpy((void *)view->chunks, lines->chunks.data, lines->chunks.n_bytes);
	if (view->n_files > 0)
		memcpy((void *)view->files, lines->files.data, lines->files.n_bytes);
	if (view->n_row_bytes > 0)
		memcpy((void *)view->rows, lines->rows.data, lines->rows.n_bytes);
	if (view->n_file_text_bytes > 0)
		memcpy((void *)view->file_text, lines->file_text.data, lines->file_text.n_bytes);
}

static struct block_head head_of(const struct sweep *sweep, const struct symbol_table_input *input)
{
	struct block_head head = {
		.magic = BLOCK_MAGIC,
		.n_segments = (uint32_t)input->segments->n_segments,
		.n_groups = sweep->n_groups,
		.n_pieces = sweep->n_pieces,
		.n_text_bytes = (uint32_t)sweep->n_text_bytes,
		.n_line_chunks =
			(uint32_t)(input->lines->chunks.n_bytes / sizeof(struct line_chunk)),
		.n_line_files = (uint32_t)(input->lines->files.n_bytes / sizeof(uint32_t)),
		.n_line_row_bytes = (uint32_t)input->lines->rows.n_bytes,
		.n_line_text_bytes = (uint32_t)input->lines->file_text.n_bytes,
		.n_build_id_bytes = (uint32_t)input->build_id->n_bytes,
		.has_go_build_id = input->build_id->has_go,
	};

	memcpy(head.build_id, input->build_id->bytes, sizeof(head.build_id));
	return head;
}

/* @sweep has counted; counts again while it writes. */
static int write_block(struct sweep *sweep, const struct symbol_table_input *input,
		       void **ret_block, size_t *ret_n_bytes)
{
	const struct symbol_segments *segments = input->segments;
	struct block_head draft = head_of(sweep, input), *head;
	struct symbol_table table = {0};

	head = calloc(1, block_bytes(&draft)); /* bounded as all that is in it */
	if (!head)
		return -ENOMEM;
	*head = draft;
	set_pointers(head, &table);
	if (segments->n_segments > 0)
		memcpy((void *)table.segments, segments->segments,
		       segments->n_segments * sizeof(segments->segments[0]));
	*sweep = (struct sweep){.list = sweep->list, .table = &table, .open = sweep->open};
	sweep_symbols(sweep);
	write_lines(input->lines, &table.lines);
	*ret_n_bytes = block_bytes(head);
	*ret_block = head;
	return 0;
}

/* What @symbol takes at most while the block is written: in the list, on the stack, in the block.
 */
static uint64_t written_bytes(const struct symbol *symbol)
{
	return sizeof(*symbol) + sizeof(struct open_symbol) +
	       2 * (sizeof(struct symbol_record) + sizeof(uint32_t)) + head_bytes(symbol) +
	       symbol->n_name_bytes;
}

static void cut_symbols(struct symbol_list *list, uint64_t bytes_max)
{
	uint64_t n_bytes = 0;
	size_t n = 0;

	for (; n < list->n_symbols; n++) {
		n_bytes += written_bytes(&list->symbols[n]);
		if (n_bytes > bytes_max)
			break;
	}
	list->is_cut = list->is_cut || n < list->n_symbols;
	list->n_symbols = n;
}

/* Makes room for the block: gives back what the list no longer needs, and cuts what is left. */
static void fit(struct symbol_list *list, struct line_list *lines)
{
	const uint64_t bytes_max = symbol_list_build_bytes(list);
	uint64_t n_line_bytes = line_list_bytes(lines);
	struct symbol *shrunk;

	if (2 * n_line_bytes > bytes_max / 2) { /* there, and in the block */
		line_list_deinit(lines);
		n_line_bytes = 0;
		list->is_cut = true;
	}
	cut_symbols(list, bytes_max - 2 * n_line_bytes);
	if (list->n_symbols == 0)
		return;
	shrunk = realloc(list->symbols, list->n_symbols * sizeof(*shrunk));
	if (!shrunk)
		return;
	list->symbols = shrunk;
	list->capacity = list->n_symbols;
}

/* Sorts, flattens and writes; @input is complete. */
static int build(const struct symbol_table_input *input, void **ret_block, size_t *ret_n_bytes)
{
	cleanup_with(sweep_deinit) struct sweep sweep = {.list = input->list};
	int r;

	if (input->segments->n_segments > SYMBOL_SEGMENTS_MAX ||
	    input->build_id->n_bytes > SYMBOL_BUILD_ID_BYTES_MAX)
		return SYMBOL_TABLE_TOO_BIG;
	r = line_list_finish(input->lines);
	if (r >= 0) /* where lines are too many, the last are missing */
		r = symbol_order_sort(input->list);
	if (r != 0)
		return r;
	symbol_order_settle(input->list);
	fit(input->list, input->lines);
	sweep.open = malloc((input->list->n_symbols + 1) * sizeof(*sweep.open)); /* SYMBOLS_MAX */
	if (!sweep.open)
		return -ENOMEM;
	sweep_symbols(&sweep);
	return write_block(&sweep, input, ret_block, ret_n_bytes);
}

int symbol_table_build(const struct symbol_table_input *input, void **ret_block,
		       size_t *ret_n_bytes)
{
	static const struct symbol_segments no_segments;
	static const struct symbol_build_id no_build_id;
	struct symbol_list no_list = {0};
	struct line_list no_lines = LINE_LIST_INIT;
	const struct symbol_table_input complete = {
		.list = input->list ? input->list : &no_list,
		.lines = input->lines ? input->lines : &no_lines,
		.segments = input->segments ? input->segments : &no_segments,
		.build_id = input->build_id ? input->build_id : &no_build_id,
	};

	return build(&complete, ret_block,
		     ret_n_bytes); /* the empty lists stay so: nothing to free */
}

int symbol_table_view(const void *block, size_t n_bytes, struct symbol_table *ret_table)
{
	const struct block_head *head = block;
	struct symbol_table table = {0};

	if (n_bytes < sizeof(*head) || head->magic != BLOCK_MAGIC ||
	    head->n_segments > SYMBOL_SEGMENTS_MAX || head->n_groups > head->n_pieces ||
	    head->n_pieces > 2 * SYMBOLS_MAX || head->n_line_chunks > LINE_CHUNKS_MAX ||
	    head->n_line_files > LINE_FILES_MAX ||
	    head->n_build_id_bytes > sizeof(head->build_id) || block_bytes(head) != n_bytes)
		return SYMBOL_TABLE_MALFORMED;
	set_pointers(head, &table);
	table.build_id.n_bytes = head->n_build_id_bytes;
	table.build_id.has_go = head->has_go_build_id != 0;
	memcpy(table.build_id.bytes, head->build_id, sizeof(head->build_id));
	*ret_table = table;
	return 0;
}

/* The last group whose base is at or below @addr, or -1. */
static int64_t find_group(const struct symbol_table *table, uint64_t addr)
{
	int64_t lo = 0, hi = table->n_groups;

	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;

		if (table->groups[mid].base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo - 1;
}

/*
 * The last piece in [first, end) that starts at or below @relative, or -1. Without a branch to
 * guess, which on a random address would be wrong every other time.
 */
static int64_t find_piece(const struct symbol_table *table, uint64_t first, uint64_t end,
			  uint64_t relative)
{
	const uint32_t *at = table->starts + first;
	uint64_t n = end - first;

	if (n == 0 || at[0] > relative)
		return -1;
	while (n > 1) {
		uint64_t half = n / 2;

		at += at[half] <= relative ? half : 0;
		n -= half;
	}
	return at - table->starts;
}

/* The group that holds @piece: a continued symbol may have begun in an earlier one. */
static int64_t group_of_piece(const struct symbol_table *table, int64_t group, uint64_t piece)
{
	while (group > 0 && table->groups[group].first > piece)
		group--;
	return group;
}

/* Takes @n_bytes of the text at *@at; false when they are not there. */
static bool take_text(const struct symbol_table *table, uint64_t *at, void *to, size_t n_bytes)
{
	if (*at + n_bytes > table->n_text_bytes)
		return false;
	memcpy(to, table->text + *at, n_bytes);
	*at += n_bytes;
	return true;
}

static bool read_piece(const struct symbol_table *table, uint64_t base, uint64_t piece,
		       struct symbol_found *ret_found)
{
	const struct symbol_record record = table->records[piece];
	const unsigned source = record.source_and_length >> SOURCE_SHIFT;
	uint16_t n_name_bytes = record.source_and_length & LENGTH_FAR;
	uint64_t at = record.name, size = record.size;

	if ((at & CONTINUES) || source == 0 || source >= SYMBOL_SOURCES)
		return false;
	if (n_name_bytes == LENGTH_FAR &&
	    !take_text(table, &at, &n_name_bytes, sizeof(n_name_bytes)))
		return false;
	if (size == SIZE_FAR && !take_text(table, &at, &size, sizeof(size)))
		return false;
	if (at + n_name_bytes > table->n_text_bytes)
		return false;
	*ret_found = (struct symbol_found){
		.start = {base + table->starts[piece]},
		.size_bytes = size,
		.name = table->text + at,
		.n_name_bytes = n_name_bytes,
		.source = (enum symbol_source)source,
	};
	return true;
}

struct symbol_count symbol_table_count(const struct symbol_table *table)
{
	struct symbol_count count = {0};

	for (uint32_t i = 0; i < table->n_pieces; i++) {
		const struct symbol_record *record = &table->records[i];

		if (record->name & CONTINUES)
			continue;
		count.n_symbols++;
		count.has_mini_debug |=
			record->source_and_length >> SOURCE_SHIFT == SYMBOL_FROM_MINIDEBUG;
	}
	return count;
}

bool symbol_table_find(const struct symbol_table *table, struct elf_addr addr,
		       struct symbol_found *ret_found)
{
	struct symbol_found found;
	int64_t group = find_group(table, addr.v), piece;
	uint64_t first, end;

	if (group < 0)
		return false;
	first = table->groups[group].first;
	end = group + 1 < table->n_groups ? table->groups[group + 1].first : table->n_pieces;
	if (first > end || end > table->n_pieces)
		return false;
	piece = find_piece(table, first, end, addr.v - table->groups[group].base);
	if (piece < 0)
		return false;
	if (table->records[piece].name & CONTINUES)
		piece = table->records[piece].name & ~CONTINUES;
	if (piece >= table->n_pieces)
		return false;
	group = group_of_piece(table, group, (uint64_t)piece);
	if (!read_piece(table, table->groups[group].base, (uint64_t)piece, &found))
		return false;
	/* A gap stays a gap: "unknown" is honest, the neighbour's name would be a guess. */
	if (addr.v - found.start.v >= found.size_bytes)
		return false;
	*ret_found = found;
	return true;
}

bool symbol_table_next(const struct symbol_table *table, struct symbol_walk *walk,
		       struct symbol_found *ret_found)
{
	while (walk->piece < table->n_pieces) {
		uint32_t piece = walk->piece++;

		while (walk->group + 1 < table->n_groups &&
		       table->groups[walk->group + 1].first <= piece)
			walk->group++;
		if (!(table->records[piece].name & CONTINUES))
			return table->n_groups > 0 &&
			       read_piece(table, table->groups[walk->group].base, piece, ret_found);
	}
	return false;
}

bool symbol_table_line(const struct symbol_table *table, struct elf_addr addr,
		       struct symbol_line *ret_line)
{
	struct symbol_line line = {0};
	struct symbol_found function;
	struct line_row row, first;

	if (table->lines.n_chunks == 0 || !line_view_find(&table->lines, addr, &row))
		return false;
	line.file = line_view_file(&table->lines, row.file, &line.n_file_bytes);
	line.line = row.line;
	if (!line.file)
		return false;
	if (symbol_table_find(table, addr, &function) &&
	    line_view_find(&table->lines, function.start, &first) && first.file == row.file)
		line.start_line = first.start_line ? first.start_line : first.line;
	*ret_line = line;
	return true;
}

/* How well @segment fits: 0 not at all. Executable counts more than the page that it starts in. */
static int segment_fit(const struct symbol_segment *segment, uint64_t offset)
{
	bool begins_before = segment->offset <= offset;
	uint64_t page = segment->offset & ~(uint64_t)(PAGE_BYTES - 1);

	if (offset < page || segment->file_bytes == 0 ||
	    (begins_before && offset - segment->offset >= segment->file_bytes))
		return 0;
	return 1 + (begins_before ? 1 : 0) + (segment->is_executable ? 2 : 0);
}

const struct symbol_segment *symbol_table_address(const struct symbol_table *table,
						  struct file_off offset, struct elf_addr *ret_addr)
{
	const struct symbol_segment *best = NULL;
	int best_fit = 0;

	for (uint32_t i = 0; i < table->n_segments; i++) {
		int fit = segment_fit(&table->segments[i], offset.v);

		if (fit > best_fit) {
			best_fit = fit;
			best = &table->segments[i];
		}
	}
	if (best)
		ret_addr->v = offset.v - best->offset + best->vaddr;
	return best;
}
