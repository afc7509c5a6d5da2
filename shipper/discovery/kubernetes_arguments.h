#pragma once
/* The arguments of discovery.kubernetes, checked and ready for use. In the memory of its source. */
#include <stdbool.h>

#include "discovery/source.h"

#define KUBERNETES_NAMESPACES_MAX 64u

struct http_options;

/* As the API has them; "": none. */
struct kubernetes_selectors {
	const char *field;
	const char *label;
};

struct kubernetes_arguments {
	const char *kubeconfig_path;     /* NULL: none */
	const char *api_server;          /* without "/" at its end; NULL: in the cluster */
	const struct http_options *http; /* for api_server */
	bool has_own_namespace;          /* beside the others */
	size_t n_namespaces;             /* 0 and not its own: all */
	const char **namespaces;         /* in order, no two alike */
	struct kubernetes_selectors pods;
	struct kubernetes_selectors nodes;
	bool has_node_metadata;
};

/* source_class.load() */
int kubernetes_arguments_load(struct component_loading *loading, struct config_component *component,
			      struct source_configuration *ret) warn_unused_result;
