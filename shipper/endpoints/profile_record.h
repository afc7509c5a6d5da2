#pragma once
/* From a PROFILE's frame to what the spool keeps about it. A pure function. */
#include <stddef.h>

#include "spool/spool_record.h"

/*
 * Checks the frame through, its label sets too, and sums it up; the sequence is left for the spool.
 * A profile without parts is none: nothing would ever move a cursor behind it. Nor is one without
 * a time: servers put their own in its place, another on each retry.
 *   @frame       borrowed for the call
 *   @ret_record  set on 0 only
 * Returns 0, -ENOMEM or MESSAGE_GARBLED.
 */
int profile_record_describe(const void *frame, size_t n_bytes,
			    struct spool_record *ret_record) warn_unused_result;
