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
#include "opener/opener.h"
#include "pool.h"
#include "processes.h"
#include "sampler.h"
#include "view.h"
#include "windows.h"

#define NS_PER_MS           UINT64_C(1000000)
#define NS_PER_S            UINT64_C(1000000000)
#define INTERVAL_DEFAULT_MS 15000u
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

static struct sampler_decision decision_of(const struct collector *collector,
					   const struct process *process)
{
	struct sampler_decision decision = {process->decision, JOBS_ALL, JOBS_ALL};
	uint8_t kernel_jobs = 0;

	if (process->decision != DECISION_YES || process->is_open)
		return decision;
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (process->targets[i] && process->targets[i]->collect_kernel)
			kernel_jobs |= (uint8_t)(1u << i);
	if (process->jobs != job_set_mask(collector->jobs))
		decision.jobs = process->jobs;
	if (process->jobs != kernel_jobs)
		decision.kernel_jobs = kernel_jobs;
	return decision;
}

static void tell_decision(void *owner, const struct process *process)
{
	struct collector *collector = owner;
	struct sampler_decision decision = decision_of(collector, process);

	/* "Yes" of all jobs and "undecided" are sampled alike: only the rest and its end are told.
	 */
	if (decision.decision == DECISION_NO || decision.jobs != JOBS_ALL ||
	    decision.kernel_jobs != JOBS_ALL)
		collector->has_told = true;
	if (collector->has_told)
		sampler_decide(collector->sampler, &process->image, &decision);
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
		collector->is_pressed = true;
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
	if (process && process->decision != DECISION_UNDECIDED)
		tell_decision(collector, process);
}

static void drain_now(struct collector *collector, bool ends_all, uint64_t now_ns)
{
	int r;

	sampler_take_announcements(collector->sampler, take_announcement, collector);
	r = drain_run(collector->drain, ends_all || collector->is_pressed, now_ns);
	rounds_count(&collector->rounds, drain_ended(collector->drain), r != 0);
	if (r != 0)
		log_warn("drain-failed", "errno=%d, samples stay in the maps for the next drain",
			 -r);
	processes_expire(collector->processes, true, now_ns);
	collector->is_pressed = false;
	collector->next_drain_ns = drain_due_ns(collector->drain);
	if (drain_n_pending(collector->drain) > 0)
		collector->next_check_ns = earlier(collector->next_check_ns, now_ns + RETRY_NS);
	pool_offer(collector->pool, now_ns);
}

/* The jobs of @jobs as they are called in those in force. */
static void find_before(const struct collector *collector, const struct job_set *jobs,
			size_t ret_before[JOBS_MAX])
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		ret_before[i] = i < jobs->n_jobs ? job_set_find(collector->jobs, jobs, i)
						 : (size_t)JOB_NONE;
}

/*
 * Samples are counted at the period that they were taken at, and for whom they were taken: other
 * jobs begin with a drain, and what is taken behind it says which it was taken for. Consumes @jobs.
 */
static void adopt_jobs(struct collector *collector, struct job_set *jobs, uint64_t now_ns)
{
	uint8_t flag = drain_set_jobs(collector->drain, job_set_retain(jobs), now_ns);
	int r = sampler_set_jobs(collector->sampler, jobs, flag);

	if (r != 0)
		log_err("rate-refused", "errno=%d, sampling goes on at the old rate", -r);
	job_set_release(collector->jobs);
	collector->jobs = jobs;
	rounds_set_jobs(&collector->rounds, jobs);
	collector->next_drain_ns = drain_due_ns(collector->drain);
}

/* Makes what @m brings, before anything is changed. */
static int make_adopted(const struct wire_settings_message *m, struct job_set **ret_jobs,
			struct targets **ret_targets)
{
	cleanup_with(job_set_releasep) struct job_set *jobs = NULL;
	int r = job_set_new(m->jobs, m->n_jobs, &jobs);

	if (r == 0)
		r = targets_new(m->jobs, m->n_jobs, ret_targets);
	if (r != 0) {
		log_err("settings-failed", "errno=%d, the settings in force stay", -r);
		return r;
	}
	*ret_jobs = take_ptr(jobs);
	return 0;
}

static void apply_limits(struct collector *collector, const struct wire_settings *s)
{
	uint32_t n_max = collector->options->pid_map_size;

	if (s->pid_map_size > n_max)
		log_warn("pid-map-size",
			 "wanted=%u have=%u, start the collector with --pid-map-size %u",
			 s->pid_map_size, n_max, s->pid_map_size);
	else
		n_max = s->pid_map_size;
	sampler_limit_processes(collector->sampler, n_max);
	processes_limit_container_ids(collector->processes, s->container_id_cache_size);
	drain_set(collector->drain, &s->caches);
}

static int apply_settings(void *owner, const struct wire_settings_message *m)
{
	struct collector *collector = owner;
	uint64_t now_ns = clock_monotonic_ns();
	size_t before[JOBS_MAX];
	struct targets *targets;
	struct job_set *jobs;
	bool are_others;
	int r = make_adopted(m, &jobs, &targets);

	if (r != 0)
		return r;
	/* What ended under the old targets is theirs. */
	sampler_take_announcements(collector->sampler, take_announcement, collector);
	apply_limits(collector, &m->settings);
	find_before(collector, jobs, before);
	are_others = !job_set_samples_alike(jobs, collector->jobs);
	if (are_others)
		drain_now(collector, true, now_ns);
	if (collector->has_told && sampler_forget_decisions(collector->sampler) != 0)
		log_warn("decisions-kept",
			 "processes that were refused may stay so until they exec");
	adopt_jobs(collector, jobs, now_ns);
	collector->has_pid_targets = targets_have_pids(targets);
	processes_set_targets(collector->processes, targets, are_others ? before : NULL, now_ns);
	for (size_t i = 0; i < m->n_jobs; i++)
		log_info("settings", "generation=%lu job=%zu/%zu targets=%zu hz=%u interval_ms=%u",
			 m->generation, i + 1, m->n_jobs, m->jobs[i].n_targets,
			 m->jobs[i].sample_rate_hz, m->jobs[i].collect_interval_ms);
	return 0;
}

static void refresh_counters(void *owner)
{
	struct collector *collector = owner;

	if (drain_count(collector->drain, clock_monotonic_ns()) != 0)
		log_warn("count-failed", "the kernel's counters are as they were");
	processes_count(collector->processes);
	counters_set(&collector->counters, COUNTER_OBJECTS_HELD,
		     objects_n_held(collector->objects));
	counters_set(&collector->counters, COUNTER_HELPERS_STUCK,
		     opener_n_stuck(collector->opener));
}

static int encode_view(void *owner, struct bytes *out)
{
	const struct collector *collector = owner;
	const struct view_sources sources = {
		.instance = collector->instance,
		.round = counters_get(&collector->counters, COUNTER_FLIPS),
		.services = &collector->services,
		.processes = collector->processes,
		.jobs = collector->jobs,
	};

	return view_encode(&sources, out);
}

/* What is sampled for until settings arrive: anything. */
static int make_first_jobs(struct collector *collector)
{
	const struct wire_job job = {
		.sample_rate_hz = collector->options->sample_rate_hz,
		.collect_interval_ms = INTERVAL_DEFAULT_MS,
		.collect_user = true,
		.collect_kernel = true,
	};

	return job_set_new(&job, 1, &collector->jobs);
}

static int make_modules(struct collector *collector)
{
	const struct options *o = collector->options;
	int r = make_first_jobs(collector);

	if (r == 0)
		rounds_set_jobs(&collector->rounds, collector->jobs);
	if (r == 0)
		r = objects_new(o->objects_max, o->hold_s * NS_PER_S, &collector->objects);
	if (r == 0)
		collector->vdso = vdso_copy_adopt(&collector->vdso_copy, collector->objects);
	if (r == 0)
		r = processes_new(&(struct processes_options){.opener = collector->opener,
							      .objects = collector->objects,
							      .vdso = collector->vdso,
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
						      .jobs = job_set_retain(collector->jobs),
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
		.rounds = &collector->rounds,
		.opener = collector->opener,
		.apply = apply_settings,
		.refresh = refresh_counters,
		.view = encode_view,
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
	collector->next_drain_ns = drain_due_ns(collector->drain);
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
	drain_now(collector, true, now_ns);
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
		drain_now(collector, false, now_ns);
	if (now_ns >= collector->next_check_ns)
		check(collector, now_ns);
	retry_when_read(collector, now_ns);
	next_ns = earlier(collector->next_drain_ns, collector->next_check_ns);
	next_ns = earlier(next_ns, opener_expire(collector->opener, now_ns));
	next_ns = earlier(next_ns, pool_expire(collector->pool, now_ns));
	next_ns = earlier(next_ns, control_expire(collector->control, now_ns));
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
	processes_end_waiting(collector->processes, now_ns);
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
	job_set_release(collector->jobs);
	kallsyms_copy_deinit(&collector->kallsyms);
	heartbeat_deinit(&collector->heartbeat);
	close_fdp(&collector->vdso_copy.fd);
	services_deinit(&collector->services);
	close_fdp(&collector->host_root_fd);
	close_fdp(&collector->signal_fd);
	close_fdp(&collector->epoll_fd);
}
