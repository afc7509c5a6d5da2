#pragma once
/* What a listener and a client share: addresses, nng's errors, who may be at the other end. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define IPC_SCHEME    "ipc://"
#define IPC_URL_BYTES 128 /* "ipc://" and a path that fits sockaddr_un, with its NUL */

/* nng's request id stands before our frame and counts toward nng's size limit. */
#define IPC_HEADER_BYTES 4u

/* Writes the address of the socket file @path. Returns 0 or -ENAMETOOLONG. */
int ipc_url(const char *path, char ret_url[IPC_URL_BYTES]) warn_unused_result;

/* Turns a result of nng into 0 or a negative errno. */
int ipc_errno(int nng_result) warn_unused_result;

/* Has @epoll_fd poll readable when @fd does. Returns 0 or a negative errno. */
int ipc_watch(int epoll_fd, int fd) warn_unused_result;

bool ipc_uid_listed(const uid_t *uids, size_t n_uids, uid_t uid);
