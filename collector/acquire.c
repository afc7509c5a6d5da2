/*
 * What the collector does while it has authority, and how it gives it up. The order matters: the
 * opener's helpers are forked first, before anything that they should not inherit is open.
 */
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/identity.h"
#include "log/log.h"
#include "object_roots.h"
#include "objects.h"
#include "opener/opener.h"
#include "sampler.h"
#include "sandbox/sandbox.h"

#define NEEDED_CAPS                                                                                \
	(SANDBOX_CAP(CAP_BPF) | SANDBOX_CAP(CAP_PERFMON) | SANDBOX_CAP(CAP_SETUID) |               \
	 SANDBOX_CAP(CAP_SETGID) | SANDBOX_CAP(CAP_SYS_PTRACE) |                                   \
	 SANDBOX_CAP(CAP_CHECKPOINT_RESTORE) | SANDBOX_CAP(CAP_DAC_READ_SEARCH))

#define FDS_SPARE 256u /* maps, sockets, requests under way; events come to one a CPU */

#define PARANOID_PATH       "/proc/sys/kernel/perf_event_paranoid"
#define HOST_PID_NAMESPACE  UINT64_C(0xeffffffc) /* linux/proc_ns.h: PROC_PID_INIT_INO */
#define HOST_USER_NAMESPACE UINT64_C(0xeffffffd) /* PROC_USER_INIT_INO */

/* The first kernel on which held BPF fds can be used without CAP_BPF: bpf(2) since 5.19. */
#define KERNEL_WITHOUT_BPF_MAJOR 5
#define KERNEL_WITHOUT_BPF_MINOR 19

static int check_capabilities(void)
{
	uint64_t held = sandbox_effective_caps();
	uint64_t missing = NEEDED_CAPS & ~held;
	char names[256];

	if (held & SANDBOX_CAP(CAP_SYS_ADMIN)) /* it implies these two for the kernel */
		missing &= ~(SANDBOX_CAP(CAP_BPF) | SANDBOX_CAP(CAP_PERFMON));
	if (missing == 0)
		return EXIT_STATUS_OK;
	sandbox_caps_describe(missing, names, sizeof(names));
	log_err("capability-missing", "missing=\"%s\" uid=%u, start as root with these added",
		names, (unsigned)geteuid());
	return EXIT_STATUS_PERMISSION;
}

/* The number of a namespace that this process is in. */
static int find_namespace(const char *path, unsigned long *ret_number)
{
	struct stat ns;

	if (stat(path, &ns) != 0)
		return -errno;
	*ret_number = (unsigned long)ns.st_ino;
	return 0;
}

static int check_namespaces(void)
{
	unsigned long pids, users;
	int r = find_namespace("/proc/self/ns/pid", &pids);

	if (r < 0) {
		log_err("proc-missing", "errno=%d, /proc must be mounted", -r);
		return EXIT_STATUS_UNAVAILABLE;
	}
	/* A kernel without user namespaces has no such file. */
	if (find_namespace("/proc/self/ns/user", &users) == 0 && users != HOST_USER_NAMESPACE) {
		log_err("user-namespace",
			"found=%lu, run in the host's user namespace: what is root in another one "
			"has no authority over the host's processes",
			users);
		return EXIT_STATUS_UNAVAILABLE;
	}
	if (pids != HOST_PID_NAMESPACE) {
		log_err("pid-namespace",
			"found=%lu, run in the host's pid namespace (pid: host, hostPID: true)",
			pids);
		return EXIT_STATUS_UNAVAILABLE;
	}
	return EXIT_STATUS_OK;
}

static void explain_perf_refusal(void)
{
	char value[16] = "?";
	FILE *file = fopen(PARANOID_PATH, "re");

	if (file && fgets(value, sizeof(value), file))
		value[strcspn(value, "\n")] = '\0';
	if (file)
		(void)fclose(file);
	log_err("perf-refused",
		"sysctl=kernel.perf_event_paranoid value=%s, perf_event_open was refused although "
		"PERFMON is held: set the sysctl to 2, or add SYS_ADMIN (given up after start like "
		"the rest)",
		value);
}

static int open_sampler(struct collector *collector)
{
	const struct sampler_options options = {
		.n_processes_max = collector->options->pid_map_size,
		.sample_rate_hz = collector->options->sample_rate_hz,
	};
	int r = sampler_open(&options, &collector->sampler);

	switch (r) {
	case 0:
		return EXIT_STATUS_OK;
	case SAMPLER_NO_BTF:
		log_err("no-btf", "path=/sys/kernel/btf/vmlinux, the kernel must be built with "
				  "CONFIG_DEBUG_INFO_BTF");
		return EXIT_STATUS_UNAVAILABLE;
	case SAMPLER_REFUSED_BPF:
		log_err("bpf-refused",
			"the kernel refused bpf(): add BPF and PERFMON, and a seccomp "
			"profile that lets bpf through");
		return EXIT_STATUS_PERMISSION;
	case SAMPLER_REFUSED_PERF:
		explain_perf_refusal();
		return EXIT_STATUS_PERMISSION;
	case SAMPLER_NO_KERNEL:
		log_err("kernel-too-old",
			"the programs do not load: Linux 5.11 or newer is needed");
		return EXIT_STATUS_UNAVAILABLE;
	default:
		log_err("sampler-failed", "errno=%d, sampling did not start", -r);
		return EXIT_STATUS_MACHINE;
	}
}

/* Files are held by the hundred; service managers and shells give 1024 until one asks for more. */
static void raise_fd_limit(const struct options *options)
{
	rlim_t wanted = (rlim_t)options->objects_max + OBJECTS_ROOTS_MAX +
			(rlim_t)sysconf(_SC_NPROCESSORS_CONF) + FDS_SPARE;
	struct rlimit limit = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* up to the maximum it cannot fail */
	}
	if (limit.rlim_cur < wanted)
		log_warn("fds-few",
			 "limit=%lu wanted=%lu, files beyond will not be opened: raise "
			 "RLIMIT_NOFILE, or lower --objects",
			 (unsigned long)limit.rlim_cur, (unsigned long)wanted);
}

static int open_signals(struct collector *collector)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		return EXIT_STATUS_MACHINE;
	(void)signal(SIGPIPE, SIG_IGN);
	collector->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return collector->signal_fd < 0 ? EXIT_STATUS_MACHINE : EXIT_STATUS_OK;
}

/* Held files, maps and connections together are more than the 1024 that many hosts begin with. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* up to the hard limit it cannot fail */
}

int collector_acquire(struct collector *collector, const struct options *options)
{
	pid_t helpers[OPENER_HELPERS];
	int status, r;

	sandbox_close_inherited();
	raise_file_limit();
	collector->options = options;
	collector->started_ns = clock_monotonic_ns();
	collector->instance = hash_new_seed();
	status = check_capabilities();
	if (status == EXIT_STATUS_OK)
		status = check_namespaces();
	if (status != EXIT_STATUS_OK)
		return status;
	raise_fd_limit(options);
	r = opener_start(options->opener_uid, options->gid, &collector->opener);
	if (r != 0) {
		log_err("opener-failed", "errno=%d, the helpers did not start", -r);
		return EXIT_STATUS_MACHINE;
	}
	opener_pids(collector->opener, helpers);
	r = services_open(&collector->services, helpers);
	if (r < 0)
		log_warn("status-unreadable", "error=\"%s\", the status page will lack processes",
			 strerror(-r));
	status = open_sampler(collector);
	if (status != EXIT_STATUS_OK)
		return status;
	if (kallsyms_copy_open(&collector->kallsyms) != 0 ||
	    !(sandbox_effective_caps() & SANDBOX_CAP(CAP_SYSLOG)))
		log_warn("kallsyms-hidden", "capability=SYSLOG, kernel functions may stay unnamed");
	r = vdso_copy_make(VDSO_MAPS_PATH, &collector->vdso_copy);
	if (r != 0)
		log_warn("vdso-missing", "errno=%d, its functions go by [vdso] alone", -r);
	collector->host_root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return open_signals(collector);
}

/* Kernels before 5.19 want CAP_BPF for every use of a held map: it stays, and is said. */
static uint64_t caps_to_keep(void)
{
	FILE *file = fopen("/proc/sys/kernel/osrelease", "re");
	unsigned major = 0, minor = 0;
	int n = file ? fscanf(file, "%u.%u", &major, &minor) : 0;

	if (file)
		(void)fclose(file);
	if (n == 2 && (major > KERNEL_WITHOUT_BPF_MAJOR ||
		       (major == KERNEL_WITHOUT_BPF_MAJOR && minor >= KERNEL_WITHOUT_BPF_MINOR)))
		return 0;
	return SANDBOX_CAP(CAP_BPF);
}

static void say_started(const struct collector *collector)
{
	struct sandbox_status status = sandbox_status();
	pid_t helpers[OPENER_HELPERS];

	opener_pids(collector->opener, helpers);
	log_info("started",
		 "version=" TRIPTYCH_VERSION
		 " uid=%u cap_eff=%016lx cap_prm=%016lx no_new_privs=%d "
		 "seccomp=%d opener_uid=%u opener_pids=%d,%d,%d,%d cpus=%u map_bytes=%lu "
		 "attached_ms=%lu",
		 (unsigned)status.uid, status.effective_caps, status.permitted_caps,
		 status.no_new_privs, status.seccomp, (unsigned)collector->options->opener_uid,
		 helpers[0], helpers[1], helpers[2], helpers[3], sampler_n_cpus(collector->sampler),
		 sampler_map_bytes(collector->sampler),
		 (clock_monotonic_ns() - collector->started_ns) / 1000000);
}

/* Asked as the uid that we have become, and said before anything else could fail for it. */
static bool can_make_sockets(const struct options *options)
{
	const char *path = options->run_dir;
	struct stat st;
	int error = 0;

	if (stat(path, &st) != 0 || access(path, W_OK | X_OK) != 0)
		error = errno;
	else if (!S_ISDIR(st.st_mode))
		error = ENOTDIR;
	if (error != 0)
		log_err("run-directory",
			"path=%s error=\"%s\", it must be a directory that uid %u can write to",
			log_quote(path, strlen(path)).text, strerror(error),
			(unsigned)options->uid);
	return error == 0;
}

static bool can_make_health_file(struct collector *collector)
{
	const char *path = collector->options->health_file;
	int r = path ? heartbeat_open(&collector->heartbeat, path) : 0;

	if (r < 0)
		log_err("health-file", "path=%s error=\"%s\", uid %u must be able to make it",
			log_quote(path, strlen(path)).text, strerror(-r),
			(unsigned)collector->options->uid);
	return r == 0;
}

int collector_confine(struct collector *collector)
{
	bool has_landlock;
	int r;

	(void)umask(0007); /* the group of the sockets may use them, nobody else */
	r = sandbox_become(collector->options->uid, collector->options->gid, caps_to_keep());
	if (r == 0 && (!can_make_sockets(collector->options) || !can_make_health_file(collector)))
		return EXIT_STATUS_CANT_CREATE;
	if (r == 0)
		r = sandbox_enter(SANDBOX_COLLECTOR, NULL, 0, &has_landlock);
	if (r != 0) {
		log_err("confine-failed", "errno=%d, not going on with authority", -r);
		return EXIT_STATUS_MACHINE;
	}
	say_started(collector);
	return EXIT_STATUS_OK;
}
