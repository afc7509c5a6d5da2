#pragma once
/*
 * The process: what it holds, in the order in which main() lets it be had. Functions return an
 * exit_status and say in the log what went wrong.
 */
#include "base/cleanup.h"
#include "base/heartbeat.h"
#include "base/identity.h"
#include "table/cache_directory.h"
#include "link/link.h"
#include "options.h"
#include "table/table_cache.h"
#include "wire/counters.h"
#include "worker.h"

struct symbolizer {
	const struct options *options; /* borrowed */
	int memory_fd;                 /* the memory file of object images */
	int signal_fd;
	int status_fd;                     /* our own /proc/self/status */
	struct cache_directory *directory; /* NULL: none */
	struct table_cache *tables;
	struct link_client *pool;
	struct link_client *profiles;
	struct worker *worker;
	struct heartbeat heartbeat;
	struct counters counters;
};

#define SYMBOLIZER_NULL                                                                            \
	{                                                                                          \
		.memory_fd = -1, .signal_fd = -1, .status_fd = -1, .heartbeat = HEARTBEAT_NULL     \
	}

/* Refuses privileges, limits memory, opens what is opened by name. */
enum exit_status symbolizer_acquire(struct symbolizer *symbolizer,
				    const struct options *options) warn_unused_result;

/* Gives up the file system but for the cache directory, and most system calls. */
enum exit_status symbolizer_confine(struct symbolizer *symbolizer) warn_unused_result;

/* Dials, and works until asked to stop. */
enum exit_status symbolizer_run(struct symbolizer *symbolizer) warn_unused_result;

void symbolizer_deinit(struct symbolizer *symbolizer);
