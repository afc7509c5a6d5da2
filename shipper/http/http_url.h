#pragma once
/* URLs of http and https, and of proxies: what may be one, its pieces, whether two mean one place.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "config/arena.h"
#include "config/source.h"

#define HTTP_URL_BYTES_MAX 2048u

/* What is wrong with @url, which must begin with http:// or https://? NULL: nothing. Static. */
const char *http_url_fault(struct config_text url);

/* The same for a proxy's URL: http://, https://, socks5:// or socks5h://. */
const char *http_proxy_url_fault(struct config_text url);

/*
 * @url with "(secret)@" in the place of a user and a password, for messages: from @arena, or static
 * where that has no memory.
 */
const char *http_url_without_user(struct config_arena *arena, struct config_text url);

/* Pieces, all owned: http_url_deinit(). */
struct http_url {
	char *clean;    /* the whole without user, password and fragment: what may be printed */
	char *scheme;   /* in small letters */
	char *host;     /* in small letters, an IPv6 address without its brackets */
	char *path;     /* with the query; "/" at least */
	char *user;     /* decoded; NULL: there is none */
	char *password; /* decoded; "" at least where there is a user */
	uint16_t port;  /* the scheme's own when none is said */
	bool is_port_said;
	bool is_ipv6;
};

enum http_url_outcome { HTTP_URL_MALFORMED = 1 };

/* @ret_url is set on 0 only. Returns 0, -ENOMEM or HTTP_URL_MALFORMED. */
int http_url_parse(const char *text, struct http_url *ret_url) warn_unused_result;

void http_url_deinit(struct http_url *url);

/*
 * Whether what was meant for @from may go to @to as well: the same host, scheme and port; or the
 * same host from plain HTTP to TLS, each on its own port.
 */
bool http_url_is_same_place(const struct http_url *from, const struct http_url *to);
