#pragma once
/*
 * `triptych-symbolizer resolve`: which functions addresses of a file are in, for people with an
 * unknown frame in front of them. The product's own path from a file to a name, with files of this
 * machine in place of a collector.
 */
#include "base/cleanup.h"
#include "base/identity.h"

/* @argv[0] is "resolve". Returns how the process is to end; messages went to stderr. */
enum exit_status resolve_main(int argc, char **argv) warn_unused_result;
