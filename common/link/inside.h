#pragma once
/*
 * What nng refuses inside itself, before it is a message: it closes the connection and tells
 * nobody. Whoever hears of it all the same (replaced_refusals.c, told_refusals.c) leaves it here,
 * from any thread; the next listener of this process to be asked for events takes it and tells its
 * owner. Counts of the process and not of a listener: all its listeners add to one counter anyway.
 */
#include <stdbool.h>

#include "base/cleanup.h"
#include "link/refusals.h"

/* Begins to hear of it. Call before the first socket is opened. */
void inside_listen(void);

/* Says that a frame was turned away for @outcome, an enum message_outcome. */
void inside_tell(int outcome);

/* Has @epoll_fd poll readable when there is something to take. Returns 0 or a negative errno. */
int inside_watch(int epoll_fd) warn_unused_result;

/* Moves what was told to @refusals. Until the next inside_tell() the fd is quiet. */
void inside_take(struct refusals *refusals);
