#pragma once
/*
 * How to speak HTTP to one server: who we say we are, whom we trust, by which proxy we go.
 * Decoded from the options that pyroscope.write's endpoints, discovery.docker and
 * discovery.kubernetes have in common (http_arguments.h); immutable.
 *
 * All strings are borrowed from the configuration. Many are secrets: they are never logged, and
 * never part of a message. Files are named, not read: http_client reads them when it needs them.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "config/arena.h"

struct http_pair {
	const char *name;
	const char *value;
};

/* A text that is written in the configuration, or in a file that may change; or neither. */
struct http_content {
	const char *text; /* NULL: not set */
	const char *path; /* NULL: not set; of both, the text */
};

enum http_tls_version {
	HTTP_TLS_DEFAULT, /* 1.2 */
	HTTP_TLS_1_0,
	HTTP_TLS_1_1,
	HTTP_TLS_1_2,
	HTTP_TLS_1_3,
};

struct http_tls_options {
	struct http_content ca; /* PEM; where it is set, nobody else is trusted */
	struct http_content certificate;
	struct http_content key;
	const char *server_name; /* NULL: the URL's host */
	bool insecure_skip_verify;
	enum http_tls_version min_version;
};

struct http_proxy_options {
	const char *url;       /* NULL: none */
	const char *no_proxy;  /* hosts, domains, addresses and CIDRs that are reached directly */
	bool from_environment; /* HTTP_PROXY, HTTPS_PROXY, NO_PROXY */
	size_t n_connect_headers;
	const struct http_pair *connect_headers; /* for the proxy, in its CONNECT only */
};

enum http_authentication {
	HTTP_ANONYMOUS, /* or as the URL says: user:password@ */
	HTTP_BASIC,
	HTTP_CREDENTIALS, /* Authorization: TYPE CREDENTIALS, a bearer token for example */
	HTTP_OAUTH2,
};

/* Client credentials grant: a token for an id and a secret. */
struct http_oauth2_options {
	const char *client_id;
	struct http_content client_secret;
	const char *token_url;
	const char *scopes; /* with blanks between; "" for none */
	size_t n_params;
	const struct http_pair *params; /* more of the token request's form */
	struct http_tls_options tls;    /* for the token's server */
	struct http_proxy_options proxy;
};

struct http_options {
	enum http_authentication authentication;
	const char *user;                /* HTTP_BASIC */
	const char *authentication_type; /* HTTP_CREDENTIALS: "Bearer" */
	struct http_content secret;      /* HTTP_BASIC: password; HTTP_CREDENTIALS */
	struct http_oauth2_options oauth2;
	struct http_tls_options tls;
	struct http_proxy_options proxy;
	bool follow_redirects;
	bool enable_http2; /* over TLS, where the server has it */
	size_t n_headers;
	const struct http_pair *headers; /* of every request; a name may stand more than once */
};

/* Nothing is said: anonymous, the system's authorities, no proxy. */
extern const struct http_options http_options_default;

/*
 * Copies all of @from into @memory, so that it outlives its configuration.
 * Returns 0 or the arena's error; @ret_options is set on 0 only.
 */
int http_options_copy(struct config_arena *memory, const struct http_options *from,
		      struct http_options *ret_options) warn_unused_result;

/*
 * Appends a text that is equal for equal options only. There are secrets in it: it is for
 * comparing and hashing. oauth2's alone: what a token depends on.
 */
void http_options_print(const struct http_options *options, struct bytes *out);
void http_oauth2_options_print(const struct http_oauth2_options *options, struct bytes *out);
