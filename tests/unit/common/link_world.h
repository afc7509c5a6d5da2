#pragma once
/*
 * A listener and a client in one process, for tests of the link. They share the test's thread:
 * world_pump() plays both owners. The listener is a collector's, the client a symbolizer's.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "link/link.h"
#include "wire/wire.h"

#define PATIENCE_MS 10000
#define FOREIGN_UID 54321

struct world {
	struct link_listener *listener;
	struct link_client *client;
	bool answers; /* requests get NOTHING_YET; else they are held */
	unsigned n_requests;
	unsigned n_gone;
	unsigned n_refused[MESSAGE_GARBLED + 1];
	uid_t refused_uid;
	struct link_event last_request;
};

extern char world_socket_path[64];

/* Makes the folder that the socket file stands in; call once, first. Returns 0 or 1. */
int world_folder_make(void);
void world_folder_remove(void);

/* cmocka's setup and teardown: *state is a struct world, owned by the test in between. */
int world_open(void **state);
int world_close(void **state);

void world_listen(struct world *world);
struct link_client *world_dial(void);

void world_reply(struct world *world, uint64_t request, enum message_id id);

/* Takes what waits at the listener, then waits for more of it or for @fd, at most @timeout_ms. */
void world_pump(struct world *world, int fd, int timeout_ms);

/* Pumps until @count is at least @n. */
void world_pump_until(struct world *world, const unsigned *count, unsigned n);

/* A LEASE as it goes over the wire; owned: bytes_deinit(). */
struct bytes world_lease_frame(void);

/* Asks and drops the answer. Returns its id, or a negative errno, or a link_outcome negated. */
int world_ask(struct world *world, struct link_client *client, const struct bytes *frame,
	      int timeout_ms);
int world_ask_lease(struct world *world, int timeout_ms);

/* Asks over a new connection until it is answered: whoever waits long enough is served. */
void world_expect_service(struct world *world);
