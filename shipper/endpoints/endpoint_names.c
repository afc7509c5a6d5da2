#include "endpoints/endpoint_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/source.h"
#include "http/http_options.h"

#define TENANT_HEADER "X-Scope-OrgID"

/* A URL, cut into pieces that are borrowed from it. */
struct pieces {
	struct config_text scheme; /* with "://" */
	struct config_text user;   /* without the password */
	struct config_text rest;   /* from the host on */
};

static struct pieces cut(const char *url)
{
	const char *authority = strstr(url, "://");
	const char *user = authority ? authority + 3 : url;
	const char *at = memrchr(user, '@', strcspn(user, "/?#"));
	const char *rest = at ? at + 1 : user;
	size_t n_user = at ? strcspn(user, ":@") : 0;

	return (struct pieces){
		.scheme = {url, (size_t)(user - url)},
		.user = {user, n_user},
		.rest = {rest, strlen(rest)},
	};
}

static bool is_same_place(const struct pieces *a, const struct pieces *b)
{
	return config_text_compare(a->scheme, b->scheme) == 0 &&
	       config_text_compare(a->rest, b->rest) == 0;
}

static const char *tenant_of(const struct endpoint_configuration *endpoint)
{
	const struct http_options *http = endpoint->http;

	for (size_t i = 0; i < endpoint->n_headers; i++)
		if (strcasecmp(endpoint->headers[i].name, TENANT_HEADER) == 0)
			return endpoint->headers[i].value;
	for (size_t i = 0; http && i < http->n_headers; i++)
		if (strcasecmp(http->headers[i].name, TENANT_HEADER) == 0)
			return http->headers[i].value;
	return "";
}

/* Who we are there, as far as that has a name: of the URL, or of the options. */
static struct config_text user_of(const struct endpoint_configuration *endpoint)
{
	const struct http_options *http = endpoint->http;
	struct config_text user = cut(endpoint->url).user;
	const char *name = "";

	if (user.n_bytes > 0 || !http)
		return user;
	if (http->authentication == HTTP_BASIC)
		name = http->user;
	else if (http->authentication == HTTP_OAUTH2)
		name = http->oauth2.client_id;
	return (struct config_text){name, strlen(name)};
}

static bool is_same_endpoint(const struct endpoint_configuration *a,
			     const struct endpoint_configuration *b)
{
	struct pieces x = cut(a->url), y = cut(b->url);

	return is_same_place(&x, &y) && config_text_compare(user_of(a), user_of(b)) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(tenant_of(a), tenant_of(b)) == 0;
}

char *endpoint_label_new(const char *url, unsigned n)
{
	struct pieces self = cut(url);
	char *label = NULL;

	/* No URL has a blank in it: what has a number is never the plain label of another. */
	if (asprintf(&label, n > 1 ? "%.*s%s #%u" : "%.*s%s", (int)self.scheme.n_bytes,
		     self.scheme.data, self.rest.data, n) < 0)
		return NULL;
	return label;
}

char *endpoint_key_new(const struct configuration *configuration, size_t i)
{
	const struct endpoint_configuration *endpoint = &configuration->endpoints[i];
	struct pieces self = cut(endpoint->url);
	struct config_text user = user_of(endpoint);
	unsigned n_same = 0;
	char *key = NULL;

	for (size_t j = 0; j < i; j++)
		n_same += is_same_endpoint(&configuration->endpoints[j], endpoint);
	if (asprintf(&key, "%.*s%s\n%.*s\n%s\n%s\n%u", (int)self.scheme.n_bytes, self.scheme.data,
		     self.rest.data, (int)user.n_bytes, user.data, endpoint->name,
		     tenant_of(endpoint), n_same) < 0)
		return NULL;
	return key;
}
