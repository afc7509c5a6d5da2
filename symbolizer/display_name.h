#pragma once
/*
 * From bytes that somebody else chose to a name as a profile shows it: the one place where names
 * change. Symbols are shown as they are written in the file; whatever is no valid UTF-8 or a
 * control character becomes U+FFFD, and what is too long is cut between characters.
 */
#include <stddef.h>
#include <stdint.h>

#define DISPLAY_NAME_BYTES_MAX 65535u

/* The most bytes that @n_bytes of input may become. */
static inline size_t display_name_bytes_max(size_t n_bytes)
{
	return n_bytes > DISPLAY_NAME_BYTES_MAX / 3 ? DISPLAY_NAME_BYTES_MAX : n_bytes * 3;
}

/*
 * Writes what @raw is shown as to @out, at most @bytes_max bytes, without a NUL.
 * Returns the number of bytes written.
 */
size_t display_name(const char *raw, size_t n_bytes, char *out, size_t bytes_max);
