#pragma once
/*
 * The processes of this service, the main one and the opener's helpers, as the kernel describes
 * them: for whoever wants to see what authority they have. Their /proc/PID/status is opened before
 * confinement and read again at each question, by whoever holds the fds.
 */
#include <stddef.h>

#include "opener/opener.h"
#include "wire/wire.h"

#define SERVICES (1 + OPENER_HELPERS)

_Static_assert(SERVICES <= VIEW_SERVICES_MAX, "a view has a place for each");

struct services {
	int fds[SERVICES]; /* owned; -1: none */
};

#define SERVICES_NULL                                                                              \
	{                                                                                          \
		.fds = { -1, -1, -1, -1, -1 }                                                      \
	}

/*
 * Opens the files of this process and of the opener's @helpers. Returns 0 or a negative errno: what
 * could be opened is open all the same.
 */
int services_open(struct services *services,
		  const pid_t helpers[OPENER_HELPERS]) warn_unused_result;

/* Reads them; of a process that is gone, nothing. Returns how many were read. */
size_t services_read(const struct services *services, struct wire_service ret_services[SERVICES]);

void services_deinit(struct services *services);
