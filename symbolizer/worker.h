#pragma once
/*
 * The symbolizer's loop: lease a window, name it, hand it to the shipper until it is stored, say so
 * with the next lease. One thing at a time, one thread of ours.
 *
 * Asked to stop (a signal on the signalfd), it finishes its lease, asks once more saying so, and
 * leaves when told to go or when nobody answers. A second signal ends it at once: the collector
 * leases the window to somebody else.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/heartbeat.h"
#include "link/link.h"
#include "table/table_cache.h"
#include "wire/counters.h"

struct worker_options {
	struct link_client *pool; /* borrowed, like the rest */
	struct link_client *profiles;
	struct table_cache *tables;
	struct cache_directory *directory; /* or NULL */
	struct counters *counters;
	struct heartbeat *heartbeat; /* beats before each question */
	int signal_fd;
	int status_fd; /* our own /proc/self/status */
};

struct worker;

int worker_new(const struct worker_options *options, struct worker **ret_worker) warn_unused_result;

/* Runs until asked to stop. Returns 0 or a negative errno. */
int worker_run(struct worker *worker) warn_unused_result;

void worker_free(struct worker *worker); /* NULL is fine */
