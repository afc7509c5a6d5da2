#pragma once
/* Small files that somebody else writes: configurations, tokens, certificates. */
#include <stdbool.h>

#include "base/bytes.h"

#define FILE_TEXT_CHUNK_BYTES 16384u

/*
 * Appends the content of the regular file @path to @text, chunk by chunk, up to the first that
 * @text does not take. Never waits: what is no regular file is refused.
 * Returns 0 or a negative errno: -EMSGSIZE when there is more than @text takes, -EINVAL when it is
 * no regular file.
 */
int file_text_read(const char *path, struct bytes *text) warn_unused_result;

/* Is there a directory at @path, or behind the link there? */
bool file_text_is_directory(const char *path);
