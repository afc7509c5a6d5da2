#pragma once
/*
 * Targets of what the collector says about processes: pure, from a list of them to values of the
 * language. They come in the order of pids; whatever bytes a process has in its names and its
 * command line, labels are UTF-8.
 */
#include <stdbool.h>

#include "config/value.h"
#include "discovery/user_names.h"
#include "process_list.h"

/* Which labels are made. */
struct process_rules {
	bool cwd;
	bool exe;
	bool commandline;
	bool username;
	bool uid;
	bool container_id;
	bool cgroup_path;
};

/*
 * Makes the list of targets. A process that has no executable (a kernel thread, a zombie) or no
 * directory is none when that is among its labels, as it is none in Alloy.
 *
 * With @join, a list of maps of strings: those of its targets that name no container come first;
 * then each process, with the labels of the target of its container over its own; then the others,
 * matched or not, of which one stays for each container, the last.
 *   @names       borrowed for the call
 *   @arena       what the targets live in; their only memory
 *   @ret_targets set on 0 only
 * Returns 0 or an error of the arena.
 */
int process_targets_make(const struct process_listing *listing, const struct process_rules *rules,
			 const struct user_names *names, const struct config_array *join,
			 struct config_arena *arena,
			 struct config_value *ret_targets) warn_unused_result;
