#include "http/http_url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "config/value.h"

#define SOCKS_PORT 1080u

static bool has_prefix(struct config_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n_bytes >= n && strncasecmp(text.data, prefix, n) == 0;
}

/* What is wrong with @port, which follows a host's colon? */
static const char *port_fault(const char *port, size_t n_bytes)
{
	uint64_t number;

	if (config_parse_uint((struct config_text){port, n_bytes}, &number) != 0 || number == 0 ||
	    number > UINT16_MAX)
		return "expected a port from 1 to 65535";
	return NULL;
}

/* What is wrong with what follows the scheme? */
static const char *authority_fault(const char *rest)
{
	size_t n_authority = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', n_authority);
	const char *host = at ? at + 1 : rest, *end = rest + n_authority, *colon;

	if (host == end || *host == ':')
		return "expected a host, such as http://pyroscope:4040";
	if (*host == '[') {
		host = memchr(host, ']', (size_t)(end - host));
		if (!host || (host + 1 != end && host[1] != ':'))
			return "expected an address in brackets, such as http://[::1]:4040";
	}
	colon = memchr(host, ':', (size_t)(end - host));
	return colon ? port_fault(colon + 1, (size_t)(end - colon - 1)) : NULL;
}

/* @schemes is ended by NULL. */
static const char *url_fault(struct config_text url, const char *const *schemes,
			     const char *expected)
{
	if (url.n_bytes > HTTP_URL_BYTES_MAX)
		return "expected at most 2048 bytes";
	for (size_t i = 0; i < url.n_bytes; i++)
		if ((unsigned char)url.data[i] <= 0x20 || url.data[i] == 0x7f)
			return "expected no blanks and control characters";
	for (; *schemes; schemes++)
		if (has_prefix(url, *schemes))
			return authority_fault(url.data + strlen(*schemes));
	return expected;
}

const char *http_url_fault(struct config_text url)
{
	static const char *const schemes[] = {"http://", "https://", NULL};

	return url_fault(url, schemes, "expected http:// or https://");
}

const char *http_proxy_url_fault(struct config_text url)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://",
					      NULL};

	return url_fault(url, schemes, "expected http://, https:// or socks5://");
}

const char *http_url_without_user(struct config_arena *arena, struct config_text url)
{
	static const char mask[] = "(secret)";
	const char *scheme_end = memmem(url.data, url.n_bytes, "://", 3);
	const char *user = scheme_end ? scheme_end + 3 : url.data;
	size_t n_before = (size_t)(user - url.data);
	/* The last @ of all: a password with a slash in it makes the URL wrong, and may not show.
	 */
	const char *at = memrchr(user, '@', url.n_bytes - n_before);
	size_t n_rest = at ? url.n_bytes - (size_t)(at - url.data) : 0;
	char *text;

	if (!at)
		return url.data;
	text = config_arena_alloc(arena, n_before + sizeof(mask) + n_rest);
	if (!text)
		return mask;
	memcpy(text, url.data, n_before);
	memcpy(text + n_before, mask, sizeof(mask) - 1);
	memcpy(text + n_before + sizeof(mask) - 1, at, n_rest);
	return text;
}

static void curl_stringp(char **text)
{
	curl_free(*text);
}

static void curl_urlp(CURLU **url)
{
	curl_url_cleanup(*url);
}

/* One piece, in our memory. */
static int take_part(CURLU *handle, CURLUPart part, unsigned flags, char **ret_text)
{
	cleanup_with(curl_stringp) char *text = NULL;
	CURLUcode code = curl_url_get(handle, part, &text, flags);

	if (code != CURLUE_OK)
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : HTTP_URL_MALFORMED;
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* Where there is a user or a password, both are there afterwards. */
static int take_user(CURLU *handle, struct http_url *url)
{
	int user = take_part(handle, CURLUPART_USER, CURLU_URLDECODE, &url->user);
	int password = take_part(handle, CURLUPART_PASSWORD, CURLU_URLDECODE, &url->password);

	if (user < 0 || password < 0)
		return -ENOMEM;
	if (user != 0 && password != 0)
		return 0;
	if (user != 0)
		url->user = strdup("");
	if (password != 0)
		url->password = strdup("");
	return url->user && url->password ? 0 : -ENOMEM;
}

static int take_host(CURLU *handle, struct http_url *url)
{
	cleanup_with(free_freep) char *port = NULL;
	int r = take_part(handle, CURLUPART_HOST, 0, &url->host);
	uint64_t number = 0;
	size_t n;

	if (r != 0)
		return r;
	lower(url->host);
	n = strlen(url->host);
	if (n > 2 && url->host[0] == '[') {
		url->is_ipv6 = true;
		memmove(url->host, url->host + 1, n - 2);
		url->host[n - 2] = '\0';
	}
	r = take_part(handle, CURLUPART_PORT, 0, &port);
	url->is_port_said = r == 0;
	url->port = SOCKS_PORT;
	if (r > 0 && strncmp(url->scheme, "socks", 5) == 0)
		return 0;
	if (r > 0)
		r = take_part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
	if (r == 0 && config_parse_uint((struct config_text){port, strlen(port)}, &number) != 0)
		r = HTTP_URL_MALFORMED;
	url->port = (uint16_t)number; /* libcurl takes no more than 65535 */
	return r;
}

static int take_path(CURLU *handle, struct http_url *url)
{
	cleanup_with(free_freep) char *path = NULL;
	cleanup_with(free_freep) char *query = NULL;
	int r = take_part(handle, CURLUPART_PATH, 0, &path);

	if (r != 0)
		return r;
	r = take_part(handle, CURLUPART_QUERY, 0, &query);
	if (r < 0)
		return r;
	if (asprintf(&url->path, "%s%s%s", path, query ? "?" : "", query ? query : "") < 0) {
		url->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int take_parts(CURLU *handle, struct http_url *url)
{
	int r = take_part(handle, CURLUPART_SCHEME, 0, &url->scheme);

	if (r != 0)
		return r;
	lower(url->scheme);
	r = take_host(handle, url);
	if (r == 0)
		r = take_path(handle, url);
	if (r == 0)
		r = take_user(handle, url);
	if (r != 0)
		return r;
	(void)curl_url_set(handle, CURLUPART_USER, NULL, 0); /* taking away cannot fail */
	(void)curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
	(void)curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
	return take_part(handle, CURLUPART_URL, 0, &url->clean);
}

int http_url_parse(const char *text, struct http_url *ret_url)
{
	cleanup_with(curl_urlp) CURLU *handle = curl_url();
	struct http_url url = {0};
	CURLUcode code;
	int r;

	if (!handle)
		return -ENOMEM;
	code = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK)
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : HTTP_URL_MALFORMED;
	r = take_parts(handle, &url);
	if (r != 0) {
		http_url_deinit(&url);
		return r;
	}
	*ret_url = url;
	return 0;
}

void http_url_deinit(struct http_url *url)
{
	free(url->clean);
	free(url->scheme);
	free(url->host);
	free(url->path);
	free(url->user);
	free(url->password);
	*url = (struct http_url){0};
}

bool http_url_is_same_place(const struct http_url *from, const struct http_url *to)
{
	if (strcmp(from->host, to->host) != 0)
		return false;
	if (strcmp(from->scheme, to->scheme) == 0)
		return from->port == to->port;
	return strcmp(from->scheme, "http") == 0 && strcmp(to->scheme, "https") == 0 &&
	       from->port == 80 && to->port == 443;
}
