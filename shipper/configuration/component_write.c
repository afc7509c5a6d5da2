#include <string.h>

#include "configuration/components.h"
#include "http/http_arguments.h"
#include "http/http_url.h"
#include "endpoints/push.h"
#include "configuration/target_labels.h"

#define ENDPOINTS_MAX  16u /* of one pyroscope.write */
#define NAME_BYTES_MAX 256u
#define BACKOFF_MS_MAX (24u * 3600u * 1000u)
#define TIMEOUT_MS_MAX (3600u * 1000u)
#define RETRIES_MAX    1000000u
#define HEADERS_MAX    64u
#define FILE_SCHEME    "file://"

const char receiver_kind[] = "a profiles receiver";

struct endpoint_arguments {
	struct config_decoded decoded;
	struct config_text url;
	struct config_text name;
	uint32_t remote_timeout_ms;
	struct config_object headers;
	uint32_t min_backoff_ms;
	uint32_t max_backoff_ms;
	uint32_t max_backoff_retries;
	struct http_arguments http;
};

struct write_arguments {
	struct config_decoded decoded;
	struct config_object external_labels;
	struct config_inner_blocks endpoints;
};

static const struct config_argument endpoint_rows[] = {
	{.name = "url",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct endpoint_arguments, url)},
	{.name = "name",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct endpoint_arguments, name)},
	{.name = "remote_timeout",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct endpoint_arguments, remote_timeout_ms),
	 .min = 1,
	 .max = TIMEOUT_MS_MAX},
	{.name = "headers",
	 .kind = CONFIG_ARGUMENT_MAP,
	 .offset = offsetof(struct endpoint_arguments, headers)},
	{.name = "min_backoff_period",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct endpoint_arguments, min_backoff_ms),
	 .min = 1,
	 .max = BACKOFF_MS_MAX},
	{.name = "max_backoff_period",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct endpoint_arguments, max_backoff_ms),
	 .min = 1,
	 .max = BACKOFF_MS_MAX},
	{.name = "max_backoff_retries",
	 .kind = CONFIG_ARGUMENT_COUNT,
	 .offset = offsetof(struct endpoint_arguments, max_backoff_retries),
	 .max = RETRIES_MAX},
	HTTP_ARGUMENT_ROWS(struct endpoint_arguments, http),
};

static const struct config_inner endpoint_inner[] = {
	HTTP_ARGUMENT_INNER(struct endpoint_arguments, http),
};

static const struct endpoint_arguments endpoint_defaults = {
	.url = CONFIG_TEXT(""),
	.name = CONFIG_TEXT(""),
	.remote_timeout_ms = 10000,
	.min_backoff_ms = 500,
	.max_backoff_ms = 300000,
	.max_backoff_retries = 10,
	.http = HTTP_ARGUMENTS_DEFAULT,
};

static const struct config_schema endpoint_schema = {
	.arguments = endpoint_rows,
	.n_arguments = sizeof(endpoint_rows) / sizeof(endpoint_rows[0]),
	.inner = endpoint_inner,
	.n_inner = sizeof(endpoint_inner) / sizeof(endpoint_inner[0]),
	.defaults = &endpoint_defaults,
	.n_bytes = sizeof(endpoint_defaults),
};

static const struct config_argument write_rows[] = {
	{.name = "external_labels",
	 .kind = CONFIG_ARGUMENT_MAP,
	 .offset = offsetof(struct write_arguments, external_labels)},
};

static const struct config_inner write_inner[] = {
	{"endpoint", &endpoint_schema, offsetof(struct write_arguments, endpoints), ENDPOINTS_MAX},
};

static const struct write_arguments write_defaults = {.external_labels = {NULL, 0}};

static const struct config_schema write_schema = {
	.arguments = write_rows,
	.n_arguments = sizeof(write_rows) / sizeof(write_rows[0]),
	.inner = write_inner,
	.n_inner = sizeof(write_inner) / sizeof(write_inner[0]),
	.defaults = &write_defaults,
	.n_bytes = sizeof(write_defaults),
};

static bool has_prefix(struct config_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n_bytes >= n && memcmp(text.data, prefix, n) == 0;
}

static const char *fault_of_url(struct config_text url)
{
	if (!has_prefix(url, FILE_SCHEME)) {
		if (!has_prefix(url, "http://") && !has_prefix(url, "https://"))
			return "expected http://, https:// or file:///directory";
		if (strpbrk(url.data, "?#"))
			return "expected no ? or #, the path of the push service follows it";
		return http_url_fault(url);
	}
	for (size_t i = 0; i < url.n_bytes; i++)
		if ((unsigned char)url.data[i] <= 0x20 || url.data[i] == 0x7f)
			return "expected no blanks and control characters";
	if (url.n_bytes > HTTP_URL_BYTES_MAX)
		return "expected at most 2048 bytes";
	if (url.data[sizeof(FILE_SCHEME) - 1] != '/' ||
	    strspn(url.data + 7, "/") == url.n_bytes - 7)
		return "expected an absolute directory, such as file:///var/lib/triptych/profiles";
	return NULL;
}

static const char *fault_of_header(const struct config_field *field)
{
	return http_header_fault(field->key, field->value.text);
}

static const char *fault_of_label(const struct config_field *field)
{
	if (!label_name_is_valid(field->key) || field->key.n_bytes > LABEL_NAME_BYTES_MAX)
		return "its name, expected letters, digits and _, and no digit first";
	if (!config_utf8_valid(field->value.text) ||
	    strlen(field->value.text.data) != field->value.text.n_bytes ||
	    field->value.text.n_bytes > LABEL_VALUE_BYTES_MAX)
		return "its value, expected at most 2048 bytes of UTF-8";
	return NULL;
}

/* Checks each field of a map, then copies it to the result. */
static int keep_map(struct component_loading *loading, const struct config_object *map,
		    struct config_span at, const char *(*fault_of)(const struct config_field *),
		    struct configuration_header **ret_pairs)
{
	struct configuration_header *pairs;
	const char *fault;

	if (map->n_fields > HEADERS_MAX) {
		config_error(loading->diagnostics, at, "found %zu entries, expected at most %u",
			     map->n_fields, HEADERS_MAX);
		return CONFIG_REFUSED;
	}
	pairs = config_arena_array(loading->memory, map->n_fields, sizeof(*pairs));
	if (!pairs)
		return loading->memory->error;
	for (size_t i = 0; i < map->n_fields; i++) {
		fault = fault_of(&map->fields[i]);
		if (fault) {
			config_error(loading->diagnostics, at, "\"%s\" is wrong in %s",
				     map->fields[i].key.data, fault);
			return CONFIG_REFUSED;
		}
		pairs[i].name = component_keep(loading, map->fields[i].key);
		pairs[i].value = component_keep(loading, map->fields[i].value.text);
	}
	*ret_pairs = pairs;
	return loading->memory->error;
}

static int keep_url(struct component_loading *loading, const struct endpoint_arguments *arguments,
		    char **ret_url)
{
	struct config_text url = arguments->url;
	const char *fault = fault_of_url(url);

	if (fault) {
		config_error(loading->diagnostics,
			     config_place_of(&endpoint_schema, &arguments->decoded, "url"),
			     "the url is \"%s\", %s", http_url_without_user(loading->scratch, url),
			     fault);
		return CONFIG_REFUSED;
	}
	while (url.data[url.n_bytes - 1] == '/') /* ends: a host or a directory is there */
		url.n_bytes--;
	*ret_url = component_keep(loading, url);
	return loading->memory->error;
}

static void warn_of_unused_headers(struct component_loading *loading,
				   const struct endpoint_arguments *arguments)
{
	for (size_t i = 0; i < arguments->headers.n_fields; i++) {
		const char *name = arguments->headers.fields[i].key.data;

		if (push_sets_header(name))
			config_warn(
				loading->diagnostics,
				config_place_of(&endpoint_schema, &arguments->decoded, "headers"),
				"every push sets %s itself, this one is not used", name);
	}
}

static int keep_endpoint(struct component_loading *loading,
			 const struct endpoint_arguments *arguments,
			 struct endpoint_configuration *endpoint)
{
	const struct http_arguments_block http = {&endpoint_schema, &arguments->decoded,
						  &arguments->http};
	int r = keep_url(loading, arguments, &endpoint->url), refusal = r;

	if (r < 0)
		return r;
	r = keep_map(loading, &arguments->headers,
		     config_place_of(&endpoint_schema, &arguments->decoded, "headers"),
		     fault_of_header, &endpoint->headers);
	if (r < 0)
		return r;
	refusal = refusal ? refusal : r;
	warn_of_unused_headers(loading, arguments);
	if (arguments->name.n_bytes > NAME_BYTES_MAX) {
		config_error(loading->diagnostics,
			     config_place_of(&endpoint_schema, &arguments->decoded, "name"),
			     "name has %zu bytes, expected at most %u", arguments->name.n_bytes,
			     NAME_BYTES_MAX);
		refusal = CONFIG_REFUSED;
	}
	if (arguments->min_backoff_ms > arguments->max_backoff_ms) {
		config_error(loading->diagnostics,
			     config_place_of(&endpoint_schema, &arguments->decoded,
					     "min_backoff_period"),
			     "min_backoff_period is longer than max_backoff_period, expected at "
			     "most %u ms",
			     arguments->max_backoff_ms);
		refusal = CONFIG_REFUSED;
	}
	r = http_arguments_load(loading, &http, &endpoint->http);
	if (r < 0)
		return r;
	refusal = refusal ? refusal : r;
	endpoint->n_headers = arguments->headers.n_fields;
	endpoint->name = component_keep(loading, arguments->name);
	endpoint->remote_timeout_ms = arguments->remote_timeout_ms;
	endpoint->min_backoff_ms = arguments->min_backoff_ms;
	endpoint->max_backoff_ms = arguments->max_backoff_ms;
	endpoint->max_backoff_retries = arguments->max_backoff_retries;
	return loading->memory->error ? loading->memory->error : refusal;
}

static int keep_endpoints(struct component_loading *loading,
			  const struct write_arguments *arguments,
			  struct endpoint_configuration *endpoints)
{
	const struct endpoint_arguments *from = arguments->endpoints.items;
	struct configuration_header *labels;
	int r, refusal;

	r = keep_map(loading, &arguments->external_labels,
		     config_place_of(&write_schema, &arguments->decoded, "external_labels"),
		     fault_of_label, &labels);
	refusal = r;
	for (size_t i = 0; i < arguments->endpoints.n_items && r >= 0; i++) {
		if (from[i].decoded.is_refused)
			continue;
		r = keep_endpoint(loading, &from[i], &endpoints[i]);
		if (r > 0)
			refusal = r;
		if (refusal == 0) {
			endpoints[i].external_labels = labels;
			endpoints[i].n_external_labels = arguments->external_labels.n_fields;
		}
	}
	return r < 0 ? r : refusal;
}

/* Makes the export: an object with one field, the capsule that forward_to takes. */
static int export_receiver(struct component_loading *loading, struct config_component *component,
			   struct write_receiver *receiver)
{
	struct config_field *field = config_arena_alloc(loading->scratch, sizeof(*field));

	if (!field)
		return loading->scratch->error;
	field->key = (struct config_text)CONFIG_TEXT("receiver");
	field->value =
		(struct config_value){.type = CONFIG_CAPSULE, .capsule = {receiver_kind, receiver}};
	component->exports = (struct config_object){field, 1};
	receiver->component = component;
	receiver->next = loading->receivers;
	loading->receivers = receiver;
	return 0;
}

int component_load_write(struct component_loading *loading, struct config_component *component)
{
	struct write_receiver *receiver = config_arena_alloc(loading->scratch, sizeof(*receiver));
	struct endpoint_configuration *endpoints;
	struct write_arguments arguments;
	int decoded, r;

	decoded = config_decode(&loading->evaluator, component->block, &write_schema, &arguments);
	if (decoded < 0 || !receiver)
		return loading->scratch->error;
	endpoints = config_arena_array(loading->scratch, arguments.endpoints.n_items,
				       sizeof(*endpoints));
	if (!endpoints)
		return loading->scratch->error;
	r = keep_endpoints(loading, &arguments, endpoints);
	if (r != 0 || decoded != 0)
		return r ? r : decoded;
	if (arguments.endpoints.n_items == 0 && loading->diagnostics->n_errors == 0)
		config_warn(loading->diagnostics, component->block->name_span,
			    "%s has no endpoint, what is sent to it goes nowhere", component->id);
	for (size_t i = 0; i < arguments.endpoints.n_items; i++) {
		endpoints[i].fingerprint = component_fingerprint(&arguments.decoded.values);
		endpoints[i].component_id =
			config_arena_copy(loading->memory, component->id, strlen(component->id));
		if (!endpoints[i].component_id)
			return loading->memory->error;
	}
	receiver->endpoints = endpoints;
	receiver->n_endpoints = arguments.endpoints.n_items;
	return export_receiver(loading, component, receiver);
}
