#pragma once
/*
 * The symbolizers that the shipper knows of, and the sum of their counters.
 *
 * A sum never goes back: what a worker counted before it died stays in it. Workers are told apart
 * by the random number that each sends, connections by the listener's peer numbers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "wire/wire.h"

#define WORKERS_MAX   256u
#define WORKERS_NEVER 0u /* a monotonic time that has not been */

struct workers; /* opaque; about 300 KiB */

struct workers *workers_new(void); /* owned: workers_free(); NULL without memory */

void workers_free(struct workers *workers);

/* A request came over @peer. */
void workers_note_peer(struct workers *workers, uint64_t peer, uint64_t now_ns);

/* The pipe @peer closed. */
void workers_note_gone(struct workers *workers, uint64_t peer);

/* STATS came over @peer, which workers_note_peer() knows. Counters of others are passed over. */
void workers_note_stats(struct workers *workers, uint64_t peer, const struct wire_stats *stats,
			uint64_t now_ns);

/* Connections that are open. */
size_t workers_connected(const struct workers *workers);

/* When anything was last heard of any, or WORKERS_NEVER. */
uint64_t workers_seen_ns(const struct workers *workers);

/* Fills in the symbolizers' rows: counters of all that ever were, gauges of who is connected. */
void workers_sum(const struct workers *workers, struct counters *ret_sum);
