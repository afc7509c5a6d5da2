#pragma once
/*
 * From bytes that somebody else chose to a name as a profile shows it: the one place where names
 * change. A mangled name becomes what it says, as far as the demangler's mode asks for it. Whatever
 * is no valid UTF-8 or a control character becomes U+FFFD, and what is too long is cut between
 * characters.
 */
#include <stddef.h>
#include <stdint.h>

#include "demangle/demangle.h"

#define DISPLAY_NAME_BYTES_MAX 65535u

/* The most bytes that @n_bytes of input may become where nothing is demangled. */
static inline size_t display_name_bytes_max(size_t n_bytes)
{
	return n_bytes > DISPLAY_NAME_BYTES_MAX / 3 ? DISPLAY_NAME_BYTES_MAX : n_bytes * 3;
}

/*
 * Writes what @raw is shown as to @out, at most @bytes_max bytes, without a NUL.
 *   @demangler  NULL: mangled names stay as they are
 * Returns the number of bytes written.
 */
size_t display_name(struct demangler *demangler, struct wire_bytes raw, char *out,
		    size_t bytes_max);
