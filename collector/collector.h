#pragma once
/*
 * The collector as a whole: what it acquires while it has authority, and its event loop after it
 * gave authority up. One instance a process, on main's stack.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/heartbeat.h"
#include "kallsyms_copy.h"
#include "options.h"
#include "rounds.h"
#include "services.h"
#include "vdso_copy.h"
#include "wire/counters.h"

struct collector {
	const struct options *options; /* borrowed for life */
	uint64_t started_ns;           /* monotonic */
	uint64_t instance;             /* random */
	struct counters counters;
	struct kallsyms_copy kallsyms;
	struct opener *opener; /* owned, like all below */
	struct sampler *sampler;
	struct objects *objects;
	struct object
		*vdso; /* a reference that lasts as long as the objects; NULL: there is none */
	struct processes *processes;
	struct windows *windows;
	struct drain *drain;
	struct pool *pool;
	struct control *control;
	struct vdso_copy vdso_copy;
	int host_root_fd; /* O_PATH of /, for the host's debug files */
	int signal_fd;
	int epoll_fd;
	struct heartbeat heartbeat;
	struct services services;
	struct job_set *jobs;   /* owned: in force */
	struct rounds rounds;   /* of these */
	uint64_t next_drain_ns; /* monotonic, like all times here */
	uint64_t next_probe_ns;
	uint64_t next_check_ns;
	uint64_t stop_by_ns;  /* 0: not stopping */
	uint64_t leave_by_ns; /* 0: not all delivered yet */
	uint64_t n_answers_at_end;
	int exit_status;
	bool was_busy;        /* an image was being read when the loop last looked */
	bool has_told;        /* the kernel has been told of some process what it would not do */
	bool is_pressed;      /* a stack map fills: all intervals end now */
	bool has_pid_targets; /* then a container is not decided as a whole */
};

#define COLLECTOR_NULL                                                                             \
	{                                                                                          \
		.kallsyms = KALLSYMS_COPY_NULL, .vdso_copy = VDSO_COPY_NULL, .host_root_fd = -1,   \
		.signal_fd = -1, .epoll_fd = -1, .heartbeat = HEARTBEAT_NULL,                      \
		.services = SERVICES_NULL                                                          \
	}

/*
 * Takes everything that needs privilege: helpers, programs, events, kallsyms. @options is borrowed
 * for life. Says what is missing.
 * Returns 0 or an enum exit_status.
 */
int collector_acquire(struct collector *collector,
		      const struct options *options) warn_unused_result;

/* Gives up uid, capabilities and system calls. Returns 0 or an enum exit_status. */
int collector_confine(struct collector *collector) warn_unused_result;

/* Listens and works until told to stop. Returns an enum exit_status. */
int collector_run(struct collector *collector) warn_unused_result;

void collector_deinit(struct collector *collector);
