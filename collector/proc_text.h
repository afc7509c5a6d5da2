#pragma once
/*
 * The few words that are wanted of /proc/PID/stat and /proc/PID/status. The kernel wrote them, but
 * for the name in the midst of stat, which may hold anything: spaces, newlines, parentheses.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "sample.h"
#include "wire/wire.h"

enum proc_text_outcome {
	PROC_TEXT_MALFORMED = 1, /* cut, or not as proc(5) has it */
};

struct proc_stat {
	char comm[COMM_BYTES];      /* NUL-padded, of the group leader */
	uint64_t start_clock_ticks; /* after boot, in units of sysconf(_SC_CLK_TCK) */
};

/* Parses the text of stat (borrowed). Returns 0 or PROC_TEXT_MALFORMED. */
int proc_stat_parse(struct wire_bytes text, struct proc_stat *ret_stat) warn_unused_result;

struct proc_status {
	uint32_t namespace_pid; /* in the innermost pid namespace; above 0 */
	uint32_t real_uid;      /* as the initial user namespace numbers it */
	uint32_t effective_uid; /* as real_uid */
};

/* Parses the text of status (borrowed). Returns 0 or PROC_TEXT_MALFORMED. */
int proc_status_parse(struct wire_bytes text, struct proc_status *ret_status) warn_unused_result;
