#pragma once
/* The arguments of discovery.docker, checked and ready for use. In the memory of its source. */
#include "discovery/docker_targets.h"
#include "discovery/source.h"

#define DOCKER_EVENT_FILTERS_TEXT                                                                  \
	"{\"type\":[\"container\",\"network\"],"                                                   \
	"\"event\":[\"start\",\"stop\",\"die\",\"destroy\",\"rename\",\"connect\",\"disconnect\"]" \
	"}"

struct http_options;

struct docker_arguments {
	const char *url;         /* that the API's paths follow: no "/" at its end */
	const char *unix_socket; /* NULL: by TCP */
	const struct http_options *http;
	const char *filters;       /* for the list of containers, encoded for a URL; "": none */
	const char *event_filters; /* encoded, too */
	struct docker_rules rules;
	uint32_t refresh_interval_ms;
};

/* source_class.load() */
int docker_arguments_load(struct component_loading *loading, struct config_component *component,
			  struct source_configuration *ret) warn_unused_result;
