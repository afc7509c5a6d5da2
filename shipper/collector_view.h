#pragma once
/*
 * The asker for what the collector shows of itself (VIEW): now and then, and every second while
 * somebody looks. It has a connection of its own, so that settings never wait for it. For people;
 * nothing depends on it. One thread; times are arguments.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "wire/wire.h"

struct collector_view; /* opaque */

/*
 * Opens the way to the collector's control socket, whether or not anybody listens there yet.
 *   @uid  whom the collector runs as
 * Returns 0 or a negative errno; *@ret_view is owned: collector_view_free().
 */
int collector_view_open(const char *path, uid_t uid,
			struct collector_view **ret_view) warn_unused_result;

void collector_view_free(struct collector_view *view); /* NULL is fine */

int collector_view_fd(const struct collector_view *view); /* to poll for reading; borrowed */

uint64_t collector_view_deadline_ns(const struct collector_view *view);

void collector_view_run(struct collector_view *view, uint64_t now_ns);

/* Somebody looks: it is asked for often from now on, for a while. */
void collector_view_note_look(struct collector_view *view, uint64_t now_ns);

/* What was last answered, borrowed until the next run; NULL: nothing, or that was long ago. */
const struct wire_view *collector_view_last(const struct collector_view *view, uint64_t now_ns);
