#pragma once
/*
 * What messages.def generates: the ids, their names, and what a listener checks before it looks
 * into a message's body. No state, no memory: pure tables.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define WIRE_PROTOCOL_VERSION 1u

enum wire_party { ANYONE, COLLECTOR, SYMBOLIZER, SHIPPER };

enum wire_when { CONNECTED, LEASED, ANSWER };

enum message_id {
#define X(name, id, from, to, bytes_max, when) MESSAGE_##name = (id),
#include "wire/messages.def"
#undef X
};

/* The bytes_max of each row, for whoever encodes one. */
enum message_bytes_max {
#define X(name, id, from, to, bytes_max, when) MESSAGE_BYTES_MAX_##name = (bytes_max),
#include "wire/messages.def"
#undef X
};

/* Why a frame was not looked into. Each value has a counter at its listener. */
enum message_outcome {
	MESSAGE_UNKNOWN = 1,     /* no such id, or no id at all */
	MESSAGE_WRONG_DIRECTION, /* not from that party to this one */
	MESSAGE_WRONG_STATE,     /* not now */
	MESSAGE_TOO_LONG,        /* over the row's bytes_max */
	MESSAGE_GARBLED,         /* the body is not what the row's decoder accepts */
};

/* Returns the name of @id, or "unknown". The string is static. */
const char *message_name(uint64_t id);

/*
 * Checks the head of a frame that @from sent to @to: id, direction, length, state.
 *   @frame     borrowed for the call
 *   @leased    whether the sender holds a lease (listeners without leases pass false)
 *   @ret_id    set on 0 only
 * Returns 0 or an enum message_outcome. Answers (rows with ANSWER) are accepted only with
 * @is_answer, requests only without.
 */
int message_check(const void *frame, size_t n_bytes, enum wire_party from, enum wire_party to,
		  bool is_answer, bool leased, enum message_id *ret_id)
	warn_unused_result;

/* The largest bytes_max of what @to may receive of @from as requests (or as answers). */
size_t message_bytes_max(enum wire_party from, enum wire_party to, bool is_answer);
