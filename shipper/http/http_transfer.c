#include "http/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "http/http_arguments.h"
#include "http/http_content.h"
#include "http/http_proxy.h"

#define CRAWL_BYTES_PER_S  64L
#define STREAM_BYTES_PER_S 1L /* an open stream may have nothing to say for long */
#define KEEP_ALIVE_S       30L
#define IDLE_CONNECTION_S  300L
#define MS_NS              UINT64_C(1000000)
#define AUTHORIZATION      "Authorization"

static const char user_agent[] = "Triptych/" TRIPTYCH_VERSION " (linux)";

static bool append_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return false;
	*list = longer;
	return true;
}

static int append_header(struct curl_slist **list, const char *name, const char *value)
{
	cleanup_with(http_secret_freep) char *line = NULL;

	/* libcurl takes "name:" for an order to leave it out, and "name;" for an empty one. */
	if (asprintf(&line, value[0] ? "%s: %s" : "%s;", name, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return append_line(list, line) ? 0 : -ENOMEM;
}

static const struct http_pair *find_header(const struct http_pair *pairs, size_t n,
					   const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(pairs[i].name, name) == 0)
			return &pairs[i];
	return NULL;
}

bool http_headers_have(const struct http_pair *pairs, size_t n, const char *line)
{
	for (size_t i = 0; i < n; i++) {
		size_t n_name = strlen(pairs[i].name);

		if (strncasecmp(pairs[i].name, line, n_name) == 0 && line[n_name] == ':')
			return true;
	}
	return false;
}

/* Those that belong to the connection. */
bool http_client_sets_header(const char *name)
{
	static const char *const reserved[] = {
		"Connection", "Content-Length",      "Expect",           "Keep-Alive",
		"Host",       "Proxy-Authorization", "Proxy-Connection", "TE",
		"Trailer",    "Transfer-Encoding",   "Upgrade",
	};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcasecmp(reserved[i], name) == 0)
			return true;
	return false;
}

/* The user's headers: those that nobody else sets. */
static int append_private(struct http_transfer *transfer, const struct http_pair *pairs, size_t n)
{
	const struct http_request *request = &transfer->request;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (http_client_sets_header(pairs[i].name) ||
		    find_header(request->headers, request->n_headers, pairs[i].name))
			continue;
		r = append_header(&transfer->headers, pairs[i].name, pairs[i].value);
	}
	return r;
}

/* Reads a secret for a header. NULL and HTTP_OVER when it is not to be had. */
static int read_secret(struct http_transfer *transfer, const struct http_content *content,
		       char **ret_secret)
{
	cleanup_with(http_secret_freep) char *secret = NULL;
	int r = http_secret_read(content, &secret);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		http_transfer_end(transfer, HTTP_DENIED, "%s: %s", content->path, strerror(-r));
		return 0;
	}
	if (!secret[0] && content->path && transfer->options.authentication == HTTP_CREDENTIALS) {
		http_transfer_end(transfer, HTTP_DENIED, "%s: it is empty", content->path);
		return 0;
	}
	*ret_secret = take_ptr(secret);
	return 0;
}

static int base64(const char *data, size_t n_bytes, char **ret_text)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((n_bytes + 2) / 3 * 4 + 1), *at = text;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < n_bytes; i += 3) {
		uint32_t bits = (uint32_t)(unsigned char)data[i] << 16;

		if (i + 1 < n_bytes)
			bits |= (uint32_t)(unsigned char)data[i + 1] << 8;
		if (i + 2 < n_bytes)
			bits |= (unsigned char)data[i + 2];
		*at++ = letters[bits >> 18];
		*at++ = letters[bits >> 12 & 63];
		*at++ = i + 1 < n_bytes ? letters[bits >> 6 & 63] : '=';
		*at++ = i + 2 < n_bytes ? letters[bits & 63] : '=';
	}
	*at = '\0';
	*ret_text = text;
	return 0;
}

static int append_basic(struct http_transfer *transfer, const char *user, const char *password)
{
	cleanup_with(http_secret_freep) char *pair = NULL;
	cleanup_with(http_secret_freep) char *text = NULL;
	cleanup_with(http_secret_freep) char *value = NULL;

	if (asprintf(&pair, "%s:%s", user, password) < 0) {
		pair = NULL;
		return -ENOMEM;
	}
	if (base64(pair, strlen(pair), &text) < 0)
		return -ENOMEM;
	if (asprintf(&value, "Basic %s", text) < 0) {
		value = NULL;
		return -ENOMEM;
	}
	return append_header(&transfer->headers, AUTHORIZATION, value);
}

static int append_credentials(struct http_transfer *transfer, const char *type, const char *secret)
{
	cleanup_with(http_secret_freep) char *value = NULL;

	if (asprintf(&value, "%s %s", type, secret) < 0) {
		value = NULL;
		return -ENOMEM;
	}
	if (http_header_fault((struct config_text)CONFIG_TEXT(AUTHORIZATION),
			      (struct config_text){value, strlen(value)})) {
		http_transfer_end(transfer, HTTP_DENIED,
				  "the credentials have control characters in them, or are longer "
				  "than a header may be");
		return 0;
	}
	return append_header(&transfer->headers, AUTHORIZATION, value);
}

/* Who we are: by a header of the user's, else by the URL, else by the options, as in Go. */
static int append_authorization(struct http_transfer *transfer, const char *bearer)
{
	const struct http_options *options = &transfer->options;
	const struct http_request *request = &transfer->request;
	cleanup_with(http_secret_freep) char *secret = NULL;
	int r = 0;

	if (find_header(request->private_headers, request->n_private_headers, AUTHORIZATION) ||
	    find_header(options->headers, options->n_headers, AUTHORIZATION))
		return 0;
	if (transfer->origin.user)
		return append_basic(transfer, transfer->origin.user, transfer->origin.password);
	if (options->authentication == HTTP_BASIC || options->authentication == HTTP_CREDENTIALS) {
		r = read_secret(transfer, &options->secret, &secret);
		if (r < 0 || !secret)
			return r;
	}
	switch (options->authentication) {
	case HTTP_BASIC:
		return append_basic(transfer, options->user, secret);
	case HTTP_CREDENTIALS:
		return append_credentials(transfer, options->authentication_type, secret);
	case HTTP_OAUTH2: /* its type is part of it */
		return append_header(&transfer->headers, AUTHORIZATION, bearer);
	case HTTP_ANONYMOUS:
		break;
	}
	return 0;
}

static int make_headers(struct http_transfer *transfer, const char *bearer)
{
	const struct http_request *request = &transfer->request;
	const struct http_options *options = &transfer->options;
	int r = 0;

	/* libcurl would ask first ("Expect: 100-continue") whether it may send a body. */
	if (!append_line(&transfer->headers, "Expect:"))
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < request->n_headers; i++)
		r = append_header(&transfer->headers, request->headers[i].name,
				  request->headers[i].value);
	if (r < 0 || transfer->has_left)
		return r;
	r = append_authorization(transfer, bearer);
	if (r == 0)
		r = append_private(transfer, request->private_headers, request->n_private_headers);
	if (r == 0)
		r = append_private(transfer, options->headers, options->n_headers);
	return r;
}

static void set_text(CURL *easy, CURLoption option, const char *text)
{
	(void)curl_easy_setopt(easy, option, text);
}

/* PEM for libcurl, for the server and for a proxy that is spoken to by TLS. */
static int set_pem(struct http_transfer *transfer, const struct http_content *content,
		   CURLoption option, CURLoption proxy_option)
{
	struct bytes pem = BYTES_INIT(HTTP_CONTENT_BYTES_MAX);
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	int r;

	if (!content->text && !content->path)
		return 0;
	r = http_content_read(content, &pem);
	if (r == 0) {
		blob.data = pem.data;
		blob.len = pem.n_bytes;
		(void)curl_easy_setopt(transfer->easy, option, &blob);
		(void)curl_easy_setopt(transfer->easy, proxy_option, &blob);
	} else if (r != -ENOMEM) {
		http_transfer_end(transfer, HTTP_UNTRUSTED, "%s: %s", content->path, strerror(-r));
		r = 0;
	}
	if (pem.data)
		explicit_bzero(pem.data, pem.capacity_bytes);
	bytes_deinit(&pem);
	return r;
}

static void set_tls_version(CURL *easy, enum http_tls_version version)
{
	static const long versions[] = {
		[HTTP_TLS_DEFAULT] = CURL_SSLVERSION_TLSv1_2,
		[HTTP_TLS_1_0] = CURL_SSLVERSION_TLSv1_0,
		[HTTP_TLS_1_1] = CURL_SSLVERSION_TLSv1_1,
		[HTTP_TLS_1_2] = CURL_SSLVERSION_TLSv1_2,
		[HTTP_TLS_1_3] = CURL_SSLVERSION_TLSv1_3,
	};

	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, versions[version]);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, versions[version]);
	if (version == HTTP_TLS_1_0 || version == HTTP_TLS_1_1) /* OpenSSL has them there only */
		set_text(easy, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
}

static int set_tls(struct http_transfer *transfer)
{
	const struct http_tls_options *tls = &transfer->options.tls;
	CURL *easy = transfer->easy;
	int r;

	set_tls_version(easy, tls->min_version);
	if (tls->insecure_skip_verify) {
		(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
		(void)curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 0L);
	}
	if (tls->ca.text || tls->ca.path) { /* the system's directory would be trusted beside it */
		set_text(easy, CURLOPT_CAPATH, NULL);
		set_text(easy, CURLOPT_PROXY_CAPATH, NULL);
	}
	r = set_pem(transfer, &tls->ca, CURLOPT_CAINFO_BLOB, CURLOPT_PROXY_CAINFO_BLOB);
	if (r < 0 || transfer->has_left) /* a certificate says who we are, too */
		return r;
	r = set_pem(transfer, &tls->certificate, CURLOPT_SSLCERT_BLOB, CURLOPT_PROXY_SSLCERT_BLOB);
	if (r == 0)
		r = set_pem(transfer, &tls->key, CURLOPT_SSLKEY_BLOB, CURLOPT_PROXY_SSLKEY_BLOB);
	return r;
}

/* The proxy's URL without its user, who goes into options of his own. */
static int use_proxy(struct http_transfer *transfer, const struct http_url *proxy)
{
	const struct http_proxy_options *options = &transfer->options.proxy;
	cleanup_with(free_freep) char *address = NULL;
	bool is_socks = strncmp(proxy->scheme, "socks", 5) == 0;
	int r = 0;

	if (asprintf(&address, proxy->is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u",
		     is_socks ? "socks5h" : proxy->scheme, proxy->host, proxy->port) < 0) {
		address = NULL;
		return -ENOMEM;
	}
	set_text(transfer->easy, CURLOPT_PROXY, address);
	set_text(transfer->easy, CURLOPT_NOPROXY, "");
	if (proxy->user) {
		set_text(transfer->easy, CURLOPT_PROXYUSERNAME, proxy->user);
		set_text(transfer->easy, CURLOPT_PROXYPASSWORD, proxy->password);
	}
	for (size_t i = 0; r == 0 && i < options->n_connect_headers; i++)
		r = append_header(&transfer->proxy_headers, options->connect_headers[i].name,
				  options->connect_headers[i].value);
	if (r < 0)
		return r;
	/* For CONNECT only: to a proxy that sees requests, libcurl would send them with each. */
	if (strcmp(transfer->url.scheme, "https") == 0)
		(void)curl_easy_setopt(transfer->easy, CURLOPT_PROXYHEADER,
				       transfer->proxy_headers);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	return 0;
}

/* A proxy of the environment may come without its scheme. */
static int parse_proxy(const char *text, struct http_url *ret_proxy)
{
	cleanup_with(free_freep) char *whole = NULL;

	if (asprintf(&whole, "%s%s", strstr(text, "://") ? "" : "http://", text) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	if (http_proxy_url_fault((struct config_text){whole, strlen(whole)}))
		return HTTP_URL_MALFORMED;
	return http_url_parse(whole, ret_proxy);
}

static int set_proxy(struct http_transfer *transfer)
{
	const char *text = transfer->request.unix_socket
				   ? NULL
				   : http_proxy_for(&transfer->options.proxy, &transfer->url);
	struct http_url proxy;
	int r;

	set_text(transfer->easy, CURLOPT_PROXY, ""); /* not what the environment says */
	set_text(transfer->easy, CURLOPT_NOPROXY, "*");
	if (!text)
		return 0;
	r = parse_proxy(text, &proxy);
	if (r > 0)
		http_transfer_end(transfer, HTTP_UNUSABLE, "the proxy's URL is none");
	if (r != 0)
		return r < 0 ? r : 0;
	r = use_proxy(transfer, &proxy);
	http_url_deinit(&proxy);
	return r;
}

/*
 * Another name for TLS than the URL's: libcurl takes the name from the URL, so the URL gets that
 * name and the connection is told to go where it should.
 */
static int set_server_name(struct http_transfer *transfer)
{
	const struct http_url *url = &transfer->url;
	const char *name = transfer->options.tls.server_name;
	cleanup_with(free_freep) char *text = NULL;
	cleanup_with(free_freep) char *to = NULL;
	cleanup_with(free_freep) char *host = NULL;
	const char *open = url->is_ipv6 ? "[" : "", *close = url->is_ipv6 ? "]" : "";
	char port[16] = "";

	if (url->is_port_said)
		(void)snprintf(port, sizeof(port), ":%u", url->port);
	if (asprintf(&text, "https://%s:%u%s", name, url->port, url->path) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (asprintf(&to, "%s:%u:%s%s%s:%u", name, url->port, open, url->host, close, url->port) <
	    0) {
		to = NULL;
		return -ENOMEM;
	}
	if (asprintf(&host, "%s%s%s%s", open, url->host, close, port) < 0) {
		host = NULL;
		return -ENOMEM;
	}
	set_text(transfer->easy, CURLOPT_URL, text);
	if (!append_line(&transfer->connect_to, to))
		return -ENOMEM;
	(void)curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	return append_header(&transfer->headers, "Host", host);
}

static void set_method(struct http_transfer *transfer)
{
	const struct http_request *request = &transfer->request;
	CURL *easy = transfer->easy;

	if (strcmp(request->method, "HEAD") == 0) {
		(void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(request->method, "GET") == 0) {
		(void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	} else {
		(void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
				       request->body ? request->body : "");
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)request->n_body_bytes);
		set_text(easy, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static void set_times(struct http_transfer *transfer)
{
	const struct http_request *request = &transfer->request;
	uint64_t now_ns = clock_monotonic_ns(), left_ms;
	CURL *easy = transfer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
	if (transfer->deadline_ns > 0) {
		left_ms = transfer->deadline_ns > now_ns ? (transfer->deadline_ns - now_ns) / MS_NS
							 : 0;
		(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);
	}
	if (request->idle_timeout_ms > 0) {
		(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT,
				       request->on_bytes ? STREAM_BYTES_PER_S : CRAWL_BYTES_PER_S);
		(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
				       (long)((request->idle_timeout_ms + 999) / 1000));
	}
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEP_ALIVE_S);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEP_ALIVE_S);
	(void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
}

static int on_request(void *context, char *to, char *from, int to_port, int from_port)
{
	struct http_transfer *transfer = context;

	(void)to, (void)from, (void)to_port, (void)from_port;
	transfer->n_sent++;
	return CURL_PREREQFUNC_OK;
}

/* None of these can fail but for memory, and then the request fails, too. */
static void set_basics(struct http_transfer *transfer)
{
	CURL *easy = transfer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	set_text(easy, CURLOPT_URL, transfer->url.clean);
	set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	set_text(easy, CURLOPT_USERAGENT, user_agent);
	set_text(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			       transfer->options.enable_http2 ? (long)CURL_HTTP_VERSION_2TLS
							      : (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_transfer_on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (transfer->request.unix_socket)
		set_text(easy, CURLOPT_UNIX_SOCKET_PATH, transfer->request.unix_socket);
}

static int set_all(struct http_transfer *transfer, const char *bearer)
{
	bool is_tls = strcmp(transfer->url.scheme, "https") == 0;
	int r;

	set_basics(transfer);
	set_method(transfer);
	set_times(transfer);
	r = make_headers(transfer, bearer);
	if (r == 0)
		r = set_proxy(transfer);
	if (r == 0)
		r = set_tls(transfer);
	if (r == 0 && is_tls && transfer->options.tls.server_name && !transfer->has_left)
		r = set_server_name(transfer);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return r;
}

int http_transfer_prepare(struct http_transfer *transfer, const char *bearer)
{
	transfer->error[0] = '\0';
	transfer->n_bytes = 0;
	transfer->n_sent = 0;
	transfer->is_passed_over = false;
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return -ENOMEM;
	return set_all(transfer, bearer);
}

void http_transfer_ground(struct http_transfer *transfer)
{
	if (transfer->easy && transfer->phase == HTTP_FLYING)
		(void)curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->proxy_headers);
	curl_slist_free_all(transfer->connect_to);
	transfer->easy = NULL;
	transfer->headers = NULL;
	transfer->proxy_headers = NULL;
	transfer->connect_to = NULL;
}

enum http_outcome http_transfer_outcome(const struct http_transfer *transfer, CURLcode code)
{
	long connect_status = 0;

	switch (code) {
	case CURLE_OK:
		return HTTP_ANSWERED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return HTTP_UNTRUSTED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_UNUSABLE;
	case CURLE_WRITE_ERROR: /* ours */
		return transfer->is_stopped    ? HTTP_STOPPED
		       : transfer->is_too_long ? HTTP_TOO_LONG
					       : HTTP_LOST;
	default:
		break;
	}
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status == 401 || connect_status == 403 || connect_status == 407)
		return HTTP_DENIED;
	return transfer->n_sent > 0 ? HTTP_LOST : HTTP_UNREACHED;
}
