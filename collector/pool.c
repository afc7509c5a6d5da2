/*
 * Asks are parked first and granted when all that waited at the listener has been looked at, so
 * that a worker whose end stands behind its ask is not given a window to die with.
 *
 * The listener is told that a worker holds no lease only by that worker's next LEASE. A worker
 * whose window was taken from it, because it was late, may have a request under way in good faith:
 * that is refused with an answer, not with its pipe.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#include "answers.h"
#include "log/log.h"
#include "object_requests.h"

#define SOCKET_PERMISSIONS 0660
#define CONTEXTS           64u /* a parked ask and a read each: more than workers can have open */

/* A connection that has asked for work. */
struct worker {
	uint64_t peer;   /* 0: the slot is free */
	uint64_t worker; /* random, one a process; as it says of itself */
	bool has_window; /* it was given one and has not said what became of it */
	struct window_id window;
	bool is_parked;
	bool is_stopping;
	uint64_t request; /* the parked ask */
	uint64_t park_deadline_ns;
};

struct pool {
	struct pool_options options;
	struct link_listener *listener; /* owned */
	struct object_requests *requests;
	bool is_stopping;
	struct worker workers[POOL_WORKERS_MAX];
};

static int listen_for_workers(const struct pool_options *options, struct pool *pool)
{
	struct link_listen_options link = {
		.path = options->socket_path,
		.self = COLLECTOR,
		.peer = SYMBOLIZER,
		.n_uids = options->n_uids,
		.permissions = SOCKET_PERMISSIONS,
		.n_contexts = CONTEXTS,
	};

	if (options->n_uids > LINK_UIDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < options->n_uids; i++)
		link.uids[i] = options->uids[i];
	return link_listen(&link, &pool->listener);
}

static void pool_freep(struct pool **pool)
{
	pool_free(*pool);
}

int pool_listen(const struct pool_options *options, struct pool **ret_pool)
{
	cleanup_with(pool_freep) struct pool *pool = calloc(1, sizeof(*pool));
	struct object_requests_options requests = {
		.host_root_fd = options->host_root_fd,
		.windows = options->windows,
		.objects = options->objects,
		.opener = options->opener,
		.counters = options->counters,
	};
	int r;

	if (!pool)
		return -ENOMEM;
	pool->options = *options;
	r = listen_for_workers(options, pool);
	if (r < 0)
		return r;
	requests.listener = pool->listener;
	r = object_requests_new(&requests, &pool->requests);
	if (r < 0)
		return r;
	*ret_pool = take_ptr(pool);
	return 0;
}

int pool_fd(const struct pool *pool)
{
	return link_listener_fd(pool->listener);
}

static void count(struct pool *pool, enum counter_id id)
{
	counters_add(pool->options.counters, id, 1);
}

static struct worker *worker_find(struct pool *pool, uint64_t peer)
{
	for (size_t i = 0; i < POOL_WORKERS_MAX; i++)
		if (pool->workers[i].peer == peer)
			return &pool->workers[i];
	return NULL;
}

/* The window that @worker was last given, if it is not done. */
static struct window *window_of(struct pool *pool, const struct worker *worker)
{
	return worker->has_window ? windows_find(pool->options.windows, worker->window) : NULL;
}

static bool is_leased_by(const struct window *window, const struct worker *worker)
{
	return window && window->leased_by == worker->peer;
}

static void take_stored(struct pool *pool, struct window *window, uint64_t now_ns)
{
	counters_add(pool->options.counters, COUNTER_SPOOLED, window->n_samples);
	windows_done(pool->options.windows, window, now_ns);
}

/* The window waits again; what no worker gets done is dropped in the end. */
static void take_back(struct pool *pool, struct window *window, bool is_stopping, uint64_t now_ns)
{
	windows_give_back(pool->options.windows, window);
	if (is_stopping)
		return; /* the reason is the worker's, not the window's */
	window->n_given_back++;
	if (window->n_given_back < POOL_GIVEN_BACK_MAX)
		return;
	log_warn("window-refused", "samples=%llu given_back=%u, dropping it",
		 (unsigned long long)window->n_samples, window->n_given_back);
	windows_drop(pool->options.windows, window, COUNTER_DROPPED_REFUSED, now_ns);
}

/*
 * A worker speaks of the window that it was given on this connection, or, after it had to dial
 * again, of one that nobody else was given since. Of other windows it cannot know anything.
 */
static bool may_speak_of(const struct worker *worker, const struct wire_lease *lease,
			 const struct window *window)
{
	bool on_this_peer = worker->has_window &&
			    worker->window.sequence == window->id.sequence; /* instance: found */

	return on_this_peer || (window->leased_worker == lease->worker && lease->worker != 0);
}

static void conclude(struct pool *pool, struct worker *worker, const struct wire_lease *lease,
		     uint64_t now_ns)
{
	struct windows *windows = pool->options.windows;
	struct window *held = window_of(pool, worker);
	struct window *named = NULL;

	if (lease->outcome != LEASE_OUTCOME_NONE)
		named = windows_find(windows, lease->window);
	if (named && !may_speak_of(worker, lease, named))
		named = NULL;
	if (is_leased_by(held, worker) && held != named)
		take_back(pool, held, lease->stopping, now_ns); /* lost track, or never got it */

	if (named && lease->outcome == LEASE_OUTCOME_STORED) {
		take_stored(pool, named, now_ns);
	} else if (named && (named->leased_by == 0 || is_leased_by(named, worker))) {
		named->n_deaths += !lease->stopping;
		take_back(pool, named, lease->stopping, now_ns);
	}
	worker->has_window = false;
	link_set_leased(pool->listener, worker->peer, false);
}

static struct worker *worker_meet(struct pool *pool, uint64_t peer)
{
	struct worker *worker = worker_find(pool, peer);

	if (worker)
		return worker;
	worker = worker_find(pool, 0);
	if (worker)
		*worker = (struct worker){.peer = peer};
	return worker;
}

static void unpark(struct pool *pool, struct worker *worker, enum message_id answer)
{
	answer_bare(pool->listener, worker->request, answer);
	worker->is_parked = false;
}

static void take_lease(struct pool *pool, const struct link_event *event, uint64_t now_ns)
{
	struct wire_lease lease;
	struct worker *worker;

	if (wire_decode_lease(event->frame, event->n_bytes, &lease) != 0) {
		count(pool, COUNTER_MESSAGES_REFUSED);
		link_refuse(pool->listener, event->request);
		return;
	}
	if (lease.protocol_version != WIRE_PROTOCOL_VERSION) {
		log_warn("worker-version", "version=%llu speaks=%u, refusing it",
			 (unsigned long long)lease.protocol_version, WIRE_PROTOCOL_VERSION);
		count(pool, COUNTER_MESSAGES_REFUSED);
		answer_refused(pool->listener, event->request, REFUSAL_VERSION);
		return;
	}
	worker = worker_meet(pool, event->peer);
	if (!worker) {
		count(pool, COUNTER_MESSAGES_REFUSED);
		answer_refused(pool->listener, event->request, REFUSAL_BUSY);
		return;
	}
	if (worker->is_parked) /* it gave up on that ask, or hoards contexts: one a worker */
		unpark(pool, worker, MESSAGE_NOTHING_YET);
	conclude(pool, worker, &lease, now_ns);
	worker->worker = lease.worker;
	worker->is_stopping = lease.stopping;
	worker->request = event->request;
	worker->park_deadline_ns = now_ns + POOL_PARK_NS;
	worker->is_parked = true;
}

/*
 * The window whose objects @worker may read: its own, also when it is late, as long as nobody else
 * was given it.
 */
static struct window *readable_window(struct pool *pool, uint64_t peer)
{
	struct worker *worker = worker_find(pool, peer);
	struct window *window = worker ? window_of(pool, worker) : NULL;

	if (!window || (window->leased_by != peer && window->leased_by != 0))
		return NULL;
	return window;
}

static void take_request(struct pool *pool, const struct link_event *event, uint64_t now_ns)
{
	switch (event->id) {
	case MESSAGE_LEASE:
		take_lease(pool, event, now_ns);
		return;
	case MESSAGE_OBJECT_READ:
	case MESSAGE_OBJECT_OPEN:
		object_requests_take(pool->requests, event, readable_window(pool, event->peer),
				     now_ns);
		return;
	default:
		count(pool, COUNTER_MESSAGES_REFUSED);
		link_refuse(pool->listener, event->request);
	}
}

static void take_gone(struct pool *pool, uint64_t peer)
{
	struct worker *worker = worker_find(pool, peer);
	struct window *window;

	object_requests_forget(pool->requests, peer);
	if (!worker)
		return;
	window = window_of(pool, worker);
	if (window) {
		window->n_deaths++;
		log_warn("worker-lost", "samples=%llu deaths=%u, leasing its window again",
			 (unsigned long long)window->n_samples, window->n_deaths);
	}
	if (is_leased_by(window, worker)) {
		count(pool, COUNTER_LEASES_GONE);
		windows_give_back(pool->options.windows, window);
	}
	*worker = (struct worker){0};
}

static void take_refused(struct pool *pool, const struct link_event *event)
{
	count(pool, COUNTER_MESSAGES_REFUSED);
	if (event->outcome == 0)
		log_warn("peer-refused", "socket=pool uid=%u, closing its pipe", event->uid);
	else
		log_warn("message-refused", "socket=pool outcome=%d, closing its pipe",
			 event->outcome);
}

void pool_dispatch(struct pool *pool, uint64_t now_ns)
{
	struct link_event event;

	while (link_next(pool->listener, &event)) {
		if (event.kind == LINK_REQUEST)
			take_request(pool, &event, now_ns);
		else if (event.kind == LINK_PEER_GONE)
			take_gone(pool, event.peer);
		else
			take_refused(pool, &event);
	}
	pool_offer(pool, now_ns);
}

/* Leases @window to @worker, or drops it when it cannot be said that it is poisoned. */
static void grant(struct pool *pool, struct worker *worker, struct window *window, uint64_t now_ns)
{
	struct windows *windows = pool->options.windows;
	bool is_poisoned = window->n_deaths >= POOL_DEATHS_MAX;
	bool is_news = is_poisoned && !window->names_nothing;
	struct wire_bytes frame = windows_frame(windows, window, is_poisoned);

	if (frame.n_bytes == 0) {
		windows_drop(windows, window, COUNTER_DROPPED_NO_MEMORY, now_ns);
		return;
	}
	if (is_news) {
		log_warn("window-poisoned", "samples=%llu deaths=%u, naming nothing from files",
			 (unsigned long long)window->n_samples, window->n_deaths);
		count(pool, COUNTER_WINDOWS_POISONED);
	}
	window->leased_worker = worker->worker;
	windows_lease(windows, window, worker->peer, now_ns + pool->options.lease_ns);
	worker->has_window = true;
	worker->window = window->id;
	worker->is_parked = false;
	count(pool, COUNTER_LEASES_GRANTED);
	link_set_leased(pool->listener, worker->peer, true);
	link_reply(pool->listener, worker->request, frame.data, frame.n_bytes);
}

/* A worker that was asked to stop may go, unless we stop too and have work that may need it. */
static void let_go(struct pool *pool)
{
	if (pool->is_stopping && windows_n(pool->options.windows) > 0)
		return;
	for (size_t i = 0; i < POOL_WORKERS_MAX; i++)
		if (pool->workers[i].is_parked && pool->workers[i].is_stopping)
			unpark(pool, &pool->workers[i], MESSAGE_GO);
}

static struct worker *longest_parked(struct pool *pool)
{
	struct worker *longest = NULL;

	for (size_t i = 0; i < POOL_WORKERS_MAX; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->is_parked &&
		    (!longest || worker->park_deadline_ns < longest->park_deadline_ns))
			longest = worker;
	}
	return longest;
}

void pool_offer(struct pool *pool, uint64_t now_ns)
{
	struct window *window;
	struct worker *worker;

	let_go(pool);
	while ((window = windows_oldest_waiting(pool->options.windows)) &&
	       (worker = longest_parked(pool)))
		grant(pool, worker, window, now_ns);
}

static void expire_worker(struct pool *pool, struct worker *worker, uint64_t now_ns)
{
	struct window *window = window_of(pool, worker);

	if (is_leased_by(window, worker) && window->deadline_ns <= now_ns) {
		count(pool, COUNTER_LEASES_EXPIRED);
		windows_give_back(pool->options.windows, window);
	}
	if (worker->is_parked && worker->park_deadline_ns <= now_ns)
		unpark(pool, worker, MESSAGE_NOTHING_YET);
}

static uint64_t next_of(struct pool *pool, const struct worker *worker)
{
	struct window *window = window_of(pool, worker);

	if (worker->is_parked)
		return worker->park_deadline_ns;
	return is_leased_by(window, worker) ? window->deadline_ns : UINT64_MAX;
}

uint64_t pool_expire(struct pool *pool, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < POOL_WORKERS_MAX; i++)
		if (pool->workers[i].peer != 0)
			expire_worker(pool, &pool->workers[i], now_ns);
	pool_offer(pool, now_ns);
	for (size_t i = 0; i < POOL_WORKERS_MAX; i++) {
		uint64_t at_ns =
			pool->workers[i].peer != 0 ? next_of(pool, &pool->workers[i]) : UINT64_MAX;

		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

void pool_set_stopping(struct pool *pool)
{
	pool->is_stopping = true;
}

int pool_probe(struct pool *pool)
{
	return link_listener_probe(pool->listener);
}

size_t pool_n_workers(const struct pool *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < POOL_WORKERS_MAX; i++)
		n += pool->workers[i].peer != 0;
	return n;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	object_requests_free(pool->requests);
	link_listener_free(pool->listener);
	free(pool);
}
