#pragma once
/* Decodes a frame of any message and encodes what was decoded: what a test needs to compare. */
#include <stddef.h>

#include "wire/wire.h"

/*
 * Appends to @out what @frame says. Returns 0, -ENOMEM, MESSAGE_GARBLED, or MESSAGE_UNKNOWN when no
 * decoder is for the frame's id.
 */
int recode(const void *frame, size_t n_bytes, struct bytes *out) warn_unused_result;

/* The same for a label set, which is not a frame. */
int recode_labels(const void *data, size_t n_bytes, struct bytes *out) warn_unused_result;
