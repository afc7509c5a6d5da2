#pragma once
/*
 * Pushes over HTTP, several at a time, through the client that the process has. What comes back is
 * an answer for verdict_of(); nothing here decides.
 *
 * One thread. An answer's body is read up to PUSH_ANSWER_BYTES_MAX, decompressed; a transfer that
 * crawls is ended.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "configuration/configuration.h"
#include "http/http_client.h"
#include "endpoints/verdict.h"

#define PUSH_ANSWER_BYTES_MAX HTTP_COLLECT_BYTES_MAX

struct push;

/*
 * *@ret_push is owned: push_free().
 *   @client  borrowed until then
 * Returns 0 or -ENOMEM.
 */
int push_open(struct http_client *client, struct push **ret_push) warn_unused_result;

void push_free(struct push *push); /* NULL is fine; ends what is in flight */

/* Whether every push sets the header @name itself, so that an endpoint's own is not used. */
bool push_sets_header(const char *name);

struct push_request {
	const struct endpoint_configuration *endpoint; /* borrowed for the call */
	const struct bytes *body;                      /* borrowed until the answer */
	uint64_t id;                                   /* comes back with the answer */
};

/* Starts a request. Returns 0 or a negative errno. */
int push_start(struct push *push, const struct push_request *request) warn_unused_result;

/* Ends the requests called @id, whose bodies are the caller's again; no answer of theirs comes. */
void push_cancel(struct push *push, uint64_t id);

/* One finished request. Everything it points to is borrowed until the next push_next(). */
struct push_result {
	uint64_t id;
	struct push_answer answer;
	const char *error; /* why there was no answer, or "" */
};

/* Takes one that finished in http_client_run() and returns true, or returns false. */
bool push_next(struct push *push, struct push_result *ret_result);
