#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define NO_PEER 0 /* of a worker that is gone; the listener counts peers from 1 */

struct worker {
	uint64_t id;
	uint64_t seen_ns; /* WORKERS_NEVER: the place is free */
	uint64_t peer;
	struct counters counters;
};

struct workers {
	uint64_t seen_ns;
	size_t n_peers;
	uint64_t peers[WORKERS_MAX]; /* open connections */
	struct worker all[WORKERS_MAX];
	struct counters forgotten; /* counters of those whose place was needed */
};

struct workers *workers_new(void)
{
	return calloc(1, sizeof(struct workers));
}

void workers_free(struct workers *workers)
{
	free(workers);
}

void workers_note_peer(struct workers *workers, uint64_t peer, uint64_t now_ns)
{
	workers->seen_ns = now_ns;
	for (size_t i = 0; i < workers->n_peers; i++)
		if (workers->peers[i] == peer)
			return;
	if (workers->n_peers < WORKERS_MAX) /* more than the link lets in */
		workers->peers[workers->n_peers++] = peer;
}

void workers_note_gone(struct workers *workers, uint64_t peer)
{
	for (size_t i = 0; i < workers->n_peers; i++)
		if (workers->peers[i] == peer) {
			workers->peers[i] = workers->peers[--workers->n_peers];
			break;
		}
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (workers->all[i].peer == peer)
			workers->all[i].peer = NO_PEER;
}

static void add_counters(struct counters *sum, const struct counters *more, bool with_gauges)
{
	for (size_t i = 0; i < n_counter_rows; i++)
		if ((with_gauges || counter_rows[i].kind == COUNTER_KIND_C) &&
		    __builtin_add_overflow(sum->values[i], more->values[i], &sum->values[i]))
			sum->values[i] = UINT64_MAX; /* foreign numbers: no sum goes back */
}

/* The place of worker @id: its own, a free one, or that of who has been silent longest. */
static struct worker *place_of(struct workers *workers, uint64_t id)
{
	struct worker *place = &workers->all[0];

	for (size_t i = 0; i < WORKERS_MAX; i++) {
		struct worker *worker = &workers->all[i];

		if (worker->seen_ns != WORKERS_NEVER && worker->id == id)
			return worker;
		if (worker->seen_ns < place->seen_ns)
			place = worker;
	}
	add_counters(&workers->forgotten, &place->counters, false);
	*place = (struct worker){.id = id};
	return place;
}

void workers_note_stats(struct workers *workers, uint64_t peer, const struct wire_stats *stats,
			uint64_t now_ns)
{
	struct worker *worker = place_of(workers, stats->worker);

	worker->seen_ns = now_ns;
	worker->peer = peer;
	for (size_t i = 0; i < stats->n_counters; i++) {
		size_t at = counter_index(stats->counters[i].id);
		uint64_t value = stats->counters[i].value;

		if (at == n_counter_rows || counter_rows[at].owner != SYMBOLIZER)
			continue;
		if (counter_rows[at].kind == COUNTER_KIND_C && value < worker->counters.values[at])
			continue; /* whatever it means by that, a counter does not go back */
		worker->counters.values[at] = value;
	}
}

size_t workers_connected(const struct workers *workers)
{
	return workers->n_peers;
}

uint64_t workers_seen_ns(const struct workers *workers)
{
	return workers->seen_ns;
}

void workers_sum(const struct workers *workers, struct counters *ret_sum)
{
	*ret_sum = workers->forgotten;
	for (size_t i = 0; i < WORKERS_MAX; i++)
		add_counters(ret_sum, &workers->all[i].counters, workers->all[i].peer != NO_PEER);
}
