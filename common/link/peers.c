#include "link/peers.h"

struct peer *peers_add(struct peers *peers, uint32_t pipe_id)
{
	struct peer *peer = NULL;

	for (size_t i = 0; i < PEERS_MAX && !peer; i++)
		if (peers->slots[i].id == 0)
			peer = &peers->slots[i];
	if (peer)
		*peer = (struct peer){.id = ++peers->n_ever, .pipe_id = pipe_id};
	return peer;
}

struct peer *peers_of_pipe(struct peers *peers, uint32_t pipe_id)
{
	for (size_t i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &peers->slots[i];

		if (peer->id != 0 && !peer->is_gone && peer->pipe_id == pipe_id)
			return peer;
	}
	return NULL;
}

struct peer *peers_find(struct peers *peers, uint64_t id)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (id != 0 && peers->slots[i].id == id)
			return &peers->slots[i];
	return NULL;
}

bool peers_left(struct peers *peers, uint32_t pipe_id)
{
	struct peer *peer = peers_of_pipe(peers, pipe_id);

	if (!peer)
		return false;
	if (peer->is_known)
		peer->is_gone = true;
	else
		*peer = (struct peer){0};
	return peer->is_gone;
}

uint32_t peers_pipe(struct peers *peers, uint64_t id)
{
	const struct peer *peer = peers_find(peers, id);

	return peer && !peer->is_gone ? peer->pipe_id : 0;
}

uint64_t peers_gone(const struct peers *peers)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (peers->slots[i].is_gone)
			return peers->slots[i].id;
	return 0;
}

void peers_forget(struct peers *peers, uint64_t id)
{
	struct peer *peer = peers_find(peers, id);

	if (peer)
		*peer = (struct peer){0};
}
