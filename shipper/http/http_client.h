#pragma once
/*
 * HTTP requests of this process, any number at a time, in the caller's event loop: one fd, one
 * deadline. The only module that sets libcurl's options; authentication, tokens of OAuth2, proxies,
 * TLS and redirects happen in here, so that a caller sees a request and its answer.
 *
 * Files of tokens, passwords and certificates are read again for each request: what changed is used
 * from the next one on. Credentials go to the host that they are for, no redirect carries them
 * elsewhere. No message has a secret or a URL's user in it.
 *
 * One thread. Callbacks are called in http_client_run() only; within them requests may be started
 * and cancelled, their own, too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "http/http_options.h"

#define HTTP_NONE               UINT64_MAX /* no deadline */
#define HTTP_COLLECT_BYTES_MAX  (64u * 1024u)
#define HTTP_CONNECT_TIMEOUT_MS 30000u

struct http_client;
struct http_transfer;

/* Call once before the process is confined: TLS libraries read their files. 0 or -ENOMEM. */
int http_client_init(void) warn_unused_result;

/* *@ret_client is owned: http_client_free(). Returns 0 or a negative errno. */
int http_client_open(struct http_client **ret_client) warn_unused_result;

/* Ends what is in flight without a word to those who wait for it. NULL is fine. */
void http_client_free(struct http_client *client);

/* How far a request came. */
enum http_outcome {
	HTTP_ANSWERED,  /* there is a status, and the whole body came */
	HTTP_UNREACHED, /* no connection: nothing was sent */
	HTTP_LOST,      /* sent; the answer did not come, or not all of it */
	HTTP_UNTRUSTED, /* TLS: not who it should be, or our certificates do not work */
	HTTP_DENIED,    /* no credentials to send: a file is missing, a token was refused; or the
			   proxy will not have us */
	HTTP_UNUSABLE,  /* the URL is none */
	HTTP_STOPPED,   /* on_bytes said so */
	HTTP_TOO_LONG,  /* the body has more than bytes_max */
};

/* A finished request. All of it is borrowed for the call of on_done. */
struct http_result {
	enum http_outcome outcome;
	long status;              /* 0: none came */
	const char *content_type; /* "" when there is none */
	const char *data;         /* the body, where there was no on_bytes; foreign bytes */
	size_t n_bytes;
	int64_t retry_after_s; /* 0: not said; may be nonsense */
	bool was_repeated;     /* sent again by libcurl when a kept connection broke: came twice? */
	const char *error;     /* for people, one line; "" when there is nothing to say */
	const struct http_transfer *transfer; /* for http_result_header() */
};

/* The value of the answer's header @name, borrowed like @result; NULL: there is none. */
const char *http_result_header(const struct http_result *result, const char *name);

struct http_request {
	const char *method; /* "GET", "POST"; static */
	const char *url;    /* http:// or https:// */
	const char
		*unix_socket; /* NULL, or the path of a socket that is asked in place of the host */
	const struct http_options *options; /* NULL: http_options_default */
	size_t n_headers;
	const struct http_pair *headers; /* an empty value sends an empty header */
	size_t n_private_headers; /* of the user: for this place only, and none that is in headers
				   */
	const struct http_pair *private_headers;
	const void *body; /* borrowed until the end; the rest for the call only */
	size_t n_body_bytes;
	uint32_t timeout_ms;      /* from the connection on; 0: none */
	uint32_t idle_timeout_ms; /* ends a request on which nothing came for so long; 0: never */
	uint64_t bytes_max;       /* of the body that comes; 0: HTTP_COLLECT_BYTES_MAX */

	/*
	 * Takes the body piece by piece as it comes; the answer's status is @status, and only of
	 * the final answer pieces come. Returns 0, or anything else to end the request. NULL: the
	 * body is collected.
	 */
	int (*on_bytes)(void *context, long status, const void *data, size_t n_bytes);

	/* The end, once; the transfer is gone after it. Not called after a cancellation. */
	void (*on_done)(void *context, const struct http_result *result);
	void *context; /* borrowed until the end */
};

/*
 * Starts a request: something happens in the next http_client_run(), which is due at once.
 *   @ret_transfer  set on 0 only; borrowed until the end, for http_transfer_cancel(); may be NULL
 * Returns 0 or -ENOMEM. What is wrong with @request is its result.
 */
int http_client_start(struct http_client *client, const struct http_request *request,
		      struct http_transfer **ret_transfer) warn_unused_result;

/* Ends a request: no callback of it is called any more, what it borrowed is its owner's again. */
void http_transfer_cancel(struct http_transfer *transfer);

/* Whether the client makes the header @name itself: one of a user is not sent. */
bool http_client_sets_header(const char *name);

/* An fd that polls readable when http_client_run() has something to do; borrowed. */
int http_client_fd(const struct http_client *client);

/* The monotonic time at which http_client_run() must be called at the latest, or HTTP_NONE. */
uint64_t http_client_deadline_ns(const struct http_client *client);

/* Does what can be done without waiting. */
void http_client_run(struct http_client *client, uint64_t now_ns);
