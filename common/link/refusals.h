#pragma once
/* What a listener turned away and has not told its owner yet: counts, so that none can be lost. */
#include "link/link.h"

struct refusals {
	uint64_t n[MESSAGE_GARBLED + 1]; /* by outcome; 0 is a foreign uid */
	uid_t uid;                       /* the latest foreign one */
};

/* Takes one out as an event. Returns false when there is none. */
bool refusals_next(struct refusals *refusals, struct link_event *ret_event);
