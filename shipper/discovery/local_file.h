#pragma once
/* `local.file`: publishes what is in a file, a secret if it is said to be one. */
#include "discovery/source.h"

extern const struct source_class local_file_class;
