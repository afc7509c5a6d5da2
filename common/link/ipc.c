#include "link/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include <nng/nng.h>

int ipc_url(const char *path, char ret_url[IPC_URL_BYTES])
{
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	(void)snprintf(ret_url, IPC_URL_BYTES, IPC_SCHEME "%s", path); /* fits: checked above */
	return 0;
}

int ipc_errno(int nng_result)
{
	static const struct {
		int nng;
		int error;
	} known[] = {
		{0, 0},
		{NNG_ENOMEM, -ENOMEM},
		{NNG_EADDRINUSE, -EADDRINUSE},
		{NNG_EADDRINVAL, -EINVAL},
		{NNG_EPERM, -EACCES},
		{NNG_ENOENT, -ENOENT},
		{NNG_ENOFILES, -EMFILE},
		{NNG_ENOTSUP, -ENOTSUP},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].nng == nng_result)
			return known[i].error;
	if (nng_result & NNG_ESYSERR)
		return -(nng_result & ~NNG_ESYSERR);
	return -EIO;
}

int ipc_watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

bool ipc_uid_listed(const uid_t *uids, size_t n_uids, uid_t uid)
{
	for (size_t i = 0; i < n_uids; i++)
		if (uids[i] == uid)
			return true;
	return false;
}
