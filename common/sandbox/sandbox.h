#pragma once
/*
 * Giving up authority, for good. Two steps, both before the first thread:
 *
 * sandbox_become() changes uid and gid, keeps the named capabilities (none for most), empties the
 * ambient set and, where SETPCAP is held, the bounding set, sets no-new-privileges, forbids core
 * dumps and being traced by the same uid.
 *
 * sandbox_enter() installs the role's seccomp filter: what is not on its list is refused with
 * EPERM. A symbolizer and a shipper also get a Landlock ruleset that leaves them their own
 * directories.
 *
 * A process started without authority (symbolizer, shipper) calls sandbox_require_unprivileged()
 * first and then only sandbox_enter().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

enum sandbox_role {
	SANDBOX_COLLECTOR, /* the main process: holds fds, opens nothing, may start nng's threads */
	SANDBOX_OPENER,    /* a helper: open, read, answer on its socket */
	SANDBOX_SYMBOLIZER,
	SANDBOX_SHIPPER,
};

/* Capabilities as bit masks of linux/capability.h: SANDBOX_CAP(CAP_BPF) | … */
#define SANDBOX_CAP(cap) (UINT64_C(1) << (cap))

/*
 * Closes every fd but the three standard ones: what whoever started us had open is none of our
 * business, and none of theirs who might take us over. Of the three, those that are closed become
 * /dev/null: else the first file that is opened would be what the log is written to. Call it before
 * anything is opened.
 */
void sandbox_close_inherited(void);

/* The effective capabilities of the calling thread. */
uint64_t sandbox_effective_caps(void);

/* Writes the names of @caps ("BPF, PERFMON") into @text, cut to @n_bytes. */
void sandbox_caps_describe(uint64_t caps, char *text, size_t n_bytes);

/*
 * Becomes @uid:@gid with no supplementary groups and exactly @kept_caps (0 for none).
 * Returns 0 or a negative errno; after a failure the process must not go on.
 */
int sandbox_become(uid_t uid, gid_t gid, uint64_t kept_caps) warn_unused_result;

/* Returns 0, or -EPERM when the caller is uid 0 or holds a capability. */
int sandbox_require_unprivileged(void) warn_unused_result;

/* A directory that stays reachable for a role with a Landlock ruleset. */
struct sandbox_path {
	const char *path; /* a file or a directory; one to read need not exist */
	bool writable;    /* files and sockets may be made, written and removed below it */
};

/*
 * Confines the calling thread and all threads that it will start. On a kernel without Landlock the
 * seccomp filter stands alone (*@ret_landlock false).
 *   @paths         borrowed; for SANDBOX_SYMBOLIZER and SANDBOX_SHIPPER; else NULL, 0
 *   @ret_landlock  set on 0 only; may be NULL
 * Returns 0 or a negative errno.
 */
int sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths, size_t n_paths,
		  bool *ret_landlock) warn_unused_result;

/* What /proc/self/status would say, read without opening it. */
struct sandbox_status {
	uid_t uid;
	uint64_t effective_caps;
	uint64_t permitted_caps;
	bool no_new_privs;
	bool seccomp;
};

struct sandbox_status sandbox_status(void);
