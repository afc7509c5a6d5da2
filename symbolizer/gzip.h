#pragma once
/* gzip of one buffer, with no time in its head: equal input gives equal output. */
#include "base/bytes.h"
#include "base/cleanup.h"

/*
 * Appends the compressed form of @n_bytes of @data (borrowed) to @out. Returns 0, -ENOMEM or
 * -EMSGSIZE.
 */
int gzip_append(struct bytes *out, const void *data, size_t n_bytes) warn_unused_result;
