#pragma once
/*
 * `triptych-symbolizer demangle`: names from standard input, a line each, as a profile shows them.
 * The product's own path from a name to what is shown.
 */
#include "base/cleanup.h"
#include "base/identity.h"

/* @argv[0] is "demangle". Returns how the process is to end; messages went to stderr. */
enum exit_status demangle_lines_main(int argc, char **argv) warn_unused_result;
