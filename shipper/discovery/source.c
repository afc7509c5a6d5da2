#include "discovery/source.h"

#include "discovery/local_file.h"

const struct source_class *const source_classes[] = {
	&local_file_class,
	NULL,
};
