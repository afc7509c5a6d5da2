#pragma once
/*
 * The kernel's own symbols, from a copy of /proc/kallsyms.
 *
 * What is of a module or a BPF program says so behind its name: "nf_hook [nf_tables]",
 * "bpf_prog_<tag>_name [bpf]".
 *
 * The text has no sizes and is in no order. A function ends where the next symbol of any kind
 * begins, and the kernel's own at _etext and _einittext. Elsewhere, as in modules and BPF programs,
 * nothing marks where the last one ends: there none is taken to be longer than
 * KALLSYMS_FOREIGN_BYTES_MAX.
 */
#include <stddef.h>

#include "table/symbol_table.h"

#define KALLSYMS_TEXT_BYTES_MAX    (64u << 20)
#define KALLSYMS_FOREIGN_BYTES_MAX (256u << 10)

enum kallsyms_outcome {
	KALLSYMS_HIDDEN = 1, /* all addresses are zero: kptr_restrict, or no CAP_SYSLOG */
	KALLSYMS_MALFORMED,  /* no line that names a function */
	KALLSYMS_TOO_BIG,
};

/*
 * Parses @text, of @n_bytes (borrowed; not NUL-terminated). Lines that are not as the kernel writes
 * them are passed over.
 *   @ret_block  a block of symbol_table.h without segments; set on 0 only; owned, free()
 * Returns 0, -ENOMEM or an outcome.
 */
int kallsyms_parse(const char *text, size_t n_bytes, void **ret_block,
		   size_t *ret_n_bytes) warn_unused_result;
