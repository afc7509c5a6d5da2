#pragma once
/*
 * Private to common/sandbox: the file system as one process may see it. Landlock (Linux 5.13) needs
 * no privilege, only no-new-privileges. It must never be entered by a process that reads /proc of
 * others: inside a ruleset ptrace access checks fail for everything outside of it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/sandbox.h"

/*
 * Leaves the calling thread nothing of the file system but @paths (borrowed).
 * Returns 0 (*@ret_landlock says whether the kernel has Landlock at all) or a negative errno.
 */
int landlock_confine(const struct sandbox_path *paths, size_t n_paths,
		     bool *ret_landlock) warn_unused_result;
