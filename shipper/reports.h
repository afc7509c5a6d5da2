#pragma once
/*
 * What the symbolizers last said of themselves, one REPORT a connection: who speaks for many has
 * one voice. Bounded: of too many, who has been silent longest is forgotten. For people; nothing
 * depends on it.
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define REPORTS_MAX 32u

struct reports; /* opaque */

struct reports *reports_new(void); /* owned: reports_free(); NULL without memory */

void reports_free(struct reports *reports); /* NULL is fine */

/*
 * Keeps a copy of the REPORT that came over @peer. Returns 0, -ENOMEM, or MESSAGE_GARBLED; then
 * what was there before stays.
 */
int reports_note(struct reports *reports, uint64_t peer, const void *frame, size_t n_bytes,
		 uint64_t now_ns) warn_unused_result;

/* The connection @peer closed. */
void reports_forget(struct reports *reports, uint64_t peer);

size_t reports_count(const struct reports *reports);

/* Number @i, borrowed until the next note or forget. *@ret_seen_ns: when it came. */
const struct wire_report *reports_at(const struct reports *reports, size_t i,
				     uint64_t *ret_seen_ns);

/* What was last named of a target, by any of them; borrowed alike; NULL: nothing that is known. */
const struct wire_last_named *reports_find_named(const struct reports *reports,
						 uint64_t labels_hash);
