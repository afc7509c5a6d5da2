#pragma once
/*
 * How endpoints are told apart: by operators in metrics and logs, and by the spool, which keeps a
 * cursor for each across reloads and restarts. Pure functions; a password is in neither name.
 */
#include <stddef.h>

#include "configuration/configuration.h"

/*
 * Returns a label for @url: without user and password, and with " #n" behind it when @n, which is
 * how many have that place, is more than 1. Owned: free(). NULL without memory.
 */
char *endpoint_label_new(const char *url, unsigned n);

/*
 * Returns the key of endpoint @i: where to, as whom and for which tenant, so that with another
 * password it is the same endpoint. Owned: free(). NULL without memory.
 */
char *endpoint_key_new(const struct configuration *configuration, size_t i);
