#pragma once
/*
 * What the kernel says of a process's authority: the lines of /proc/PID/status that matter.
 *
 * The fd is opened while a process may still open files and read as often as wanted afterwards:
 * each read at offset 0 is of that moment. It belongs to the process that it was opened for, also
 * when its pid is another's by then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define PROCESS_STATUS_BYTES_MAX 8192u /* of the text; the lines sought come well before */

struct process_status {
	uint32_t pid;            /* in the pid namespace of the /proc that was read */
	uint32_t uid;            /* effective */
	uint64_t permitted_caps; /* bits of linux/capability.h */
	uint64_t effective_caps;
	uint8_t seccomp; /* 0 none, 1 strict, 2 filters */
	bool no_new_privs;
};

/* That the text is not one of /proc/PID/status. */
enum process_status_outcome { PROCESS_STATUS_MALFORMED = 1 };

/* Opens the file of @pid, 0 for our own. Returns an fd, owned by the caller, or a negative errno.
 */
int process_status_open(pid_t pid) warn_unused_result;

/*
 * Reads what holds now. Returns 0, a negative errno (-ESRCH: the process is gone), or
 * PROCESS_STATUS_MALFORMED.
 */
int process_status_read(int fd, struct process_status *ret_status) warn_unused_result;

/*
 * The same of a text (borrowed). Each line sought must be there once, and hold what it should to
 * its end. Returns 0 or PROCESS_STATUS_MALFORMED.
 */
int process_status_parse(const char *text, size_t n_bytes,
			 struct process_status *ret_status) warn_unused_result;
