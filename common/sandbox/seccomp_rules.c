#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Memory, threads, time and held fds: what a C library needs to run at all. */
static const struct seccomp_rule runtime_rules[] = {
	/* memory: never executable */
	ALLOW_IF(mmap, ARG_BITS(2, PROT_EXEC, 0)),
	ALLOW_IF(mprotect, ARG_BITS(2, PROT_EXEC, 0)),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(brk),
	ALLOW(memfd_create),
	/* threads, never processes */
	ALLOW_IF(clone, ARG_BITS(0, CLONE_THREAD, CLONE_THREAD)),
	ALLOW(futex),
	ALLOW(set_robust_list),
	ALLOW(rseq),
	ALLOW(sched_yield),
	ALLOW(sched_getaffinity),
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW(sigaltstack),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigpending),
	ALLOW(rt_sigtimedwait),
	ALLOW(rt_sigsuspend),
	ALLOW(rt_sigreturn),
	ALLOW(restart_syscall),
	ALLOW(signalfd4),
	/* time and chance */
	ALLOW(clock_gettime),
	ALLOW(clock_getres),
	ALLOW(clock_nanosleep),
	ALLOW(nanosleep),
	ALLOW(gettimeofday),
	ALLOW(time),
	ALLOW(timerfd_create),
	ALLOW(timerfd_settime),
	ALLOW(timerfd_gettime),
	ALLOW(getrandom),
	/* who am I */
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getppid),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(getresuid),
	ALLOW(getresgid),
	ALLOW(capget),
	ALLOW(uname),
	ALLOW(sysinfo),
	ALLOW(times),
	ALLOW(getcpu),
	ALLOW(getrusage),
	ALLOW(getrlimit),
	ALLOW_IF(prlimit64, ARG_IS(2, 0)), /* asks only */
	ALLOW_IF(prctl, ARG_IS(0, PR_SET_NAME)),
	ALLOW_IF(prctl, ARG_IS(0, PR_GET_NAME)),
	ALLOW_IF(prctl, ARG_IS(0, PR_GET_SECCOMP)),
	ALLOW_IF(prctl, ARG_IS(0, PR_GET_NO_NEW_PRIVS)),
	ALLOW_IF(prctl, ARG_IS(0, PR_CAPBSET_READ)),
	/* held fds */
	ALLOW(read),
	ALLOW(readv),
	ALLOW(pread64),
	ALLOW(preadv),
	ALLOW(write),
	ALLOW(writev),
	ALLOW(pwrite64),
	ALLOW(pwritev),
	ALLOW(lseek),
	ALLOW(fstat),
	ALLOW(ftruncate),
	ALLOW(fallocate),
	ALLOW(close),
	ALLOW(close_range),
	ALLOW(dup),
	ALLOW(dup2),
	ALLOW(dup3),
	ALLOW_IF(fcntl, ARG_IS(1, F_DUPFD)),
	ALLOW_IF(fcntl, ARG_IS(1, F_DUPFD_CLOEXEC)),
	ALLOW_IF(fcntl, ARG_IS(1, F_GETFD)),
	ALLOW_IF(fcntl, ARG_IS(1, F_SETFD)),
	ALLOW_IF(fcntl, ARG_IS(1, F_GETFL)),
	ALLOW_IF(fcntl, ARG_IS(1, F_SETFL)),
	ALLOW_IF(fcntl, ARG_IS(1, F_ADD_SEALS)),
	ALLOW_IF(fcntl, ARG_IS(1, F_GET_SEALS)),
	ALLOW(poll),
	ALLOW(ppoll),
	ALLOW(select),
	ALLOW(pselect6),
	ALLOW(epoll_create1),
	ALLOW(epoll_ctl),
	ALLOW(epoll_wait),
	ALLOW(epoll_pwait),
	ALLOW(epoll_pwait2),
	ALLOW(eventfd2),
	ALLOW(pipe),
	ALLOW(pipe2),
	/* our own links: dialling a Unix socket, talking on a connected one */
	ALLOW_IF(socket, ARG_IS(0, AF_UNIX)),
	ALLOW_IF(socketpair, ARG_IS(0, AF_UNIX)),
	ALLOW(connect),
	ALLOW(sendto),
	ALLOW(sendmsg),
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(shutdown),
	ALLOW(getsockopt),
	ALLOW(setsockopt),
	ALLOW(getsockname),
	ALLOW(getpeername),
};

/* Links that are listened at: collector and shipper. The socket's file is ours, or chmod fails. */
static const struct seccomp_rule listener_rules[] = {
	ALLOW(bind),  ALLOW(listen), ALLOW(accept), ALLOW(accept4),
	ALLOW(umask), ALLOW(chmod),  ALLOW(unlink),
};

/* Maps and events that are held already; no command that makes or finds another. */
static const struct seccomp_rule sampler_rules[] = {
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_LOOKUP_ELEM)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_UPDATE_ELEM)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_DELETE_ELEM)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_GET_NEXT_KEY)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_LOOKUP_AND_DELETE_ELEM)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_LOOKUP_BATCH)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_LOOKUP_AND_DELETE_BATCH)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_UPDATE_BATCH)),
	ALLOW_IF(bpf, ARG_IS(0, BPF_MAP_DELETE_BATCH)),
	ALLOW_IF(ioctl, ARG_IS(1, PERF_EVENT_IOC_ENABLE)),
	ALLOW_IF(ioctl, ARG_IS(1, PERF_EVENT_IOC_DISABLE)),
	ALLOW_IF(ioctl, ARG_IS(1, PERF_EVENT_IOC_PERIOD)),
	ALLOW(wait4), /* helpers that ended */
};

/* Files: where is Landlock's business, these say what may be done there. */
static const struct seccomp_rule file_rules[] = {
	ALLOW(open),
	ALLOW(openat),
	ALLOW(stat),
	ALLOW(lstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(statfs),
	ALLOW(fstatfs),
	ALLOW(access),
	ALLOW(faccessat),
	ALLOW(faccessat2),
	ALLOW(getcwd),
	ALLOW(readlink),
	ALLOW(readlinkat),
	ALLOW(getdents64),
	ALLOW(rename),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW_IF(utimensat, ARG_IS(1, 0)), /* of a held fd: a cache marks what is in use */
	ALLOW(unlink),
	ALLOW(unlinkat),
	ALLOW(rmdir),
	ALLOW(mkdir),
	ALLOW(mkdirat),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(sync_file_range),
	ALLOW(fadvise64),
	ALLOW(inotify_init1), /* to know when the other side's socket is there */
	ALLOW(inotify_add_watch),
	ALLOW(flock),
	ALLOW_IF(fcntl, ARG_IS(1, F_SETLK)),
	ALLOW_IF(fcntl, ARG_IS(1, F_GETLK)),
	ALLOW_IF(fcntl, ARG_IS(1, F_OFD_SETLK)),
};

/* The network, and what getaddrinfo() asks the kernel and its servers. */
static const struct seccomp_rule network_rules[] = {
	ALLOW_IF(socket, ARG_IS(0, AF_INET)),
	ALLOW_IF(socket, ARG_IS(0, AF_INET6)),
	{.syscall = SCMP_SYS(socket),
	 .n_args = 2,
	 .args = {ARG_IS(0, AF_NETLINK), ARG_IS(2, NETLINK_ROUTE)}},
	ALLOW(sendmmsg),
	ALLOW(recvmmsg),
	ALLOW(sendfile),
	ALLOW_IF(ioctl, ARG_IS(1, FIONREAD)),
	ALLOW_IF(ioctl, ARG_IS(1, FIONBIO)),
};

/*
 * The opener's helper. Reading only: O_TRUNC empties a file even when it is opened for reading.
 * openat2() keeps its flags in memory, where no filter can look: there the helper's own uid, which
 * holds no capability to write, is what refuses.
 */
#define OPEN_FOR_CHANGE (O_ACCMODE | O_CREAT | O_TRUNC)

static const struct seccomp_rule opener_rules[] = {
	ALLOW_IF(openat, ARG_BITS(2, OPEN_FOR_CHANGE, O_RDONLY)),
	ALLOW(openat2),
	ALLOW(fstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(fstatfs),
	ALLOW(readlinkat),
	ALLOW(getdents64),
	ALLOW(read),
	ALLOW(pread64),
	ALLOW(recvmsg),
	ALLOW(sendmsg),
	ALLOW(close),
	ALLOW(exit_group),
};

static const struct seccomp_table runtime = SECCOMP_TABLE(runtime_rules);
static const struct seccomp_table listener = SECCOMP_TABLE(listener_rules);
static const struct seccomp_table sampler = SECCOMP_TABLE(sampler_rules);
static const struct seccomp_table file = SECCOMP_TABLE(file_rules);
static const struct seccomp_table network = SECCOMP_TABLE(network_rules);
static const struct seccomp_table opener = SECCOMP_TABLE(opener_rules);

const struct seccomp_table *const seccomp_role_tables[][SECCOMP_ROLE_TABLES_MAX] = {
	[SANDBOX_COLLECTOR] = {&runtime, &listener, &sampler},
	[SANDBOX_OPENER] = {&opener},
	[SANDBOX_SYMBOLIZER] = {&runtime, &file},
	[SANDBOX_SHIPPER] = {&runtime, &listener, &file, &network},
};
