#include "discovery/source.h"

#include "discovery/docker.h"
#include "discovery/kubernetes.h"
#include "discovery/local_file.h"
#include "discovery/process.h"

const struct source_class *const source_classes[] = {
	&docker_class, &kubernetes_class, &local_file_class, &process_class, NULL,
};
