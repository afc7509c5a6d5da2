#pragma once
/*
 * What came of each pyroscope.ebpf, for the metrics that Alloy's has: profiles by service, and how
 * long their way to the endpoints takes.
 *
 * Bounded: TALLY_SERVICES_MAX services, the first that come; all others are one together. A service
 * goes by the first TALLY_SERVICE_BYTES of its name. A block that leaves the configuration takes
 * its numbers along.
 */
#include <stdint.h>

#include "base/bytes.h"
#include "configuration/configuration.h"
#include "wire/wire.h"

#define TALLY_SERVICES_MAX  512u /* of all blocks together */
#define TALLY_SERVICE_BYTES 128u

struct tallies; /* opaque */

struct tallies *tallies_new(void); /* owned: tallies_free(); NULL without memory */

void tallies_free(struct tallies *tallies); /* NULL is fine */

/* From now on the blocks of @configuration (borrowed for the call) are counted for. -ENOMEM: those
 * before stay. */
int tallies_adopt(struct tallies *tallies,
		  const struct configuration *configuration) warn_unused_result;

/*
 * Counts the parts of a PROFILE that is in the spool now. What cannot be decoded, or remembered
 * without memory, is counted nowhere.
 */
void tallies_note_profile(struct tallies *tallies, const void *frame, size_t n_bytes);

/* A part with @labels was on its way to an endpoint for @seconds. */
void tallies_note_push(struct tallies *tallies, struct wire_bytes labels, double seconds);

/* Appends the families. */
void tallies_print(const struct tallies *tallies, struct bytes *out);
