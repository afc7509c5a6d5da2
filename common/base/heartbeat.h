#pragma once
/*
 * A file that says that a loop still turns: it holds the time of the last turn. Whoever wants to
 * know needs no socket and no authority, only the file, and the loop writes it through an fd that
 * it opened before it was confined.
 *
 * The file is one line of decimal digits: CLOCK_BOOTTIME in ms, the same clock in every container
 * of a host that has no time namespace of its own.
 */
#include <stdint.h>

#include "base/cleanup.h"

struct heartbeat {
	int fd;           /* owned; -1: nobody asked for a heartbeat */
	uint64_t beat_ms; /* of the last one */
};

#define HEARTBEAT_NULL                                                                             \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Makes the file @path, readable by all. Returns 0 or a negative errno. */
int heartbeat_open(struct heartbeat *heartbeat, const char *path) warn_unused_result;

/* The loop turns. Writes at most once a second; a failure shows by the file's age. */
void heartbeat_beat(struct heartbeat *heartbeat);

void heartbeat_deinit(struct heartbeat *heartbeat);

/*
 * The subcommand `health --health-file FILE`: says on stdout whether the last beat is younger than
 * @age_max_s. @argv[0] is "health". Returns what the program leaves with: 0 healthy, 1 not, or
 * EXIT_STATUS_USAGE.
 */
int heartbeat_main(const char *program, uint64_t age_max_s, int argc,
		   char **argv) warn_unused_result;
