#pragma once
/*
 * A listener without sockets: the test queues what peers do and reads what was answered. Heads of
 * frames are checked as the real one checks them. One listener a test.
 */
#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"

struct fake_answer {
	enum message_id id;
	const unsigned char *frame;
	size_t n_bytes;
	bool is_pipe_closed; /* refused instead of answered */
};

/* Forgets everything: first in each test. */
void fake_link_reset(void);

/* @peer sends what @frame holds, which is emptied. Returns the request's handle. */
uint64_t fake_link_send(uint64_t peer, struct bytes *frame);

/* @peer's pipe closes. */
void fake_link_close(uint64_t peer);

/* Somebody is turned away. */
void fake_link_turn_away(int outcome, uid_t uid);

/* What @request was answered, or NULL: nothing yet. Borrowed until fake_link_reset(). */
const struct fake_answer *fake_link_answer(uint64_t request);

bool fake_link_is_leased(uint64_t peer);

/* The last peer that link_expel() was called for; 0: none. */
uint64_t fake_link_expelled(void);
