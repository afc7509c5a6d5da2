#pragma once
/* Lists of CPUs as the kernel prints them: "0-3,8" (cputopology.rst). Pure. */
#include <stdbool.h>

/*
 * Takes the next range off *@list (borrowed; moved on): @ret_first … @ret_last, inclusive.
 * Returns false at its end, and before anything that is no range.
 */
bool cpu_list_next(const char **list, unsigned long *ret_first, unsigned long *ret_last);
