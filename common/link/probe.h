#pragma once
/*
 * A listener asking itself, as a client over a new connection: the only way to know it is not deaf.
 */
#include "link/link.h"

/*
 * Sends a PROBE to the socket file @path, where @self listens under our own uid.
 *   @ret_client  set on 0 only; owned: link_client_free() after link_ask_finish() said what became
 * Returns 0 or a negative errno.
 */
int probe_begin(const char *path, enum wire_party self,
		struct link_client **ret_client) warn_unused_result;
