#include "link/socket_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

/* An event and the longest name; the kernel never gives part of one. */
#define EVENTS_BYTES (16 * (sizeof(struct inotify_event) + NAME_MAX + 1))

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool socket_is_bound(const char *path)
{
	cleanup_with(close_fdp) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path); /* as ipc_url() */
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	return errno != ENOENT && errno != ENOTDIR && errno != ECONNREFUSED;
}

int socket_watch_open(const char *path, int *ret_fd)
{
	size_t n_directory = (size_t)(base_name(path) - path);
	cleanup_with(free_freep) char *directory = NULL;
	cleanup_with(close_fdp) int fd = -1;

	directory = n_directory > 0 ? strndup(path, n_directory) : strdup(".");
	if (!directory)
		return -ENOMEM;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whether one of the @n_bytes of events is about @name. */
static bool mentions(const char *events, size_t n_bytes, const char *name)
{
	bool found = false;
	size_t at = 0;

	while (at < n_bytes) {
		struct inotify_event event;

		memcpy(&event, events + at, sizeof(event));
		at += sizeof(event);
		/* What did not fit the kernel's queue may have been it. */
		found |= event.mask & IN_Q_OVERFLOW ||
			 (event.len > 0 && strcmp(events + at, name) == 0);
		at += event.len;
	}
	return found;
}

bool socket_watch_take(int fd, const char *path)
{
	char events[EVENTS_BYTES];
	bool found = false;
	ssize_t n;

	while ((n = read(fd, events, sizeof(events))) > 0)
		found |= mentions(events, (size_t)n, base_name(path));
	return found;
}
