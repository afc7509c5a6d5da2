#pragma once
/*
 * The last profile of each target, for people: when it is of, and how much is in it. Targets go by
 * the hash of their labels (wire_labels_hash()). Bounded: of too many, those with the oldest
 * profiles go. A shipper that starts knows none.
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define LAST_PROFILES_MAX 1024u

struct last_profile {
	uint64_t labels_hash;
	struct window_id window;
	uint64_t time_wall_ns; /* when what it shows began */
	uint64_t stored_wall_ns;
	uint64_t n_samples;
	uint64_t n_bytes; /* gzip'd */
};

struct last_profiles; /* opaque; about 64 KiB */

struct last_profiles *last_profiles_new(void); /* owned: last_profiles_free(); NULL: no memory */

void last_profiles_free(struct last_profiles *last); /* NULL is fine */

/*
 * Notes the parts of a PROFILE that is in the spool now. Parts of one target are one profile; an
 * older window does not replace a newer one. What cannot be decoded is not noted.
 */
void last_profiles_note(struct last_profiles *last, const void *frame, size_t n_bytes,
			uint64_t now_wall_ns);

/* Borrowed until the next note; NULL: none is known. */
const struct last_profile *last_profiles_find(const struct last_profiles *last,
					      uint64_t labels_hash);
