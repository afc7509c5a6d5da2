#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/docker_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/json_answer.h"
#include "discovery/json_member.h"

#define LABEL_PREFIX         "__meta_docker_container_label_"
#define NETWORK_LABEL_PREFIX "__meta_docker_network_label_"

static int compare(struct config_text a, struct config_text b)
{
	size_t n = a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes;
	int r = n > 0 ? memcmp(a.data, b.data, n) : 0;

	return r != 0 ? r : (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

static int check_type(struct docker_reading *reading, const json_t *value,
		      enum json_member_type type, const char *what)
{
	return json_member_check(value, type, what, reading->why) ? DOCKER_MALFORMED : 0;
}

static int get(struct docker_reading *reading, const json_t *object, const char *name,
	       enum json_member_type type, json_t **ret_value)
{
	return json_member_get(object, name, type, ret_value, reading->why) ? DOCKER_MALFORMED : 0;
}

static int keep(struct docker_reading *reading, const char *data, size_t n_bytes,
		struct config_text *ret_text)
{
	const char *copy = config_arena_copy(reading->arena, data, n_bytes);

	if (!copy)
		return reading->arena->error;
	*ret_text = (struct config_text){copy, n_bytes};
	return 0;
}

static bool has_nul(const json_t *value)
{
	return memchr(json_string_value(value), '\0', json_string_length(value)) != NULL;
}

static int keep_text(struct docker_reading *reading, const json_t *value, const char *what,
		     struct config_text *ret_text)
{
	if (json_string_length(value) > DOCKER_TEXT_BYTES_MAX || has_nul(value)) {
		bytes_printf(reading->why, "%s has a NUL or %zu bytes, expected at most %u", what,
			     json_string_length(value), DOCKER_TEXT_BYTES_MAX);
		return DOCKER_MALFORMED;
	}
	return keep(reading, json_string_value(value), json_string_length(value), ret_text);
}

static int get_text(struct docker_reading *reading, const json_t *object, const char *name,
		    struct config_text *ret_text)
{
	json_t *value;
	int r = get(reading, object, name, JSON_MEMBER_TEXT, &value);

	*ret_text = (struct config_text)CONFIG_TEXT("");
	if (r != 0 || !value)
		return r;
	return keep_text(reading, value, name, ret_text);
}

static int get_id(struct docker_reading *reading, const json_t *object, struct config_text *ret_id)
{
	int r = get_text(reading, object, "Id", ret_id);

	if (r != 0 || ret_id->n_bytes > 0)
		return r;
	bytes_printf(reading->why, "there is one without an Id");
	return DOCKER_MALFORMED;
}

static int get_port(struct docker_reading *reading, const json_t *object, const char *name,
		    uint16_t *ret_port)
{
	uint32_t port;

	if (json_member_count(object, name, UINT16_MAX, &port, reading->why) != 0)
		return DOCKER_MALFORMED;
	*ret_port = (uint16_t)port;
	return 0;
}

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

void docker_labels_add(struct docker_labels *labels, const char *key, struct config_text value)
{
	labels->fields[labels->n++] = (struct config_field){
		.key = text_of(key),
		.value = {.type = CONFIG_STRING, .text = value},
	};
}

/* @key behind @prefix, each character that a label's name may not have as one underscore. */
static int clean_key(struct docker_reading *reading, const char *prefix, const char *key,
		     struct config_text *ret_key)
{
	size_t n_prefix = strlen(prefix), n = n_prefix;
	char *text = config_arena_alloc(reading->arena, n_prefix + strlen(key) + 1);

	if (!text)
		return reading->arena->error;
	memcpy(text, prefix, n_prefix);
	for (; *key; key++) {
		unsigned char c = (unsigned char)*key;
		bool is_kept =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if ((c & 0xc0u) != 0x80) /* the rest of a character is no character */
			text[n++] = is_kept ? (char)c : '_';
	}
	*ret_key = (struct config_text){text, n};
	return 0;
}

/* Appends the member "Labels" of @object to @labels, which has room for it. */
static int add_user_labels(struct docker_reading *reading, const json_t *user_labels,
			   const char *prefix, struct docker_labels *labels)
{
	struct config_field *field;
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)(uintptr_t)user_labels, key, value)
	{
		if (json_is_null(value))
			value = NULL;
		if (value && r == 0)
			r = check_type(reading, value, JSON_MEMBER_TEXT, "a label");
		if (r != 0)
			return r;
		if (strlen(key) > DOCKER_TEXT_BYTES_MAX ||
		    (value &&
		     (json_string_length(value) > DOCKER_LABEL_BYTES_MAX || has_nul(value)))) {
			reading->n_left_out++;
			continue;
		}
		field = &labels->fields[labels->n++];
		field->value =
			(struct config_value){.type = CONFIG_STRING, .text = CONFIG_TEXT("")};
		r = clean_key(reading, prefix, key, &field->key);
		if (r == 0 && value)
			r = keep(reading, json_string_value(value), json_string_length(value),
				 &field->value.text);
	}
	return r;
}

/* Makes room for @n_own labels and those of the member "Labels", which it sets. */
static int make_room(struct docker_reading *reading, const json_t *object, size_t n_own,
		     struct docker_labels *labels, json_t **ret_user_labels)
{
	int r = get(reading, object, "Labels", JSON_MEMBER_OBJECT, ret_user_labels);

	if (r != 0)
		return r;
	labels->fields =
		config_arena_array(reading->arena, n_own + json_object_size(*ret_user_labels),
				   sizeof(*labels->fields));
	return labels->fields ? 0 : reading->arena->error;
}

static int add_flag(struct docker_reading *reading, const json_t *object, const char *name,
		    const char *key, struct docker_labels *labels)
{
	json_t *value;
	int r = get(reading, object, name, JSON_MEMBER_BOOL, &value);

	if (r == 0)
		docker_labels_add(labels, key, text_of(json_is_true(value) ? "true" : "false"));
	return r;
}

static int read_network(struct docker_reading *reading, const json_t *object,
			struct docker_network *network)
{
	struct docker_labels *labels = &network->labels;
	struct config_text name, scope;
	json_t *user_labels;
	int r = check_type(reading, object, JSON_MEMBER_OBJECT, "a network");

	if (r == 0)
		r = get_id(reading, object, &network->id);
	if (r == 0)
		r = get_text(reading, object, "Name", &name);
	if (r == 0)
		r = get_text(reading, object, "Scope", &scope);
	if (r == 0)
		r = make_room(reading, object, 5, labels, &user_labels);
	if (r != 0)
		return r;
	docker_labels_add(labels, "__meta_docker_network_id", network->id);
	docker_labels_add(labels, "__meta_docker_network_name", name);
	docker_labels_add(labels, "__meta_docker_network_scope", scope);
	r = add_flag(reading, object, "Internal", "__meta_docker_network_internal", labels);
	if (r == 0)
		r = add_flag(reading, object, "Ingress", "__meta_docker_network_ingress", labels);
	if (r == 0)
		r = add_user_labels(reading, user_labels, NETWORK_LABEL_PREFIX, labels);
	return r;
}

static int by_port(const void *left, const void *right)
{
	const struct docker_port *a = left, *b = right;

	if (a->private != b->private)
		return a->private < b->private ? -1 : 1;
	if (a->public != b->public)
		return a->public < b->public ? -1 : 1;
	return compare(a->public_ip, b->public_ip);
}

static int read_port(struct docker_reading *reading, const json_t *object,
		     struct docker_container *container)
{
	struct docker_port port;
	struct config_text type;
	int r = check_type(reading, object, JSON_MEMBER_OBJECT, "a port");

	if (r == 0)
		r = get_text(reading, object, "Type", &type);
	if (r == 0)
		r = get_port(reading, object, "PrivatePort", &port.private);
	if (r == 0)
		r = get_port(reading, object, "PublicPort", &port.public);
	if (r == 0)
		r = get_text(reading, object, "IP", &port.public_ip);
	if (r != 0)
		return r;
	if (config_text_equals(type, "tcp"))
		container->ports[container->n_ports++] = port;
	return 0;
}

static int read_ports(struct docker_reading *reading, const json_t *object,
		      struct docker_container *container)
{
	json_t *list;
	size_t n;
	int r = get(reading, object, "Ports", JSON_MEMBER_LIST, &list);

	if (r != 0)
		return r;
	n = json_array_size(list);
	container->ports = config_arena_array(reading->arena, n, sizeof(*container->ports));
	if (!container->ports)
		return reading->arena->error;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_port(reading, json_array_get(list, i), container);
	if (container->n_ports > 0)
		qsort(container->ports, container->n_ports, sizeof(*container->ports), by_port);
	if (container->n_ports > DOCKER_PORTS_MAX) {
		reading->n_left_out += container->n_ports - DOCKER_PORTS_MAX;
		container->n_ports = DOCKER_PORTS_MAX;
	}
	return r;
}

static int by_name(const void *left, const void *right)
{
	const struct docker_place *a = left, *b = right;

	return compare(a->name, b->name);
}

static int read_place(struct docker_reading *reading, const char *name, const json_t *object,
		      struct docker_place *place)
{
	int r = check_type(reading, object, JSON_MEMBER_OBJECT, "a network of a container");

	if (r == 0)
		r = keep(reading, name, strlen(name), &place->name);
	if (r == 0)
		r = get_text(reading, object, "NetworkID", &place->network_id);
	if (r == 0)
		r = get_text(reading, object, "IPAddress", &place->ip);
	return r;
}

/* A network that is null is none. */
static int read_places(struct docker_reading *reading, const json_t *object,
		       struct docker_container *container)
{
	json_t *settings, *networks = NULL, *value;
	const char *name;
	int r = get(reading, object, "NetworkSettings", JSON_MEMBER_OBJECT, &settings);

	if (r == 0 && settings)
		r = get(reading, settings, "Networks", JSON_MEMBER_OBJECT, &networks);
	if (r != 0)
		return r;
	container->places = config_arena_array(reading->arena, json_object_size(networks),
					       sizeof(*container->places));
	if (!container->places)
		return reading->arena->error;
	json_object_foreach(networks, name, value)
	{
		if (json_is_null(value))
			continue;
		r = read_place(reading, name, value, &container->places[container->n_places++]);
		if (r != 0)
			return r;
	}
	if (container->n_places > 0)
		qsort(container->places, container->n_places, sizeof(*container->places), by_name);
	return 0;
}

static int read_name(struct docker_reading *reading, const json_t *object,
		     struct config_text *ret_name)
{
	json_t *names;
	int r = get(reading, object, "Names", JSON_MEMBER_LIST, &names);

	*ret_name = (struct config_text)CONFIG_TEXT("");
	if (r != 0 || json_array_size(names) == 0)
		return r;
	r = check_type(reading, json_array_get(names, 0), JSON_MEMBER_TEXT, "a name");
	if (r != 0)
		return r;
	return keep_text(reading, json_array_get(names, 0), "a name", ret_name);
}

static int read_mode(struct docker_reading *reading, const json_t *object,
		     struct config_text *ret_mode)
{
	json_t *settings;
	int r = get(reading, object, "HostConfig", JSON_MEMBER_OBJECT, &settings);

	*ret_mode = (struct config_text)CONFIG_TEXT("");
	if (r != 0 || !settings)
		return r;
	return get_text(reading, settings, "NetworkMode", ret_mode);
}

static int read_container(struct docker_reading *reading, const json_t *object,
			  struct docker_container *container)
{
	struct docker_labels *labels = &container->labels;
	json_t *user_labels;
	int r = check_type(reading, object, JSON_MEMBER_OBJECT, "a container");

	if (r == 0)
		r = get_id(reading, object, &container->id);
	if (r == 0)
		r = read_name(reading, object, &container->name);
	if (r == 0)
		r = read_mode(reading, object, &container->mode);
	if (r == 0)
		r = read_ports(reading, object, container);
	if (r == 0)
		r = read_places(reading, object, container);
	if (r == 0)
		r = make_room(reading, object, 3, labels, &user_labels);
	if (r != 0)
		return r;
	docker_labels_add(labels, "__meta_docker_container_id", container->id);
	docker_labels_add(labels, "__meta_docker_container_name", container->name);
	docker_labels_add(labels, "__meta_docker_container_network_mode", container->mode);
	return add_user_labels(reading, user_labels, LABEL_PREFIX, labels);
}

static int network_by_id(const void *left, const void *right)
{
	const struct docker_network *a = left, *b = right;

	return compare(a->id, b->id);
}

static int container_by_id(const void *left, const void *right)
{
	const struct docker_container *a = left, *b = right;

	return compare(a->id, b->id);
}

/* Checks that an answer is a list of at most @n_max. */
static int check_list(struct docker_reading *reading, const json_t *json, size_t n_max)
{
	int r = check_type(reading, json, JSON_MEMBER_LIST, "the answer");

	if (r == 0 && json_array_size(json) > n_max) {
		bytes_printf(reading->why, "there are %zu, expected at most %zu",
			     json_array_size(json), n_max);
		r = DOCKER_TOO_BIG;
	}
	return r;
}

static int read_networks(struct docker_reading *reading, const json_t *json)
{
	size_t n = json_array_size(json);
	int r = check_list(reading, json, DOCKER_NETWORKS_MAX);

	if (r != 0)
		return r;
	reading->networks = config_arena_array(reading->arena, n, sizeof(*reading->networks));
	if (!reading->networks)
		return reading->arena->error;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_network(reading, json_array_get(json, i), &reading->networks[i]);
	reading->n_networks = n;
	if (r == 0 && n > 0)
		qsort(reading->networks, n, sizeof(*reading->networks), network_by_id);
	return r;
}

static int read_containers(struct docker_reading *reading, const json_t *json)
{
	size_t n = json_array_size(json);
	int r = check_list(reading, json, DOCKER_CONTAINERS_MAX);

	if (r != 0)
		return r;
	reading->containers = config_arena_array(reading->arena, n, sizeof(*reading->containers));
	if (!reading->containers)
		return reading->arena->error;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_container(reading, json_array_get(json, i), &reading->containers[i]);
	reading->n_containers = n;
	if (r == 0 && n > 0)
		qsort(reading->containers, n, sizeof(*reading->containers), container_by_id);
	return r;
}

/* Reads one answer by @read; @what says which. */
static int read_answer(struct docker_reading *reading, const char *what, struct config_text text,
		       int (*read)(struct docker_reading *, const json_t *))
{
	size_t n_before = reading->why->n_bytes;
	json_t *json = NULL;
	int r;

	bytes_printf(reading->why, "the list of %s is not usable: ", what);
	r = json_answer_read(text.data, text.n_bytes, &json, reading->why);
	if (r > 0)
		r = r == JSON_ANSWER_TOO_BIG ? DOCKER_TOO_BIG : DOCKER_MALFORMED;
	if (r == 0)
		r = read(reading, json);
	if (r == 0)
		reading->why->n_bytes = n_before;
	json_decref(json);
	return r;
}

int docker_answers_read(struct docker_reading *reading, const struct docker_answers *answers)
{
	int r = read_answer(reading, "networks", answers->networks, read_networks);

	if (r == 0)
		r = read_answer(reading, "containers", answers->containers, read_containers);
	return r;
}

const struct docker_network *docker_find_network(const struct docker_reading *reading,
						 struct config_text id)
{
	const struct docker_network key = {.id = id};

	if (reading->n_networks == 0)
		return NULL;
	return bsearch(&key, reading->networks, reading->n_networks, sizeof(key), network_by_id);
}

const struct docker_container *docker_find_container(const struct docker_reading *reading,
						     struct config_text id)
{
	const struct docker_container key = {.id = id};

	if (reading->n_containers == 0)
		return NULL;
	return bsearch(&key, reading->containers, reading->n_containers, sizeof(key),
		       container_by_id);
}
