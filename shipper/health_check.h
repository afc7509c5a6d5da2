#pragma once
/* `triptych-shipper health`: asks a running shipper over HTTP how it is. */
#include "base/cleanup.h"

/*
 * `health [--ready] [--http ADDRESS:PORT]`: whether the shipper there answers at all; with --ready,
 * whether it has what it needs (/-/ready). Prints what it heard. @argv[0] is "health".
 * Returns what the program leaves with: 0, 1 when it is not so, or EXIT_STATUS_USAGE.
 */
int health_check_main(int argc, char **argv) warn_unused_result;
