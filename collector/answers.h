#pragma once
/* Short answers to requests at a listener: those without a body, and refusals. */
#include <stdint.h>

#include "link/link.h"
#include "wire/wire.h"

/* Answers @request with @id and nothing else (PROBED, NOTHING_YET, GO). */
void answer_bare(struct link_listener *listener, uint64_t request, enum message_id id);

/* Answers @request with REFUSED. Counting it is the caller's. */
void answer_refused(struct link_listener *listener, uint64_t request, enum refusal reason);

/* Answers with the frame in @out, or with REFUSED (BUSY) when it has failed for want of memory. */
void answer_bytes(struct link_listener *listener, uint64_t request, const struct bytes *out);
