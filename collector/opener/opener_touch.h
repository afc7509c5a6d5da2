#pragma once
/*
 * What a job of the opener may hang on, and which of these things have hung lately. A hung file
 * system must cost one helper, or a handful of requests would take all of them before the first
 * deadline: no two jobs that share something are at work at the same time, and what hung is refused
 * for OPENER_DEVICE_REFUSED_NS. Bounded; not threaded.
 */
#include <stdbool.h>
#include <stdint.h>

#include "opener/opener.h"

#define OPENER_REFUSED_MAX   32u
#define OPENER_TOUCH_UNKNOWN UINT64_MAX /* shared with all others that do not know */
/* A walk by itself: command lines lie in memory, whose lock a process may hold while it hangs. */
#define OPENER_TOUCH_COMMANDS (UINT64_MAX - 1)

/* 0: does not hang on that. */
struct opener_touch {
	uint64_t device; /* a file system: files of it that were found */
	uint64_t walk;   /* a walk below a root, known by the device that the asker gave */
	uint64_t pid;    /* the locks of a process */
};

struct opener_touch opener_touch_of(const struct opener_request *request);
bool opener_touch_shares(const struct opener_touch *a, const struct opener_touch *b);

/* A zeroed one is empty. */
struct opener_refused {
	struct {
		struct opener_touch touch;
		uint64_t until_ns; /* 0: the entry is empty */
	} entries[OPENER_REFUSED_MAX];
};

/*
 * Notes that a job of @op that touches @touch did not come back.
 *   @announced  the device that its helper said it was about to ask; 0 when it had not got there
 */
void opener_refused_add(struct opener_refused *refused, enum opener_op op,
			const struct opener_touch *touch, uint64_t announced, uint64_t now_ns);

bool opener_refused_has(const struct opener_refused *refused, const struct opener_touch *touch);

/* Forgets what is over. Returns when the next is (UINT64_MAX: none). */
uint64_t opener_refused_expire(struct opener_refused *refused, uint64_t now_ns);
