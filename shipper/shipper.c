#include "shipper_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/identity.h"
#include "confinement.h"
#include "sandbox/sandbox.h"

#define QUARANTINE_NAME "quarantine"
#define SPOOL_MODE      0700
#define EXPIRE_EVERY_NS UINT64_C(5000000000)
#define MS_NS           UINT64_C(1000000)
#define SECOND_NS       UINT64_C(1000000000)
#define WAIT_MS_MAX     60000

/* Says on standard error what is wrong with the configuration, and in the log that it is. */
static int refuse_configuration(const struct shipper *shipper, int r)
{
	const char *path = shipper->options->config ? shipper->options->config : "-";

	if (r < 0)
		log_err("configuration-unreadable", "file=%s error=\"%s\"", path, strerror(-r));
	else
		log_err("configuration-invalid", "file=%s", path);
	return EXIT_STATUS_CONFIG;
}

static void print_messages(const struct bytes *messages)
{
	if (messages->n_bytes > 0)
		(void)fwrite(messages->data, 1, messages->n_bytes, stderr);
}

/* What else a configuration says that is in force from now on. */
static void obey_configuration(struct shipper *shipper)
{
	const struct configuration *configuration = current_configuration(shipper->current);

	if (!shipper->options->has_log_level)
		log_set_level(configuration->log_level);
	log_set_format(configuration->log_format);
	if (configuration->n_endpoints == 0)
		log_warn("no-endpoint", "profiles are taken in and go nowhere");
}

/* Counts what the configuration in force leaves out of its targets, and says it when it is news. */
static void note_losses(struct shipper *shipper)
{
	const struct configuration_losses *losses =
		&current_configuration(shipper->current)->losses;
	struct configuration_losses *sum = &shipper->losses;
	uint64_t n_labels = 0;

	for (size_t i = 0; i < N_LABEL_FLAWS; i++) {
		sum->n_labels[i] += losses->n_labels[i];
		n_labels += losses->n_labels[i];
	}
	sum->n_targets += losses->n_targets;
	sum->n_crowded += losses->n_crowded;
	if (losses->component_id && losses->hash != sum->hash)
		log_warn("targets-flawed",
			 "component=%s labels_left_out=%llu targets_passed_over=%llu "
			 "targets_crowded=%llu first=%s",
			 losses->component_id, (unsigned long long)n_labels,
			 (unsigned long long)losses->n_targets,
			 (unsigned long long)losses->n_crowded,
			 log_quote(losses->first, strlen(losses->first)).text);
	sum->hash = losses->hash;
}

static int open_configuration(struct shipper *shipper)
{
	cleanup_with(bytes_deinit) struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);
	struct configuration *configuration;
	int r = current_open(shipper->options->config, &shipper->environment, &shipper->current);

	if (r < 0) {
		log_err("start-failed", "error=\"%s\"", strerror(-r));
		return EXIT_STATUS_MACHINE;
	}
	r = current_read(shipper->current, &configuration, &messages);
	print_messages(&messages);
	if (r != 0)
		return refuse_configuration(shipper, r);
	r = current_prepare(shipper->current, configuration);
	if (r < 0) {
		configuration_free(configuration);
		log_err("start-failed", "error=\"%s\"", strerror(-r));
		return EXIT_STATUS_MACHINE;
	}
	current_adopt(shipper->current, configuration);
	note_losses(shipper);
	obey_configuration(shipper);
	return 0;
}

static int open_spool(struct shipper *shipper)
{
	const char *path = shipper->options->spool_directory;
	struct spool_options options = {
		.files = &shipper->files,
		.bytes_max = shipper->options->spool_bytes,
		.age_max_ns = SPOOL_AGE_MAX_NS,
		.segment_bytes = SPOOL_SEGMENT_BYTES,
	};
	struct spool_state state;
	int r;

	r = mkdir(path, SPOOL_MODE) != 0 && errno != EEXIST ? -errno : 0;
	if (r == 0)
		r = spool_files_open(path, &shipper->files);
	if (r == -EWOULDBLOCK) {
		log_err("spool-locked", "directory=%s, another shipper owns it", path);
		return EXIT_STATUS_AGAIN;
	}
	if (r == 0)
		r = spool_open(&options, &shipper->spool);
	if (r < 0) {
		log_err("spool-unusable", "directory=%s error=\"%s\"", path, strerror(-r));
		return EXIT_STATUS_CANT_CREATE;
	}
	state = spool_state(shipper->spool);
	log_info("spool-open", "directory=%s records=%zu bytes=%llu torn_bytes=%llu damaged=%llu",
		 path, state.n_records, (unsigned long long)state.n_bytes,
		 (unsigned long long)state.n_torn_bytes, (unsigned long long)state.n_damaged);
	if (state.n_segments_newer > 0)
		log_warn("spool-newer", "files=%llu, moved aside: a newer version wrote them",
			 (unsigned long long)state.n_segments_newer);
	return 0;
}

static int open_endpoints(struct shipper *shipper)
{
	cleanup_with(free_freep) char *quarantine = NULL;
	struct endpoints_options options = {
		.spool = shipper->spool,
		.configuration = current_configuration(shipper->current),
	};

	shipper->tallies = tallies_new();
	if (!shipper->tallies || tallies_adopt(shipper->tallies, options.configuration) < 0 ||
	    http_client_init() < 0 || http_client_open(&shipper->http) < 0 ||
	    asprintf(&quarantine, "%s/" QUARANTINE_NAME, shipper->options->spool_directory) < 0) {
		log_err("start-failed", "error=\"%s\"", strerror(ENOMEM));
		return EXIT_STATUS_MACHINE;
	}
	shipper->environment.http_client = shipper->http;
	options.http = shipper->http;
	options.tallies = shipper->tallies;
	options.quarantine_path = quarantine;
	return endpoints_open(&options, &shipper->endpoints) < 0 ? EXIT_STATUS_CANT_CREATE : 0;
}

/* Signals come through an fd; blocked before any thread is there to take them. */
static int open_signals(struct shipper *shipper)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR)
		shipper->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (shipper->signal_fd < 0) {
		log_err("signals-failed", "error=\"%s\"", strerror(errno));
		return EXIT_STATUS_MACHINE;
	}
	return 0;
}

static int open_own(struct shipper *shipper)
{
	int r = process_stats_open(&shipper->process);

	shipper->workers = workers_new();
	shipper->last = last_profiles_new();
	shipper->reports = reports_new();
	shipper->status_fd = process_status_open(0);
	if (r == 0 && shipper->status_fd < 0)
		r = shipper->status_fd;
	if (r < 0 || !shipper->workers || !shipper->last || !shipper->reports) {
		log_err("start-failed", "error=\"%s\"", strerror(r < 0 ? -r : ENOMEM));
		return EXIT_STATUS_MACHINE;
	}
	return 0;
}

int shipper_acquire(const struct options *options, struct shipper **ret_shipper)
{
	cleanup_with(shipper_freep) struct shipper *shipper = calloc(1, sizeof(*shipper));
	int r;

	if (!shipper)
		return EXIT_STATUS_MACHINE;
	sandbox_close_inherited();
	if (options->has_log_level)
		log_set_level(options->log_level);
	shipper->options = options;
	shipper->signal_fd = -1;
	shipper->status_fd = -1;
	if (sandbox_require_unprivileged() < 0) {
		log_err("privileged", "uid=%u, start it as a uid of its own without capabilities",
			geteuid());
		return EXIT_STATUS_PERMISSION;
	}
	r = open_configuration(shipper);
	if (r == 0)
		r = open_spool(shipper);
	if (r == 0)
		r = open_endpoints(shipper);
	if (r == 0)
		r = shipper_open_pages(shipper);
	if (r == 0)
		r = open_signals(shipper);
	if (r == 0)
		r = open_own(shipper);
	if (r == 0)
		*ret_shipper = take_ptr(shipper);
	return r;
}

int shipper_confine(struct shipper *shipper)
{
	bool has_landlock = false;
	int r = confinement_enter(shipper->options, current_configuration(shipper->current),
				  &has_landlock);

	if (r < 0) {
		log_err("confine-failed", "error=\"%s\" run_dir=%s", strerror(-r),
			shipper->options->run_directory);
		return r == -ENOENT || r == -EACCES ? EXIT_STATUS_CANT_CREATE : EXIT_STATUS_MACHINE;
	}
	log_info("confined", "uid=%u seccomp=on landlock=%s", geteuid(),
		 has_landlock ? "on" : "off");
	return 0;
}

static int open_control(struct shipper *shipper)
{
	cleanup_with(control_frames_deinit) struct control_frames frames = {0};
	cleanup_with(free_freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" CONTROL_SOCKET_NAME, shipper->options->run_directory) < 0)
		return EXIT_STATUS_MACHINE;
	r = control_frames_encode(current_configuration(shipper->current), &frames);
	if (r == 0)
		r = control_open(path, shipper->options->collector_uid, &frames, &shipper->control);
	if (r == 0)
		r = collector_view_open(path, shipper->options->collector_uid, &shipper->view);
	if (r == 0)
		r = process_list_new(
			&(struct process_list_collector){.ask = control_ask_processes,
							 .forget = control_forget_processes,
							 .owner = shipper->control},
			&shipper->process_list);
	shipper->environment.process_list = shipper->process_list;
	if (r < 0) {
		log_err("control-failed", "socket=%s error=\"%s\"", path, strerror(-r));
		return EXIT_STATUS_MACHINE;
	}
	return 0;
}

static int open_profiles(struct shipper *shipper)
{
	cleanup_with(free_freep) char *path = NULL;
	struct profiles_options options = {
		.n_uids = shipper->options->n_symbolizer_uids,
		.spool = shipper->spool,
		.workers = shipper->workers,
		.tallies = shipper->tallies,
		.last = shipper->last,
		.reports = shipper->reports,
	};
	int r;

	if (asprintf(&path, "%s/" PROFILES_SOCKET_NAME, shipper->options->run_directory) < 0)
		return EXIT_STATUS_MACHINE;
	options.path = path;
	memcpy(options.uids, shipper->options->symbolizer_uids, sizeof(options.uids));
	r = profiles_open(&options, &shipper->profiles);
	if (r == -EADDRINUSE) {
		log_err("socket-in-use", "socket=%s, another shipper listens there", path);
		return EXIT_STATUS_AGAIN;
	}
	if (r < 0) {
		log_err("socket-unusable", "socket=%s error=\"%s\"", path, strerror(-r));
		return EXIT_STATUS_CANT_CREATE;
	}
	return 0;
}

/* Puts @configuration (consumed) in the place of the one in force. All that can fail comes before
 * the first change. */
static int replace_configuration(struct shipper *shipper, struct configuration *configuration,
				 bool is_asked)
{
	cleanup_with(control_frames_deinit) struct control_frames frames = {0};
	int r = control_frames_encode(configuration, &frames);

	if (r == 0)
		r = current_prepare(shipper->current, configuration);
	if (r == 0)
		r = endpoints_reload(shipper->endpoints, configuration, is_asked);
	if (r < 0) {
		configuration_free(configuration);
		return r;
	}
	control_replace(shipper->control, &frames);
	current_adopt(shipper->current, configuration);
	(void)!tallies_adopt(shipper->tallies, configuration); /* else counted as before */
	note_losses(shipper);
	return 0;
}

bool shipper_reload(struct shipper *shipper, struct bytes *messages)
{
	struct configuration *configuration;
	const char *error = "see above";
	int r = current_read(shipper->current, &configuration, messages);

	print_messages(messages);
	if (r != 0)
		(void)refuse_configuration(shipper, r);
	if (r == 0)
		r = replace_configuration(shipper, configuration, true);
	shipper->reloads.n++;
	shipper->reloads.n_failed += r != 0;
	shipper->reloads.is_last_failed = r != 0;
	if (r == 0) {
		obey_configuration(shipper);
		log_info("reloaded", "endpoints=%zu targets=%zu",
			 current_configuration(shipper->current)->n_endpoints,
			 current_configuration(shipper->current)->n_targets);
		return true;
	}
	if (r < 0) {
		error = r == -EACCES ? "a directory that is new to it needs a restart"
				     : strerror(-r);
		bytes_printf(messages, "%s\n", error);
	}
	log_err("reload-failed", "error=\"%s\", the configuration before stays", error);
	return false;
}

/* A source published something: evaluates the text in force again. */
static void reevaluate(struct shipper *shipper, uint64_t now_ns)
{
	cleanup_with(bytes_deinit) struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);
	struct configuration *configuration;
	int r = current_reevaluate(shipper->current, now_ns, &configuration, &messages);

	if (r == 0)
		r = replace_configuration(shipper, configuration, false);
	else if (current_is_news(shipper->current, &messages))
		print_messages(&messages);
	if (r != 0)
		log_warn("evaluation-failed", "error=\"%s\", what was in force before stays",
			 r > 0 ? "what components publish does not fit" : strerror(-r));
}

static void take_signal(struct shipper *shipper, uint64_t now_ns)
{
	struct signalfd_siginfo info;

	while (read(shipper->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (shipper->stop_ns != 0)
			continue;
		if (info.ssi_signo == SIGHUP) {
			struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);

			(void)shipper_reload(shipper, &messages);
			bytes_deinit(&messages);
			continue;
		}
		log_info("stopping", "signal=%u stop_seconds=%u", info.ssi_signo,
			 shipper->options->stop_seconds);
		shipper->stop_ns = now_ns + shipper->options->stop_seconds * SECOND_NS + 1;
	}
}

/* Leaves last: when no symbolizer is connected, and each endpoint was tried after that. */
static bool may_leave(struct shipper *shipper, uint64_t now_ns)
{
	if (shipper->stop_ns == 0)
		return false;
	if (now_ns >= shipper->stop_ns)
		return true;
	if (workers_connected(shipper->workers) > 0)
		return false;
	endpoints_stop(shipper->endpoints);
	endpoints_run(shipper->endpoints, now_ns);
	return endpoints_are_done(shipper->endpoints);
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Sleeps until an fd has something or a deadline passes. */
static int wait_for_something(struct shipper *shipper)
{
	struct pollfd fds[] = {
		{.fd = shipper->signal_fd, .events = POLLIN},
		{.fd = profiles_fd(shipper->profiles), .events = POLLIN},
		{.fd = control_fd(shipper->control), .events = POLLIN},
		{.fd = collector_view_fd(shipper->view), .events = POLLIN},
		{.fd = http_client_fd(shipper->http), .events = POLLIN},
		{.fd = pages_fd(shipper->pages), .events = POLLIN},
		{.fd = current_fd(shipper->current), .events = POLLIN},
	};
	uint64_t now_ns = clock_monotonic_ns(), deadline_ns = shipper->expire_ns, wait_ms;

	deadline_ns = min_ns(deadline_ns, profiles_deadline_ns(shipper->profiles));
	deadline_ns = min_ns(deadline_ns, control_deadline_ns(shipper->control));
	deadline_ns = min_ns(deadline_ns, collector_view_deadline_ns(shipper->view));
	deadline_ns = min_ns(deadline_ns, http_client_deadline_ns(shipper->http));
	deadline_ns = min_ns(deadline_ns, endpoints_deadline_ns(shipper->endpoints));
	deadline_ns = min_ns(deadline_ns, pages_deadline_ns(shipper->pages, now_ns));
	deadline_ns = min_ns(deadline_ns, current_deadline_ns(shipper->current));
	if (shipper->stop_ns != 0)
		deadline_ns = min_ns(deadline_ns, shipper->stop_ns);
	wait_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + MS_NS - 1) / MS_NS : 0;
	if (wait_ms > WAIT_MS_MAX)
		wait_ms = WAIT_MS_MAX;
	if (poll(fds, sizeof(fds) / sizeof(fds[0]), (int)wait_ms) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

static int turn(struct shipper *shipper)
{
	uint64_t now_ns;
	int r;

	r = wait_for_something(shipper);
	if (r < 0)
		return r;
	now_ns = clock_monotonic_ns();
	take_signal(shipper, now_ns);
	r = profiles_run(shipper->profiles, now_ns);
	if (r < 0)
		log_warn("listener-probe-failed", "error=\"%s\", trying again", strerror(-r));
	control_run(shipper->control, now_ns);
	collector_view_run(shipper->view, now_ns);
	if (current_run(shipper->current, now_ns))
		reevaluate(shipper, now_ns);
	if (now_ns >= shipper->expire_ns) {
		spool_expire(shipper->spool, clock_wall_ns());
		shipper->expire_ns = now_ns + EXPIRE_EVERY_NS;
	}
	http_client_run(shipper->http, now_ns);
	endpoints_run(shipper->endpoints, now_ns);
	pages_run(shipper->pages, now_ns);
	return 0;
}

/* What all endpoints have is gone from the spool, or goes later: it is not spoken of. */
static void log_stopped(const struct shipper *shipper)
{
	uint64_t n_profiles = 0, n_samples = 0;
	size_t n_behind = 0;

	for (size_t i = 0; i < endpoints_count(shipper->endpoints); i++) {
		struct spool_amount held = endpoints_books(shipper->endpoints, i).held;

		n_profiles += held.n_profiles;
		n_samples += held.n_samples;
		n_behind += held.n_profiles > 0;
	}
	log_info("stopped", "unsent_profiles=%llu unsent_samples=%llu endpoints_behind=%zu, %s",
		 (unsigned long long)n_profiles, (unsigned long long)n_samples, n_behind,
		 n_profiles ? "the spool keeps them for the next start"
			    : "nothing is left to be sent");
}

int shipper_run(struct shipper *shipper)
{
	int r;

	link_init();
	r = open_control(shipper);
	if (r == 0)
		r = open_profiles(shipper);
	if (r != 0)
		return r;
	current_start(shipper->current, clock_monotonic_ns());
	log_info("started", "version=%s http=%s endpoints=%zu", TRIPTYCH_VERSION,
		 shipper->options->http, current_configuration(shipper->current)->n_endpoints);
	while (!may_leave(shipper, clock_monotonic_ns())) {
		r = turn(shipper);
		if (r < 0) {
			log_err("loop-failed", "error=\"%s\"", strerror(-r));
			return EXIT_STATUS_MACHINE;
		}
	}
	log_stopped(shipper);
	return EXIT_STATUS_OK;
}

void shipper_free(struct shipper *shipper)
{
	if (!shipper)
		return;
	pages_free(shipper->pages);
	profiles_free(shipper->profiles);
	control_free(shipper->control);
	collector_view_free(shipper->view);
	endpoints_free(shipper->endpoints);
	spool_close(shipper->spool);
	spool_files_close(&shipper->files);
	workers_free(shipper->workers);
	tallies_free(shipper->tallies);
	last_profiles_free(shipper->last);
	reports_free(shipper->reports);
	process_stats_free(shipper->process);
	current_free(shipper->current);
	process_list_free(shipper->process_list); /* after sources, which ask by it */
	http_client_free(shipper->http);          /* after endpoints and sources, which ask by it */
	close_fdp(&shipper->signal_fd);
	close_fdp(&shipper->status_fd);
	free(shipper);
}
