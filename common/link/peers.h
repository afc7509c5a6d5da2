#pragma once
/*
 * The connections of one listener: a fixed table, so that nobody can make it grow. A slot stays
 * taken after its connection closed until the owner has been told. Locked by the listener.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_MAX 256u

struct peer {
	uint64_t id; /* never reused; 0: a free slot */
	uint32_t pipe_id;
	bool is_gone;   /* the owner is still to be told */
	bool is_known;  /* the owner has seen a request of it */
	bool is_asking; /* a request of it waits for the owner or is with the owner */
	bool is_leased;
	bool may_only_probe;
};

struct peers {
	struct peer slots[PEERS_MAX];
	uint64_t n_ever;
};

/* Takes a slot for a new connection. Returns it, borrowed, or NULL when all are taken. */
struct peer *peers_add(struct peers *peers, uint32_t pipe_id);

/* The slot, borrowed, of an open connection, by nng's id of its pipe. NULL when there is none. */
struct peer *peers_of_pipe(struct peers *peers, uint32_t pipe_id);

/* The slot, borrowed, of @id, gone or not. NULL when there is none. */
struct peer *peers_find(struct peers *peers, uint64_t id);

/* nng's id of the pipe of @id; 0, which is nobody's, when it is gone. */
uint32_t peers_pipe(struct peers *peers, uint64_t id);

/* Notes that a connection closed. Returns whether the owner has to be told. */
bool peers_left(struct peers *peers, uint32_t pipe_id);

/* The id of one that is gone and not yet forgotten, or 0. */
uint64_t peers_gone(const struct peers *peers);

/* Frees the slot of @id. */
void peers_forget(struct peers *peers, uint64_t id);
