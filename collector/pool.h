#pragma once
/*
 * The collector's side of the symbolizer pool: leases of windows, and bytes of the objects that a
 * leased window names.
 *
 * Work is pulled. A LEASE is answered with the oldest window, or parked until there is one, at most
 * POOL_PARK_NS. A lease ends in one of three ways:
 *
 *   With the next LEASE of its worker. STORED: the window is done, also when the lease had run out
 *   and another worker has it by now, because the shipper has it. FAILED: the window waits again,
 *   and that counts as a death. NONE, or another window: it waits again, for its worker lost track.
 *   What was given back POOL_GIVEN_BACK_MAX times in these ways is dropped, counted: nothing
 *   circles for ever. What a worker gives back because it was asked to stop counts as neither.
 *
 *   By its deadline: the window waits again. Being late is no death, since a worker that waits for
 *   the shipper is late through no fault of the window. If its pipe closes later, that is one.
 *
 *   With its pipe: a death, and the window waits again at once.
 *
 * After POOL_DEATHS_MAX deaths a window is leased with the order to name nothing from files.
 *
 * Requests for objects go through the opener, so a hung file system delays only the worker that
 * asked. Not threaded: pool_dispatch() runs in the event loop.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "objects.h"
#include "opener/opener.h"
#include "windows.h"

#define POOL_PARK_NS          UINT64_C(30000000000)
#define POOL_LEASE_NS_DEFAULT UINT64_C(30000000000)
#define POOL_DEATHS_MAX       2u
#define POOL_GIVEN_BACK_MAX   8u
#define POOL_WORKERS_MAX      32u

struct pool;

struct pool_options {
	const char *socket_path; /* borrowed for the call */
	size_t n_uids;
	const uid_t *uids; /* of symbolizers; borrowed for the call */
	uint64_t lease_ns;
	int host_root_fd; /* O_PATH; where debug files of the host are looked for; -1: nowhere */
	struct windows *windows; /* borrowed for life, like the rest */
	struct objects *objects;
	struct opener *opener;
	struct counters *counters;
};

/* Returns 0 or a negative errno; *@ret_pool is owned, freed with pool_free(). */
int pool_listen(const struct pool_options *options, struct pool **ret_pool) warn_unused_result;

/* Polls readable when pool_dispatch() has work. Borrowed. */
int pool_fd(const struct pool *pool);

/* Takes requests, grants leases, answers. */
void pool_dispatch(struct pool *pool, uint64_t now_ns);

/* Grants parked asks: call when windows were queued. */
void pool_offer(struct pool *pool, uint64_t now_ns);

/* Ends leases and parks by the clock. Returns when to be called next, UINT64_MAX: never. */
uint64_t pool_expire(struct pool *pool, uint64_t now_ns);

/*
 * From now on workers that are asked to stop get work as long as there is any, and are kept waiting
 * while others hold leases that may come back. Call it when the last windows are queued.
 */
void pool_set_stopping(struct pool *pool);

/* Probes the listener, see link_listener_probe(). */
int pool_probe(struct pool *pool) warn_unused_result;

size_t pool_n_workers(const struct pool *pool); /* connected */

/* Call after opener_free(): the opener answers to the pool as long as it lives. */
void pool_free(struct pool *pool);
