#pragma once
/* Numbers from command lines: decimal, whole, within bounds. */
#include <stdint.h>

#include "base/cleanup.h"

/*
 * Reads all of @text (borrowed) as a decimal number of @min … @max.
 * Returns 0, or -EINVAL with *@ret_value untouched.
 */
int number_parse(const char *text, uint64_t min, uint64_t max,
		 uint64_t *ret_value) warn_unused_result;
