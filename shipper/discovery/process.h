#pragma once
/* `discovery.process`: a row of source_classes. */
#include "discovery/source.h"

extern const struct source_class process_class;
