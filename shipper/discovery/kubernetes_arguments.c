#include "discovery/kubernetes_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "http/http_arguments.h"
#include "http/http_url.h"

#define SELECTORS_MAX 16u
#define NAME_MAX_DNS  253u

struct namespaces_block {
	struct config_decoded decoded;
	bool own_namespace;
	struct config_value names;
};

struct selectors_block {
	struct config_decoded decoded;
	struct config_text role;
	struct config_text field;
	struct config_text label;
};

struct attach_block {
	struct config_decoded decoded;
	bool node;
};

struct kubernetes_block {
	struct config_decoded decoded;
	struct config_text role;
	struct config_text api_server;
	struct config_text kubeconfig_file;
	struct config_inner_blocks namespaces;
	struct config_inner_blocks selectors;
	struct config_inner_blocks attach_metadata;
	struct http_arguments http;
};

static const struct config_argument namespaces_rows[] = {
	{.name = "own_namespace",
	 .kind = CONFIG_ARGUMENT_BOOL,
	 .offset = offsetof(struct namespaces_block, own_namespace)},
	{.name = "names",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .offset = offsetof(struct namespaces_block, names)},
};

static const struct namespaces_block namespaces_defaults = {.names = {.type = CONFIG_ARRAY}};

static const struct config_schema namespaces_schema = {
	.arguments = namespaces_rows,
	.n_arguments = sizeof(namespaces_rows) / sizeof(namespaces_rows[0]),
	.defaults = &namespaces_defaults,
	.n_bytes = sizeof(namespaces_defaults),
};

static const struct config_argument selectors_rows[] = {
	{.name = "role",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct selectors_block, role)},
	{.name = "field",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct selectors_block, field)},
	{.name = "label",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct selectors_block, label)},
};

static const struct selectors_block selectors_defaults = {
	.role = CONFIG_TEXT(""),
	.field = CONFIG_TEXT(""),
	.label = CONFIG_TEXT(""),
};

static const struct config_schema selectors_schema = {
	.arguments = selectors_rows,
	.n_arguments = sizeof(selectors_rows) / sizeof(selectors_rows[0]),
	.defaults = &selectors_defaults,
	.n_bytes = sizeof(selectors_defaults),
};

static const struct config_argument attach_rows[] = {
	{.name = "node",
	 .kind = CONFIG_ARGUMENT_BOOL,
	 .offset = offsetof(struct attach_block, node)},
};

static const struct attach_block attach_defaults = {.node = false};

static const struct config_schema attach_schema = {
	.arguments = attach_rows,
	.n_arguments = sizeof(attach_rows) / sizeof(attach_rows[0]),
	.defaults = &attach_defaults,
	.n_bytes = sizeof(attach_defaults),
};

/* The HTTP options follow these. */
static const struct config_argument rows[] = {
	{.name = "role",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct kubernetes_block, role)},
	{.name = "api_server",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct kubernetes_block, api_server)},
	{.name = "kubeconfig_file",
	 .kind = CONFIG_ARGUMENT_TEXT,
	 .offset = offsetof(struct kubernetes_block, kubeconfig_file)},
#define N_OWN_ROWS 3
	HTTP_ARGUMENT_ROWS(struct kubernetes_block, http),
};

static const struct config_inner inner[] = {
	{"namespaces", &namespaces_schema, offsetof(struct kubernetes_block, namespaces), 1},
	{"selectors", &selectors_schema, offsetof(struct kubernetes_block, selectors),
	 SELECTORS_MAX},
	{"attach_metadata", &attach_schema, offsetof(struct kubernetes_block, attach_metadata), 1},
	HTTP_ARGUMENT_INNER(struct kubernetes_block, http),
};

static const struct kubernetes_block defaults = {
	.role = CONFIG_TEXT(""),
	.api_server = CONFIG_TEXT(""),
	.kubeconfig_file = CONFIG_TEXT(""),
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

static const char *const roles[] = {"pod",       "node",          "service",
				    "endpoints", "endpointslice", "ingress"};

static struct config_span place_of(const struct kubernetes_block *block, const char *name)
{
	return config_place_of(&schema, &block->decoded, name);
}

static bool is_role(struct config_text text)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (config_text_equals(text, roles[i]))
			return true;
	return false;
}

static int check_role(struct component_loading *loading, const struct kubernetes_block *block)
{
	if (config_text_equals(block->role, "pod"))
		return 0;
	if (is_role(block->role))
		config_error(loading->diagnostics, place_of(block, "role"),
			     "role is \"%s\", expected \"pod\": profiles are of containers, and "
			     "only pods say which they have",
			     block->role.data);
	else
		config_error(loading->diagnostics, place_of(block, "role"),
			     "role is \"%s\", expected \"pod\"", block->role.data);
	return CONFIG_REFUSED;
}

static int load_api_server(struct component_loading *loading, const struct kubernetes_block *block,
			   struct kubernetes_arguments *arguments)
{
	const struct http_arguments_block http = {&schema, &block->decoded, &block->http};
	struct config_text url = block->api_server;
	const char *fault = NULL;
	int r = http_arguments_load(loading, &http, &arguments->http);

	if (r != 0 || url.n_bytes == 0)
		return r;
	fault = http_url_fault(url);
	if (!fault && strpbrk(url.data, "?#"))
		fault = "expected no ? or #, the paths of the API follow it";
	if (fault) {
		config_error(loading->diagnostics, place_of(block, "api_server"),
			     "api_server is \"%s\", %s",
			     http_url_without_user(loading->scratch, url), fault);
		return CONFIG_REFUSED;
	}
	while (url.data[url.n_bytes - 1] == '/') /* ends: a host is there */
		url.n_bytes--;
	arguments->api_server = component_keep(loading, url);
	return loading->memory->error;
}

/* Options for a server that is not the one that is asked have no effect: that is worth a word. */
static void warn_of_options(struct component_loading *loading, const struct kubernetes_block *block)
{
	const char *why = block->kubeconfig_file.n_bytes > 0
				  ? "kubeconfig_file says how to reach the API"
				  : "only with api_server";

	if (block->kubeconfig_file.n_bytes > 0 && block->api_server.n_bytes > 0)
		config_warn(loading->diagnostics, place_of(block, "api_server"),
			    "api_server is not used: %s", why);
	if (block->kubeconfig_file.n_bytes == 0 && block->api_server.n_bytes > 0)
		return;
	for (size_t i = N_OWN_ROWS; i < schema.n_arguments; i++)
		if (block->decoded.set[i])
			config_warn(loading->diagnostics, place_of(block, rows[i].name),
				    "%s is not used: %s", rows[i].name, why);
	for (const struct config_block *i = block->decoded.block->body.blocks; i; i = i->next)
		if (config_text_equals(i->name, "basic_auth") ||
		    config_text_equals(i->name, "authorization") ||
		    config_text_equals(i->name, "oauth2") ||
		    config_text_equals(i->name, "tls_config"))
			config_warn(loading->diagnostics, i->name_span, "%.*s is not used: %s",
				    (int)i->name.n_bytes, i->name.data, why);
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int refuse_names(struct component_loading *loading, const struct namespaces_block *block,
			const char *what, const char *expected)
{
	config_error(loading->diagnostics,
		     config_place_of(&namespaces_schema, &block->decoded, "names"),
		     "names %s, expected %s", what, expected);
	return CONFIG_REFUSED;
}

/* It becomes a part of a path, as it is. */
static bool is_name(const struct config_value *value)
{
	return value->type == CONFIG_STRING && value->text.n_bytes > 0 &&
	       value->text.n_bytes <= NAME_MAX_DNS &&
	       strspn(value->text.data, "abcdefghijklmnopqrstuvwxyz0123456789-.") ==
		       value->text.n_bytes &&
	       value->text.data[0] != '.';
}

static int load_namespaces(struct component_loading *loading, const struct kubernetes_block *block,
			   struct kubernetes_arguments *arguments)
{
	const struct namespaces_block *namespaces = block->namespaces.items;
	const struct config_array *names;
	size_t n = 0;

	if (block->namespaces.n_items == 0)
		return 0;
	arguments->has_own_namespace = namespaces->own_namespace;
	if (namespaces->names.type != CONFIG_ARRAY)
		return refuse_names(loading, namespaces, "is no list",
				    "a list of names of namespaces");
	names = &namespaces->names.array;
	if (names->n_items > KUBERNETES_NAMESPACES_MAX)
		return refuse_names(loading, namespaces, "has more than 64 items", "fewer");
	arguments->namespaces =
		config_arena_array(loading->memory, names->n_items, sizeof(*arguments->namespaces));
	if (!arguments->namespaces)
		return loading->memory->error;
	for (size_t i = 0; i < names->n_items; i++) {
		if (!is_name(&names->items[i]))
			return refuse_names(loading, namespaces, "has in it what is no name",
					    "small letters, digits and -");
		arguments->namespaces[i] = component_keep(loading, names->items[i].text);
		if (!arguments->namespaces[i])
			return loading->memory->error;
	}
	if (names->n_items > 0)
		qsort(arguments->namespaces, names->n_items, sizeof(*arguments->namespaces),
		      compare_names);
	for (size_t i = 0; i < names->n_items; i++)
		if (n == 0 || strcmp(arguments->namespaces[n - 1], arguments->namespaces[i]) != 0)
			arguments->namespaces[n++] = arguments->namespaces[i];
	arguments->n_namespaces = n;
	return 0;
}

/* Of several for one role the last is the one; those for other roles have nothing to select. */
static void load_selectors(struct component_loading *loading, const struct kubernetes_block *block,
			   struct kubernetes_arguments *arguments)
{
	const struct selectors_block *selectors = block->selectors.items;

	arguments->pods = arguments->nodes = (struct kubernetes_selectors){"", ""};
	for (size_t i = 0; i < block->selectors.n_items; i++) {
		const struct kubernetes_selectors these = {
			component_keep(loading, selectors[i].field),
			component_keep(loading, selectors[i].label),
		};

		if (config_text_equals(selectors[i].role, "pod"))
			arguments->pods = these;
		else if (config_text_equals(selectors[i].role, "node"))
			arguments->nodes = these;
		else
			config_warn(
				loading->diagnostics,
				config_place_of(&selectors_schema, &selectors[i].decoded, "role"),
				"role is \"%s\", expected \"pod\" or \"node\": these selectors "
				"have no effect",
				selectors[i].role.data);
	}
}

int kubernetes_arguments_load(struct component_loading *loading, struct config_component *component,
			      struct source_configuration *ret)
{
	struct kubernetes_arguments *arguments =
		config_arena_alloc(loading->memory, sizeof(*arguments));
	struct kubernetes_block block;
	int r, refusal;

	if (!arguments)
		return loading->memory->error;
	r = config_decode(&loading->evaluator, component->block, &schema, &block);
	if (r != 0)
		return r;
	refusal = check_role(loading, &block);
	r = load_api_server(loading, &block, arguments);
	refusal = refusal ? refusal : r;
	if (r >= 0)
		r = load_namespaces(loading, &block, arguments);
	if (r < 0)
		return r;
	refusal = refusal ? refusal : r;
	load_selectors(loading, &block, arguments);
	warn_of_options(loading, &block);
	if (block.attach_metadata.n_items > 0)
		arguments->has_node_metadata =
			((const struct attach_block *)block.attach_metadata.items)->node;
	if (block.kubeconfig_file.n_bytes > 0)
		arguments->kubeconfig_path = component_keep(loading, block.kubeconfig_file);
	ret->arguments = arguments;
	return refusal ? refusal : loading->memory->error;
}
