#include "table/symbol_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct symbol_list *list, const struct symbol *symbol)
{
	return list->names[symbol->names_index] + symbol->name_at;
}

static size_t leading_underscores(const char *name, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && name[n] == '_')
		n++;
	return n;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static bool is_extent(const struct symbol *symbol)
{
	return symbol->source == SYMBOL_FROM_FDE;
}

/* Go's table knows its functions. */
static unsigned rank_of(const struct symbol *symbol)
{
	return symbol->source != SYMBOL_FROM_GOPCLNTAB;
}

/* Which source is said to have a name that several have. */
static unsigned preference_of(const struct symbol *symbol)
{
	static const uint8_t preferences[SYMBOL_SOURCES] = {
		[SYMBOL_FROM_SYMTAB] = 1,
		[SYMBOL_FROM_DEBUG] = 2,
		[SYMBOL_FROM_MINIDEBUG] = 3,
		[SYMBOL_FROM_DYNSYM] = 4,
	};

	return symbol->source < SYMBOL_SOURCES ? preferences[symbol->source] : 0;
}

/* Negative when @a names an address that both begin at, positive when @b does. */
static int compare_aliases(const struct symbol_list *list, const struct symbol *a,
			   const struct symbol *b)
{
	const char *name_a = name_of(list, a), *name_b = name_of(list, b);
	int order = compare_numbers(rank_of(a), rank_of(b));

	if (order == 0)
		order = compare_numbers(a->standing, b->standing);
	if (order == 0)
		order = compare_numbers(leading_underscores(name_a, a->n_name_bytes),
					leading_underscores(name_b, b->n_name_bytes));
	if (order == 0)
		order = compare_numbers(a->is_versioned, b->is_versioned);
	if (order == 0)
		order = compare_numbers(a->n_name_bytes, b->n_name_bytes);
	if (order == 0)
		order = memcmp(name_a, name_b, a->n_name_bytes);
	if (order == 0)
		order = compare_numbers(b->end.v, a->end.v);
	if (order == 0)
		order = compare_numbers(preference_of(a), preference_of(b));
	return order;
}

static bool in_order(const struct symbol_list *list, const struct symbol *a, const struct symbol *b)
{
	if (a->start.v != b->start.v)
		return a->start.v < b->start.v;
	if (is_extent(a) || is_extent(b)) /* which lies under all others, and so comes first */
		return is_extent(a) && (!is_extent(b) || a->end.v >= b->end.v);
	return compare_aliases(list, a, b) <= 0;
}

/* Merges [lo, mid) and [mid, hi) of @from into @to. */
static void merge(const struct symbol_list *list, const struct symbol *from, struct symbol *to,
		  const size_t bounds[3])
{
	size_t left = bounds[0], right = bounds[1];

	if (left < bounds[1] && right < bounds[2] &&
	    in_order(list, &from[right - 1], &from[right])) {
		memcpy(to + left, from + left, (bounds[2] - left) * sizeof(*to));
		return;
	}
	for (size_t at = bounds[0]; at < bounds[2]; at++) {
		bool take_left = right == bounds[2] ||
				 (left < bounds[1] && in_order(list, &from[left], &from[right]));

		to[at] = take_left ? from[left++] : from[right++];
	}
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Whether runs of @run symbols, each in order, follow one another in order. */
static bool runs_in_order(const struct symbol_list *list, const struct symbol *symbols, size_t run)
{
	for (size_t next = run; next < list->n_symbols; next += run)
		if (!in_order(list, &symbols[next - 1], &symbols[next]))
			return false;
	return true;
}

/* Not qsort(): without memory for a merge, glibc's becomes quadratic on input made for it. */
int symbol_order_sort(struct symbol_list *list)
{
	size_t n = list->n_symbols;
	struct symbol *from = list->symbols, *to, *spare;

	if (n < 2)
		return 0;
	spare = malloc(n * sizeof(*spare)); /* SYMBOLS_MAX */
	if (!spare)
		return -ENOMEM;
	to = spare;
	/* The kernel's list is in order but for aliases: most rounds would only copy it. */
	for (size_t run = 1; !runs_in_order(list, from, run); run *= 2) {
		struct symbol *merged = to;

		for (size_t lo = 0; lo < n; lo += 2 * run)
			merge(list, from, to,
			      (size_t[3]){lo, smaller(lo + run, n), smaller(lo + 2 * run, n)});
		to = from;
		from = merged;
	}
	if (from != list->symbols) {
		list->capacity = n;
		spare = list->symbols;
		list->symbols = from;
	}
	free(spare);
	return 0;
}

/* How far the symbols that were passed reach: all of one kind end below the number. */
struct cover {
	uint64_t go_end;
	uint64_t sized_end;
	uint64_t typed_end;
	uint64_t extent_end;
};

static bool is_covered(const struct cover *cover, const struct symbol *symbol)
{
	uint64_t start = symbol->start.v;

	if (symbol->source == SYMBOL_FROM_GOPCLNTAB)
		return false;
	if (is_extent(symbol))
		return start < cover->extent_end;
	return start < cover->go_end ||
	       ((symbol->standing & SYMBOL_SIZELESS) && start < cover->sized_end) ||
	       ((symbol->standing & SYMBOL_UNTYPED) && start < cover->typed_end);
}

static void raise_to(uint64_t *end, const struct symbol *symbol, bool counts)
{
	if (counts && symbol->end.v > *end)
		*end = symbol->end.v;
}

/*
 * Drops what lies under better symbols, and extents that begin inside others: no two of them
 * overlap from here on. A sizeless symbol ends with the extent that it lies in.
 */
static void drop_covered(struct symbol_list *list)
{
	struct cover cover = {0};
	size_t n_kept = 0;

	for (size_t i = 0; i < list->n_symbols; i++) {
		struct symbol symbol = list->symbols[i];
		bool is_sized = !(symbol.standing & SYMBOL_SIZELESS);
		bool is_typed = !(symbol.standing & SYMBOL_UNTYPED);

		if (is_covered(&cover, &symbol))
			continue;
		if (!is_sized && symbol.start.v < cover.extent_end &&
		    symbol.end.v > cover.extent_end)
			symbol.end.v = cover.extent_end;
		list->symbols[n_kept++] = symbol;
		if (is_extent(&symbol)) {
			cover.extent_end = symbol.end.v;
			continue;
		}
		raise_to(&cover.go_end, &symbol, symbol.source == SYMBOL_FROM_GOPCLNTAB);
		raise_to(&cover.sized_end, &symbol, is_sized);
		raise_to(&cover.typed_end, &symbol, is_sized && is_typed);
	}
	list->n_symbols = n_kept;
}

/* Lets sizeless symbols end where the next begins, or the next extent. */
static void end_sizeless(struct symbol_list *list)
{
	uint64_t next = UINT64_MAX, start = UINT64_MAX;

	for (size_t i = list->n_symbols; i-- > 0;) {
		struct symbol *symbol = &list->symbols[i];

		if (symbol->start.v != start) {
			next = start;
			start = symbol->start.v;
		}
		if ((symbol->standing & SYMBOL_SIZELESS) && symbol->end.v > next)
			symbol->end.v = next;
	}
}

static void reverse(struct symbol *symbols, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct symbol swapped = symbols[i];

		symbols[i] = symbols[n - 1 - i];
		symbols[n - 1 - i] = swapped;
	}
}

/*
 * Of those that begin together keeps the winner and whoever reaches further than all before. An
 * extent, which comes first, has no part in it.
 */
static void drop_aliases(struct symbol_list *list)
{
	size_t n_kept = 0, group_at = 0;

	for (size_t i = 0; i < list->n_symbols; i++) {
		struct symbol symbol = list->symbols[i];

		if (n_kept > group_at && list->symbols[n_kept - 1].start.v == symbol.start.v) {
			if (symbol.end.v <= list->symbols[n_kept - 1].end.v)
				continue;
		} else {
			reverse(list->symbols + group_at, n_kept - group_at);
			group_at = n_kept;
		}
		list->symbols[n_kept++] = symbol;
		group_at += is_extent(&symbol);
	}
	reverse(list->symbols + group_at, n_kept - group_at);
	list->n_symbols = n_kept;
}

/* Whether the symbols behind the extent at @at cover it whole, where those before reach @reach. */
static bool is_named_whole(const struct symbol_list *list, size_t at, uint64_t reach)
{
	const struct symbol *extent = &list->symbols[at];

	if (reach < extent->start.v)
		reach = extent->start.v;
	for (size_t i = at + 1; i < list->n_symbols && reach < extent->end.v; i++) {
		if (list->symbols[i].start.v > reach)
			return false;
		raise_to(&reach, &list->symbols[i], true);
	}
	return reach >= extent->end.v;
}

/* Drops extents all of which has a name: most of them, in a file with symbols. */
static void drop_named_extents(struct symbol_list *list)
{
	uint64_t reach = 0;
	size_t n_kept = 0;

	for (size_t i = 0; i < list->n_symbols; i++) {
		struct symbol symbol = list->symbols[i];

		if (is_extent(&symbol) && is_named_whole(list, i, reach))
			continue;
		raise_to(&reach, &symbol, !is_extent(&symbol));
		list->symbols[n_kept++] = symbol;
	}
	list->n_symbols = n_kept;
}

void symbol_order_settle(struct symbol_list *list)
{
	if (list->n_symbols == 0)
		return;
	drop_covered(list);
	end_sizeless(list);
	drop_aliases(list);
	drop_named_extents(list);
}
