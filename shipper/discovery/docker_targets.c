#include "discovery/docker_targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/docker_answers.h"

#define CONTAINER_MODE "container:"
#define HOST_MODE      "host"
#define NUMBER_BYTES   sizeof("4294967295")
#define CHAIN_MAX      128u /* of containers that borrow each other's network: it may be a circle */

struct making {
	const struct docker_rules *rules;
	struct docker_reading reading;
	size_t n_targets;
	struct config_value *targets;
};

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

/* The container whose networks @container is in, by "container:ID" and maybe a chain of such. */
static const struct docker_container *place_owner(const struct making *making,
						  const struct docker_container *container)
{
	size_t n_prefix = strlen(CONTAINER_MODE);
	struct config_text id;

	for (size_t i = 0; i < CHAIN_MAX; i++) {
		if (container->n_places > 0 || container->mode.n_bytes <= n_prefix ||
		    memcmp(container->mode.data, CONTAINER_MODE, n_prefix) != 0)
			break;
		id = (struct config_text){container->mode.data + n_prefix,
					  container->mode.n_bytes - n_prefix};
		container = docker_find_container(&making->reading, id);
		if (!container)
			return NULL;
	}
	return container;
}

static int keep_number(struct making *making, uint32_t number, struct config_text *ret_text)
{
	char *text = config_arena_alloc(making->reading.arena, NUMBER_BYTES);

	if (!text)
		return making->reading.arena->error;
	(void)snprintf(text, NUMBER_BYTES, "%u", number);
	*ret_text = text_of(text);
	return 0;
}

/* "ip:port", brackets around an address of IPv6. */
static int keep_address(struct making *making, struct config_text ip, uint32_t port,
			struct config_text *ret_text)
{
	bool is_ipv6 = ip.n_bytes > 0 && memchr(ip.data, ':', ip.n_bytes);
	size_t n_max = ip.n_bytes + sizeof("[]:4294967295");
	char *text = config_arena_alloc(making->reading.arena, n_max);

	if (!text)
		return making->reading.arena->error;
	(void)snprintf(text, n_max, "%s%.*s%s:%u", is_ipv6 ? "[" : "", (int)ip.n_bytes, ip.data,
		       is_ipv6 ? "]" : "", port);
	*ret_text = text_of(text);
	return 0;
}

/* The labels of one target; @port is NULL for the one without. */
static int add_address(struct making *making, const struct docker_container *container,
		       const struct docker_place *place, const struct docker_port *port,
		       struct docker_labels *labels)
{
	struct config_text text;
	int r = 0;

	docker_labels_add(labels, "__meta_docker_network_ip", place->ip);
	if (!port && config_text_equals(container->mode, HOST_MODE))
		text = text_of(making->rules->host_networking_host);
	else
		r = keep_address(making, place->ip, port ? port->private : making->rules->port,
				 &text);
	if (r != 0)
		return r;
	docker_labels_add(labels, "__address__", text);
	if (!port)
		return 0;
	r = keep_number(making, port->private, &text);
	if (r != 0)
		return r;
	docker_labels_add(labels, "__meta_docker_port_private", text);
	if (port->public == 0)
		return 0;
	r = keep_number(making, port->public, &text);
	if (r != 0)
		return r;
	docker_labels_add(labels, "__meta_docker_port_public", text);
	docker_labels_add(labels, "__meta_docker_port_public_ip", port->public_ip);
	return 0;
}

static void add_all(struct docker_labels *labels, const struct docker_labels *more)
{
	if (more->n > 0)
		memcpy(&labels->fields[labels->n], more->fields, more->n * sizeof(*more->fields));
	labels->n += more->n;
}

static int add_target(struct making *making, const struct docker_container *container,
		      const struct docker_place *place, const struct docker_port *port)
{
	const struct docker_network *network =
		docker_find_network(&making->reading, place->network_id);
	struct docker_labels labels = {.n = 0};
	int r;

	labels.fields = config_arena_array(
		making->reading.arena, container->labels.n + 5 + (network ? network->labels.n : 0),
		sizeof(*labels.fields));
	if (!labels.fields)
		return making->reading.arena->error;
	add_all(&labels, &container->labels);
	if (network)
		add_all(&labels, &network->labels);
	r = add_address(making, container, place, port, &labels);
	if (r != 0)
		return r;
	making->targets[making->n_targets++] = (struct config_value){
		.type = CONFIG_OBJECT, .object = config_object_make(labels.fields, labels.n)};
	return 0;
}

static size_t count_places(const struct making *making, const struct docker_container *owner)
{
	bool is_one = making->rules->match_first_network && owner->n_places > 1;

	return is_one ? 1 : owner->n_places;
}

static int add_targets(struct making *making, const struct docker_container *container)
{
	const struct docker_container *owner = place_owner(making, container);
	size_t n_places = owner ? count_places(making, owner) : 0;
	int r = 0;

	if (container->name.n_bytes == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < n_places; i++) {
		for (size_t j = 0; r == 0 && j < container->n_ports; j++)
			r = add_target(making, container, &owner->places[i], &container->ports[j]);
		if (container->n_ports == 0)
			r = add_target(making, container, &owner->places[i], NULL);
	}
	return r;
}

static int make_targets(struct making *making)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < making->reading.n_containers; i++) {
		const struct docker_container *container = &making->reading.containers[i];
		const struct docker_container *owner = place_owner(making, container);
		size_t n_each = container->n_ports > 0 ? container->n_ports : 1;

		n += owner ? count_places(making, owner) * n_each : 0;
		if (n > DOCKER_TARGETS_MAX) {
			bytes_printf(making->reading.why, "they make more than %u targets",
				     DOCKER_TARGETS_MAX);
			return DOCKER_TOO_BIG;
		}
	}
	making->targets = config_arena_array(making->reading.arena, n, sizeof(*making->targets));
	if (!making->targets)
		return making->reading.arena->error;
	for (size_t i = 0; r == 0 && i < making->reading.n_containers; i++)
		r = add_targets(making, &making->reading.containers[i]);
	return r;
}

int docker_targets_read(const struct docker_answers *answers, const struct docker_rules *rules,
			struct config_arena *arena, struct docker_targets *ret_targets,
			struct bytes *why)
{
	struct making making = {.rules = rules, .reading = {.arena = arena, .why = why}};
	int r = docker_answers_read(&making.reading, answers);

	if (r == 0)
		r = make_targets(&making);
	if (r == -EMSGSIZE) {
		bytes_printf(why, "more than %zu bytes come of it", arena->bytes_max);
		return DOCKER_TOO_BIG;
	}
	if (r != 0)
		return r;
	*ret_targets = (struct docker_targets){
		.list = {.type = CONFIG_ARRAY, .array = {making.targets, making.n_targets}},
		.n_left_out = making.reading.n_left_out,
	};
	return 0;
}
