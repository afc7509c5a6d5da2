#pragma once
/*
 * The opener: four helper processes that open and read what others own, and interpret nothing.
 *
 * They are forked by main() before its first thread, run under a uid of their own with SYS_PTRACE,
 * CHECKPOINT_RESTORE and DAC_READ_SEARCH, and take one fixed-size request at a time over a
 * SOCK_SEQPACKET pair. File bytes come back through a memory area that each helper shares with the
 * main process. Whatever may block on somebody else's file system blocks a helper, never the loop:
 * a request past its deadline is answered with OPENER_DEADLINE, its helper is stuck until it
 * returns by itself, and its device is refused for ten minutes. Helpers are never replaced.
 *
 * What is handed out is an O_PATH fd of a regular file (or, for a root, of a directory). To read,
 * it goes back to a helper, which reopens it O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC through
 * /proc/self/fd: a FIFO or a device is never opened, and the main process never holds an fd whose
 * close() would wait for a FUSE server.
 *
 * No two requests that may hang on the same thing (device, walk below a root, process) are at work
 * at once: a hung file system costs one helper, however much is asked of it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define OPENER_HELPERS           4u
#define OPENER_DEADLINE_NS       UINT64_C(2000000000)
#define OPENER_DEVICE_REFUSED_NS UINT64_C(600000000000)
#define OPENER_AREA_BYTES        (8u << 20) /* sparse: pages are given back after a large answer */
#define OPENER_PATH_BYTES        4096u
#define OPENER_QUEUE_MAX         4096u /* requests that wait for a free helper */

enum opener_op {
	OPENER_READ_PROC = 1, /* /proc/PID/{stat,status,…}, all of one process */
	OPENER_OPEN_MAPPED,   /* /proc/PID/map_files/START-END: the mapped inode itself */
	OPENER_OPEN_ROOT,     /* an O_PATH fd of /proc/PID/root */
	OPENER_OPEN_IN_ROOT,  /* a path below a root fd: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS */
	OPENER_READ_OBJECT,   /* pread of a held fd */
	OPENER_LIST_PROC,     /* the directory /proc itself, as getdents64 gives it */
};

/* Bits of opener_request.files. */
enum opener_proc_file {
	OPENER_STAT = 0x1,
	OPENER_STATUS = 0x2,
	OPENER_CGROUP = 0x4,
	OPENER_MAPS = 0x8,
	OPENER_COMMAND = 0x10, /* cmdline: of all that are asked for it, one is read at a time */
	OPENER_EXE = 0x20,     /* links, not followed: where they lead; nothing when unreadable */
	OPENER_CWD = 0x40,
};

#define OPENER_PROC_FILES 7u

struct opener_request {
	enum opener_op op;
	uint64_t device;  /* st_dev that the request will touch (OPEN_IN_ROOT: that of the object
			   * whose sibling is sought); 0, unknown: waits for all others of 0 */
	pid_t pid;        /* READ_PROC, OPEN_MAPPED, OPEN_ROOT */
	unsigned files;   /* READ_PROC */
	uint64_t start;   /* OPEN_MAPPED */
	uint64_t end;     /* OPEN_MAPPED */
	int fd;           /* OPEN_IN_ROOT: the root; READ_OBJECT: the object. Borrowed until done */
	uint64_t offset;  /* READ_OBJECT */
	uint32_t n_bytes; /* READ_OBJECT: at most OBJECT_READ_BYTES_MAX; READ_PROC: at most as many
			   * of each file, cut without a word; 0: all */
	bool follows_link; /* OPEN_IN_ROOT: where the path ends in a symlink, to what that names
			    * inside the root; else it is NOT_REGULAR */
	char path[OPENER_PATH_BYTES]; /* OPEN_IN_ROOT: NUL-terminated, relative to the root */
};

enum opener_outcome {
	OPENER_GONE = 1,    /* the process, mapping or file is not there; READ_PROC: what was read
			     * before it went is given */
	OPENER_NOT_REGULAR, /* a symlink, FIFO, device, directory, or a file of /proc or its like */
	OPENER_DENIED,      /* the kernel said EPERM or EACCES */
	OPENER_DEADLINE,    /* no answer in time, or the device is refused for that */
	OPENER_TRUNCATED,   /* READ_PROC, LIST_PROC: more than the area; what fits is given */
	OPENER_FULL,        /* the queue is full */
	OPENER_FAILED,      /* any other errno of the helper */
};

/* What fstat of the opened file said. */
struct file_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t change_time_ns;
	uint32_t owner_uid;
	bool is_public; /* anybody may read it, as far as its own mode says */
};

struct opener_result {
	int outcome;                   /* 0 or enum opener_outcome */
	int fd;                        /* OPEN_*: O_PATH, consumed by the callback; else -1 */
	struct file_identity identity; /* OPEN_*: for a root device and inode count, no more */
	uint64_t mount_id; /* OPEN_*: of the mount; for a root it tells mount namespaces apart */
	/* READ_PROC, in the order of enum opener_proc_file; READ_OBJECT, LIST_PROC: bytes[0];
	 * OPEN_ROOT: the path of the root in bytes[0], as names of maps would begin with it.
	 * Borrowed until the callback returns. */
	struct wire_bytes bytes[OPENER_PROC_FILES];
};

typedef void opener_done_fn(void *owner, const struct opener_result *result);

struct opener;

/*
 * Forks the helpers, which become @uid:@gid. Needs SETUID, SETGID and the opener's three.
 * Returns 0 or a negative errno; *@ret_opener is owned, freed with opener_free().
 */
int opener_start(uid_t uid, gid_t gid, struct opener **ret_opener) warn_unused_result;

/*
 * Queues a request (copied). @done is called exactly once, from opener_dispatch() or
 * opener_expire(), or before this returns when the device is refused or the queue is full.
 */
void opener_submit(struct opener *opener, const struct opener_request *request,
		   opener_done_fn *done, void *owner);

/* An epoll fd of the helpers' sockets, readable when opener_dispatch() has work. Borrowed. */
int opener_fd(const struct opener *opener);

/* Takes answers, calls back, hands out queued requests. */
void opener_dispatch(struct opener *opener);

/* Ends what is past its deadline. Returns when to be called next (monotonic), UINT64_MAX: never. */
uint64_t opener_expire(struct opener *opener, uint64_t now_ns);

/* Helpers past their deadline, or dead. OPENER_HELPERS of them: flush and exit 75. */
unsigned opener_n_stuck(const struct opener *opener);

/* The helpers' pids, for the start line and for tests. */
void opener_pids(const struct opener *opener, pid_t ret_pids[OPENER_HELPERS]);

/* Ends the helpers. Requests that are not done are forgotten: nobody is called back. */
void opener_free(struct opener *opener);
