#pragma once
/* From a leased window to the PROFILE that the shipper stores: names, pprof, one frame. */
#include "base/bytes.h"
#include "frames.h"
#include "last_named.h"
#include "pprof.h"
#include "wire/counters.h"
#include "wire/wire.h"

enum window_profile_outcome {
	WINDOW_PROFILE_TOO_BIG = 1, /* even with short names it does not fit one message */
};

/* Where it goes. All borrowed. */
struct window_profile_results {
	struct bytes *out;         /* the frame; its bound is that of PROFILE */
	struct counters *counters; /* learn what became of the frames that are sent */
	struct last_named *last;   /* learns what targets had; or NULL */
};

/*
 * Makes the frame. Where full names do not fit, names are cut short.
 * Returns 0, a negative errno or an outcome.
 */
int window_profile_encode(const struct wire_window *window, const struct frame_sources *sources,
			  const struct pprof_limits *limits,
			  const struct window_profile_results *results) warn_unused_result;
