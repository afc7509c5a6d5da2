#include "table/symbol_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table/symbol_table.h"

#define SYMBOLS_AT_LEAST 64u                         /* when a list first grows */
#define SORTED_BYTES     (2 * sizeof(struct symbol)) /* of each, while they are sorted */

_Static_assert(sizeof(struct symbol) == 24, "SYMBOLS_MAX bounds bytes, too");

/* Elsewhere an at sign is part of the name: "/node_modules/@scope/index.js". */
static bool may_have_version(const struct symbol *symbol)
{
	return symbol->source == SYMBOL_FROM_SYMTAB || symbol->source == SYMBOL_FROM_DYNSYM ||
	       symbol->source == SYMBOL_FROM_DEBUG || symbol->source == SYMBOL_FROM_MINIDEBUG;
}

static int grow(struct symbol_list *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : SYMBOLS_AT_LEAST;
	struct symbol *grown = realloc(list->symbols, capacity * sizeof(*grown)); /* SYMBOLS_MAX */

	if (!grown)
		return -ENOMEM;
	list->symbols = grown;
	list->capacity = capacity;
	return 0;
}

static void cut_version(struct symbol *symbol, const char *name)
{
	const char *version = memchr(name + 1, '@', (size_t)symbol->n_name_bytes - 1);

	symbol->is_versioned = version != NULL;
	if (version)
		symbol->n_name_bytes = (uint16_t)(version - name);
}

int symbol_list_pass_over(struct symbol_list *list, size_t n_bytes)
{
	if (n_bytes > SYMBOL_NAMES_BYTES_MAX - list->n_names_bytes)
		return SYMBOL_TABLE_TOO_BIG;
	list->n_names_bytes += n_bytes;
	return 0;
}

uint64_t symbol_list_build_bytes(const struct symbol_list *list)
{
	return list->build_bytes_max ? list->build_bytes_max : SYMBOL_BUILD_BYTES_MAX;
}

int symbol_list_add(struct symbol_list *list, const struct symbol *symbol)
{
	struct symbol *added;

	if ((symbol->n_name_bytes == 0 && symbol->source != SYMBOL_FROM_FDE) ||
	    symbol->end.v <= symbol->start.v)
		return 0;
	if (list->n_symbols >= SYMBOLS_MAX ||
	    list->n_symbols >= symbol_list_build_bytes(list) / SORTED_BYTES ||
	    symbol_list_pass_over(list, symbol->n_name_bytes) != 0)
		return SYMBOL_TABLE_TOO_BIG;
	if (list->n_symbols == list->capacity && grow(list) < 0)
		return -ENOMEM;
	added = &list->symbols[list->n_symbols++];
	*added = *symbol;
	added->is_versioned = 0;
	if (symbol->n_name_bytes > 0 && may_have_version(symbol))
		cut_version(added, list->names[symbol->names_index] + symbol->name_at);
	return 0;
}

void symbol_list_deinit(struct symbol_list *list)
{
	free(list->symbols);
	*list = (struct symbol_list){0};
}
