#include "collector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "control.h"
#include "drain.h"
#include "link/link.h"
#include "log/log.h"
#include "objects.h"
#include "opener.h"
#include "pool.h"
#include "processes.h"
#include "sampler.h"
#include "windows.h"

#define NS_PER_MS           UINT64_C(1000000)
#define NS_PER_S            UINT64_C(1000000000)
#define INTERVAL_DEFAULT_NS (15 * NS_PER_S)
#define PROBE_NS            (60 * NS_PER_S) /* each costs a connection */
#define CHECK_NS            (5 * NS_PER_S)
#define RETRY_NS            NS_PER_S       /* while samples wait for a decision */
#define LAST_WORDS_NS       (5 * NS_PER_S) /* for the shipper to ask for the last counters */
#define EVENTS_MAX          16
#define ROOT_CGROUP_ID      1 /* all there is on a host without a unified hierarchy */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What an epoll event is about. */
enum source { SOURCE_SIGNAL, SOURCE_SAMPLER, SOURCE_OPENER, SOURCE_POOL, SOURCE_CONTROL };

static void tell_decision(void *owner, const struct process *process)
{
	struct collector *collector = owner;

	/* "Yes" and "undecided" are sampled alike: only a "no" and its end must be told. */
	if (process->decision == DECISION_NO)
		collector->has_told_no = true;
	if (collector->has_told_no)
		sampler_decide(collector->sampler, &process->image, process->decision);
	/*
	 * What a runtime starts is in the runtime's own cgroup until it is moved and execs: only an
	 * image that lives on has been read in the cgroup that it was announced in.
	 */
	if (process->decision == DECISION_NO && process->is_in_container && !process->is_exited &&
	    process->cgroup_id > ROOT_CGROUP_ID && !collector->has_pid_targets)
		sampler_decide_cgroup(collector->sampler, process->cgroup_id, DECISION_NO);
}

static void take_announcement(void *owner, const struct announcement *news,
			      const struct exec_mapping *mappings)
{
	struct collector *collector = owner;
	uint64_t now_ns = clock_monotonic_ns();
	const struct process *process;

	if (news->kind == ANNOUNCE_PRESSURE) {
		collector->next_drain_ns = now_ns;
		counters_add(&collector->counters, COUNTER_FLIPS_EARLY, 1);
		return;
	}
	if (mappings)
		processes_announce_exec(collector->processes, news, mappings, now_ns);
	else
		processes_announce(collector->processes, news, now_ns);
	if (news->kind != ANNOUNCE_MET)
		return;
	/* It may have been decided at its exec, before the kernel had an entry for it. */
	process = processes_find(collector->processes, &news->image);
	if (process && process->decision == DECISION_NO)
		tell_decision(collector, process);
}

static void drain_now(struct collector *collector, uint64_t now_ns)
{
	int r;

	sampler_take_announcements(collector->sampler, take_announcement, collector);
	r = drain_run(collector->drain, now_ns);
	if (r != 0)
		log_warn("drain-failed", "errno=%d, samples stay in the maps for the next drain",
			 -r);
	processes_expire(collector->processes, true, now_ns);
	collector->drained_ns = now_ns;
	collector->next_drain_ns = now_ns + collector->interval_ns;
	if (drain_n_pending(collector->drain) > 0)
		collector->next_check_ns = earlier(collector->next_check_ns, now_ns + RETRY_NS);
	pool_offer(collector->pool, now_ns);
}

/* Samples are counted at the period that they were taken at: a new rate begins with a drain. */
static void apply_rate(struct collector *collector, uint32_t hz, uint64_t now_ns)
{
	int r;

	if (NS_PER_S / hz == sampler_period_ns(collector->sampler))
		return;
	drain_now(collector, now_ns);
	r = sampler_set_rate(collector->sampler, hz);
	if (r != 0)
		log_err("rate-refused", "hz=%u errno=%d, the old rate stays", hz, -r);
}

static int apply_targets(struct collector *collector, const struct wire_settings_message *m,
			 uint64_t now_ns)
{
	struct targets *targets;
	int r = targets_new(m->targets, m->n_targets, &targets);

	if (r != 0) {
		log_err("targets-refused", "targets=%zu, the old targets stay", m->n_targets);
		return r;
	}
	collector->has_pid_targets = false;
	for (size_t i = 0; i < m->n_targets; i++)
		if (m->targets[i].key_kind == TARGET_PID)
			collector->has_pid_targets = true;
	if (collector->has_told_no && sampler_forget_decisions(collector->sampler) != 0)
		log_warn("decisions-kept",
			 "processes that were refused may stay so until they exec");
	processes_set_targets(collector->processes, targets, now_ns);
	return 0;
}

static int apply_settings(void *owner, const struct wire_settings_message *m)
{
	struct collector *collector = owner;
	const struct wire_settings *s = &m->settings;
	uint64_t now_ns = clock_monotonic_ns();
	int r;

	apply_rate(collector, s->sample_rate_hz, now_ns);
	if (s->pid_map_size > collector->options->pid_map_size)
		log_warn("pid-map-size",
			 "wanted=%u have=%u, start the collector with --pid-map-size",
			 s->pid_map_size, collector->options->pid_map_size);
	sampler_set_kinds(collector->sampler, s->collect_user, s->collect_kernel);
	drain_set(collector->drain, s->demangle, &s->caches);
	r = apply_targets(collector, m, now_ns);
	collector->interval_ns = s->collect_interval_ms * NS_PER_MS;
	if (collector->drained_ns + collector->interval_ns < collector->next_drain_ns)
		collector->next_drain_ns = collector->drained_ns + collector->interval_ns;
	log_info("settings", "generation=%lu targets=%zu hz=%u interval_ms=%u", m->generation,
		 m->n_targets, s->sample_rate_hz, s->collect_interval_ms);
	return r;
}

static void refresh_counters(void *owner)
{
	struct collector *collector = owner;

	if (drain_count(collector->drain, clock_monotonic_ns()) != 0)
		log_warn("count-failed", "the kernel's counters are as they were");
	counters_set(&collector->counters, COUNTER_PROCESSES, processes_n(collector->processes));
	counters_set(&collector->counters, COUNTER_OBJECTS_HELD,
		     objects_n_held(collector->objects));
	counters_set(&collector->counters, COUNTER_HELPERS_STUCK,
		     opener_n_stuck(collector->opener));
}

static int make_modules(struct collector *collector)
{
	const struct options *o = collector->options;
	int r = objects_new(o->objects_max, o->hold_s * NS_PER_S, &collector->objects);

	if (r == 0)
		r = processes_new(&(struct processes_options){.opener = collector->opener,
							      .objects = collector->objects,
							      .counters = &collector->counters,
							      .decided = tell_decision,
							      .owner = collector},
				  &collector->processes);
	if (r == 0)
		r = windows_new(&(struct windows_options){.instance = collector->instance,
							  .bytes_max = o->windows_bytes_max,
							  .objects = collector->objects,
							  .counters = &collector->counters},
				&collector->windows);
	if (r == 0)
		r = drain_new(&(struct drain_options){.sampler = collector->sampler,
						      .processes = collector->processes,
						      .objects = collector->objects,
						      .windows = collector->windows,
						      .counters = &collector->counters,
						      .lose_one_sample = o->lose_one_sample},
			      &collector->drain);
	return r;
}

static int listen_pool(struct collector *collector)
{
	const struct options *o = collector->options;
	char path[108];
	const struct pool_options options = {
		.socket_path = path,
		.n_uids = o->n_symbolizer_uids,
		.uids = o->symbolizer_uids,
		.lease_ns = o->lease_s * NS_PER_S,
		.windows = collector->windows,
		.objects = collector->objects,
		.opener = collector->opener,
		.counters = &collector->counters,
		.host_root_fd = collector->host_root_fd,
	};

	if (snprintf(path, sizeof(path), "%s/" POOL_SOCKET_NAME, o->run_dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return pool_listen(&options, &collector->pool);
}

static int listen_control(struct collector *collector)
{
	const struct options *o = collector->options;
	char path[108];
	const struct control_options options = {
		.socket_path = path,
		.n_uids = o->n_shipper_uids,
		.uids = o->shipper_uids,
		.instance = collector->instance,
		.n_cpus = sampler_n_cpus(collector->sampler),
		.counters = &collector->counters,
		.apply = apply_settings,
		.refresh = refresh_counters,
		.owner = collector,
	};

	if (snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET_NAME, o->run_dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	return control_listen(&options, &collector->control);
}

static int watch(struct collector *collector, int fd, enum source source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return epoll_ctl(collector->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0 ? -errno : 0;
}

static int watch_all(struct collector *collector)
{
	int r;

	collector->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (collector->epoll_fd < 0)
		return -errno;
	r = watch(collector, collector->signal_fd, SOURCE_SIGNAL);
	if (r == 0)
		r = watch(collector, sampler_fd(collector->sampler), SOURCE_SAMPLER);
	if (r == 0)
		r = watch(collector, opener_fd(collector->opener), SOURCE_OPENER);
	if (r == 0)
		r = watch(collector, pool_fd(collector->pool), SOURCE_POOL);
	if (r == 0)
		r = watch(collector, control_fd(collector->control), SOURCE_CONTROL);
	return r;
}

/* Says why the sockets or what stands behind them could not be made. */
static int explain_unprepared(const struct collector *collector, int r)
{
	const char *run_dir = collector->options->run_dir;

	if (r == -EADDRINUSE) {
		log_err("socket-in-use", "run_dir=%s, another collector listens there",
			log_quote(run_dir, strlen(run_dir)).text);
		return EXIT_STATUS_AGAIN;
	}
	log_err("prepare-failed", "run_dir=%s error=\"%s\"",
		log_quote(run_dir, strlen(run_dir)).text, strerror(-r));
	return r == -EACCES || r == -ENAMETOOLONG ? EXIT_STATUS_CANT_CREATE : EXIT_STATUS_MACHINE;
}

static int prepare(struct collector *collector)
{
	uint64_t now_ns = clock_monotonic_ns();
	int r = make_modules(collector);

	link_init();
	if (r == 0)
		r = listen_pool(collector);
	if (r == 0)
		r = listen_control(collector);
	if (r == 0)
		r = watch_all(collector);
	if (r != 0)
		return explain_unprepared(collector, r);
	collector->interval_ns = INTERVAL_DEFAULT_NS;
	collector->drained_ns = now_ns;
	collector->next_drain_ns = now_ns + INTERVAL_DEFAULT_NS;
	collector->next_probe_ns = now_ns + PROBE_NS;
	collector->next_check_ns = now_ns + CHECK_NS;
	kallsyms_copy_begin(&collector->kallsyms, now_ns);
	return EXIT_STATUS_OK;
}

static void retry_pending(struct collector *collector, uint64_t now_ns)
{
	sampler_take_announcements(collector->sampler, take_announcement, collector);
	drain_retry(collector->drain, now_ns);
	pool_offer(collector->pool, now_ns);
}

/* Ends sampling and begins to deliver what is left. */
static void begin_stop(struct collector *collector, int exit_status, uint64_t now_ns)
{
	if (collector->stop_by_ns != 0)
		return;
	log_info("stopping", "status=%d", exit_status);
	collector->exit_status = exit_status;
	collector->stop_by_ns = now_ns + collector->options->stop_s * NS_PER_S;
	sampler_stop(collector->sampler);
	control_set_phase(collector->control, COLLECTOR_STOPPING);
	drain_now(collector, now_ns);
}

static void take_signal(struct collector *collector, uint64_t now_ns)
{
	struct signalfd_siginfo info;

	if (read(collector->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		begin_stop(collector, EXIT_STATUS_OK, now_ns);
}

static void dispatch(struct collector *collector, enum source source, uint64_t now_ns)
{
	switch (source) {
	case SOURCE_SIGNAL:
		take_signal(collector, now_ns);
		break;
	case SOURCE_SAMPLER:
		sampler_take_announcements(collector->sampler, take_announcement, collector);
		break;
	case SOURCE_OPENER:
		opener_dispatch(collector->opener);
		break;
	case SOURCE_POOL:
		pool_dispatch(collector->pool, now_ns);
		break;
	case SOURCE_CONTROL:
		control_dispatch(collector->control);
		break;
	}
}

/* What is looked after now and then: authority that only a restart can give, deaf listeners. */
static void check(struct collector *collector, uint64_t now_ns)
{
	collector->next_check_ns =
		now_ns + (drain_n_pending(collector->drain) > 0 ? RETRY_NS : CHECK_NS);
	refresh_counters(collector);
	if (sampler_has_uncovered_cpu(collector->sampler)) {
		log_warn("cpu-uncovered", "a CPU came online, leaving to be started again");
		begin_stop(collector, EXIT_STATUS_AGAIN, now_ns);
	}
	if (opener_n_stuck(collector->opener) == OPENER_HELPERS) {
		log_err("opener-stuck", "helpers=%u, leaving to be started again", OPENER_HELPERS);
		begin_stop(collector, EXIT_STATUS_AGAIN, now_ns);
	}
	if (drain_n_pending(collector->drain) > 0) {
		processes_expire(collector->processes, false, now_ns);
		retry_pending(collector, now_ns);
	}
	if (now_ns < collector->next_probe_ns)
		return;
	collector->next_probe_ns = now_ns + PROBE_NS;
	if (pool_probe(collector->pool) != 0 || control_probe(collector->control) != 0)
		log_warn("listener-deaf",
			 "a listener did not answer its own probe and could not reopen");
}

/* Samples of images that were being read at the drain go out as soon as the reads are done. */
static void retry_when_read(struct collector *collector, uint64_t now_ns)
{
	bool is_busy = processes_busy(collector->processes);

	if (collector->was_busy && !is_busy && drain_n_pending_reads(collector->drain) > 0)
		retry_pending(collector, now_ns);
	collector->was_busy = is_busy;
}

/* Runs what is due. Returns when to wake at the latest. */
static uint64_t run_timers(struct collector *collector, uint64_t now_ns)
{
	uint64_t next_ns;

	if (now_ns >= collector->next_drain_ns)
		drain_now(collector, now_ns);
	if (now_ns >= collector->next_check_ns)
		check(collector, now_ns);
	retry_when_read(collector, now_ns);
	next_ns = earlier(collector->next_drain_ns, collector->next_check_ns);
	next_ns = earlier(next_ns, opener_expire(collector->opener, now_ns));
	next_ns = earlier(next_ns, pool_expire(collector->pool, now_ns));
	next_ns = earlier(next_ns, objects_expire(collector->objects, now_ns));
	if (objects_take_kallsyms_ask(collector->objects))
		kallsyms_copy_begin(&collector->kallsyms, now_ns);
	if (kallsyms_copy_step(&collector->kallsyms, collector->objects, now_ns))
		next_ns = now_ns;
	return next_ns;
}

/* Whether every sample is in a window or counted. What nobody can decide any more is counted. */
static bool is_drained(struct collector *collector, uint64_t now_ns)
{
	if (drain_n_pending(collector->drain) == 0)
		return true;
	if (processes_busy(collector->processes))
		return false;
	processes_expire(collector->processes, false, now_ns + PROCESS_UNDECIDED_NS);
	retry_pending(collector, now_ns);
	return drain_n_pending(collector->drain) == 0;
}

/* Whether all is delivered, or time is up, and the shipper has heard the last counters. */
static bool may_leave(struct collector *collector, uint64_t now_ns)
{
	if (collector->stop_by_ns == 0)
		return false;
	if (collector->leave_by_ns == 0) {
		bool drained = is_drained(collector, now_ns);

		if (drained)
			pool_set_stopping(collector->pool); /* no window comes any more */
		if (now_ns < collector->stop_by_ns &&
		    (!drained || windows_n(collector->windows) > 0))
			return false;
		collector->leave_by_ns = now_ns + LAST_WORDS_NS;
		collector->n_answers_at_end = control_n_answers(collector->control);
	}
	return now_ns >= collector->leave_by_ns ||
	       control_n_answers(collector->control) > collector->n_answers_at_end;
}

static int timeout_ms(uint64_t until_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (until_ns <= now_ns)
		return 0;
	if (until_ns - now_ns > 60 * NS_PER_S)
		return 60000;
	return (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

int collector_run(struct collector *collector)
{
	struct epoll_event events[EVENTS_MAX];
	int status = prepare(collector);

	if (status != EXIT_STATUS_OK)
		return status;
	for (;;) {
		uint64_t wake_ns = run_timers(collector, clock_monotonic_ns());
		int n;

		heartbeat_beat(&collector->heartbeat);
		if (may_leave(collector, clock_monotonic_ns()))
			break;
		if (collector->stop_by_ns != 0)
			wake_ns = earlier(wake_ns, clock_monotonic_ns() + 50 * NS_PER_MS);
		n = epoll_wait(collector->epoll_fd, events, EVENTS_MAX, timeout_ms(wake_ns));
		if (n < 0 && errno != EINTR)
			return EXIT_STATUS_MACHINE;
		for (int i = 0; i < n; i++)
			dispatch(collector, events[i].data.u32, clock_monotonic_ns());
	}
	refresh_counters(collector);
	log_info("stopped",
		 "taken=%lu spooled=%lu held_windows=%lu held_pending=%lu held_kernel=%lu",
		 counters_get(&collector->counters, COUNTER_TAKEN),
		 counters_get(&collector->counters, COUNTER_SPOOLED),
		 counters_get(&collector->counters, COUNTER_HELD_WINDOWS),
		 counters_get(&collector->counters, COUNTER_HELD_PENDING),
		 counters_get(&collector->counters, COUNTER_HELD_KERNEL));
	return collector->exit_status;
}

void collector_deinit(struct collector *collector)
{
	opener_free(collector->opener); /* first: its answers go to the pool and the processes */
	pool_free(collector->pool);
	control_free(collector->control);
	drain_free(collector->drain);
	windows_free(collector->windows);
	processes_free(collector->processes);
	objects_free(collector->objects);
	sampler_free(collector->sampler);
	kallsyms_copy_deinit(&collector->kallsyms);
	heartbeat_deinit(&collector->heartbeat);
	close_fdp(&collector->host_root_fd);
	close_fdp(&collector->signal_fd);
	close_fdp(&collector->epoll_fd);
}
