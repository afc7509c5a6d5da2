/*
 * Each role's filter on a process that is root and would be allowed everything: what comes back as
 * EPERM was refused by the filter and by nothing else. The calls are injected into the confined
 * process while it waits, as they would be by whoever took it over. Root is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"

#define ROLE(role) (1u << (role))
#define COLLECTOR  ROLE(SANDBOX_COLLECTOR)
#define OPENER     ROLE(SANDBOX_OPENER)
#define SYMBOLIZER ROLE(SANDBOX_SYMBOLIZER)
#define SHIPPER    ROLE(SANDBOX_SHIPPER)
#define EVERY_ROLE (COLLECTOR | OPENER | SYMBOLIZER | SHIPPER)
#define NO_OPENER  (EVERY_ROLE & ~OPENER)

#define ARGS_MAX  6
#define CWD       "-100"
#define BYSTANDER "@" /* the pid of the test, which is root and not confined */
#define ZERO_24   "hex:000000000000000000000000000000000000000000000000"
#define IN_CACHE  "cache" /* in a directory of this run alone: another may be running */

struct call {
	unsigned roles;
	const char *name;
	long number;
	const char *args[ARGS_MAX];
	const char *error; /* NULL: EPERM */
};

static const struct call refused[] = {
	/* other processes */
	{EVERY_ROLE, "ptrace(ATTACH)", SYS_ptrace, {"16", BYSTANDER}, NULL},
	{EVERY_ROLE, "kill(0)", SYS_kill, {BYSTANDER, "0"}, NULL},
	{EVERY_ROLE, "tkill", SYS_tkill, {BYSTANDER, "0"}, NULL},
	{EVERY_ROLE, "tgkill", SYS_tgkill, {BYSTANDER, BYSTANDER, "0"}, NULL},
	{EVERY_ROLE, "rt_sigqueueinfo", SYS_rt_sigqueueinfo, {BYSTANDER, "0", ZERO_24}, NULL},
	{EVERY_ROLE, "pidfd_open", SYS_pidfd_open, {BYSTANDER, "0"}, NULL},
	{EVERY_ROLE, "pidfd_getfd", SYS_pidfd_getfd, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "pidfd_send_signal", SYS_pidfd_send_signal, {"0", "0", "0", "0"}, NULL},
	{EVERY_ROLE, "process_vm_readv", SYS_process_vm_readv, {BYSTANDER, "0", "0"}, NULL},
	{EVERY_ROLE, "process_vm_writev", SYS_process_vm_writev, {BYSTANDER, "0", "0"}, NULL},
	{EVERY_ROLE, "kcmp", SYS_kcmp, {BYSTANDER, BYSTANDER, "0", "0", "0"}, NULL},
	{EVERY_ROLE, "setpriority", SYS_setpriority, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "sched_setscheduler", SYS_sched_setscheduler, {"0", "0", ZERO_24}, NULL},
	{EVERY_ROLE, "prlimit64 that sets", SYS_prlimit64, {"0", "7", ZERO_24, "0"}, NULL},
	/* other programs */
	{EVERY_ROLE, "execve", SYS_execve, {"/bin/true", "0", "0"}, NULL},
	{EVERY_ROLE, "execveat", SYS_execveat, {CWD, "/bin/true", "0", "0", "0"}, NULL},
	{EVERY_ROLE, "fork", SYS_fork, {0}, NULL},
	{EVERY_ROLE, "vfork", SYS_vfork, {0}, NULL},
	{EVERY_ROLE, "clone without CLONE_THREAD", SYS_clone, {"17", "0"}, NULL},
	{EVERY_ROLE, "clone3", SYS_clone3, {ZERO_24, "64"}, "ENOSYS"},
	{EVERY_ROLE, "mmap(PROT_EXEC)", SYS_mmap, {"0", "4096", "5", "0x22", "-1", "0"}, NULL},
	{EVERY_ROLE, "mprotect(PROT_EXEC)", SYS_mprotect, {"0", "4096", "5"}, NULL},
	{EVERY_ROLE, "pkey_mprotect", SYS_pkey_mprotect, {"0", "4096", "5", "-1"}, NULL},
	{EVERY_ROLE, "personality", SYS_personality, {"0x0400000"}, NULL},
	/* more authority */
	{EVERY_ROLE, "setuid(0)", SYS_setuid, {"0"}, NULL},
	{EVERY_ROLE, "setgid(0)", SYS_setgid, {"0"}, NULL},
	{EVERY_ROLE, "setresuid", SYS_setresuid, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "setresgid", SYS_setresgid, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "setgroups", SYS_setgroups, {"0", "0"}, NULL},
	{EVERY_ROLE, "setfsuid", SYS_setfsuid, {"0"}, NULL},
	{EVERY_ROLE, "capset", SYS_capset, {ZERO_24, ZERO_24}, NULL},
	{EVERY_ROLE, "prctl(SET_DUMPABLE)", SYS_prctl, {"4", "1"}, NULL},
	{EVERY_ROLE, "prctl(SET_KEEPCAPS)", SYS_prctl, {"8", "1"}, NULL},
	{EVERY_ROLE, "prctl(SET_SECCOMP)", SYS_prctl, {"22", "0"}, NULL},
	{EVERY_ROLE, "seccomp", SYS_seccomp, {"2", "0", "0"}, NULL},
	{EVERY_ROLE, "unshare(NEWUSER)", SYS_unshare, {"0x10000000"}, NULL},
	{EVERY_ROLE, "setns", SYS_setns, {"0", "0"}, NULL},
	{EVERY_ROLE, "chroot", SYS_chroot, {"/"}, NULL},
	{EVERY_ROLE, "keyctl", SYS_keyctl, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "add_key", SYS_add_key, {"user", "x", "0", "0", "0"}, NULL},
	/* the machine */
	{EVERY_ROLE, "mount", SYS_mount, {"none", "/mnt", "tmpfs", "0", "0"}, NULL},
	{EVERY_ROLE, "umount2", SYS_umount2, {"/mnt", "0"}, NULL},
	{EVERY_ROLE, "fsopen", SYS_fsopen, {"tmpfs", "0"}, NULL},
	{EVERY_ROLE, "open_tree", SYS_open_tree, {CWD, "/", "0"}, NULL},
	{EVERY_ROLE, "pivot_root", SYS_pivot_root, {"/", "/"}, NULL},
	{EVERY_ROLE, "mknod", SYS_mknod, {"/tmp/x", "0x2190", "0x101"}, NULL},
	{EVERY_ROLE, "bpf(PROG_LOAD)", SYS_bpf, {"5", ZERO_24, "24"}, NULL},
	{EVERY_ROLE, "bpf(MAP_CREATE)", SYS_bpf, {"0", ZERO_24, "24"}, NULL},
	{EVERY_ROLE, "bpf(OBJ_GET)", SYS_bpf, {"7", ZERO_24, "24"}, NULL},
	{EVERY_ROLE, "bpf(MAP_GET_FD_BY_ID)", SYS_bpf, {"14", ZERO_24, "24"}, NULL},
	{EVERY_ROLE, "bpf(LINK_CREATE)", SYS_bpf, {"28", ZERO_24, "24"}, NULL},
	{EVERY_ROLE, "perf_event_open", SYS_perf_event_open, {ZERO_24, "0", "-1", "-1"}, NULL},
	{EVERY_ROLE, "userfaultfd", SYS_userfaultfd, {"0"}, NULL},
	{EVERY_ROLE, "io_uring_setup", SYS_io_uring_setup, {"1", ZERO_24}, NULL},
	{EVERY_ROLE, "open_by_handle_at", SYS_open_by_handle_at, {"0", ZERO_24, "0"}, NULL},
	{EVERY_ROLE, "fanotify_init", SYS_fanotify_init, {"0", "0"}, NULL},
	{EVERY_ROLE, "init_module", SYS_init_module, {ZERO_24, "24", "x"}, NULL},
	{EVERY_ROLE, "finit_module", SYS_finit_module, {"0", "x", "0"}, NULL},
	{EVERY_ROLE, "kexec_load", SYS_kexec_load, {"0", "0", "0", "0"}, NULL},
	{EVERY_ROLE, "reboot", SYS_reboot, {"0", "0", "0"}, NULL},
	{EVERY_ROLE, "syslog", SYS_syslog, {"10", "0", "0"}, NULL},
	{EVERY_ROLE, "clock_settime", SYS_clock_settime, {"0", ZERO_24}, NULL},
	{EVERY_ROLE, "sethostname", SYS_sethostname, {"x", "1"}, NULL},
	{EVERY_ROLE, "iopl", SYS_iopl, {"3"}, NULL},
	{EVERY_ROLE, "ioctl(TIOCSTI)", SYS_ioctl, {"0", "0x5412", "x"}, NULL},
	/* files that nobody needs to make or change so */
	{EVERY_ROLE, "symlink", SYS_symlink, {"/etc", "/tmp/x"}, NULL},
	{EVERY_ROLE, "link", SYS_link, {"/etc/passwd", "/tmp/x"}, NULL},
	{EVERY_ROLE, "chown", SYS_chown, {"/etc/passwd", "0", "0"}, NULL},
	{EVERY_ROLE, "setxattr", SYS_setxattr, {"/etc/passwd", "user.x", "x", "1", "0"}, NULL},
	{EVERY_ROLE, "truncate", SYS_truncate, {"/tmp/x", "0"}, NULL},
	{EVERY_ROLE, "utimensat", SYS_utimensat, {CWD, "/etc/passwd", "0", "0"}, NULL},
	/* the network */
	{EVERY_ROLE, "socket(AF_PACKET)", SYS_socket, {"17", "3", "0"}, NULL},
	{EVERY_ROLE, "socket(AF_VSOCK)", SYS_socket, {"40", "1", "0"}, NULL},
	{EVERY_ROLE, "socket(AF_NETLINK, audit)", SYS_socket, {"16", "3", "9"}, NULL},
	{EVERY_ROLE & ~SHIPPER, "socket(AF_INET)", SYS_socket, {"2", "1", "0"}, NULL},
	{EVERY_ROLE & ~SHIPPER, "socket(AF_INET6)", SYS_socket, {"10", "1", "0"}, NULL},
	{EVERY_ROLE & ~SHIPPER, "socket(AF_NETLINK)", SYS_socket, {"16", "3", "0"}, NULL},
	{SYMBOLIZER | OPENER, "bind", SYS_bind, {"0", ZERO_24, "16"}, NULL},
	{SYMBOLIZER | OPENER, "listen", SYS_listen, {"0", "1"}, NULL},
	{SYMBOLIZER | OPENER, "accept4", SYS_accept4, {"0", "0", "0", "0"}, NULL},
	/* the collector opens nothing */
	{COLLECTOR, "openat", SYS_openat, {CWD, "/etc/shadow", "0"}, NULL},
	{COLLECTOR, "open", SYS_open, {"/etc/shadow", "0"}, NULL},
	{COLLECTOR, "creat", SYS_creat, {"/tmp/x", "0600"}, NULL},
	{NO_OPENER, "openat2", SYS_openat2, {CWD, "/etc/shadow", ZERO_24, "24"}, NULL},
	{COLLECTOR, "stat", SYS_stat, {"/etc/shadow", ZERO_24}, NULL},
	{COLLECTOR, "rename", SYS_rename, {"/tmp/x", "/tmp/y"}, NULL},
	{COLLECTOR, "getdents64", SYS_getdents64, {"0", ZERO_24, "24"}, NULL},
	/* the opener only reads, and talks on the one socket that it has */
	{OPENER, "openat(O_WRONLY)", SYS_openat, {CWD, "/etc/shadow", "1"}, NULL},
	{OPENER, "openat(O_RDWR)", SYS_openat, {CWD, "/proc/" BYSTANDER "/mem", "2"}, NULL},
	{OPENER, "openat(O_CREAT)", SYS_openat, {CWD, "/tmp/x", "0x40", "0600"}, NULL},
	{OPENER, "openat(O_TRUNC)", SYS_openat, {CWD, "/tmp/x", "0x200"}, NULL},
	{OPENER, "open", SYS_open, {"/etc/shadow", "0"}, NULL},
	{OPENER, "pwrite64", SYS_pwrite64, {"0", "x", "1", "0"}, NULL},
	{OPENER, "pwritev", SYS_pwritev, {"0", "0", "0", "0", "0"}, NULL},
	{OPENER, "socket(AF_UNIX)", SYS_socket, {"1", "1", "0"}, NULL},
	{OPENER, "connect", SYS_connect, {"0", ZERO_24, "16"}, NULL},
	{OPENER, "memfd_create", SYS_memfd_create, {"x", "0"}, NULL},
	{OPENER, "dup", SYS_dup, {"0"}, NULL},
	{OPENER, "unlink", SYS_unlink, {"/tmp/x"}, NULL},
	{OPENER, "clone(CLONE_THREAD)", SYS_clone, {"0x10900", "0"}, NULL},
	/* Landlock: the file system ends at what the role was given */
	{SYMBOLIZER | SHIPPER, "openat outside", SYS_openat, {CWD, "/dev/null", "0"}, "EACCES"},
	{SYMBOLIZER | SHIPPER, "list outside", SYS_openat, {CWD, "/", "0x10000"}, "EACCES"},
	{SYMBOLIZER | SHIPPER,
	 "fds of others",
	 SYS_openat,
	 {CWD, "/proc/" BYSTANDER "/fd", "0x10000"},
	 "EACCES"},
	{SYMBOLIZER | SHIPPER,
	 "create outside",
	 SYS_openat,
	 {CWD, "/tmp/x", "0x41", "0600"},
	 "EACCES"},
	{SYMBOLIZER, "bpf(MAP_LOOKUP)", SYS_bpf, {"1", ZERO_24, "24"}, NULL},
	{SYMBOLIZER, "ioctl(PERF_EVENT_IOC_ENABLE)", SYS_ioctl, {"0", "0x2400", "0"}, NULL},
};

/* What must work. Where the call is made with nonsense, @error is the kernel's word for that. */
static const struct call allowed[] = {
	{NO_OPENER, "mmap", SYS_mmap, {"0", "4096", "3", "0x22", "-1", "0"}, NULL},
	{NO_OPENER, "getpid", SYS_getpid, {0}, NULL},
	{NO_OPENER, "socket(AF_UNIX)", SYS_socket, {"1", "1", "0"}, NULL},
	{NO_OPENER, "memfd_create", SYS_memfd_create, {"x", "0"}, NULL},
	{NO_OPENER, "epoll_create1", SYS_epoll_create1, {"0"}, NULL},
	{NO_OPENER, "eventfd2", SYS_eventfd2, {"0", "0"}, NULL},
	{NO_OPENER, "clock_gettime", SYS_clock_gettime, {"1", ZERO_24}, NULL},
	{NO_OPENER, "getrandom", SYS_getrandom, {ZERO_24, "8", "0"}, NULL},
	{NO_OPENER, "prlimit64 that asks", SYS_prlimit64, {"0", "7", "0", ZERO_24}, NULL},
	{NO_OPENER, "capget", SYS_capget, {"hex:2205082000000000", ZERO_24}, NULL},
	{NO_OPENER, "prctl(GET_SECCOMP)", SYS_prctl, {"21"}, NULL},
	{COLLECTOR, "bpf(MAP_LOOKUP)", SYS_bpf, {"1", ZERO_24, "24"}, "EINVAL"},
	{COLLECTOR, "ioctl(PERF_EVENT_IOC_ENABLE)", SYS_ioctl, {"0", "0x2400", "0"}, "ENOTTY"},
	{COLLECTOR, "unlink", SYS_unlink, {"/tmp/no-such-socket"}, "ENOENT"},
	{SHIPPER, "unlink", SYS_unlink, {IN_CACHE "/no-such-socket"}, "ENOENT"},
	{OPENER, "openat(O_RDONLY)", SYS_openat, {CWD, "/proc/" BYSTANDER "/maps", "0"}, NULL},
	{OPENER, "openat2", SYS_openat2, {CWD, "/etc/shadow", ZERO_24, "24"}, NULL},
	{OPENER, "getdents64", SYS_getdents64, {"99", ZERO_24, "24"}, "EBADF"},
	{OPENER, "close", SYS_close, {"99"}, "EBADF"},
	{SYMBOLIZER | SHIPPER, "create", SYS_openat, {CWD, IN_CACHE "/a", "0x42", "0600"}, NULL},
	{SYMBOLIZER | SHIPPER, "rename", SYS_rename, {IN_CACHE "/a", IN_CACHE "/b"}, NULL},
	{SYMBOLIZER | SHIPPER, "unlink", SYS_unlink, {IN_CACHE "/b"}, NULL},
	{SYMBOLIZER | SHIPPER, "mkdir", SYS_mkdir, {IN_CACHE "/d", "0700"}, NULL},
	{SYMBOLIZER | SHIPPER, "rmdir", SYS_rmdir, {IN_CACHE "/d"}, NULL},
	{SHIPPER, "socket(AF_INET)", SYS_socket, {"2", "1", "0"}, NULL},
	{SHIPPER, "socket(AF_INET6)", SYS_socket, {"10", "1", "0"}, NULL},
	{SHIPPER, "socket(AF_NETLINK, route)", SYS_socket, {"16", "3", "0"}, NULL},
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct sandbox_path cache_path = {IN_CACHE, true};

static int enter(enum sandbox_role role)
{
	bool has_paths = role == SANDBOX_SYMBOLIZER || role == SANDBOX_SHIPPER;

	return sandbox_enter(role, has_paths ? &cache_path : NULL, has_paths, NULL);
}

/* A process that waits for its end; confined unless @role is negative. */
struct confined {
	pid_t pid;
	int end_fd;
};

static void wait_for_end(int role, const int pipe_fds[2])
{
	char byte;

	(void)close(pipe_fds[1]);
	if (role >= 0 && enter((enum sandbox_role)role) < 0)
		_exit(1);
	_exit(read(pipe_fds[0], &byte, 1) == 0 ? 0 : 2);
}

static struct confined confined_start(int role)
{
	struct confined confined;
	int pipe_fds[2];

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	confined.pid = fork();
	assert_true(confined.pid >= 0);
	if (confined.pid == 0)
		wait_for_end(role, pipe_fds);
	(void)close(pipe_fds[0]);
	confined.end_fd = pipe_fds[1];
	return confined;
}

static int exit_status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A space and the argument, the bystander's pid in its place. */
static size_t append_argument(char *text, size_t n_bytes, const char *argument)
{
	size_t n_before = strcspn(argument, BYSTANDER);

	if (argument[n_before] == '\0')
		return (size_t)snprintf(text, n_bytes, " %s", argument);
	return (size_t)snprintf(text, n_bytes, " %.*s%d%s", (int)n_before, argument, getpid(),
				argument + n_before + 1);
}

/* Runs the tool and puts its line, without the line's end, into @text. */
static void inject(pid_t pid, const struct call *call, char *text, size_t n_bytes)
{
	char command[1024];
	size_t used;
	FILE *output;

	used = (size_t)snprintf(command, sizeof(command), "%s %d %ld", INJECT_PATH, pid,
				call->number);
	for (size_t i = 0; i < ARGS_MAX && call->args[i]; i++)
		used += append_argument(command + used, sizeof(command) - used, call->args[i]);
	output = popen(command, "re");
	assert_non_null(output);
	text[0] = '\0';
	if (fgets(text, (int)n_bytes, output))
		text[strcspn(text, "\n")] = '\0';
	if (pclose(output) != 0)
		(void)snprintf(text, n_bytes, "the tool failed");
}

/* Waits until the process is at its read(), confined; one that could not confine itself fails. */
static void wait_until_confined(pid_t pid)
{
	char path[64], line[128];
	bool confined = false;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	while (!confined) {
		FILE *status = fopen(path, "re");

		assert_non_null(status);
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		while (fgets(line, sizeof(line), status))
			confined = confined || strcmp(line, "Seccomp:\t2\n") == 0;
		(void)fclose(status);
	}
}

static unsigned check_call(const struct call *call, pid_t pid, bool must_work)
{
	char text[256], wanted[64];
	bool is_right;

	inject(pid, call, text, sizeof(text));
	(void)snprintf(wanted, sizeof(wanted), "result=-%s", call->error ? call->error : "EPERM");
	if (must_work && !call->error)
		is_right = strncmp(text, "result=", 7) == 0 && text[7] != '-';
	else
		is_right = strcmp(text, wanted) == 0;
	if (!is_right)
		print_error("%s: %s\n", call->name, text);
	return !is_right;
}

static unsigned check_calls(enum sandbox_role role, pid_t pid, const struct call *calls,
			    size_t n_calls, bool must_work)
{
	unsigned n_wrong = 0;

	for (size_t i = 0; i < n_calls; i++)
		if (calls[i].roles & ROLE(role))
			n_wrong += check_call(&calls[i], pid, must_work);
	return n_wrong;
}

static unsigned check_table(enum sandbox_role role, const struct call *calls, size_t n_calls,
			    bool must_work)
{
	struct confined confined = confined_start((int)role);
	unsigned n_wrong;

	wait_until_confined(confined.pid);
	n_wrong = check_calls(role, confined.pid, calls, n_calls, must_work);
	(void)close(confined.end_fd);
	assert_int_equal(exit_status_of(confined.pid), 0); /* it went on, unharmed */
	return n_wrong;
}

static void check_role(enum sandbox_role role)
{
	assert_int_equal(check_table(role, refused, N_ELEMENTS(refused), false), 0);
	assert_int_equal(check_table(role, allowed, N_ELEMENTS(allowed), true), 0);
}

static void a_collector_is_refused_what_it_must_not_do(void **state)
{
	(void)state;
	check_role(SANDBOX_COLLECTOR);
}

static void an_opener_is_refused_what_it_must_not_do(void **state)
{
	(void)state;
	check_role(SANDBOX_OPENER);
}

static void a_symbolizer_is_refused_what_it_must_not_do(void **state)
{
	(void)state;
	check_role(SANDBOX_SYMBOLIZER);
}

static void a_shipper_is_refused_what_it_must_not_do(void **state)
{
	(void)state;
	check_role(SANDBOX_SHIPPER);
}

/* The control: without a sandbox, the same tool gets the same calls through. */
static void an_unconfined_process_is_refused_nothing(void **state)
{
	static const struct call calls[] = {
		{0, "kill(0)", SYS_kill, {BYSTANDER, "0"}, NULL},
		{0, "openat", SYS_openat, {CWD, "/etc/shadow", "0"}, NULL},
		{0, "socket(AF_INET)", SYS_socket, {"2", "1", "0"}, NULL},
		{0, "mmap(PROT_EXEC)", SYS_mmap, {"0", "4096", "5", "0x22", "-1", "0"}, NULL},
		{0, "setuid(0)", SYS_setuid, {"0"}, NULL},
		{0, "unshare(0)", SYS_unshare, {"0"}, NULL},
	};
	struct confined confined = confined_start(-1);
	unsigned n_wrong = 0;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(calls); i++)
		n_wrong += check_call(&calls[i], confined.pid, true);
	(void)close(confined.end_fd);
	assert_int_equal(exit_status_of(confined.pid), 0);
	assert_int_equal(n_wrong, 0);
}

static void *add_one(void *number)
{
	char *memory = malloc(1u << 20);

	if (!memory)
		return NULL;
	memset(memory, 1, 1u << 20);
	*(int *)number += memory[4711];
	free(memory);
	return number;
}

static int run_threads(void)
{
	pthread_t threads[4];
	int numbers[4] = {0};

	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		if (pthread_create(&threads[i], NULL, add_one, &numbers[i]) != 0)
			return 1;
	for (size_t i = 0; i < N_ELEMENTS(threads); i++)
		if (pthread_join(threads[i], NULL) != 0 || numbers[i] != 1)
			return 2;
	return 0;
}

static void threads_start_work_and_end_in_every_role_but_the_openers(void **state)
{
	static const enum sandbox_role roles[] = {SANDBOX_COLLECTOR, SANDBOX_SYMBOLIZER,
						  SANDBOX_SHIPPER};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(roles); i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(enter(roles[i]) == 0 ? run_threads() : 99);
		assert_int_equal(exit_status_of(pid), 0);
	}
}

#define LINK_URL "ipc://" IN_CACHE "/link.sock"

/* The answer leaves from a thread of nng's: stays until the other has it. */
static int answer_once(enum sandbox_role role, int end_fd)
{
	nng_socket socket;
	nng_msg *message;
	char byte;

	if (enter(role) < 0 || nng_rep0_open(&socket) != 0)
		return 10;
	if (nng_listen(socket, LINK_URL, NULL, 0) != 0)
		return 11;
	if (nng_recvmsg(socket, &message, 0) != 0 || nng_sendmsg(socket, message, 0) != 0)
		return 12;
	if (read(end_fd, &byte, 1) != 0)
		return 13;
	return nng_close(socket);
}

static int ask_once(enum sandbox_role role)
{
	nng_socket socket;
	nng_msg *message;

	if (enter(role) < 0 || nng_req0_open(&socket) != 0)
		return 20;
	if (nng_dial(socket, LINK_URL, NULL, NNG_FLAG_NONBLOCK) != 0 ||
	    nng_setopt_ms(socket, NNG_OPT_RECVTIMEO, 10000) != 0)
		return 21;
	if (nng_msg_alloc(&message, 64) != 0 || nng_sendmsg(socket, message, 0) != 0)
		return 22;
	if (nng_recvmsg(socket, &message, 0) != 0)
		return 23;
	nng_msg_free(message);
	return nng_close(socket);
}

static void check_link(enum sandbox_role listener, enum sandbox_role dialer)
{
	pid_t answering, asking;
	int end[2];

	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	answering = fork();
	if (answering == 0) {
		(void)close(end[1]);
		_exit(answer_once(listener, end[0]));
	}
	(void)close(end[0]);
	asking = fork();
	if (asking == 0)
		_exit(ask_once(dialer));
	assert_int_equal(exit_status_of(asking), 0);
	(void)close(end[1]);
	assert_int_equal(exit_status_of(answering), 0);
}

static void confined_processes_can_link_to_one_another(void **state)
{
	(void)state;
	check_link(SANDBOX_COLLECTOR, SANDBOX_SYMBOLIZER);
	check_link(SANDBOX_COLLECTOR, SANDBOX_SHIPPER);
	check_link(SANDBOX_SHIPPER, SANDBOX_SYMBOLIZER);
}

static int resolve_localhost(void)
{
	static const struct sandbox_path paths[] = {
		{"/etc/hosts", false}, {"/etc/nsswitch.conf", false}, {"/etc/no-such-file", false}};
	struct addrinfo *found;

	if (sandbox_enter(SANDBOX_SHIPPER, paths, N_ELEMENTS(paths), NULL) < 0)
		return 30;
	if (getaddrinfo("localhost", "80", NULL, &found) != 0)
		return 31;
	freeaddrinfo(found);
	return 0;
}

static void a_shipper_resolves_names_from_the_files_it_was_given(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(resolve_localhost());
	assert_int_equal(exit_status_of(pid), 0);
}

static char home[] = "/tmp/refusals-test.XXXXXX";

static int make_cache(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_error("these tests need root: they confine processes and trace them\n");
		return -1;
	}
	if (!mkdtemp(home) || chdir(home) < 0)
		return -1;
	return mkdir(IN_CACHE, 0700);
}

static int remove_cache(void **state)
{
	(void)state;
	(void)unlink(IN_CACHE "/link.sock"); /* whoever listened may have done so */
	return rmdir(IN_CACHE) < 0 ? -1 : rmdir(home);
}

/* The table of refusals on a process that runs, whoever started it: refusals_test ROLE PID. */
static int check_running(const char *role_name, pid_t pid)
{
	static const char *const names[] = {
		[SANDBOX_COLLECTOR] = "collector",
		[SANDBOX_OPENER] = "opener",
		[SANDBOX_SYMBOLIZER] = "symbolizer",
		[SANDBOX_SHIPPER] = "shipper",
	};
	unsigned n_tried = 0, n_wrong;
	size_t role = 0;

	while (role < N_ELEMENTS(names) && strcmp(names[role], role_name) != 0)
		role++;
	if (role == N_ELEMENTS(names) || pid <= 0) {
		print_error("usage: refusals_test [collector|opener|symbolizer|shipper PID]\n");
		return 64;
	}
	for (size_t i = 0; i < N_ELEMENTS(refused); i++)
		n_tried += (refused[i].roles & ROLE(role)) != 0;
	n_wrong = check_calls((enum sandbox_role)role, pid, refused, N_ELEMENTS(refused), false);
	printf("%s %d: %u calls refused of %u\n", role_name, pid, n_tried - n_wrong, n_tried);
	return n_wrong > 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unconfined_process_is_refused_nothing),
		cmocka_unit_test(a_collector_is_refused_what_it_must_not_do),
		cmocka_unit_test(an_opener_is_refused_what_it_must_not_do),
		cmocka_unit_test(a_symbolizer_is_refused_what_it_must_not_do),
		cmocka_unit_test(a_shipper_is_refused_what_it_must_not_do),
		cmocka_unit_test(threads_start_work_and_end_in_every_role_but_the_openers),
		cmocka_unit_test(confined_processes_can_link_to_one_another),
		cmocka_unit_test(a_shipper_resolves_names_from_the_files_it_was_given),
	};

	if (argc == 3)
		return check_running(argv[1], atoi(argv[2]));
	return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
