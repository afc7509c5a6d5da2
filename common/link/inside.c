#include "link/inside.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "link/ipc.h"

static atomic_ulong n_told[MESSAGE_GARBLED + 1];
static atomic_int wake_fd = -1; /* opened with the first listener, never closed: nng ends with us */

void inside_tell(int outcome)
{
	int fd = atomic_load(&wake_fd);

	atomic_fetch_add(&n_told[outcome], 1);
	if (fd >= 0)
		(void)eventfd_write(fd, 1); /* fails only when it is readable anyway */
}

int inside_watch(int epoll_fd)
{
	if (atomic_load(&wake_fd) < 0) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return -errno;
		atomic_store(&wake_fd, fd);
	}
	return ipc_watch(epoll_fd, atomic_load(&wake_fd));
}

void inside_take(struct refusals *refusals)
{
	eventfd_t ignored;

	if (eventfd_read(atomic_load(&wake_fd), &ignored) < 0)
		return; /* nothing was told since, or another listener took it */
	for (int outcome = 0; outcome <= MESSAGE_GARBLED; outcome++)
		refusals->n[outcome] += atomic_exchange(&n_told[outcome], 0);
}
