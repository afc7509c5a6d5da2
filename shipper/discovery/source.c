#include "discovery/source.h"

#include "discovery/docker.h"
#include "discovery/local_file.h"

const struct source_class *const source_classes[] = {
	&docker_class,
	&local_file_class,
	NULL,
};
