#pragma once
/*
 * Whether each component of the configuration is well, and if not, why and since when.
 *
 * A component is ill when what the configuration says of it is wrong, or when what it does fails;
 * each cause is set and cleared by itself. One thread. Messages are for people: without secrets,
 * foreign bytes quoted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define HEALTH_MESSAGE_BYTES 512u

enum health_cause {
	HEALTH_RELOAD,     /* the file, when it was last read, was refused because of it */
	HEALTH_EVALUATION, /* what others publish does not fit it: it stays as it was */
	HEALTH_RUNNING,    /* what it does goes wrong at the moment */
	N_HEALTH_CAUSES,
};

struct health_entry {
	const char *id;         /* "discovery.docker.linux" */
	bool is_healthy;        /* no cause is set */
	const char *message;    /* of the first cause that is set; "" when healthy */
	uint64_t since_wall_ns; /* when it became what it is */
};

struct health;

/* Returns an empty one, owned by the caller: health_free(). NULL: no memory. */
struct health *health_new(void);

void health_free(struct health *health); /* NULL is fine */

/*
 * Makes room for the components @ids (borrowed for the call). health_adopt() then makes them the
 * only ones that there are; the state of those that were there before stays.
 * Returns 0 or -ENOMEM, which changes nothing.
 */
int health_reserve(struct health *health, const char *const *ids, size_t n_ids) warn_unused_result;
void health_adopt(struct health *health);

/* Sets @cause of @id with @message (copied, cut), or clears it when that is NULL. An unknown @id
 * is passed over. */
void health_set(struct health *health, const char *id, enum health_cause cause,
		const char *message);

/* Clears @cause of all components. */
void health_clear(struct health *health, enum health_cause cause);

size_t health_count(const struct health *health);

/*
 * Appends a line for each component that is not well, or that all are. Returns whether they are.
 */
bool health_print(const struct health *health, struct bytes *out);

/* Number @i, in the order of ids; borrowed until the next change. */
struct health_entry health_at(const struct health *health, size_t i);
