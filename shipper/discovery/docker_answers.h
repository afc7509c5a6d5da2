#pragma once
/*
 * Private to shipper/discovery: what a Docker Engine answers, read into structs and checked. Absent
 * and null members are the type's zero, as they are for Go; a member of another type makes the
 * whole answer malformed.
 */
#include "discovery/docker_targets.h"

/* Labels that several targets have in common. */
struct docker_labels {
	struct config_field *fields;
	size_t n;
};

struct docker_network {
	struct config_text id;
	struct docker_labels labels;
};

struct docker_port {
	uint16_t private;
	uint16_t public;
	struct config_text public_ip;
};

/* A container's place in one network. */
struct docker_place {
	struct config_text name; /* of the network */
	struct config_text network_id;
	struct config_text ip;
};

struct docker_container {
	struct config_text id;
	struct config_text name; /* empty: it has none */
	struct config_text mode;
	struct docker_labels labels;
	size_t n_ports; /* of TCP */
	struct docker_port *ports;
	size_t n_places;
	struct docker_place *places;
};

/* All of it lives in the arena. Lists are by id, ports and places in their order. */
struct docker_reading {
	struct config_arena *arena; /* borrowed */
	struct bytes *why;          /* borrowed */
	size_t n_networks;
	struct docker_network *networks;
	size_t n_containers;
	struct docker_container *containers;
	size_t n_left_out;
};

/*
 * Reads both answers into @reading, whose arena and why are set and the rest is zero.
 * Returns like docker_targets_read(); or -EMSGSIZE past the arena's bound.
 */
int docker_answers_read(struct docker_reading *reading,
			const struct docker_answers *answers) warn_unused_result;

/* Appends a label to @labels, which has room for it. */
void docker_labels_add(struct docker_labels *labels, const char *key, struct config_text value);

/* Borrowed from @reading, or NULL. */
const struct docker_network *docker_find_network(const struct docker_reading *reading,
						 struct config_text id);
const struct docker_container *docker_find_container(const struct docker_reading *reading,
						     struct config_text id);
