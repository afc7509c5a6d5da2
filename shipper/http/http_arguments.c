#include "http/http_arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/http_client.h"
#include "http/http_url.h"

#define HEADERS_MAX      64u
#define HEADER_BYTES_MAX 8192u /* as much as servers take in a line */
#define SCOPES_MAX       64u
#define CERTIFICATE_MARK "-----BEGIN CERTIFICATE-----"
#define KEY_MARK         "PRIVATE KEY-----"

struct basic_auth_arguments {
	struct config_decoded decoded;
	struct config_text username;
	struct config_text password;
	struct config_text password_file;
};

struct authorization_arguments {
	struct config_decoded decoded;
	struct config_text type;
	struct config_text credentials;
	struct config_text credentials_file;
};

struct tls_arguments {
	struct config_decoded decoded;
	struct config_text ca_pem;
	struct config_text ca_file;
	struct config_text cert_pem;
	struct config_text cert_file;
	struct config_text key_pem;
	struct config_text key_file;
	struct config_text server_name;
	bool insecure_skip_verify;
	uint32_t min_version;
};

struct oauth2_arguments {
	struct config_decoded decoded;
	struct config_text client_id;
	struct config_text client_secret;
	struct config_text client_secret_file;
	struct config_value scopes;
	struct config_text token_url;
	struct config_object endpoint_params;
	struct config_inner_blocks tls_config;
	struct http_proxy_arguments proxy;
};

#define BASIC_ROW(name, kind) HTTP_ROW(#name, kind, offsetof(struct basic_auth_arguments, name))
#define AUTHORIZATION_ROW(name, kind)                                                              \
	HTTP_ROW(#name, kind, offsetof(struct authorization_arguments, name))
#define TLS_ROW(name, kind)    HTTP_ROW(#name, kind, offsetof(struct tls_arguments, name))
#define OAUTH2_ROW(name, kind) HTTP_ROW(#name, kind, offsetof(struct oauth2_arguments, name))

static const struct config_argument basic_auth_rows[] = {
	BASIC_ROW(username, CONFIG_ARGUMENT_TEXT),
	BASIC_ROW(password, CONFIG_ARGUMENT_SECRET),
	BASIC_ROW(password_file, CONFIG_ARGUMENT_TEXT),
};

static const struct basic_auth_arguments basic_auth_defaults = {
	.username = CONFIG_TEXT(""),
	.password = CONFIG_TEXT(""),
	.password_file = CONFIG_TEXT(""),
};

const struct config_schema http_basic_auth_schema = {
	.arguments = basic_auth_rows,
	.n_arguments = sizeof(basic_auth_rows) / sizeof(basic_auth_rows[0]),
	.defaults = &basic_auth_defaults,
	.n_bytes = sizeof(basic_auth_defaults),
};

static const struct config_argument authorization_rows[] = {
	AUTHORIZATION_ROW(type, CONFIG_ARGUMENT_TEXT),
	AUTHORIZATION_ROW(credentials, CONFIG_ARGUMENT_SECRET),
	AUTHORIZATION_ROW(credentials_file, CONFIG_ARGUMENT_TEXT),
};

static const struct authorization_arguments authorization_defaults = {
	.type = CONFIG_TEXT("Bearer"),
	.credentials = CONFIG_TEXT(""),
	.credentials_file = CONFIG_TEXT(""),
};

const struct config_schema http_authorization_schema = {
	.arguments = authorization_rows,
	.n_arguments = sizeof(authorization_rows) / sizeof(authorization_rows[0]),
	.defaults = &authorization_defaults,
	.n_bytes = sizeof(authorization_defaults),
};

/* By enum http_tls_version. */
static const char *const version_words[] = {"", "TLS10", "TLS11", "TLS12", "TLS13", NULL};

static const struct config_argument tls_rows[] = {
	TLS_ROW(ca_pem, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(ca_file, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(cert_pem, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(cert_file, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(key_pem, CONFIG_ARGUMENT_SECRET),
	TLS_ROW(key_file, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(server_name, CONFIG_ARGUMENT_TEXT),
	TLS_ROW(insecure_skip_verify, CONFIG_ARGUMENT_BOOL),
	{.name = "min_version",
	 .kind = CONFIG_ARGUMENT_WORD,
	 .offset = offsetof(struct tls_arguments, min_version),
	 .words = version_words},
};

static const struct tls_arguments tls_defaults = {
	.ca_pem = CONFIG_TEXT(""),
	.ca_file = CONFIG_TEXT(""),
	.cert_pem = CONFIG_TEXT(""),
	.cert_file = CONFIG_TEXT(""),
	.key_pem = CONFIG_TEXT(""),
	.key_file = CONFIG_TEXT(""),
	.server_name = CONFIG_TEXT(""),
};

const struct config_schema http_tls_schema = {
	.arguments = tls_rows,
	.n_arguments = sizeof(tls_rows) / sizeof(tls_rows[0]),
	.defaults = &tls_defaults,
	.n_bytes = sizeof(tls_defaults),
};

static const struct config_argument oauth2_rows[] = {
	OAUTH2_ROW(client_id, CONFIG_ARGUMENT_TEXT),
	OAUTH2_ROW(client_secret, CONFIG_ARGUMENT_SECRET),
	OAUTH2_ROW(client_secret_file, CONFIG_ARGUMENT_TEXT),
	OAUTH2_ROW(scopes, CONFIG_ARGUMENT_VALUE),
	OAUTH2_ROW(token_url, CONFIG_ARGUMENT_TEXT),
	OAUTH2_ROW(endpoint_params, CONFIG_ARGUMENT_MAP),
	HTTP_PROXY_ROWS(struct oauth2_arguments, proxy),
};

static const struct config_inner oauth2_inner[] = {
	{"tls_config", &http_tls_schema, offsetof(struct oauth2_arguments, tls_config), 1},
};

static const struct oauth2_arguments oauth2_defaults = {
	.client_id = CONFIG_TEXT(""),
	.client_secret = CONFIG_TEXT(""),
	.client_secret_file = CONFIG_TEXT(""),
	.token_url = CONFIG_TEXT(""),
	.proxy = {.url = CONFIG_TEXT(""), .no_proxy = CONFIG_TEXT("")},
};

const struct config_schema http_oauth2_schema = {
	.arguments = oauth2_rows,
	.n_arguments = sizeof(oauth2_rows) / sizeof(oauth2_rows[0]),
	.inner = oauth2_inner,
	.n_inner = sizeof(oauth2_inner) / sizeof(oauth2_inner[0]),
	.defaults = &oauth2_defaults,
	.n_bytes = sizeof(oauth2_defaults),
};

/* A block whose arguments are being looked at; faults are reported through it. */
struct looking {
	struct component_loading *loading;
	const struct config_schema *schema;
	const struct config_decoded *decoded;
	int refusal;
};

static const char *keep(const struct looking *at, struct config_text text)
{
	return text.n_bytes > 0 ? component_keep(at->loading, text) : NULL;
}

__attribute__((format(printf, 3, 4))) static void fault(struct looking *at, const char *name,
							const char *format, ...)
{
	cleanup_with(free_freep) char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	config_error(at->loading->diagnostics, config_place_of(at->schema, at->decoded, name), "%s",
		     n < 0 ? name : text);
	at->refusal = CONFIG_REFUSED;
}

/* A text, or a file with it: not both. */
static struct http_content content_of(struct looking *at, const char *name, struct config_text text,
				      struct config_text path)
{
	if (text.n_bytes > 0 && path.n_bytes > 0) {
		size_t n_stem = strcspn(name, "_"); /* ca_pem goes with ca_file */
		bool is_pem = strcmp(name + n_stem, "_pem") == 0;

		fault(at, name, "found %s and %.*s_file, expected at most one of them", name,
		      (int)(is_pem ? n_stem : strlen(name)), name);
	}
	return (struct http_content){keep(at, text), keep(at, path)};
}

const char *http_header_fault(struct config_text name, struct config_text value)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz";

	if (name.n_bytes == 0 || strspn(name.data, token) != name.n_bytes)
		return "its name, expected letters, digits and -";
	if (name.n_bytes + value.n_bytes > HEADER_BYTES_MAX)
		return "its length, expected at most 8192 bytes with its name";
	for (size_t i = 0; i < value.n_bytes; i++)
		if (((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') ||
		    value.data[i] == 0x7f)
			return "its value, expected no control characters";
	return NULL;
}

/* Flattens a map of lists: one pair for each value. */
static int keep_headers(struct looking *at, const char *argument, const struct config_object *map,
			const struct http_pair **ret_pairs, size_t *ret_n_pairs)
{
	struct http_pair *pairs;
	size_t n = 0;

	for (size_t i = 0; i < map->n_fields && n <= HEADERS_MAX; i++)
		n += map->fields[i].value.array.n_items;
	if (n > HEADERS_MAX) {
		fault(at, argument, "%s has more than %u values, expected less", argument,
		      HEADERS_MAX);
		return 0;
	}
	pairs = config_arena_array(at->loading->memory, n, sizeof(*pairs));
	if (!pairs)
		return at->loading->memory->error;
	*ret_pairs = pairs;
	*ret_n_pairs = n;
	for (size_t i = 0; i < map->n_fields; i++) {
		const struct config_field *field = &map->fields[i];

		for (size_t j = 0; j < field->value.array.n_items; j++, pairs++) {
			struct config_text value = field->value.array.items[j].text;
			const char *wrong = http_header_fault(field->key, value);

			if (wrong)
				fault(at, argument, "\"%s\" is wrong in %s", field->key.data,
				      wrong);
			else if (j == 0 && http_client_sets_header(field->key.data))
				config_warn(at->loading->diagnostics,
					    config_place_of(at->schema, at->decoded, argument),
					    "every request sets %s itself, this one is not used",
					    field->key.data);
			pairs->name = component_keep(at->loading, field->key);
			pairs->value = component_keep(at->loading, value);
		}
	}
	return 0;
}

static int load_proxy(struct looking *at, const struct http_proxy_arguments *arguments,
		      struct http_proxy_options *ret_options)
{
	bool has_url = arguments->url.n_bytes > 0, has_no = arguments->no_proxy.n_bytes > 0;
	const char *wrong = has_url ? http_proxy_url_fault(arguments->url) : NULL;

	if (wrong) /* not what it is: there may be a password in it */
		fault(at, "proxy_url", "proxy_url is no URL of a proxy, %s", wrong);
	if (arguments->from_environment && has_url)
		fault(at, "proxy_from_environment",
		      "found proxy_from_environment and proxy_url, expected at most one of them");
	else if (arguments->from_environment && has_no)
		fault(at, "proxy_from_environment",
		      "found proxy_from_environment and no_proxy, expected at most one of them");
	else if (has_no && !has_url)
		fault(at, "no_proxy", "found no_proxy without proxy_url, expected both");
	if (arguments->connect_header.n_fields > 0 && !has_url && !arguments->from_environment)
		fault(at, "proxy_connect_header",
		      "found proxy_connect_header without a proxy, expected proxy_url or "
		      "proxy_from_environment with it");
	*ret_options = (struct http_proxy_options){
		.url = keep(at, arguments->url),
		.no_proxy = keep(at, arguments->no_proxy),
		.from_environment = arguments->from_environment,
	};
	return keep_headers(at, "proxy_connect_header", &arguments->connect_header,
			    &ret_options->connect_headers, &ret_options->n_connect_headers);
}

static void check_mark(struct looking *at, const char *name, struct config_text pem,
		       const char *mark)
{
	if (pem.n_bytes > 0 && !memmem(pem.data, pem.n_bytes, mark, strlen(mark)))
		fault(at, name, "%s has no line with %s, expected PEM", name, mark);
}

static void load_tls(struct looking *outer, const struct config_inner_blocks *blocks,
		     struct http_tls_options *ret_options)
{
	const struct tls_arguments *arguments = blocks->items;
	struct looking at = {outer->loading, &http_tls_schema, NULL, 0};
	bool has_certificate, has_key;

	if (blocks->n_items == 0)
		return;
	at.decoded = &arguments->decoded;
	*ret_options = (struct http_tls_options){
		.ca = content_of(&at, "ca_pem", arguments->ca_pem, arguments->ca_file),
		.certificate =
			content_of(&at, "cert_pem", arguments->cert_pem, arguments->cert_file),
		.key = content_of(&at, "key_pem", arguments->key_pem, arguments->key_file),
		.server_name = keep(&at, arguments->server_name),
		.insecure_skip_verify = arguments->insecure_skip_verify,
		.min_version = (enum http_tls_version)arguments->min_version,
	};
	has_certificate = arguments->cert_pem.n_bytes + arguments->cert_file.n_bytes > 0;
	has_key = arguments->key_pem.n_bytes + arguments->key_file.n_bytes > 0;
	if (has_certificate && !has_key)
		fault(&at, "",
		      "found a client certificate without key_pem or key_file, expected "
		      "one of them");
	if (has_key && !has_certificate)
		fault(&at, "", "found a key without cert_pem or cert_file, expected one of them");
	check_mark(&at, "ca_pem", arguments->ca_pem, CERTIFICATE_MARK);
	check_mark(&at, "cert_pem", arguments->cert_pem, CERTIFICATE_MARK);
	check_mark(&at, "key_pem", arguments->key_pem, KEY_MARK);
	if (arguments->server_name.n_bytes > 0 &&
	    strcspn(arguments->server_name.data, "/@:?#[] \t\r\n") < arguments->server_name.n_bytes)
		fault(&at, "server_name", "server_name is \"%s\", expected a host's name",
		      arguments->server_name.data);
	outer->refusal = outer->refusal ? outer->refusal : at.refusal;
}

/* The scopes as the request has them: with blanks between. */
static int load_scopes(struct looking *at, const struct config_value *scopes,
		       const char **ret_scopes)
{
	struct bytes joined = BYTES_INIT(8192);
	struct config_text text = CONFIG_TEXT("");
	bool is_list = scopes->type == CONFIG_ARRAY;
	int r = 0;

	if (!is_list && scopes->type != CONFIG_NULL)
		fault(at, "scopes", "scopes is %s, expected a list of strings",
		      config_value_describe(scopes));
	for (size_t i = 0; r == 0 && is_list && i < scopes->array.n_items; i++) {
		r = config_value_to_text(at->loading->scratch, &scopes->array.items[i], &text);
		if (r == 0)
			bytes_printf(&joined, "%s%s", i > 0 ? " " : "", text.data);
		else if (r > 0)
			fault(at, "scopes", "scopes has %s in it, expected a list of strings",
			      config_value_describe(&scopes->array.items[i]));
	}
	if (joined.error == -EMSGSIZE)
		fault(at, "scopes", "scopes has more than %zu bytes, expected less",
		      joined.bytes_max);
	text = (struct config_text){joined.data ? (const char *)joined.data : "", joined.n_bytes};
	*ret_scopes = component_keep(at->loading, text);
	bytes_deinit(&joined);
	return r < 0 ? r : 0;
}

static int load_params(struct looking *at, const struct config_object *map,
		       struct http_oauth2_options *options)
{
	struct http_pair *pairs;

	if (map->n_fields > HEADERS_MAX) {
		fault(at, "endpoint_params", "endpoint_params has %zu entries, expected at most %u",
		      map->n_fields, HEADERS_MAX);
		return 0;
	}
	pairs = config_arena_array(at->loading->memory, map->n_fields, sizeof(*pairs));
	if (!pairs)
		return at->loading->memory->error;
	options->params = pairs;
	options->n_params = map->n_fields;
	for (size_t i = 0; i < map->n_fields; i++) {
		pairs[i].name = component_keep(at->loading, map->fields[i].key);
		pairs[i].value = component_keep(at->loading, map->fields[i].value.text);
	}
	return 0;
}

static int load_oauth2(struct looking *outer, const struct oauth2_arguments *arguments,
		       struct http_oauth2_options *options)
{
	struct looking at = {outer->loading, &http_oauth2_schema, &arguments->decoded, 0};
	const char *wrong = http_url_fault(arguments->token_url);
	int r;

	if (arguments->client_id.n_bytes == 0)
		fault(&at, "client_id", "oauth2 has no client_id, expected one");
	if (arguments->client_secret.n_bytes + arguments->client_secret_file.n_bytes == 0)
		fault(&at, "client_secret",
		      "oauth2 has no secret, expected client_secret or client_secret_file");
	if (arguments->token_url.n_bytes == 0)
		fault(&at, "token_url", "oauth2 has no token_url, expected one");
	else if (wrong)
		fault(&at, "token_url", "token_url is no URL of HTTP, %s", wrong);
	options->client_id = keep(&at, arguments->client_id);
	options->client_secret = content_of(&at, "client_secret", arguments->client_secret,
					    arguments->client_secret_file);
	options->token_url = keep(&at, arguments->token_url);
	load_tls(&at, &arguments->tls_config, &options->tls);
	r = load_scopes(&at, &arguments->scopes, &options->scopes);
	if (r == 0)
		r = load_params(&at, &arguments->endpoint_params, options);
	if (r == 0)
		r = load_proxy(&at, &arguments->proxy, &options->proxy);
	outer->refusal = outer->refusal ? outer->refusal : at.refusal;
	return r;
}

static void load_basic_auth(struct looking *outer, const struct basic_auth_arguments *arguments,
			    struct http_options *options)
{
	struct looking at = {outer->loading, &http_basic_auth_schema, &arguments->decoded, 0};

	options->authentication = HTTP_BASIC;
	options->user = component_keep(at.loading, arguments->username);
	options->secret =
		content_of(&at, "password", arguments->password, arguments->password_file);
	outer->refusal = outer->refusal ? outer->refusal : at.refusal;
}

static struct config_text trim(struct config_text text)
{
	while (text.n_bytes > 0 && strchr(" \t\r\n", text.data[0]))
		text = (struct config_text){text.data + 1, text.n_bytes - 1};
	while (text.n_bytes > 0 && strchr(" \t\r\n", text.data[text.n_bytes - 1]))
		text.n_bytes--;
	return text;
}

static void load_authorization(struct looking *outer,
			       const struct authorization_arguments *arguments,
			       struct http_options *options)
{
	struct looking at = {outer->loading, &http_authorization_schema, &arguments->decoded, 0};
	struct config_text type = trim(arguments->type);

	if (type.n_bytes == 0)
		type = (struct config_text)CONFIG_TEXT("Bearer");
	options->authentication = HTTP_CREDENTIALS;
	options->authentication_type = component_keep(at.loading, type);
	options->secret =
		content_of(&at, "credentials", arguments->credentials, arguments->credentials_file);
	if (options->authentication_type && strcasecmp(options->authentication_type, "basic") == 0)
		fault(&at, "type", "type is \"basic\", expected the block basic_auth for that");
	else if (http_header_fault((struct config_text)CONFIG_TEXT("Authorization"), type))
		fault(&at, "type",
		      "type has control characters in it, expected \"Bearer\" for "
		      "example");
	outer->refusal = outer->refusal ? outer->refusal : at.refusal;
}

static struct config_span block_place(const struct config_inner_blocks *blocks)
{
	const struct config_decoded *decoded = blocks->items; /* each begins with it */

	return decoded->block->name_span;
}

/* Of the five ways to say who we are there may be one. */
static void check_ways(struct looking *at, const struct http_arguments *arguments)
{
	const struct {
		const char *name;
		const struct config_inner_blocks *blocks;
		bool is_set;
	} ways[] = {
		{"basic_auth", &arguments->basic_auth, arguments->basic_auth.n_items > 0},
		{"authorization", &arguments->authorization, arguments->authorization.n_items > 0},
		{"oauth2", &arguments->oauth2, arguments->oauth2.n_items > 0},
		{"bearer_token", NULL, arguments->bearer_token.n_bytes > 0},
		{"bearer_token_file", NULL, arguments->bearer_token_file.n_bytes > 0},
	};
	struct config_span last = {0, 0}, here;
	const char *names[2] = {NULL, NULL}; /* the first two, in the order above */
	size_t n = 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!ways[i].is_set)
			continue;
		here = ways[i].blocks ? block_place(ways[i].blocks)
				      : config_place_of(at->schema, at->decoded, ways[i].name);
		last = here.start >= last.start ? here : last;
		if (n < 2)
			names[n] = ways[i].name;
		n++;
	}
	if (n < 2)
		return;
	config_error(at->loading->diagnostics, last,
		     "found %s and %s, expected at most one of basic_auth, authorization, oauth2, "
		     "bearer_token and bearer_token_file",
		     names[0], names[1]);
	at->refusal = CONFIG_REFUSED;
}

static int load_authentication(struct looking *at, const struct http_arguments *arguments,
			       struct http_options *options)
{
	check_ways(at, arguments);
	if (arguments->basic_auth.n_items > 0)
		load_basic_auth(at, arguments->basic_auth.items, options);
	if (arguments->authorization.n_items > 0)
		load_authorization(at, arguments->authorization.items, options);
	if (arguments->bearer_token.n_bytes + arguments->bearer_token_file.n_bytes > 0) {
		options->authentication = HTTP_CREDENTIALS;
		options->authentication_type = "Bearer";
		options->secret = (struct http_content){keep(at, arguments->bearer_token),
							keep(at, arguments->bearer_token_file)};
	}
	if (arguments->oauth2.n_items == 0)
		return 0;
	options->authentication = HTTP_OAUTH2;
	return load_oauth2(at, arguments->oauth2.items, &options->oauth2);
}

int http_arguments_load(struct component_loading *loading, const struct http_arguments_block *block,
			const struct http_options **ret_options)
{
	struct looking at = {loading, block->schema, block->decoded, 0};
	struct http_options *options = config_arena_alloc(loading->memory, sizeof(*options));
	int r;

	if (!options)
		return loading->memory->error;
	options->follow_redirects = block->arguments->follow_redirects;
	options->enable_http2 = block->arguments->enable_http2;
	load_tls(&at, &block->arguments->tls_config, &options->tls);
	r = load_authentication(&at, block->arguments, options);
	if (r == 0)
		r = load_proxy(&at, &block->arguments->proxy, &options->proxy);
	if (r == 0)
		r = keep_headers(&at, "http_headers", &block->arguments->headers, &options->headers,
				 &options->n_headers);
	if (r == 0)
		r = loading->memory->error;
	if (r == 0 && at.refusal == 0)
		*ret_options = options;
	return r ? r : at.refusal;
}
