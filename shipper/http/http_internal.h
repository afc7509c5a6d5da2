#pragma once
/*
 * Private to shipper/: the HTTP client from within. http_client.c has the loop and decides what
 * comes next, http_transfer.c turns a request into libcurl's options, http_token.c gets tokens.
 */
#include <curl/curl.h>

#include "base/bytes.h"
#include "http/http_client.h"
#include "http/http_url.h"

#define HTTP_REDIRECTS_MAX    10u
#define HTTP_ERROR_BYTES      CURL_ERROR_SIZE
#define HTTP_TYPE_BYTES       128u
#define HTTP_MEMORY_BYTES_MAX ((size_t)8 << 20) /* of one transfer: options with PEM in them */
#define HTTP_TOKENS_MAX       64u

enum http_phase {
	HTTP_QUEUED,  /* begins in the next run */
	HTTP_WAITING, /* for a token */
	HTTP_FLYING,  /* in libcurl's hands */
	HTTP_OVER,    /* outcome and error say how; on_done comes in this run */
	HTTP_ENDING,  /* on_done is being called */
};

struct http_token;

struct http_transfer {
	struct http_client *client;
	struct http_transfer *next;
	struct http_request request; /* all of it in memory, but for body and context */
	struct http_options options; /* in memory */
	struct config_arena memory;  /* owned */
	enum http_phase phase;
	bool is_cancelled; /* from within libcurl: it goes at the end of this run */

	struct http_url origin;    /* owned: whom the credentials are for */
	struct http_url url;       /* owned: where it goes now */
	struct http_token *token;  /* borrowed from the client; NULL: none is used */
	uint64_t token_generation; /* which it was */
	uint64_t deadline_ns;      /* 0: not begun, or none */
	unsigned n_redirects;
	unsigned n_sent;    /* how often its request went out to where it goes now */
	bool has_left;      /* a redirect led elsewhere: no credentials any more */
	bool was_refreshed; /* a token was refused already */

	CURL *easy; /* owned, as the lists are */
	struct curl_slist *headers;
	struct curl_slist *proxy_headers;
	struct curl_slist *connect_to;
	uint64_t n_bytes;    /* of the body so far */
	bool is_passed_over; /* the body is not the caller's: the request goes on */
	bool is_too_long;
	bool is_stopped;
	struct bytes body; /* owned: what was collected */

	enum http_outcome outcome;
	char error[HTTP_ERROR_BYTES];
	char content_type[HTTP_TYPE_BYTES];
};

struct http_client {
	CURLM *multi; /* owned */
	int epoll;    /* of libcurl's sockets; readable inside the caller's loop */
	uint64_t deadline_ns;
	struct http_transfer *transfers; /* owned, oldest first */
	struct http_token *tokens;       /* owned */
	bool is_in_libcurl;              /* a callback of it is running */
};

/* Sets the phase to HTTP_OVER, with a message for people. */
void http_transfer_end(struct http_transfer *transfer, enum http_outcome outcome,
		       const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Makes transfer->easy, ready to fly, from the request and where it goes now.
 *   @bearer  the token, borrowed for the call; NULL where none is used
 * Returns 0 or -ENOMEM; or HTTP_OVER is its phase.
 */
int http_transfer_prepare(struct http_transfer *transfer, const char *bearer) warn_unused_result;

/* libcurl gives the body to it; @context is the transfer. */
size_t http_transfer_on_body(char *data, size_t size, size_t n, void *context);

/* Frees what http_transfer_prepare() made. */
void http_transfer_ground(struct http_transfer *transfer);

/* Whether one of @pairs is the header of @line: "Name: value". */
bool http_headers_have(const struct http_pair *pairs, size_t n, const char *line);

/* What libcurl's @code means for a request. */
enum http_outcome http_transfer_outcome(const struct http_transfer *transfer, CURLcode code);

/*
 * Finds the token for @transfer, which waits for it where none is there. Returns 0 with
 * *@ret_bearer, borrowed until the next call, or NULL while it waits; or -ENOMEM.
 */
int http_token_take(struct http_transfer *transfer, const char **ret_bearer) warn_unused_result;

/* The server refused the token of @transfer. */
void http_token_refuse(struct http_transfer *transfer);

void http_tokens_free(struct http_client *client);
