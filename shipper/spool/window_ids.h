#pragma once
/*
 * Which windows were already taken in: all that are in the spool, and the last that left it. This
 * is what makes a repeated PROFILE a repeat, across restarts, too.
 *
 * An id is added when its record is appended. When the record leaves the spool, the id retires: it
 * is remembered until WINDOW_IDS_RETIRED_MAX others have retired after it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/wire.h"

#define WINDOW_IDS_RETIRED_MAX 16384u

struct window_ids {
	struct window_id *slots; /* owned; open addressing; an all-zero one is empty */
	size_t n_slots;          /* 0 or a power of two */
	size_t n_used;
	bool holds_zero;           /* whether the all-zero id, which no slot can show, is in */
	struct window_id *retired; /* owned; a ring */
	size_t n_retired;
	size_t first_retired;
	uint64_t seed;
};

void window_ids_deinit(struct window_ids *ids); /* a zeroed one is fine, and is empty */

/* Makes sure that the next window_ids_add() finds memory. Returns 0 or -ENOMEM. */
int window_ids_reserve(struct window_ids *ids) warn_unused_result;

/* Adds @id, which may be there already. Returns 0 or -ENOMEM. */
int window_ids_add(struct window_ids *ids, struct window_id id) warn_unused_result;

bool window_ids_contain(const struct window_ids *ids, struct window_id id);

/* Says that @id, which is in, left the spool. Returns 0 or -ENOMEM (it is then forgotten). */
int window_ids_retire(struct window_ids *ids, struct window_id id) warn_unused_result;

/* Appends the retired ids, oldest first, to @out. */
void window_ids_encode(const struct window_ids *ids, struct bytes *out);

/* Adds and retires the ids of @n_bytes at @data. Returns 0, -ENOMEM or WINDOW_IDS_DAMAGED. */
enum window_ids_outcome { WINDOW_IDS_DAMAGED = 1 };

int window_ids_decode(struct window_ids *ids, const unsigned char *data,
		      size_t n_bytes) warn_unused_result;
