#pragma once
/*
 * What runs on this host, for the shipper's discovery: the pids of /proc, then of each process its
 * executable, directory, command line, uid and cgroup, in parts of bounded length.
 *
 * Processes are read one after another, through the opener: whatever else is asked of it comes in
 * between, and nothing here takes the loop longer than one answer. A command line that hangs costs
 * one helper, and as long as it does, the others are listed without theirs. The pids are those of
 * the moment when the first part was asked for; who has gone since is passed over. Not threaded.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "opener/opener.h"
#include "wire/wire.h"

#define LISTING_PROCESSES_MAX 128u                 /* of a part */
#define LISTING_TEXT_BYTES    (512u * 1024u)       /* a part with as much is complete */
#define LISTING_SOME_NS       UINT64_C(200000000)  /* a part ends when anything was read by then, */
#define LISTING_NOTHING_NS    UINT64_C(1000000000) /* or else by then: before the asker gives up */

struct listing;

/* Told once for each ask: @part is borrowed for the call; NULL: /proc could not be listed. */
typedef void listing_done_fn(void *owner, const struct wire_process_list *part);

struct listing_options {
	struct opener *opener; /* borrowed for life */
	listing_done_fn *done;
	void *owner;
	uint64_t (*clock_ns)(void); /* monotonic; NULL: the real one */
};

/* Returns 0 or -ENOMEM; *@ret_listing is owned, freed with listing_free(). */
int listing_new(const struct listing_options *options,
		struct listing **ret_listing) warn_unused_result;

/* Makes a part. An ask before this one that is not answered is forgotten. */
void listing_ask(struct listing *listing, const struct wire_processes *ask);

/* Ends a part that takes too long. Returns when to be called next (monotonic), UINT64_MAX: never.
 */
uint64_t listing_expire(struct listing *listing, uint64_t now_ns);

/* No request may come back afterwards: free the opener first. NULL is fine. */
void listing_free(struct listing *listing);
