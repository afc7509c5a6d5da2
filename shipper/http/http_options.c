#include "http/http_options.h"

#include <string.h>

const struct http_options http_options_default = {
	.oauth2 = {.scopes = ""},
	.follow_redirects = true,
	.enable_http2 = true,
};

static const char *copy_text(struct config_arena *memory, const char *text)
{
	return text ? config_arena_copy(memory, text, strlen(text)) : NULL;
}

static struct http_content copy_content(struct config_arena *memory, struct http_content from)
{
	return (struct http_content){copy_text(memory, from.text), copy_text(memory, from.path)};
}

static const struct http_pair *copy_pairs(struct config_arena *memory, const struct http_pair *from,
					  size_t n)
{
	struct http_pair *pairs = config_arena_array(memory, n, sizeof(*pairs));

	for (size_t i = 0; pairs && i < n; i++)
		pairs[i] = (struct http_pair){copy_text(memory, from[i].name),
					      copy_text(memory, from[i].value)};
	return pairs;
}

static void copy_tls(struct config_arena *memory, struct http_tls_options *tls)
{
	tls->ca = copy_content(memory, tls->ca);
	tls->certificate = copy_content(memory, tls->certificate);
	tls->key = copy_content(memory, tls->key);
	tls->server_name = copy_text(memory, tls->server_name);
}

static void copy_proxy(struct config_arena *memory, struct http_proxy_options *proxy)
{
	proxy->url = copy_text(memory, proxy->url);
	proxy->no_proxy = copy_text(memory, proxy->no_proxy);
	proxy->connect_headers =
		copy_pairs(memory, proxy->connect_headers, proxy->n_connect_headers);
}

static void copy_oauth2(struct config_arena *memory, struct http_oauth2_options *oauth2)
{
	oauth2->client_id = copy_text(memory, oauth2->client_id);
	oauth2->client_secret = copy_content(memory, oauth2->client_secret);
	oauth2->token_url = copy_text(memory, oauth2->token_url);
	oauth2->scopes = copy_text(memory, oauth2->scopes);
	oauth2->params = copy_pairs(memory, oauth2->params, oauth2->n_params);
	copy_tls(memory, &oauth2->tls);
	copy_proxy(memory, &oauth2->proxy);
}

int http_options_copy(struct config_arena *memory, const struct http_options *from,
		      struct http_options *ret_options)
{
	struct http_options options = *from;

	options.user = copy_text(memory, from->user);
	options.authentication_type = copy_text(memory, from->authentication_type);
	options.secret = copy_content(memory, from->secret);
	copy_oauth2(memory, &options.oauth2);
	copy_tls(memory, &options.tls);
	copy_proxy(memory, &options.proxy);
	options.headers = copy_pairs(memory, from->headers, from->n_headers);
	if (memory->error)
		return memory->error;
	*ret_options = options;
	return 0;
}

/* With its length before it, so that no two lists of texts read alike. */
static void print_text(struct bytes *out, const char *text)
{
	if (text)
		bytes_printf(out, "%zu:%s,", strlen(text), text);
	else
		bytes_append(out, "-,", 2);
}

static void print_content(struct bytes *out, const struct http_content *content)
{
	print_text(out, content->text);
	print_text(out, content->path);
}

static void print_pairs(struct bytes *out, const struct http_pair *pairs, size_t n)
{
	bytes_printf(out, "%zu[", n);
	for (size_t i = 0; i < n; i++) {
		print_text(out, pairs[i].name);
		print_text(out, pairs[i].value);
	}
}

static void print_tls(struct bytes *out, const struct http_tls_options *tls)
{
	print_content(out, &tls->ca);
	print_content(out, &tls->certificate);
	print_content(out, &tls->key);
	print_text(out, tls->server_name);
	bytes_printf(out, "%d %d,", tls->insecure_skip_verify, (int)tls->min_version);
}

static void print_proxy(struct bytes *out, const struct http_proxy_options *proxy)
{
	print_text(out, proxy->url);
	print_text(out, proxy->no_proxy);
	bytes_printf(out, "%d,", proxy->from_environment);
	print_pairs(out, proxy->connect_headers, proxy->n_connect_headers);
}

void http_oauth2_options_print(const struct http_oauth2_options *options, struct bytes *out)
{
	print_text(out, options->client_id);
	print_content(out, &options->client_secret);
	print_text(out, options->token_url);
	print_text(out, options->scopes);
	print_pairs(out, options->params, options->n_params);
	print_tls(out, &options->tls);
	print_proxy(out, &options->proxy);
}

void http_options_print(const struct http_options *options, struct bytes *out)
{
	bytes_printf(out, "%d,", (int)options->authentication);
	print_text(out, options->user);
	print_text(out, options->authentication_type);
	print_content(out, &options->secret);
	http_oauth2_options_print(&options->oauth2, out);
	print_tls(out, &options->tls);
	print_proxy(out, &options->proxy);
	bytes_printf(out, "%d %d,", options->follow_redirects, options->enable_http2);
	print_pairs(out, options->headers, options->n_headers);
}
