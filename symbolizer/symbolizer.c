#include "symbolizer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/process_status.h"
#include "log/log.h"
#include "sandbox/sandbox.h"

#define SOCKET_PATH_BYTES 108u /* sun_path */

static enum exit_status machine_failed(const char *what, int r)
{
	log_err("system-failed", "doing=%s error=%s, leaving", what, strerror(-r));
	return EXIT_STATUS_MACHINE;
}

static enum exit_status refuse_privileges(void)
{
	char caps[512];

	sandbox_caps_describe(sandbox_effective_caps(), caps, sizeof(caps));
	log_err("privileged",
		"uid=%u capabilities=%s, leaving: run it as a user of its own without capabilities "
		"(uid %u), for it parses bytes that others chose",
		(unsigned)geteuid(), caps[0] ? caps : "none", IDENTITY_SYMBOLIZER_UID);
	return EXIT_STATUS_PERMISSION;
}

/* A sanitizer reserves terabytes of address space: the build decides, not the code. */
static int limit_memory(uint64_t memory_bytes)
{
	const struct rlimit limit = {memory_bytes, memory_bytes};

	return SYMBOLIZER_LIMITS_MEMORY && setrlimit(RLIMIT_AS, &limit) < 0 ? -errno : 0;
}

/* Blocks the signals that ask to stop, for all threads to come, and watches for them. */
static int watch_signals(int *ret_fd)
{
	sigset_t signals;
	int fd;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static enum exit_status open_cache(struct symbolizer *symbolizer)
{
	const struct options *options = symbolizer->options;
	int r = 0;

	if (!options->cache_dir)
		return EXIT_STATUS_OK;
	if (access(options->cache_dir, R_OK | W_OK | X_OK) < 0)
		r = -errno;
	if (r == 0)
		r = cache_directory_open(options->cache_dir, options->cache_bytes,
					 &symbolizer->directory);
	if (r == 0)
		return EXIT_STATUS_OK;
	log_err("cache-directory", "path=%s error=%s, leaving: it must be a directory of uid %u",
		log_quote(options->cache_dir, strlen(options->cache_dir)).text, strerror(-r),
		(unsigned)geteuid());
	return EXIT_STATUS_CANT_CREATE;
}

static enum exit_status make_health_file(struct symbolizer *symbolizer)
{
	const char *path = symbolizer->options->health_file;
	int r = path ? heartbeat_open(&symbolizer->heartbeat, path) : 0;

	if (r == 0)
		return EXIT_STATUS_OK;
	log_err("health-file", "path=%s error=%s, leaving", log_quote(path, strlen(path)).text,
		strerror(-r));
	return EXIT_STATUS_CANT_CREATE;
}

static enum exit_status make_tables(struct symbolizer *symbolizer)
{
	struct table_cache_options options = {
		.bytes_max = symbolizer->options->cache_bytes,
		.directory = symbolizer->directory,
		.counters = &symbolizer->counters,
	};
	int r;

	/* Half of the address space is for building tables and profiles. */
	if (options.bytes_max > symbolizer->options->memory_bytes / 4)
		options.bytes_max = symbolizer->options->memory_bytes / 4;
	symbolizer->memory_fd = memfd_create("object", MFD_CLOEXEC);
	if (symbolizer->memory_fd < 0)
		return machine_failed("memfd_create", -errno);
	options.memory_fd = symbolizer->memory_fd;
	r = table_cache_new(&options, &symbolizer->tables);
	return r < 0 ? machine_failed("table_cache_new", r) : EXIT_STATUS_OK;
}

enum exit_status symbolizer_acquire(struct symbolizer *symbolizer, const struct options *options)
{
	enum exit_status status;
	int r = sandbox_require_unprivileged();

	sandbox_close_inherited();
	symbolizer->options = options;
	if (r == -EPERM)
		return refuse_privileges();
	if (r == 0)
		r = limit_memory(options->memory_bytes);
	if (r == 0)
		r = watch_signals(&symbolizer->signal_fd);
	symbolizer->status_fd = process_status_open(0);
	if (r == 0 && symbolizer->status_fd < 0)
		r = symbolizer->status_fd;
	if (r < 0)
		return machine_failed("start", r);
	status = open_cache(symbolizer);
	if (status == EXIT_STATUS_OK)
		status = make_health_file(symbolizer);
	return status == EXIT_STATUS_OK ? make_tables(symbolizer) : status;
}

static void say_started(bool has_landlock)
{
	struct sandbox_status status = sandbox_status();

	log_info("started",
		 "version=" TRIPTYCH_VERSION " uid=%u cap_eff=%016llx cap_prm=%016llx "
		 "no_new_privs=%d seccomp=%d landlock=%d",
		 (unsigned)status.uid, (unsigned long long)status.effective_caps,
		 (unsigned long long)status.permitted_caps, status.no_new_privs, status.seccomp,
		 has_landlock);
}

enum exit_status symbolizer_confine(struct symbolizer *symbolizer)
{
	struct sandbox_path paths[2] = {{symbolizer->options->run_dir, false}};
	size_t n_paths = 1;
	bool has_landlock;
	int r;

	if (symbolizer->options->cache_dir)
		paths[n_paths++] = (struct sandbox_path){symbolizer->options->cache_dir, true};
	r = sandbox_enter(SANDBOX_SYMBOLIZER, paths, n_paths, &has_landlock);
	if (r < 0)
		return machine_failed("sandbox_enter", r);
	say_started(has_landlock);
	return EXIT_STATUS_OK;
}

static int dial(const char *run_dir, const char *name, struct link_dial_options options,
		struct link_client **ret_client)
{
	char path[SOCKET_PATH_BYTES];
	int n = snprintf(path, sizeof(path), "%s/%s", run_dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	options.path = path;
	options.self = SYMBOLIZER;
	return link_dial(&options, ret_client);
}

static int dial_both(struct symbolizer *symbolizer)
{
	const struct options *options = symbolizer->options;
	struct link_dial_options pool = {.peer = COLLECTOR, .n_uids = options->n_collector_uids};
	struct link_dial_options profiles = {.peer = SHIPPER, .n_uids = options->n_shipper_uids};
	int r;

	memcpy(pool.uids, options->collector_uids, sizeof(pool.uids));
	memcpy(profiles.uids, options->shipper_uids, sizeof(profiles.uids));
	link_init();
	r = dial(options->run_dir, POOL_SOCKET_NAME, pool, &symbolizer->pool);
	if (r == 0)
		r = dial(options->run_dir, PROFILES_SOCKET_NAME, profiles, &symbolizer->profiles);
	return r;
}

enum exit_status symbolizer_run(struct symbolizer *symbolizer)
{
	int r = dial_both(symbolizer);

	if (r == 0) {
		const struct worker_options options = {
			.pool = symbolizer->pool,
			.profiles = symbolizer->profiles,
			.tables = symbolizer->tables,
			.directory = symbolizer->directory,
			.counters = &symbolizer->counters,
			.heartbeat = &symbolizer->heartbeat,
			.signal_fd = symbolizer->signal_fd,
			.status_fd = symbolizer->status_fd,
		};

		r = worker_new(&options, &symbolizer->worker);
	}
	if (r == 0)
		r = worker_run(symbolizer->worker);
	if (r < 0)
		return machine_failed("run", r);
	log_info("stopped", "windows=%llu",
		 (unsigned long long)counters_get(&symbolizer->counters, COUNTER_WINDOWS_DONE));
	return EXIT_STATUS_OK;
}

void symbolizer_deinit(struct symbolizer *symbolizer)
{
	worker_free(symbolizer->worker);
	link_client_free(symbolizer->pool);
	link_client_free(symbolizer->profiles);
	table_cache_free(symbolizer->tables);
	cache_directory_free(symbolizer->directory);
	heartbeat_deinit(&symbolizer->heartbeat);
	close_fdp(&symbolizer->memory_fd);
	close_fdp(&symbolizer->signal_fd);
	close_fdp(&symbolizer->status_fd);
}
