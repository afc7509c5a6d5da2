#pragma once
/*
 * Targets of what a Docker Engine says about its containers and networks: pure, from JSON to values
 * of the language.
 *
 * For each network of a container and each of its TCP ports there is a target; one without a port
 * where there is none. They come in the order of container ids, network names and ports, whatever
 * order the engine has.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/value.h"

#define DOCKER_CONTAINERS_MAX  16384u
#define DOCKER_NETWORKS_MAX    16384u
#define DOCKER_TARGETS_MAX     65536u
#define DOCKER_PORTS_MAX       1024u /* of one container; more say nothing about its process */
#define DOCKER_TEXT_BYTES_MAX  4096u /* of ids, names, addresses, keys of labels */
#define DOCKER_LABEL_BYTES_MAX (64u << 10)

struct docker_rules {
	uint32_t port;                    /* of an address where a container has no port */
	const char *host_networking_host; /* the address in network mode "host" */
	bool match_first_network;
};

/* Bodies of the engine's answers; foreign. */
struct docker_answers {
	struct config_text containers; /* of GET /containers/json */
	struct config_text networks;   /* of GET /networks */
};

struct docker_targets {
	struct config_value list; /* of objects of strings, as discovery.docker exports it */
	size_t n_left_out;        /* labels and ports that are longer or more than above */
};

enum docker_outcome {
	DOCKER_MALFORMED = 1, /* not what the API says: nothing of it is used */
	DOCKER_TOO_BIG,
};

/*
 *   @answers      borrowed for the call
 *   @arena        what the targets live in; their only memory
 *   @ret_targets  set on 0 only
 *   @why          what is wrong, for people: appended to when an outcome is returned
 * Returns 0, -ENOMEM, or an enum docker_outcome.
 */
int docker_targets_read(const struct docker_answers *answers, const struct docker_rules *rules,
			struct config_arena *arena, struct docker_targets *ret_targets,
			struct bytes *why) warn_unused_result;
