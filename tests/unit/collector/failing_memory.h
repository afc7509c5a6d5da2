#pragma once
/*
 * Memory that runs out when a test says so. For binaries that are linked with malloc(), calloc()
 * and realloc() wrapped (see CMakeLists.txt). Fakes ask for memory that does not run out.
 */
#include <stdbool.h>
#include <stddef.h>

/* The allocation after @n more fails, and with @for_good every one after it. */
void failing_memory_begin(size_t n, bool for_good);

/* Memory is plenty again. Returns whether any allocation failed since it began. */
bool failing_memory_end(void);

/* Zeroed, owned, freed with free(). Never NULL. */
void *plenty_calloc(size_t n_bytes);
