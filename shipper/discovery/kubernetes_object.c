#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/kubernetes_object.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/json_member.h"

#define PREFIX       "__meta_kubernetes_"
#define POD          PREFIX "pod_"
#define PORT_MAX     65535u
#define NUMBER_BYTES sizeof("4294967295")

/* An object on its way from JSON to text. */
struct reading {
	struct bytes text;
	struct bytes *why; /* borrowed */
	size_t n_targets;
	size_t n_labels;
	size_t n_common;
	size_t n_left_out;
};

struct label_names {
	const char *member; /* of the metadata */
	const char *value;  /* before the cleaned key */
	const char *presence;
};

static const struct label_names names_of[][2] = {
	[KUBERNETES_POD] = {{"labels", POD "label_", POD "labelpresent_"},
			    {"annotations", POD "annotation_", POD "annotationpresent_"}},
	[KUBERNETES_NODE] = {{"labels", PREFIX "node_label_", PREFIX "node_labelpresent_"},
			     {"annotations", PREFIX "node_annotation_",
			      PREFIX "node_annotationpresent_"}},
};

static bool has_nul(struct config_text text)
{
	return text.n_bytes > 0 && memchr(text.data, '\0', text.n_bytes);
}

static struct config_text text_of(const char *text)
{
	return (struct config_text){text, strlen(text)};
}

static void append_text(struct reading *reading, struct config_text text)
{
	bytes_append(&reading->text, text.data, text.n_bytes);
	bytes_append(&reading->text, "", 1);
}

static bool is_fit(struct reading *reading, struct config_text value)
{
	bool is_fit = value.n_bytes <= KUBERNETES_LABEL_BYTES_MAX && !has_nul(value);

	reading->n_left_out += !is_fit;
	return is_fit;
}

static void put(struct reading *reading, const char *key, struct config_text value)
{
	if (!is_fit(reading, value))
		return;
	append_text(reading, text_of(key));
	append_text(reading, value);
	reading->n_labels++;
}

static void end_group(struct reading *reading)
{
	bytes_append(&reading->text, "", 1);
}

/* Puts the member @name of @object as the label @key. */
static int put_member(struct reading *reading, const json_t *object, const char *name,
		      const char *key)
{
	struct config_text value;
	int r = json_member_text(object, name, &value, reading->why);

	if (r == 0)
		put(reading, key, value);
	return r;
}

/* Each character that a label's name may not have is one underscore. */
static void append_clean(struct reading *reading, const char *prefix, const char *key)
{
	char text[KUBERNETES_NAME_BYTES_MAX];
	size_t n = 0;

	for (; *key; key++) {
		unsigned char c = (unsigned char)*key;
		bool is_kept =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if ((c & 0xc0u) != 0x80) /* the rest of a character is no character */
			text[n++] = is_kept ? (char)c : '_';
	}
	bytes_append(&reading->text, prefix, strlen(prefix));
	append_text(reading, (struct config_text){text, n});
}

static int put_user_label(struct reading *reading, const struct label_names *names, const char *key,
			  const json_t *value)
{
	struct config_text text = CONFIG_TEXT("");

	if (!json_is_null(value) &&
	    json_member_check(value, JSON_MEMBER_TEXT, names->member, reading->why) != 0)
		return KUBERNETES_MALFORMED;
	if (json_is_string(value))
		text = (struct config_text){json_string_value(value), json_string_length(value)};
	if (strlen(key) > KUBERNETES_NAME_BYTES_MAX ||
	    reading->n_labels + 2 > KUBERNETES_LABELS_MAX) {
		reading->n_left_out++;
		return 0;
	}
	if (!is_fit(reading, text))
		return 0;
	append_clean(reading, names->value, key);
	append_text(reading, text);
	append_clean(reading, names->presence, key);
	append_text(reading, text_of("true"));
	reading->n_labels += 2;
	return 0;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* In the order of their keys: of those that are one when they are clean the last stays. */
static int put_user_labels(struct reading *reading, const json_t *meta,
			   const struct label_names *names)
{
	const char **keys;
	const char *key;
	json_t *labels, *value;
	size_t n = 0;
	int r = json_member_get(meta, names->member, JSON_MEMBER_OBJECT, &labels, reading->why);

	if (r != 0 || json_object_size(labels) == 0)
		return r;
	keys = calloc(json_object_size(labels), sizeof(*keys)); /* they are in memory */
	if (!keys)
		return -ENOMEM;
	json_object_foreach(labels, key, value) keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_name);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_user_label(reading, names, keys[i], json_object_get(labels, keys[i]));
	free(keys);
	return r;
}

static int put_all_user_labels(struct reading *reading, const json_t *meta,
			       enum kubernetes_kind kind)
{
	int r = put_user_labels(reading, meta, &names_of[kind][0]);

	if (r == 0)
		r = put_user_labels(reading, meta, &names_of[kind][1]);
	return r;
}

static int put_readiness(struct reading *reading, const json_t *status)
{
	struct config_text type, is = CONFIG_TEXT("unknown");
	char text[KUBERNETES_NAME_BYTES_MAX];
	json_t *conditions, *condition;
	size_t i, n;
	int r = json_member_get(status, "conditions", JSON_MEMBER_LIST, &conditions, reading->why);

	if (r != 0)
		return r;
	json_array_foreach(conditions, i, condition)
	{
		r = json_member_check(condition, JSON_MEMBER_OBJECT, "a condition", reading->why);
		if (r == 0)
			r = json_member_text(condition, "type", &type, reading->why);
		if (r != 0)
			return r;
		if (!config_text_equals(type, "Ready"))
			continue;
		r = json_member_text(condition, "status", &is, reading->why);
		break;
	}
	n = is.n_bytes < sizeof(text) ? is.n_bytes : sizeof(text);
	for (i = 0; i < n; i++)
		text[i] = (char)(is.data[i] >= 'A' && is.data[i] <= 'Z' ? is.data[i] | 0x20
									: is.data[i]);
	put(reading, POD "ready", (struct config_text){text, n});
	return r;
}

/* The first owner that says of itself that it is the controller. */
static int put_controller(struct reading *reading, const json_t *meta)
{
	struct config_text kind, name;
	json_t *owners, *owner, *is_controller;
	size_t i;
	int r = json_member_get(meta, "ownerReferences", JSON_MEMBER_LIST, &owners, reading->why);

	if (r != 0)
		return r;
	json_array_foreach(owners, i, owner)
	{
		r = json_member_check(owner, JSON_MEMBER_OBJECT, "an owner", reading->why);
		if (r == 0)
			r = json_member_get(owner, "controller", JSON_MEMBER_BOOL, &is_controller,
					    reading->why);
		if (r != 0)
			return r;
		if (!json_is_true(is_controller))
			continue;
		r = json_member_text(owner, "kind", &kind, reading->why);
		if (r == 0)
			r = json_member_text(owner, "name", &name, reading->why);
		if (r == 0 && kind.n_bytes > 0)
			put(reading, POD "controller_kind", kind);
		if (r == 0 && name.n_bytes > 0)
			put(reading, POD "controller_name", name);
		return r;
	}
	return 0;
}

static int put_common(struct reading *reading, const json_t *meta, const json_t *spec,
		      const json_t *status)
{
	int r = put_member(reading, meta, "namespace", PREFIX "namespace");

	if (r == 0)
		r = put_member(reading, meta, "name", POD "name");
	if (r == 0)
		r = put_member(reading, meta, "uid", POD "uid");
	if (r == 0)
		r = put_member(reading, status, "podIP", POD "ip");
	if (r == 0)
		r = put_member(reading, status, "hostIP", POD "host_ip");
	if (r == 0)
		r = put_member(reading, spec, "nodeName", POD "node_name");
	if (r == 0)
		r = put_member(reading, status, "phase", POD "phase");
	if (r == 0)
		r = put_readiness(reading, status);
	if (r == 0)
		r = put_controller(reading, meta);
	if (r == 0)
		r = put_all_user_labels(reading, meta, KUBERNETES_POD);
	return r;
}

/* The id that @statuses has for the container @name; empty when there is none yet. */
static int find_id(struct reading *reading, const json_t *statuses, struct config_text name,
		   struct config_text *ret_id)
{
	struct config_text other;
	json_t *status;
	size_t i;
	int r;

	*ret_id = (struct config_text)CONFIG_TEXT("");
	json_array_foreach(statuses, i, status)
	{
		r = json_member_check(status, JSON_MEMBER_OBJECT, "a status", reading->why);
		if (r == 0)
			r = json_member_text(status, "name", &other, reading->why);
		if (r != 0)
			return r;
		if (other.n_bytes == name.n_bytes &&
		    memcmp(other.data, name.data, name.n_bytes) == 0)
			return json_member_text(status, "containerID", ret_id, reading->why);
	}
	return 0;
}

/* What the targets of one container have in common. */
struct container {
	struct config_text ip; /* of its pod */
	struct config_text name;
	struct config_text id;
	struct config_text image;
	bool is_init;
};

/* Begins a target, if there is room for one more. */
static bool begin_target(struct reading *reading, const struct container *container)
{
	size_t n_each = reading->n_common + KUBERNETES_TARGET_LABELS_MAX;

	if ((reading->n_targets + 1) * n_each > KUBERNETES_FIELDS_MAX) {
		reading->n_left_out++;
		return false;
	}
	reading->n_targets++;
	put(reading, POD "container_name", container->name);
	put(reading, POD "container_id", container->id);
	put(reading, POD "container_image", container->image);
	put(reading, POD "container_init", text_of(container->is_init ? "true" : "false"));
	return true;
}

static int put_port(struct reading *reading, const struct container *container, const json_t *port)
{
	bool is_ipv6 =
		container->ip.n_bytes > 0 && memchr(container->ip.data, ':', container->ip.n_bytes);
	char address[KUBERNETES_NAME_BYTES_MAX + sizeof("[]:") + NUMBER_BYTES];
	char number[NUMBER_BYTES];
	uint32_t count;
	int r = json_member_check(port, JSON_MEMBER_OBJECT, "a port", reading->why);

	if (r == 0)
		r = json_member_count(port, "containerPort", PORT_MAX, &count, reading->why);
	if (r != 0 || !begin_target(reading, container))
		return r;
	(void)snprintf(number, sizeof(number), "%u", count);
	(void)snprintf(address, sizeof(address), "%s%.*s%s:%u", is_ipv6 ? "[" : "",
		       (int)container->ip.n_bytes, container->ip.data, is_ipv6 ? "]" : "", count);
	put(reading, "__address__", text_of(address));
	put(reading, POD "container_port_number", text_of(number));
	r = put_member(reading, port, "name", POD "container_port_name");
	if (r == 0)
		r = put_member(reading, port, "protocol", POD "container_port_protocol");
	end_group(reading);
	return r;
}

static int put_container(struct reading *reading, struct container *container, const json_t *object,
			 const json_t *statuses)
{
	json_t *ports, *port;
	size_t i;
	int r = json_member_check(object, JSON_MEMBER_OBJECT, "a container", reading->why);

	if (r == 0)
		r = json_member_text(object, "name", &container->name, reading->why);
	if (r == 0)
		r = json_member_text(object, "image", &container->image, reading->why);
	if (r == 0)
		r = find_id(reading, statuses, container->name, &container->id);
	if (r == 0)
		r = json_member_get(object, "ports", JSON_MEMBER_LIST, &ports, reading->why);
	if (r != 0)
		return r;
	json_array_foreach(ports, i, port)
	{
		r = put_port(reading, container, port);
		if (r != 0)
			return r;
	}
	if (json_array_size(ports) == 0 && begin_target(reading, container)) {
		put(reading, "__address__", container->ip);
		end_group(reading);
	}
	return 0;
}

static int put_containers(struct reading *reading, const json_t *spec, const json_t *status,
			  bool is_init, struct config_text ip)
{
	struct container container = {.ip = ip, .is_init = is_init};
	json_t *list, *statuses, *object;
	size_t i;
	int r = json_member_get(spec, is_init ? "initContainers" : "containers", JSON_MEMBER_LIST,
				&list, reading->why);

	if (r == 0)
		r = json_member_get(status, is_init ? "initContainerStatuses" : "containerStatuses",
				    JSON_MEMBER_LIST, &statuses, reading->why);
	if (r != 0)
		return r;
	json_array_foreach(list, i, object)
	{
		if (i == KUBERNETES_CONTAINERS_MAX) {
			reading->n_left_out += json_array_size(list) - i;
			break;
		}
		r = put_container(reading, &container, object, statuses);
		if (r != 0)
			return r;
	}
	return 0;
}

/* A pod without an address has no targets: it waits to start, or is gone. */
static int read_pod(struct reading *reading, const json_t *json, const json_t *meta)
{
	struct config_text ip, node;
	json_t *spec, *status;
	int r = json_member_get(json, "spec", JSON_MEMBER_OBJECT, &spec, reading->why);

	if (r == 0)
		r = json_member_get(json, "status", JSON_MEMBER_OBJECT, &status, reading->why);
	if (r == 0)
		r = json_member_text(status, "podIP", &ip, reading->why);
	if (r == 0)
		r = json_member_text(spec, "nodeName", &node, reading->why);
	if (r != 0)
		return r;
	if (ip.n_bytes > KUBERNETES_NAME_BYTES_MAX || has_nul(ip) ||
	    node.n_bytes > KUBERNETES_NAME_BYTES_MAX || has_nul(node)) {
		bytes_printf(reading->why, "podIP or nodeName has a NUL or more than %zu bytes",
			     KUBERNETES_NAME_BYTES_MAX);
		return KUBERNETES_MALFORMED;
	}
	append_text(reading, node);
	if (ip.n_bytes > 0)
		r = put_common(reading, meta, spec, status);
	end_group(reading);
	reading->n_common = reading->n_labels;
	if (r == 0 && ip.n_bytes > 0)
		r = put_containers(reading, spec, status, false, ip);
	if (r == 0 && ip.n_bytes > 0)
		r = put_containers(reading, spec, status, true, ip);
	return r;
}

static int read_node(struct reading *reading, const json_t *meta)
{
	int r;

	append_text(reading, text_of(""));
	r = put_member(reading, meta, "name", PREFIX "node_name");
	if (r == 0)
		r = put_all_user_labels(reading, meta, KUBERNETES_NODE);
	end_group(reading);
	reading->n_common = reading->n_labels;
	return r;
}

static int append_key(const json_t *meta, enum kubernetes_kind kind, struct bytes *key,
		      struct bytes *why)
{
	struct config_text namespace, name;
	int r = json_member_text(meta, "namespace", &namespace, why);

	if (r == 0)
		r = json_member_text(meta, "name", &name, why);
	if (r != 0)
		return r;
	if (name.n_bytes == 0 || name.n_bytes > KUBERNETES_NAME_BYTES_MAX || has_nul(name) ||
	    namespace.n_bytes > KUBERNETES_NAME_BYTES_MAX || has_nul(namespace)) {
		bytes_printf(why, "namespace or name is none, has a NUL or more than %zu bytes",
			     KUBERNETES_NAME_BYTES_MAX);
		return KUBERNETES_MALFORMED;
	}
	if (kind == KUBERNETES_POD) {
		bytes_append(key, namespace.data, namespace.n_bytes);
		bytes_append(key, "/", 1);
	}
	bytes_append(key, name.data, name.n_bytes);
	bytes_append(key, "", 1);
	return 0;
}

static int find_metadata(const json_t *json, json_t **ret_meta, struct bytes *why)
{
	int r = json_member_check(json, JSON_MEMBER_OBJECT, "an item", why);

	return r ? r : json_member_get(json, "metadata", JSON_MEMBER_OBJECT, ret_meta, why);
}

static int read_key_and_more(struct reading *reading, const json_t *json, enum kubernetes_kind kind)
{
	json_t *meta;
	int r = find_metadata(json, &meta, reading->why);

	if (r == 0)
		r = append_key(meta, kind, &reading->text, reading->why);
	if (r != 0)
		return r;
	return kind == KUBERNETES_POD ? read_pod(reading, json, meta) : read_node(reading, meta);
}

/* One whose text is more than an object may have keeps its key, and has nothing else. */
static void give_up(struct reading *reading)
{
	size_t n_bytes = strlen((const char *)reading->text.data) + 1;

	reading->text.n_bytes = n_bytes;
	reading->text.error = 0;
	bytes_append(&reading->text, "\0\0", 2); /* no node, an empty group */
	reading->n_targets = reading->n_labels = reading->n_common = 0;
	reading->n_left_out++;
}

static int make_object(const struct reading *reading, struct kubernetes_object **ret_object)
{
	size_t n_bytes = reading->text.n_bytes; /* bounded by its maximum */
	struct kubernetes_object *object = malloc(sizeof(*object) + n_bytes);

	if (!object)
		return -ENOMEM;
	*object = (struct kubernetes_object){
		.n_targets = reading->n_targets,
		.n_common = reading->n_common,
		.n_labels = reading->n_labels,
		.n_left_out = reading->n_left_out,
		.n_bytes = n_bytes,
	};
	memcpy(object->text, reading->text.data, n_bytes);
	object->node = object->text + strlen(object->text) + 1;
	object->groups = object->node + strlen(object->node) + 1;
	*ret_object = object;
	return 0;
}

int kubernetes_object_read(const json_t *json, enum kubernetes_kind kind,
			   struct kubernetes_object **ret_object, struct bytes *why)
{
	struct reading reading = {.text = BYTES_INIT(KUBERNETES_OBJECT_BYTES_MAX), .why = why};
	int r = read_key_and_more(&reading, json, kind);

	if (r == 0 && reading.text.error == -EMSGSIZE)
		give_up(&reading);
	if (r == 0)
		r = reading.text.error;
	if (r == 0)
		r = make_object(&reading, ret_object);
	bytes_deinit(&reading.text);
	return r < 0 ? r : r > 0 ? KUBERNETES_MALFORMED : 0;
}

int kubernetes_object_read_key(const json_t *json, enum kubernetes_kind kind, struct bytes *key,
			       struct bytes *why)
{
	json_t *meta;
	int r = find_metadata(json, &meta, why);

	bytes_clear(key);
	if (r == 0)
		r = append_key(meta, kind, key, why);
	return r ? KUBERNETES_MALFORMED : key->error;
}

bool kubernetes_label_next(const char **at, struct kubernetes_label *ret_label)
{
	struct config_text *texts[] = {&ret_label->key, &ret_label->value};

	if (**at == '\0') { /* no key is empty */
		(*at)++;
		return false;
	}
	for (size_t i = 0; i < 2; i++) {
		*texts[i] = text_of(*at);
		*at += texts[i]->n_bytes + 1;
	}
	return true;
}

bool kubernetes_object_equals(const struct kubernetes_object *a, const struct kubernetes_object *b)
{
	return a->n_bytes == b->n_bytes && memcmp(a->text, b->text, a->n_bytes) == 0;
}
