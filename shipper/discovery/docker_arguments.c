#include "discovery/docker_arguments.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "config/json.h"
#include "http/http_arguments.h"
#include "http/http_url.h"

#define FILTERS_MAX       64u
#define FILTERS_BYTES_MAX (16u << 10) /* what engines take as a URL, and more */
#define REFRESH_MS_MAX    (30u * 24u * 3600u * 1000u)
#define UNIX_SCHEME       "unix://"
#define TCP_SCHEME        "tcp://"
#define UNIX_URL          "http://localhost" /* a host for HTTP's sake: the socket is asked */
#define PORT_MAX          65535u
#define TCP_PORT          2375u
#define TLS_PORT          2376u
#define SOCKET_PATH_MAX   (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define EXPECTED_HOST     "expected unix://PATH, tcp://HOST:PORT, http:// or https://"

struct filter_block {
	struct config_decoded decoded;
	struct config_text name;
	struct config_value values;
};

struct docker_block {
	struct config_decoded decoded;
	struct config_text host;
	uint32_t port;
	struct config_text host_networking_host;
	bool match_first_network;
	uint32_t refresh_interval_ms;
	struct config_inner_blocks filters;
	struct http_arguments http;
};

static const struct config_argument filter_rows[] = {
	{.name = "name",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct filter_block, name)},
	{.name = "values",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct filter_block, values)},
};

static const struct filter_block filter_defaults = {.name = CONFIG_TEXT("")};

static const struct config_schema filter_schema = {
	.arguments = filter_rows,
	.n_arguments = sizeof(filter_rows) / sizeof(filter_rows[0]),
	.defaults = &filter_defaults,
	.n_bytes = sizeof(filter_defaults),
};

static const struct config_argument rows[] = {
	{.name = "host",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct docker_block, host)},
	{.name = "port",
	 .kind = CONFIG_ARGUMENT_COUNT,
	 .offset = offsetof(struct docker_block, port),
	 .max = PORT_MAX},
	{.name = "host_networking_host",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct docker_block, host_networking_host)},
	{.name = "match_first_network",
	 .kind = CONFIG_ARGUMENT_BOOL,
	 .offset = offsetof(struct docker_block, match_first_network)},
	{.name = "refresh_interval",
	 .kind = CONFIG_ARGUMENT_DURATION,
	 .offset = offsetof(struct docker_block, refresh_interval_ms),
	 .min = 1,
	 .max = REFRESH_MS_MAX},
	HTTP_ARGUMENT_ROWS(struct docker_block, http),
};

static const struct config_inner inner[] = {
	{"filter", &filter_schema, offsetof(struct docker_block, filters), FILTERS_MAX},
	HTTP_ARGUMENT_INNER(struct docker_block, http),
};

static const struct docker_block defaults = {
	.host = CONFIG_TEXT(""),
	.port = 80,
	.host_networking_host = CONFIG_TEXT("localhost"),
	.match_first_network = true,
	.refresh_interval_ms = 60000,
	.http = HTTP_ARGUMENTS_DEFAULT,
};

static const struct config_schema schema = {
	.arguments = rows,
	.n_arguments = sizeof(rows) / sizeof(rows[0]),
	.inner = inner,
	.n_inner = sizeof(inner) / sizeof(inner[0]),
	.defaults = &defaults,
	.n_bytes = sizeof(defaults),
};

static struct config_span place_of(const struct docker_block *block, const char *name)
{
	return config_place_of(&schema, &block->decoded, name);
}

static bool has_prefix(struct config_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n_bytes >= n && memcmp(text.data, prefix, n) == 0;
}

static int refuse_host(struct component_loading *loading, const struct docker_block *block,
		       const char *expected)
{
	config_error(loading->diagnostics, place_of(block, "host"), "host is \"%s\", %s",
		     http_url_without_user(loading->scratch, block->host), expected);
	return CONFIG_REFUSED;
}

static int load_unix(struct component_loading *loading, const struct docker_block *block,
		     struct docker_arguments *arguments)
{
	struct config_text path = block->host;

	path.data += strlen(UNIX_SCHEME);
	path.n_bytes -= strlen(UNIX_SCHEME);
	if (path.n_bytes == 0)
		return refuse_host(loading, block, "expected a path, unix:///var/run/docker.sock");
	if (path.n_bytes > SOCKET_PATH_MAX)
		return refuse_host(loading, block, "expected a path of at most 107 bytes");
	if (path.data[0] != '/')
		config_warn(loading->diagnostics, place_of(block, "host"),
			    "the socket's path %s begins where the process was started, a third / "
			    "would make it absolute",
			    path.data);
	arguments->url = UNIX_URL;
	arguments->unix_socket = component_keep(loading, path);
	arguments->http = &http_options_default;
	return loading->memory->error;
}

/*
 * Docker's tcp:// is HTTP, over TLS where the block has something to say about that. Its ports are
 * Docker's own.
 */
static int url_of_tcp(struct component_loading *loading, const struct docker_block *block,
		      struct config_text *ret_url)
{
	bool has_tls = block->http.tls_config.n_items > 0;
	struct bytes text = BYTES_INIT(HTTP_URL_BYTES_MAX);
	struct http_url url;
	int r;

	bytes_printf(&text, "http://%s", block->host.data + strlen(TCP_SCHEME));
	bytes_append(&text, "", 1);
	r = text.error ? HTTP_URL_MALFORMED : http_url_parse((const char *)text.data, &url);
	bytes_deinit(&text);
	if (r != 0)
		return r < 0 ? r : refuse_host(loading, block, EXPECTED_HOST);
	bytes_printf(&text, "%s://%s%s%s:%u%s", has_tls ? "https" : "http", url.is_ipv6 ? "[" : "",
		     url.host, url.is_ipv6 ? "]" : "",
		     url.is_port_said ? url.port
		     : has_tls        ? TLS_PORT
				      : TCP_PORT,
		     url.path);
	http_url_deinit(&url);
	ret_url->data = config_arena_copy(loading->scratch, text.data, text.n_bytes);
	ret_url->n_bytes = text.n_bytes;
	bytes_deinit(&text);
	return ret_url->data ? 0 : loading->scratch->error;
}

static int load_http(struct component_loading *loading, const struct docker_block *block,
		     struct docker_arguments *arguments)
{
	const struct http_arguments_block http = {&schema, &block->decoded, &block->http};
	struct config_text url = block->host;
	const char *fault;
	int r = http_arguments_load(loading, &http, &arguments->http);

	if (r != 0)
		return r;
	if (has_prefix(url, TCP_SCHEME))
		r = url_of_tcp(loading, block, &url);
	if (r != 0)
		return r;
	fault = http_url_fault(url);
	if (!fault && strpbrk(url.data, "?#"))
		fault = "expected no ? or #, the paths of Docker's API follow it";
	if (fault)
		return refuse_host(loading, block, fault);
	while (url.data[url.n_bytes - 1] == '/') /* ends: a host is there */
		url.n_bytes--;
	arguments->url = component_keep(loading, url);
	return loading->memory->error;
}

static int load_host(struct component_loading *loading, const struct docker_block *block,
		     struct docker_arguments *arguments)
{
	if (has_prefix(block->host, UNIX_SCHEME))
		return load_unix(loading, block, arguments);
	if (has_prefix(block->host, TCP_SCHEME) || has_prefix(block->host, "http://") ||
	    has_prefix(block->host, "https://"))
		return load_http(loading, block, arguments);
	return refuse_host(loading, block, EXPECTED_HOST);
}

/* Percent-encodes all that is not a letter or a digit. */
static char *encode(struct config_arena *arena, const void *data, size_t n_bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *from = data;
	char *text = config_arena_array(arena, n_bytes + 1, 3), *to = text;

	if (!text)
		return NULL;
	for (const unsigned char *end = from + n_bytes; from < end; from++) {
		if ((*from | 0x20) >= 'a' && (*from | 0x20) <= 'z') {
			*to++ = (char)*from;
			continue;
		}
		*to++ = '%';
		*to++ = digits[*from >> 4];
		*to++ = digits[*from & 0xf];
	}
	return text;
}

static int check_values(struct component_loading *loading, const struct filter_block *filter)
{
	const struct config_value *values = &filter->values;
	const struct config_value *wrong = values->type == CONFIG_ARRAY ? NULL : values;

	for (size_t i = 0; !wrong && i < values->array.n_items; i++)
		if (values->array.items[i].type != CONFIG_STRING)
			wrong = &values->array.items[i];
	if (!wrong)
		return 0;
	config_error(loading->diagnostics,
		     config_place_of(&filter_schema, &filter->decoded, "values"),
		     "values %s %s, expected a list of strings",
		     wrong == values ? "is" : "has in it", config_value_describe(wrong));
	return CONFIG_REFUSED;
}

/* {value: true} of all blocks that have the name of number @i. */
static int values_of(struct config_arena *arena, const struct docker_block *block, size_t i,
		     struct config_value *ret_value)
{
	const struct filter_block *filters = block->filters.items;
	struct config_field *fields;
	size_t n = 0;

	for (size_t j = 0; j < block->filters.n_items; j++)
		n += filters[j].values.array.n_items;
	fields = config_arena_array(arena, n, sizeof(*fields));
	if (!fields)
		return arena->error;
	n = 0;
	for (size_t j = 0; j < block->filters.n_items; j++) {
		const struct config_array *values = &filters[j].values.array;

		if (!config_text_equals(filters[i].name, filters[j].name.data))
			continue;
		for (size_t k = 0; k < values->n_items; k++)
			fields[n++] = (struct config_field){
				.key = values->items[k].text,
				.value = {.type = CONFIG_BOOL, .boolean = true}};
	}
	*ret_value = (struct config_value){.type = CONFIG_OBJECT,
					   .object = config_object_make(fields, n)};
	return 0;
}

static int write_filters(struct component_loading *loading, const struct docker_block *block,
			 struct bytes *out)
{
	const struct filter_block *filters = block->filters.items;
	size_t n = block->filters.n_items;
	struct config_field *fields = config_arena_array(loading->scratch, n, sizeof(*fields));
	struct config_value whole = {.type = CONFIG_OBJECT};
	int r = fields ? 0 : loading->scratch->error, refusal = 0;

	for (size_t i = 0; i < n; i++)
		refusal |= check_values(loading, &filters[i]);
	if (r != 0 || refusal != 0)
		return r ? r : refusal;
	for (size_t i = 0; r == 0 && i < n; i++) {
		fields[i].key = filters[i].name;
		r = values_of(loading->scratch, block, i, &fields[i].value);
	}
	if (r != 0)
		return r;
	whole.object = config_object_make(fields, n);
	r = config_json_write(&whole, out);
	if (r == 0 && out->error == -EMSGSIZE) {
		config_error(loading->diagnostics, block->decoded.block->name_span,
			     "its filters have more than %u bytes, expected fewer",
			     FILTERS_BYTES_MAX);
		return CONFIG_REFUSED;
	}
	return r ? r : out->error;
}

static int load_filters(struct component_loading *loading, const struct docker_block *block,
			struct docker_arguments *arguments)
{
	struct bytes text = BYTES_INIT(FILTERS_BYTES_MAX);
	int r = 0;

	if (block->filters.n_items > 0)
		r = write_filters(loading, block, &text);
	if (r == 0) {
		arguments->filters = encode(loading->memory, text.data, text.n_bytes);
		arguments->event_filters = encode(loading->memory, DOCKER_EVENT_FILTERS_TEXT,
						  sizeof(DOCKER_EVENT_FILTERS_TEXT) - 1);
		r = loading->memory->error;
	}
	bytes_deinit(&text);
	return r;
}

int docker_arguments_load(struct component_loading *loading, struct config_component *component,
			  struct source_configuration *ret)
{
	struct docker_arguments *arguments =
		config_arena_alloc(loading->memory, sizeof(*arguments));
	struct docker_block block;
	int r, refusal;

	if (!arguments)
		return loading->memory->error;
	r = config_decode(&loading->evaluator, component->block, &schema, &block);
	if (r != 0)
		return r;
	refusal = load_host(loading, &block, arguments);
	if (refusal < 0)
		return refusal;
	r = load_filters(loading, &block, arguments);
	if (r < 0)
		return r;
	arguments->rules = (struct docker_rules){
		.port = block.port,
		.host_networking_host = component_keep(loading, block.host_networking_host),
		.match_first_network = block.match_first_network,
	};
	arguments->refresh_interval_ms = block.refresh_interval_ms;
	ret->arguments = arguments;
	return r ? r : refusal ? refusal : loading->memory->error;
}
