#pragma once
/*
 * Whether somebody serves a socket file, and when that begins: so that nobody dials in vain.
 *
 * The watch is an inotify instance on the file's directory. It is a convenience: where there is
 * none (too many instances, a directory that is replaced) whoever looks now and then finds out.
 */
#include <stdbool.h>

#include "base/cleanup.h"

/*
 * Whether a socket is bound to the file @path, or that cannot be told. Asks the kernel with a
 * socket of another type, which it refuses to connect: whoever is bound there notices nothing. A
 * file that its owner left behind when it was killed is no socket.
 */
bool socket_is_bound(const char *path);

/*
 * Begins to watch for @path (borrowed for the call), whose directory must be there and readable.
 *   @ret_fd  set on 0 only; owned; polls readable when socket_watch_take() has something to read
 * Returns 0 or a negative errno.
 */
int socket_watch_open(const char *path, int *ret_fd) warn_unused_result;

/* Takes what happened since the last call. Returns whether a file called as @path came. */
bool socket_watch_take(int fd, const char *path);
