#pragma once
/* The body of a push: a batch as push.v1.PushRequest. The only file that knows protobuf. */
#include <stddef.h>

#include "base/bytes.h"
#include "endpoints/batch.h"
#include "configuration/configuration.h"

#define PUSH_BODY_BYTES_MAX (24u << 20) /* one part may be a whole PROFILE; labels come on top */

/*
 * Replaces the content of @out by a request with the items of @batch, in their order; the
 * same batch makes the same bytes.
 *   @external  the endpoint's external labels, borrowed for the call
 * Returns 0, -ENOMEM or -EMSGSIZE.
 */
int push_body_encode(const struct batch *batch, const struct configuration_header *external,
		     size_t n_external, struct bytes *out) warn_unused_result;
