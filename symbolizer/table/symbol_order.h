#pragma once
/* The order of symbols in a table and which of them count: the rules that symbol_table.h states. */
#include "table/symbol_table.h"

/*
 * Sorts by start; where several begin together the one that names the address comes first. The time
 * is bounded by the counts alone: no input makes it quadratic. Returns 0 or -ENOMEM.
 */
int symbol_order_sort(struct symbol_list *list) warn_unused_result;

/*
 * Takes a sorted list; gives sizeless symbols their ends, drops what can never name an address, and
 * turns the order among those that begin together around: the one that wins comes last.
 */
void symbol_order_settle(struct symbol_list *list);
