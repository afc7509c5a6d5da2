/*
 * How a helper opens: by O_PATH, which touches nothing, then it looks at what it got, and only a
 * regular file is opened for reading, through /proc/self/fd. A FIFO or a device is never opened.
 *
 * What is handed out stays an O_PATH fd; reading reopens it here, each time. An fd that is open for
 * reading would be a trap for the main process: its close() asks a FUSE server to flush, and waits
 * for an answer that may never come, unkillably (measured on Linux 6.18; an O_PATH fd does not).
 */
#include "opener/opener_helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"

#define SOCKET_FD       3
#define PROC_NAME_BYTES 96u
#define READ_FLAGS      (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

#define NAME_BYTES_MAX (sizeof(struct dirent64) + 8) /* of one name, as getdents64 pads it */

static const struct proc_file {
	const char *name;
	bool is_link;
} proc_files[OPENER_PROC_FILES] = {
	{"stat", false},    {"status", false}, {"cgroup", false}, {"maps", false},
	{"cmdline", false}, {"exe", true},     {"cwd", true},
};

struct helper {
	int proc_fd; /* of /proc */
	struct opener_area *area;
	struct opener_answer answer; /* to the call at work */
	int answer_fd;               /* owned; -1: none */
};

static int outcome_of(int error)
{
	switch (error) {
	case ENOENT:
	case ESRCH:
	case ENOTDIR:
	case ENAMETOOLONG:
		return OPENER_GONE;
	case ELOOP:
	case ENXIO:
		return OPENER_NOT_REGULAR;
	case EPERM:
	case EACCES:
		return OPENER_DENIED;
	default:
		return OPENER_FAILED;
	}
}

/* Kernel state in the guise of files: /proc/PID/mem is a regular file, too. */
static bool is_pseudo(const struct statfs *fs)
{
	static const unsigned long magics[] = {
		PROC_SUPER_MAGIC,    SYSFS_MAGIC,        DEBUGFS_MAGIC, TRACEFS_MAGIC,
		SECURITYFS_MAGIC,    CGROUP_SUPER_MAGIC, BPF_FS_MAGIC,  PSTOREFS_MAGIC,
		CGROUP2_SUPER_MAGIC, EFIVARFS_MAGIC,
	};

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if ((unsigned long)fs->f_type == magics[i])
			return true;
	return false;
}

/* Tells the main process which file system is about to be asked, without asking it. */
static int announce_device(struct helper *helper, int fd, struct statx *ret_stx)
{
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, ret_stx) < 0)
		return outcome_of(errno);
	atomic_store(&helper->area->device,
		     makedev(ret_stx->stx_dev_major, ret_stx->stx_dev_minor));
	return 0;
}

static void set_identity(struct opener_answer *answer, const struct statx *stx)
{
	answer->identity.device = makedev(stx->stx_dev_major, stx->stx_dev_minor);
	answer->identity.inode = stx->stx_ino;
	answer->identity.size_bytes = stx->stx_size;
	answer->identity.change_time_ns =
		(uint64_t)stx->stx_ctime.tv_sec * UINT64_C(1000000000) + stx->stx_ctime.tv_nsec;
	answer->identity.owner_uid = stx->stx_uid;
	answer->identity.is_public = (stx->stx_mode & S_IROTH) != 0;
	answer->mount_id = stx->stx_mnt_id;
}

/* Answers with @fd (an O_PATH fd, consumed) when it is a regular file of a real file system. */
static int answer_regular(struct helper *helper, int path_fd)
{
	cleanup_with(close_fdp) int fd = path_fd;
	struct statfs fs;
	struct statx stx;
	int outcome;

	outcome = announce_device(helper, fd, &stx);
	if (outcome != 0)
		return outcome;
	if (!S_ISREG(stx.stx_mode))
		return OPENER_NOT_REGULAR;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &stx) < 0 ||
	    fstatfs(fd, &fs) < 0)
		return outcome_of(errno);
	if (is_pseudo(&fs))
		return OPENER_NOT_REGULAR;
	set_identity(&helper->answer, &stx);
	helper->answer_fd = take_fd(&fd);
	return 0;
}

static int open_process(const struct helper *helper, int32_t pid)
{
	char name[PROC_NAME_BYTES];

	(void)snprintf(name, sizeof(name), "%d", pid); /* an int fits */
	return openat(helper->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Fills @at with at most @n_max bytes of @fd. Returns how many, or -1 with errno set. */
static ssize_t read_all(int fd, unsigned char *at, size_t n_max)
{
	size_t n_bytes = 0;
	ssize_t n = 1;

	while (n > 0 && n_bytes < n_max) {
		n = read(fd, at + n_bytes, n_max - n_bytes);
		n_bytes += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? -1 : (ssize_t)n_bytes;
}

/* Copies one file of a process, or at most @n_max bytes of it, to @offset of the area. */
static int copy_proc_file(struct helper *helper, int process_fd, const struct proc_file *file,
			  size_t offset, size_t n_max)
{
	cleanup_with(close_fdp) int fd = openat(process_fd, file->name, O_RDONLY | O_CLOEXEC);
	size_t n_room = OPENER_AREA_BYTES - offset;
	unsigned char beyond;
	ssize_t n;

	if (fd < 0)
		return outcome_of(errno);
	n = read_all(fd, helper->area->bytes + offset, n_max < n_room ? n_max : n_room);
	if (n < 0)
		return outcome_of(errno);
	helper->answer.n_bytes[file - proc_files] = (uint32_t)n;
	if ((size_t)n == n_room && read(fd, &beyond, 1) != 0)
		return OPENER_TRUNCATED;
	return 0;
}

/* A kernel thread has no executable, a zombie no links at all: that is nothing, and no failure. */
static int copy_proc_link(struct helper *helper, int process_fd, const struct proc_file *file,
			  size_t offset)
{
	size_t n_room = OPENER_AREA_BYTES - offset;
	ssize_t n;

	if (n_room < PROCESS_PATH_BYTES_MAX)
		return OPENER_TRUNCATED;
	n = readlinkat(process_fd, file->name, (char *)helper->area->bytes + offset,
		       PROCESS_PATH_BYTES_MAX);
	helper->answer.n_bytes[file - proc_files] = n > 0 ? (uint32_t)n : 0;
	return 0;
}

/* All files through one directory fd: were the pid reused between them, the later ones are gone. */
static int serve_read_proc(struct helper *helper, const struct opener_call *call)
{
	size_t n_max = call->order.n_bytes > 0 ? call->order.n_bytes : OPENER_AREA_BYTES;
	cleanup_with(close_fdp) int process_fd = open_process(helper, call->order.pid);
	size_t offset = 0;
	int outcome = 0;

	if (process_fd < 0)
		return outcome_of(errno);
	for (unsigned i = 0; i < OPENER_PROC_FILES && outcome == 0; i++) {
		if (!(call->order.files & 1u << i))
			continue;
		outcome =
			proc_files[i].is_link
				? copy_proc_link(helper, process_fd, &proc_files[i], offset)
				: copy_proc_file(helper, process_fd, &proc_files[i], offset, n_max);
		offset += helper->answer.n_bytes[i];
	}
	return outcome;
}

/* Asks for no more when a name might not fit, which would be an error and not the end. */
static int serve_list_proc(struct helper *helper)
{
	cleanup_with(close_fdp) int fd =
		openat(helper->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n_bytes = 0;
	ssize_t n = 1;

	if (fd < 0)
		return outcome_of(errno);
	while (n > 0 && n_bytes + NAME_BYTES_MAX <= OPENER_AREA_BYTES) {
		n = getdents64(fd, helper->area->bytes + n_bytes, OPENER_AREA_BYTES - n_bytes);
		n_bytes += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return outcome_of(errno);
	helper->answer.n_bytes[0] = (uint32_t)n_bytes;
	return n == 0 ? 0 : OPENER_TRUNCATED;
}

static int serve_open_mapped(struct helper *helper, const struct opener_call *call)
{
	char name[PROC_NAME_BYTES];
	int fd;

	(void)snprintf(name, sizeof(name), "%d/map_files/%llx-%llx", call->order.pid,
		       (unsigned long long)call->order.start, (unsigned long long)call->order.end);
	fd = openat(helper->proc_fd, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? outcome_of(errno) : answer_regular(helper, fd);
}

/* Does not ask the root's file system anything: it may be the one that hangs. */
static int serve_open_root(struct helper *helper, const struct opener_call *call)
{
	cleanup_with(close_fdp) int process_fd = open_process(helper, call->order.pid);
	cleanup_with(close_fdp) int fd = -1;
	struct statx stx;
	int outcome;
	ssize_t n;

	if (process_fd < 0)
		return outcome_of(errno);
	fd = openat(process_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return outcome_of(errno);
	outcome = announce_device(helper, fd, &stx);
	if (outcome != 0)
		return outcome;
	set_identity(&helper->answer, &stx);
	n = readlinkat(process_fd, "root", (char *)helper->area->bytes, OPENER_PATH_BYTES);
	helper->answer.n_bytes[0] = n > 0 && n < (ssize_t)OPENER_PATH_BYTES ? (uint32_t)n : 0;
	helper->answer_fd = take_fd(&fd);
	return 0;
}

static int serve_open_in_root(struct helper *helper, const struct opener_call *call, int root_fd)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (call->order.follows_link ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	fd = syscall(SYS_openat2, root_fd, call->path, &how, sizeof(how));
	return fd < 0 ? outcome_of(errno) : answer_regular(helper, (int)fd);
}

static int serve_read_object(struct helper *helper, const struct opener_call *call, int object_fd)
{
	cleanup_with(close_fdp) int fd = -1;
	char name[PROC_NAME_BYTES];
	struct statx stx;
	size_t n_bytes = 0;
	ssize_t n = 1;
	int outcome;

	outcome = announce_device(helper, object_fd, &stx);
	if (outcome != 0)
		return outcome;
	if (!S_ISREG(stx.stx_mode))
		return OPENER_NOT_REGULAR;
	(void)snprintf(name, sizeof(name), "self/fd/%d", object_fd);
	fd = openat(helper->proc_fd, name, READ_FLAGS);
	if (fd < 0)
		return outcome_of(errno);
	while (n > 0 && n_bytes < call->order.n_bytes) {
		n = pread(fd, helper->area->bytes + n_bytes, call->order.n_bytes - n_bytes,
			  (off_t)(call->order.offset + n_bytes));
		n_bytes += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return outcome_of(errno);
	helper->answer.n_bytes[0] = (uint32_t)n_bytes;
	return 0;
}

static int serve(struct helper *helper, const struct opener_call *call, int fd)
{
	switch (call->order.op) {
	case OPENER_READ_PROC:
		return serve_read_proc(helper, call);
	case OPENER_OPEN_MAPPED:
		return serve_open_mapped(helper, call);
	case OPENER_OPEN_ROOT:
		return serve_open_root(helper, call);
	case OPENER_OPEN_IN_ROOT:
		return serve_open_in_root(helper, call, fd);
	case OPENER_READ_OBJECT:
		return serve_read_object(helper, call, fd);
	case OPENER_LIST_PROC:
		return serve_list_proc(helper);
	default:
		return OPENER_FAILED;
	}
}

static bool call_is_sound(const struct opener_call *call, int fd)
{
	bool wants_fd =
		call->order.op == OPENER_OPEN_IN_ROOT || call->order.op == OPENER_READ_OBJECT;

	return wants_fd == (fd >= 0) && call->order.pid >= 0 &&
	       call->order.n_bytes <= OBJECT_READ_BYTES_MAX &&
	       call->order.offset <= INT64_MAX - OBJECT_READ_BYTES_MAX &&
	       memchr(call->path, '\0', sizeof(call->path));
}

/* Returns false when the main process is gone, or no longer to be understood. */
static bool serve_one(struct helper *helper)
{
	cleanup_with(close_fdp) int fd = -1;
	struct opener_call call;
	int r;

	r = opener_receive(SOCKET_FD, 0, &call, sizeof(call), &fd);
	if (r < 0 || !call_is_sound(&call, fd))
		return false;
	atomic_store(&helper->area->device, 0);
	memset(&helper->answer, 0, sizeof(helper->answer));
	helper->answer.sequence = call.order.sequence;
	helper->answer.outcome = serve(helper, &call, fd);
	r = opener_send(SOCKET_FD, &helper->answer, sizeof(helper->answer), helper->answer_fd);
	close_fdp(&helper->answer_fd);
	return r == 0;
}

/* Keeps the socket alone, below all; what the main process has open is no business of ours. */
static int keep_only_socket(int socket_fd)
{
	if (socket_fd != SOCKET_FD && dup2(socket_fd, SOCKET_FD) < 0)
		return -errno;
	return close_range(SOCKET_FD + 1, ~0u, 0) < 0 ? -errno : 0;
}

static int confine(struct helper *helper, const struct opener_helper_seat *seat)
{
	int r;

	r = keep_only_socket(seat->socket_fd);
	if (r < 0)
		return r;
	helper->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (helper->proc_fd < 0)
		return -errno;
	r = sandbox_become(seat->uid, seat->gid, OPENER_CAPS);
	if (r < 0)
		return r;
	/* After the change of uid, which clears it. A helper that hangs must not outlive us. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NAME, "triptych-opener", 0, 0, 0) < 0)
		return -errno;
	return sandbox_enter(SANDBOX_OPENER, NULL, 0, NULL);
}

/*
 * Signals that ask a service to stop reach all of its processes; the main process still needs its
 * helpers to flush, and ends them by closing their sockets.
 */
static void ignore_stop_signals(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_IGN); /* each of them can be ignored */
}

noreturn void opener_helper_run(const struct opener_helper_seat *seat)
{
	struct helper helper = {.proc_fd = -1, .area = seat->area, .answer_fd = -1};
	struct opener_answer greeting = {0};

	ignore_stop_signals();
	greeting.outcome = confine(&helper, seat);
	if (opener_send(SOCKET_FD, &greeting, sizeof(greeting), -1) < 0 || greeting.outcome != 0)
		_exit(1);
	while (serve_one(&helper))
		;
	_exit(0);
}
