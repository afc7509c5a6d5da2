#pragma once
/*
 * The code that runs in an opener's helper, and nowhere else. It serves one call after another
 * until its socket closes, interprets no byte of what it reads, and allocates no memory.
 */
#include <stdnoreturn.h>
#include <sys/types.h>

#include "opener/opener_protocol.h"

/* What a helper needs beside /proc: to look into any process, and at any file, for reading. */
#define OPENER_CAPS                                                                                \
	(SANDBOX_CAP(CAP_SYS_PTRACE) | SANDBOX_CAP(CAP_CHECKPOINT_RESTORE) |                       \
	 SANDBOX_CAP(CAP_DAC_READ_SEARCH))

struct opener_helper_seat {
	int socket_fd;            /* consumed */
	struct opener_area *area; /* mapped for writing */
	uid_t uid;
	gid_t gid;
};

/* Confines the calling process, greets, serves. Call it in a process just forked. */
noreturn void opener_helper_run(const struct opener_helper_seat *seat);
