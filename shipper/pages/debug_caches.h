#pragma once
/* The caches of all symbolizers, and the processes that are profiled, as JSON. Internal to
 * debug_*.c; for its bounds see debug_rows.h. */
#include "pages/debug_information.h"

/* {"build_id_cache": …, "same_file_cache": …}, the tables of all symbolizers together. */
struct json_t *debug_elf_cache(const struct reports *reports);

/* The processes, each with the symbol tables of its files. */
struct json_t *debug_pid_cache(const struct debug_sources *sources);

/* The symbolizers: who they are, and how full their caches. */
struct json_t *debug_symbolizers(const struct debug_sources *sources);
