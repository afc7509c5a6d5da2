#include "config/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/diagnostics.h"

#define NUMBER_BYTES_MAX 64u
#define TAG_PREFIX       "tag:yaml.org,2002:"

/* What a node has become: an alias stands for the same node, which is read once. */
struct seen {
	struct config_value value;
	size_t n_nodes; /* in it, aliases followed; 0: not read yet */
	bool is_open;   /* it is being read: an alias to it would have no end */
};

struct reading {
	yaml_document_t *document;
	struct config_text text;
	struct config_arena *arena;
	struct bytes *why;
	struct seen *seen; /* by node */
	/* By node, which libyaml does not keep: 1 when it has no tag of its own. */
	struct bytes is_untagged;
};

static int read_node(const struct reading *reading, int id, unsigned depth,
		     struct config_value *ret_value, size_t *ret_n_nodes);

static int refuse(const struct reading *reading, const yaml_node_t *node, const char *what)
{
	bytes_printf(reading->why, "line %zu, column %zu: %s", node->start_mark.line + 1,
		     node->start_mark.column + 1, what);
	return CONFIG_REFUSED;
}

static bool is_one_of(struct config_text text, const char *const *words)
{
	for (; *words; words++)
		if (config_text_equals(text, *words))
			return true;
	return false;
}

/* A whole number: decimal, 0x, 0o, 0b, or with a leading zero octal; a sign and _ may be there. */
static bool read_whole(struct config_text text, struct config_number *ret_number)
{
	char digits[NUMBER_BYTES_MAX + 1];
	size_t n = 0, at = 0;
	bool is_negative = text.n_bytes > 0 && text.data[0] == '-';
	unsigned long long whole;
	char *end;
	int base = 10;

	if (text.n_bytes > NUMBER_BYTES_MAX)
		return false;
	at = is_negative || (text.n_bytes > 0 && text.data[0] == '+');
	for (; at < text.n_bytes; at++)
		if (text.data[at] != '_')
			digits[n++] = text.data[at];
	digits[n] = '\0';
	at = 0;
	if (n > 1 && digits[0] == '0') {
		base = strchr("xX", digits[1]) ? 16 : strchr("bB", digits[1]) ? 2 : 8;
		at = strchr("xXoObB", digits[1]) ? 2 : 1;
	}
	if (strchr("+- \t", digits[at]) || n > NUMBER_BYTES_MAX) /* what strtoull() passes over */
		return false;
	errno = 0;
	whole = strtoull(digits + at, &end, base);
	if (*end != '\0' || errno != 0 || (is_negative && whole > (1ULL << 63)))
		return false;
	if (is_negative)
		*ret_number = (struct config_number){CONFIG_INT, .i = (int64_t)(0 - whole)};
	else if (whole > INT64_MAX)
		*ret_number = (struct config_number){CONFIG_UINT, .u = whole};
	else
		*ret_number = (struct config_number){CONFIG_INT, .i = (int64_t)whole};
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool read_float(struct config_text text, struct config_number *ret_number)
{
	const char *at = text.data + strspn(text.data, "+-");
	size_t n_whole, n_fraction = 0;

	if (at - text.data > 1 || strlen(text.data) != text.n_bytes)
		return false;
	n_whole = strspn(at, "0123456789");
	at += n_whole;
	if (*at == '.') {
		n_fraction = strspn(++at, "0123456789");
		at += n_fraction;
	}
	if (n_whole + n_fraction == 0)
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		if (*at == '\0')
			return false;
		at += strspn(at, "0123456789");
	}
	if (*at != '\0')
		return false;
	*ret_number = (struct config_number){CONFIG_FLOAT, .f = strtod(text.data, NULL)};
	return isfinite(ret_number->f);
}

/* What a scalar without quotes and tag is. */
static struct config_value read_plain(struct config_text text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	struct config_value value = {.type = CONFIG_NUMBER};

	if (is_one_of(text, nulls))
		return (struct config_value){.type = CONFIG_NULL};
	if (is_one_of(text, yes) || is_one_of(text, no))
		return (struct config_value){.type = CONFIG_BOOL, .boolean = is_one_of(text, yes)};
	if (read_whole(text, &value.number) || read_float(text, &value.number))
		return value;
	return (struct config_value){.type = CONFIG_STRING, .text = text};
}

static int read_scalar(const struct reading *reading, const yaml_node_t *node, bool is_untagged,
		       struct config_value *ret_value)
{
	const char *tag = (const char *)node->tag;
	struct config_value value = {.type = CONFIG_STRING};
	const char *copy = config_arena_copy(reading->arena, node->data.scalar.value,
					     node->data.scalar.length);

	if (!copy)
		return reading->arena->error;
	value.text = (struct config_text){copy, node->data.scalar.length};
	if (strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) != 0)
		return refuse(reading, node, "found a tag that is not YAML's own");
	tag += strlen(TAG_PREFIX);
	if (strcmp(tag, "str") == 0) {
		if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_untagged)
			value = read_plain(value.text);
	} else if (strcmp(tag, "int") == 0 || strcmp(tag, "float") == 0 ||
		   strcmp(tag, "bool") == 0 || strcmp(tag, "null") == 0) {
		value = read_plain(value.text);
		if (value.type == CONFIG_STRING)
			return refuse(reading, node, "found a value that is not what its tag says");
	} else {
		return refuse(reading, node, "found a tag that is not read here");
	}
	*ret_value = value;
	return 0;
}

static int read_sequence(const struct reading *reading, const yaml_node_t *node, unsigned depth,
			 struct config_value *ret_value, size_t *n_nodes)
{
	const yaml_node_item_t *ids = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - ids);
	struct config_value *items = config_arena_array(reading->arena, n, sizeof(*items));
	int r = items ? 0 : reading->arena->error;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_node(reading, ids[i], depth + 1, &items[i], n_nodes);
	*ret_value = (struct config_value){.type = CONFIG_ARRAY, .array = {items, n}};
	return r;
}

/* Appends what `<<` refers to: a map, or several; what the map itself has goes before. */
static int merge(const struct reading *reading, const yaml_node_t *node,
		 const struct config_value *value, struct config_field **fields, size_t *n_fields)
{
	const struct config_value *maps = value;
	size_t n_maps = 1, n = *n_fields;
	struct config_field *all;

	if (value->type == CONFIG_ARRAY) {
		maps = value->array.items;
		n_maps = value->array.n_items;
	}
	for (size_t i = 0; i < n_maps; i++) {
		if (maps[i].type != CONFIG_OBJECT)
			return refuse(reading, node, "found << before something that is no map");
		n += maps[i].object.n_fields;
	}
	all = config_arena_array(reading->arena, n, sizeof(*all));
	if (!all)
		return reading->arena->error;
	n = 0;
	for (size_t i = n_maps; i > 0; i--) /* the last of equal keys stays: the first map's */
		for (size_t j = 0; j < maps[i - 1].object.n_fields; j++)
			all[n++] = maps[i - 1].object.fields[j];
	if (*n_fields > 0)
		memcpy(all + n, *fields, *n_fields * sizeof(*all));
	*fields = all;
	*n_fields += n;
	return 0;
}

static int read_key(const struct reading *reading, int id, unsigned depth,
		    struct config_text *ret_key, size_t *n_nodes)
{
	struct config_value key;
	int r = read_node(reading, id, depth + 1, &key, n_nodes);

	if (r != 0)
		return r;
	if (key.type != CONFIG_STRING)
		return refuse(reading, yaml_document_get_node(reading->document, id),
			      "found a key that is no string");
	*ret_key = key.text;
	return 0;
}

static bool is_merge(const struct reading *reading, int id)
{
	const yaml_node_t *key = yaml_document_get_node(reading->document, id);

	return key->type == YAML_SCALAR_NODE && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       key->data.scalar.length == 2 && memcmp(key->data.scalar.value, "<<", 2) == 0;
}

static int read_mapping(const struct reading *reading, const yaml_node_t *node, unsigned depth,
			struct config_value *ret_value, size_t *n_nodes)
{
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	size_t n_pairs = (size_t)(node->data.mapping.pairs.top - pair), n = 0;
	struct config_field *fields = config_arena_array(reading->arena, n_pairs, sizeof(*fields));
	struct config_value merged = {.type = CONFIG_NULL};
	struct config_object object;
	int r = fields ? 0 : reading->arena->error;

	for (; r == 0 && pair < node->data.mapping.pairs.top; pair++) {
		if (is_merge(reading, pair->key)) {
			r = read_node(reading, pair->value, depth + 1, &merged, n_nodes);
			continue;
		}
		r = read_key(reading, pair->key, depth, &fields[n].key, n_nodes);
		if (r == 0)
			r = read_node(reading, pair->value, depth + 1, &fields[n++].value, n_nodes);
	}
	if (r != 0)
		return r;
	object = config_object_make(fields, n);
	if (object.n_fields < n)
		return refuse(reading, node, "found a key twice in this map");
	if (merged.type != CONFIG_NULL) {
		r = merge(reading, node, &merged, &fields, &n);
		object = config_object_make(fields, n);
	}
	*ret_value = (struct config_value){.type = CONFIG_OBJECT, .object = object};
	return r;
}

static int read_new(const struct reading *reading, int id, unsigned depth,
		    struct config_value *ret_value, size_t *n_nodes)
{
	const yaml_node_t *node = yaml_document_get_node(reading->document, id);
	size_t at = (size_t)id - 1;

	switch (node->type) {
	case YAML_SCALAR_NODE:
		return read_scalar(reading, node,
				   at < reading->is_untagged.n_bytes &&
					   reading->is_untagged.data[at] != 0,
				   ret_value);
	case YAML_SEQUENCE_NODE:
		return read_sequence(reading, node, depth, ret_value, n_nodes);
	case YAML_MAPPING_NODE:
		return read_mapping(reading, node, depth, ret_value, n_nodes);
	case YAML_NO_NODE:
		break;
	}
	*ret_value = (struct config_value){.type = CONFIG_NULL};
	return 0;
}

/* Adds the number of nodes to *@n_nodes, so that values that share much stay small to walk. */
static int read_node(const struct reading *reading, int id, unsigned depth,
		     struct config_value *ret_value, size_t *n_nodes)
{
	const yaml_node_t *node = yaml_document_get_node(reading->document, id);
	struct seen *seen = &reading->seen[id];
	size_t n_inner = 1;
	int r = 0;

	if (seen->is_open)
		return refuse(reading, node, "found an alias to what it is in");
	if (depth > CONFIG_YAML_DEPTH_MAX)
		return refuse(reading, node, "it is nested too deep");
	if (seen->n_nodes == 0) {
		seen->is_open = true;
		r = read_new(reading, id, depth, &seen->value, &n_inner);
		seen->is_open = false;
		seen->n_nodes = n_inner;
	}
	*n_nodes += seen->n_nodes;
	if (r == 0 && *n_nodes > CONFIG_YAML_NODES_MAX)
		return refuse(reading, node, "aliases make it too big");
	*ret_value = seen->value;
	return r;
}

static int read_document(struct reading *reading, struct config_value *ret_value)
{
	const yaml_node_t *root = yaml_document_get_root_node(reading->document);
	size_t n = (size_t)(reading->document->nodes.top - reading->document->nodes.start);
	size_t n_nodes = 0;

	if (!root) {
		*ret_value = (struct config_value){.type = CONFIG_NULL};
		return 0;
	}
	reading->seen = config_arena_array(reading->arena, n + 1, sizeof(*reading->seen));
	if (!reading->seen)
		return reading->arena->error;
	return read_node(reading, 1, 0, ret_value, &n_nodes); /* the root is the first */
}

static bool start(yaml_parser_t *parser, struct config_text text)
{
	if (!yaml_parser_initialize(parser))
		return false;
	yaml_parser_set_input_string(parser, (const unsigned char *)text.data, text.n_bytes);
	return true;
}

/* Reads the events of the first document, in the order in which its nodes are numbered. */
static bool find_untagged(struct reading *reading)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_parser_t parser;
	yaml_event_t event;
	bool done = start(&parser, reading->text);

	if (!done)
		return false;
	while (done && type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT) {
		done = yaml_parser_parse(&parser, &event);
		type = event.type;
		if (done && (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
			     type == YAML_MAPPING_START_EVENT))
			bytes_append(&reading->is_untagged,
				     type == YAML_SCALAR_EVENT && event.data.scalar.plain_implicit
					     ? "\1"
					     : "",
				     1);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return reading->is_untagged.error == 0; /* what is no YAML is found again, and said */
}

/* Loads the first document and reads it. */
static int load(struct reading *reading, yaml_parser_t *parser, struct config_value *ret_value)
{
	yaml_document_t document;
	int r;

	if (yaml_parser_load(parser, &document)) {
		reading->document = &document;
		r = read_document(reading, ret_value);
		yaml_document_delete(&document);
		return r;
	}
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	bytes_printf(reading->why, "line %zu, column %zu: %s", parser->problem_mark.line + 1,
		     parser->problem_mark.column + 1,
		     parser->problem ? parser->problem : "it is no YAML");
	return CONFIG_REFUSED;
}

int config_yaml_read(struct config_text text, struct config_arena *arena,
		     struct config_value *ret_value, struct bytes *why)
{
	struct reading reading = {
		.text = text,
		.arena = arena,
		.why = why,
		.is_untagged = BYTES_INIT(text.n_bytes + 1), /* a node takes a byte at least */
	};
	yaml_parser_t parser;
	int r = -ENOMEM;

	if (find_untagged(&reading) && start(&parser, text)) {
		r = load(&reading, &parser, ret_value);
		yaml_parser_delete(&parser);
	}
	bytes_deinit(&reading.is_untagged);
	if (r < 0 && arena->error == 0)
		arena->error = r;
	return r;
}
