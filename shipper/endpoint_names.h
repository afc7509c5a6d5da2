#pragma once
/*
 * How endpoints are told apart: by operators in metrics and logs, and by the spool, which keeps a
 * cursor for each across restarts. Pure functions over a configuration; a password is in neither
 * name.
 */
#include <stddef.h>

#include "base/bytes.h"
#include "configuration.h"

/*
 * Returns the label of endpoint @i: its URL without user and password, and a number behind it when
 * one before it has the same, for metrics must not repeat. Owned: free(). NULL without memory.
 */
char *endpoint_label_new(const struct configuration *configuration, size_t i);

/*
 * Appends the key of endpoint @i to @out, with a NUL: where to, as whom and for which tenant, so
 * that a new password is the same endpoint.
 * Returns 0, -ENOMEM or -EMSGSIZE.
 */
int endpoint_key_print(const struct configuration *configuration, size_t i,
		       struct bytes *out) warn_unused_result;
