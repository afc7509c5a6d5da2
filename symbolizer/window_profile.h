#pragma once
/* From a leased window to the PROFILE that the shipper stores: names, pprof, one frame. */
#include "base/bytes.h"
#include "frames.h"
#include "pprof.h"
#include "wire/counters.h"
#include "wire/wire.h"

enum window_profile_outcome {
	WINDOW_PROFILE_TOO_BIG = 1, /* even with short names it does not fit one message */
};

/*
 * Appends the frame to @out, whose bound is that of PROFILE. Where full names do not fit, names are
 * cut short. @counters learns what became of the frames that are sent.
 * Returns 0, a negative errno or an outcome.
 */
int window_profile_encode(const struct wire_window *window, const struct frame_sources *sources,
			  const struct pprof_limits *limits, struct counters *counters,
			  struct bytes *out) warn_unused_result;
