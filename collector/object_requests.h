#pragma once
/*
 * OBJECT_READ and OBJECT_OPEN of workers, from the frame to the answer.
 *
 * Everything that may touch somebody else's file system goes through the opener, one request a
 * worker at a time. A request outlives its worker, its lease and its window: it holds a reference
 * on its object and learns at its end whether anybody still wants the answer. A root in which an
 * open met its deadline is refused for ten minutes, so that a hung mount costs one helper and not
 * all. Each refusal is counted. Not threaded.
 */
#include <stdint.h>

#include "link/link.h"
#include "objects.h"
#include "opener/opener.h"
#include "windows.h"

struct object_requests;

struct object_requests_options {
	int host_root_fd; /* borrowed for life, like all below; -1: none */
	struct link_listener *listener;
	struct windows *windows;
	struct objects *objects;
	struct opener *opener;
	struct counters *counters;
};

/* Returns 0 or -ENOMEM; *@ret_requests is owned, freed with object_requests_free(). */
int object_requests_new(const struct object_requests_options *options,
			struct object_requests **ret_requests) warn_unused_result;

/*
 * Takes a frame of a worker that holds the lease of @window (NULL: of none, which is refused), and
 * answers it, now or later.
 *   @event   borrowed for the call; its id is MESSAGE_OBJECT_READ or MESSAGE_OBJECT_OPEN
 *   @now_ns  monotonic; references are given back as of the last one told
 */
void object_requests_take(struct object_requests *requests, const struct link_event *event,
			  struct window *window, uint64_t now_ns);

/* The pipe of @peer closed: its requests go unanswered. */
void object_requests_forget(struct object_requests *requests, uint64_t peer);

/* Call when the opener has called everything back, or never will. NULL is fine. */
void object_requests_free(struct object_requests *requests);
