#pragma once
/*
 * Pushes over HTTP, several at a time, in the caller's event loop: libcurl's multi interface behind
 * one fd and one deadline. What comes back is an answer for verdict_of(); nothing here decides.
 *
 * One thread. An answer's body is read up to PUSH_ANSWER_BYTES_MAX, decompressed; redirects are not
 * followed; a transfer that crawls is ended.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "configuration.h"
#include "verdict.h"

#define PUSH_ANSWER_BYTES_MAX (64u * 1024u)
#define PUSH_NONE             UINT64_MAX /* no deadline */

struct push;

/* Call once before the process is confined: TLS libraries read their files. 0 or -ENOMEM. */
int push_init(void) warn_unused_result;

/* *@ret_push is owned: push_free(). Returns 0 or a negative errno. */
int push_open(struct push **ret_push) warn_unused_result;

void push_free(struct push *push); /* NULL is fine; ends what is in flight */

struct push_request {
	const struct endpoint_configuration *endpoint; /* borrowed for the call */
	const struct bytes *body;                      /* borrowed until the answer */
	uint64_t id;                                   /* comes back with the answer */
};

/* Starts a request. Returns 0 or a negative errno. */
int push_start(struct push *push, const struct push_request *request) warn_unused_result;

/* Ends the requests called @id, whose bodies are the caller's again; no answer of theirs comes. */
void push_cancel(struct push *push, uint64_t id);

/* An fd that polls readable when push_run() has something to do; borrowed. */
int push_fd(const struct push *push);

/* The monotonic time at which push_run() must be called at the latest, or PUSH_NONE. */
uint64_t push_deadline_ns(const struct push *push);

/* Does what can be done without waiting. */
void push_run(struct push *push, uint64_t now_ns);

/* One finished request. Everything it points to is borrowed until the next push_next(). */
struct push_result {
	uint64_t id;
	struct push_answer answer;
	const char *error; /* libcurl's words, or "" */
};

/* Takes a finished request and returns true, or returns false. */
bool push_next(struct push *push, struct push_result *ret_result);
