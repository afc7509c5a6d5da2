#pragma once
/*
 * What the main process and an opener's helper say to each other: one fixed-size call, one
 * fixed-size answer, over a SOCK_SEQPACKET pair of their own. An fd travels beside either. Both
 * sides check all that they get: a helper has authority, the main process reads what it answers.
 *
 * A helper's first message is a greeting: an answer with sequence 0, whose outcome is 0 or the
 * negative errno that kept it from confining itself.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "opener/opener.h"

struct opener_order {
	uint64_t sequence; /* 1…; the answer repeats it */
	uint32_t op;       /* enum opener_op */
	int32_t pid;
	uint32_t files; /* bits of enum opener_proc_file */
	uint32_t n_bytes;
	uint64_t follows_link; /* 0 or 1 */
	uint64_t start;
	uint64_t end;
	uint64_t offset;
};

struct opener_call {
	struct opener_order order;
	char path[OPENER_PATH_BYTES]; /* NUL-terminated */
};

struct opener_answer {
	uint64_t sequence;
	int32_t outcome;                     /* 0 or enum opener_outcome */
	uint32_t n_bytes[OPENER_PROC_FILES]; /* in the area, one after another from its start */
	struct file_identity identity;
	uint64_t mount_id;
};

/*
 * Shared memory of one helper and the main process, which maps it read-only. It is sealed: a
 * helper cannot shrink it under the reader.
 */
struct opener_area {
	unsigned char bytes[OPENER_AREA_BYTES];
	/* The st_dev that the call at work is about to touch; 0 while it is not known. Read when
	 * the helper is past its deadline. */
	_Atomic uint64_t device;
};

/*
 * Sends @message (borrowed), and @fd beside it unless it is -1. A pair has room for the one message
 * that may be under way, so this does not block. Returns 0 or a negative errno.
 */
int opener_send(int socket_fd, const void *message, size_t n_bytes, int fd) warn_unused_result;

/*
 * Receives a message of exactly @n_bytes; @flags is 0 or MSG_DONTWAIT. Returns 0 or a negative
 * errno: -EAGAIN when none waits, -EPIPE when the other side is gone, -EMFILE when the message is
 * there but not its fd, for which there was no room, -EPROTO for anything else.
 *   @ret_fd  always set: the fd that came along, owned, or -1
 */
int opener_receive(int socket_fd, int flags, void *message, size_t n_bytes,
		   int *ret_fd) warn_unused_result;
