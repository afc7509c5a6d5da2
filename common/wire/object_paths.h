#pragma once
/*
 * The fixed shapes of path that OBJECT_OPEN may reach. A symbolizer names a kind and a base name or
 * a build id; everything else of a path comes from what the kernel printed for the mapped file, so
 * that a hijacked symbolizer cannot spell a path of its own. Paths are relative to a root fd and
 * are resolved inside it (OPENER_OPEN_IN_ROOT). Pure functions.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define OBJECT_PATH_BYTES 4096u /* with the NUL at its end */

/* Bytes of a build id; its name has two lower-case hex digits for each. */
#define BUILD_ID_BYTES_MIN 4u
#define BUILD_ID_BYTES_MAX 64u

enum object_path_outcome {
	OBJECT_PATH_BAD_NAME = 1, /* empty, too long, a '/' or NUL, "." or "..", not a build id */
	OBJECT_PATH_NO_PLACE,     /* the mapped file has no directory, or its pid is not known */
	OBJECT_PATH_TOO_LONG,     /* does not fit OBJECT_PATH_BYTES */
};

/*
 * Builds the path of @ask's sibling file:
 *   BUILD_ID          usr/lib/debug/.build-id/xx/rest.debug
 *   BESIDE            <directory of the mapped file>/<name>
 *   BESIDE_DOT_DEBUG  <directory of the mapped file>/.debug/<name>
 *   GLOBAL_DEBUG      usr/lib/debug<directory of the mapped file>/<name>
 *   PERF_MAP          tmp/perf-<namespace pid>.map; its name must be empty
 * HOST_BUILD_ID and HOST_GLOBAL_DEBUG have the shapes of BUILD_ID and GLOBAL_DEBUG.
 *
 *   @mapped_name    of the object that was named, as /proc/PID/maps printed it: absolute, perhaps
 *                   with " (deleted)" behind it; borrowed for the call, like the name in @ask
 *   @namespace_pid  of a process that maps it; 0 when not known
 *   @ret_path       set on 0 only; NUL-terminated, without a leading '/'
 * Returns 0 or an enum object_path_outcome.
 */
int object_path_build(const struct wire_object_open *ask, struct wire_bytes mapped_name,
		      uint32_t namespace_pid, char ret_path[OBJECT_PATH_BYTES]) warn_unused_result;
