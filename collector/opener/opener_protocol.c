#include "opener/opener_protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int opener_send(int socket_fd, const void *message, size_t n_bytes, int fd)
{
	union control control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (void *)message, .iov_len = n_bytes};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
	}
	return sendmsg(socket_fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int opener_receive(int socket_fd, int flags, void *message, size_t n_bytes, int *ret_fd)
{
	union control control;
	struct iovec iov = {.iov_base = message, .iov_len = n_bytes};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	const struct cmsghdr *passed;
	ssize_t n;

	*ret_fd = -1;
	n = recvmsg(socket_fd, &header, flags | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	passed = CMSG_FIRSTHDR(&header);
	if (passed && passed->cmsg_level == SOL_SOCKET && passed->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(passed), sizeof(*ret_fd));
	if (n == 0)
		return -EPIPE;
	if ((size_t)n != n_bytes || header.msg_flags & MSG_TRUNC)
		return -EPROTO;
	return header.msg_flags & MSG_CTRUNC ? -EMFILE : 0;
}
