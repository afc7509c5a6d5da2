#pragma once
/* `triptych-shipper check`: says what is wrong with a configuration, and what it is worth. */
#include <stdbool.h>

#include "base/cleanup.h"

/*
 * Evaluates what is at @path without running anything. What is wrong goes to standard error;
 * with @prints, and if nothing is, all components go to standard output as one JSON object.
 * Returns 0, or 1 when something is wrong.
 */
int check_run(const char *path, bool prints) warn_unused_result;
