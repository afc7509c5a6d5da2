#include "processes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "image_files.h"
#include "image_kin.h"
#include "image_reader.h"
#include "object_roots.h"
#include "process_record.h"

#define READS_PER_EXPIRE    64u
#define NS_PER_SECOND       UINT64_C(1000000000)
#define EXEC_READ_NS        (NS_PER_SECOND / PROCESS_EXEC_READS_HZ_MAX)
#define EXEC_READS_BURST_NS NS_PER_SECOND
#define MET_AGAIN_NS        NS_PER_SECOND /* at each tick, while the kernel's map is full */

static bool same_image(const struct process_image *a, const struct process_image *b)
{
	return a->pid == b->pid && a->exec_count == b->exec_count &&
	       a->start_boot_ns == b->start_boot_ns;
}

/* Of two images of one pid. Exec counts go up by one, and around. */
static bool is_newer(const struct process_image *a, const struct process_image *b)
{
	if (a->start_boot_ns != b->start_boot_ns)
		return a->start_boot_ns > b->start_boot_ns;
	return (int32_t)(a->exec_count - b->exec_count) > 0;
}

static struct process_record *find_record(struct processes *processes,
					  const struct process_image *image)
{
	struct process_record *at = *processes_of_pid(processes, image->pid);

	while (at && !same_image(&at->process.image, image))
		at = at->next_of_pid;
	return at;
}

/* Gives the targets back that the image has, and takes @targets with their references; or NULL. */
static void replace_targets(struct process *process, struct target *const targets[JOBS_MAX])
{
	process->jobs = 0;
	for (size_t i = 0; i < JOBS_MAX; i++) {
		target_release(process->targets[i]);
		process->targets[i] = targets ? targets[i] : NULL;
		process->jobs |= (uint8_t)((process->targets[i] != NULL) << i);
	}
}

/* @targets: with DECISION_YES, else NULL. */
static void set_decision(struct process_record *record, enum decision decision,
			 struct target *const targets[JOBS_MAX], uint64_t now_ns)
{
	struct processes *processes = record->processes;
	struct process *process = &record->process;
	enum decision before = process->decision;
	uint8_t jobs_before = process->jobs;

	replace_targets(process, targets);
	process->decision = decision;
	process->is_open = decision == DECISION_YES &&
			   process->jobs != targets_jobs(processes->targets) &&
			   now_ns < process->met_ns + PROCESS_UNDECIDED_NS;
	if (decision == before && process->jobs == jobs_before)
		return;
	if (decision == DECISION_UNDECIDED) {
		process->met_ns = now_ns;
		record->is_reread = false;
	}
	if (decision == DECISION_NO)
		image_drop(record, now_ns);
	processes->options.decided(processes->options.owner, process);
}

void processes_place(struct process_record *record, struct wire_bytes id)
{
	struct container_ids *ids = &record->processes->container_ids;

	record->is_placed = true;
	record->is_in_any = id.n_bytes > 0;
	record->container_hash = id.n_bytes > 0 ? hash_bytes(0, id.data, id.n_bytes) : 0;
	if (id.n_bytes > 0)
		container_ids_keep(ids, &record->container, id);
	else
		container_ids_forget(ids, &record->container);
}

void processes_decide(struct process_record *record, uint64_t now_ns)
{
	struct processes *processes = record->processes;
	const struct targets *targets = processes->targets;
	struct target *matched[JOBS_MAX];
	uint8_t jobs = 0;

	if (targets && record->is_placed && record->is_in_any && !record->container) {
		image_read(record, now_ns); /* the cache is smaller than what it is for */
		return;
	}
	if (targets && record->is_placed)
		jobs = targets_match(
			targets, record->process.image.pid,
			container_ids_use(&processes->container_ids, &record->container), matched);
	if (jobs != 0)
		set_decision(record, DECISION_YES, matched, now_ns);
	else if (!targets || record->process.decision == DECISION_YES)
		set_decision(record, DECISION_UNDECIDED, NULL, now_ns);
}

void processes_lost(struct process_record *record, uint64_t now_ns)
{
	image_inherit_mappings(record, now_ns);
	if (record->is_placed || image_inherit_place(record))
		processes_decide(record, now_ns);
}

void processes_exited(struct process_record *record, uint64_t exited_ns)
{
	if (record->process.is_exited)
		return;
	record->process.is_exited = true;
	record->exited_ns = exited_ns;
}

/*
 * Whether what was read as @older may have been of @newer. @exec_ns is when it began by exec, 0
 * when nobody saw. Of another process the start time in stat would differ, if not in the same clock
 * tick.
 */
static bool may_be_anothers(const struct process_record *older, const struct process_record *newer,
			    uint64_t exec_ns)
{
	uint64_t tick_ns = older->processes->clock_tick_ns;

	if (record_is_same_process(older, newer))
		return exec_ns <= older->read_ns;
	return older->process.image.start_boot_ns / tick_ns ==
	       newer->process.image.start_boot_ns / tick_ns;
}

static void supersede(struct process_record *older, struct process_record *newer, uint64_t exec_ns,
		      uint64_t now_ns)
{
	processes_exited(older, exec_ns > 0 ? exec_ns : now_ns);
	older->is_superseded = true;
	if (older->process.is_read && may_be_anothers(older, newer, exec_ns))
		image_drop(older, now_ns);
}

/*
 * Puts @record beside the other images of its pid, of which only the newest lives: all others were
 * superseded when they, or their successors, were entered. New ones stand first: a process that
 * does nothing but exec costs no more than another.
 */
static void relate(struct process_record *record, uint64_t exec_ns, uint64_t now_ns)
{
	const struct process_image *image = &record->process.image;
	struct process_record *newest = *processes_of_pid(record->processes, image->pid);

	while (newest && (newest == record || newest->process.image.pid != image->pid ||
			  newest->is_superseded))
		newest = newest->next_of_pid;
	if (!newest)
		return;
	if (is_newer(image, &newest->process.image))
		supersede(newest, record, exec_ns, now_ns);
	else
		supersede(record, newest, 0, now_ns);
}

/* Makes an image known; NULL without memory or room. */
static struct process_record *enter(struct processes *processes, const struct process_image *image,
				    uint64_t exec_ns, uint64_t now_ns)
{
	struct process_record **bucket = processes_of_pid(processes, image->pid);
	struct process_record *record = NULL;

	if (processes->n < PROCESSES_MAX)
		record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	record->processes = processes;
	record->process.image = *image;
	record->process.met_ns = now_ns;
	record->next_of_pid = *bucket;
	*bucket = record;
	record->previous = processes->last;
	if (processes->last)
		processes->last->next = record;
	else
		processes->first = record;
	processes->last = record;
	processes->n++;
	relate(record, exec_ns, now_ns);
	if (record->is_superseded) /* known too late: there is nothing left to read */
		processes_lost(record, now_ns);
	return record;
}

static void forget(struct process_record *record)
{
	struct processes *processes = record->processes;
	struct process_record **at = processes_of_pid(processes, record->process.image.pid);

	image_drop(record, record->exited_ns);
	replace_targets(&record->process, NULL);
	container_ids_forget(&processes->container_ids, &record->container);
	while (*at != record)
		at = &(*at)->next_of_pid;
	*at = record->next_of_pid;
	if (record->previous)
		record->previous->next = record->next;
	else
		processes->first = record->next;
	if (record->next)
		record->next->previous = record->previous;
	else
		processes->last = record->previous;
	processes->n--;
	free(record);
}

/* A token bucket of PROCESS_EXEC_READS_HZ_MAX that holds one second of them. */
static bool may_read_at_exec(struct processes *processes, uint64_t now_ns)
{
	uint64_t *used_up_ns = &processes->exec_reads_ns;

	if (now_ns > EXEC_READS_BURST_NS && *used_up_ns < now_ns - EXEC_READS_BURST_NS)
		*used_up_ns = now_ns - EXEC_READS_BURST_NS;
	if (*used_up_ns + EXEC_READ_NS > now_ns)
		return false;
	*used_up_ns += EXEC_READ_NS;
	return true;
}

static void learn(struct process_record *record, const struct announcement *news, uint64_t now_ns)
{
	memcpy(record->process.comm, news->comm, COMM_BYTES);
	record->parent_pid = news->parent_pid;
	if (record->process.cgroup_id != news->cgroup_id)
		record->process.is_in_container = false; /* until it is read there */
	record->process.cgroup_id = news->cgroup_id;
	if (news->kind == ANNOUNCE_MET && !record->is_placed)
		record->process.met_ns = now_ns; /* before, nothing was there to decide */
	record->is_met = record->is_met || news->kind == ANNOUNCE_MET;
	if (news->kind != ANNOUNCE_CGROUP || record->process.is_exited)
		return;
	record->is_placed = false;
	set_decision(record, DECISION_UNDECIDED, NULL, now_ns);
}

/* Makes the image of @announcement known, unless it is; NULL when that cannot be. */
static struct process_record *
find_or_enter(struct processes *processes, const struct announcement *announcement, uint64_t now_ns)
{
	bool is_exec = announcement->kind == ANNOUNCE_EXEC;
	struct process_record *record = find_record(processes, &announcement->image);

	if (!record)
		record = enter(processes, &announcement->image, is_exec ? announcement->time_ns : 0,
			       now_ns);
	if (!record)
		counters_add(processes->options.counters, COUNTER_MAPS_FAILED, 1);
	return record;
}

void processes_announce_exec(struct processes *processes, const struct announcement *announcement,
			     const struct exec_mapping mappings[N_EXEC_MAPPINGS], uint64_t now_ns)
{
	struct process_record *record = find_or_enter(processes, announcement, now_ns);

	if (!record)
		return;
	learn(record, announcement, now_ns);
	record->is_execd = true;
	memcpy(record->exec_mappings, mappings, sizeof(record->exec_mappings));
	/* With its files held, it can die at any time: the first sample is early enough to read. */
	if (!image_has_exec_files(record) && may_read_at_exec(processes, now_ns))
		image_read(record, announcement->time_ns);
}

/* Of an image that ended unread: its parent may have been read, or a file opened, since. */
static void settle(struct process_record *record)
{
	const struct process *process = &record->process;

	if (!process->is_exited || process->n_reads_pending > 0 || process->decision == DECISION_NO)
		return;
	if (record->is_placed)
		image_inherit_mappings(record, record->exited_ns);
	else
		processes_lost(record, record->processes->options.clock_ns());
}

void processes_announce(struct processes *processes, const struct announcement *announcement,
			uint64_t now_ns)
{
	static const struct exec_mapping none[N_EXEC_MAPPINGS] = {{0}};
	struct process_record *record;
	bool was_met;

	if (announcement->kind == ANNOUNCE_EXIT) {
		record = find_record(processes, &announcement->image);
		if (record)
			processes_exited(record, announcement->time_ns);
		return;
	}
	if (announcement->kind == ANNOUNCE_EXEC) {
		processes_announce_exec(processes, announcement, none, now_ns);
		return;
	}
	record = find_or_enter(processes, announcement, now_ns);
	if (!record)
		return;
	was_met = record->is_met;
	learn(record, announcement, now_ns);
	if (announcement->kind == ANNOUNCE_LEAVING) {
		processes_exited(record, announcement->time_ns);
		settle(record); /* while those are there who know where it is, and its target is */
	}
	if (announcement->kind == ANNOUNCE_LEAVING || announcement->kind == ANNOUNCE_IN_EXEC)
		return;
	if (announcement->kind == ANNOUNCE_MAPPINGS && record->process.decision == DECISION_NO)
		return;
	if (was_met && announcement->kind == ANNOUNCE_MET && record->process.is_read &&
	    announcement->time_ns < record->asked_ns + MET_AGAIN_NS)
		return;
	image_read(record, announcement->time_ns);
}

struct process *processes_find(struct processes *processes, const struct process_image *image)
{
	struct process_record *record = find_record(processes, image);

	if (!record)
		return NULL;
	settle(record);
	return &record->process;
}

struct process *processes_meet(struct processes *processes, const struct process_image *image,
			       uint64_t now_ns)
{
	struct process *known = processes_find(processes, image);
	struct process_record *record = (struct process_record *)known; /* its first member */

	if (!record)
		record = enter(processes, image, 0, now_ns);
	if (!record)
		return NULL;
	/* It was sampled, and nobody said so. */
	if (!record->is_placed && record->n_in_flight == 0)
		image_read(record, now_ns);
	return &record->process;
}

/* Which of its targets are whose in another set of jobs. */
static void move_targets(struct process *process, const size_t before[JOBS_MAX])
{
	struct target *moved[JOBS_MAX] = {NULL};

	for (size_t i = 0; i < JOBS_MAX; i++)
		if (before[i] != JOB_NONE && process->targets[before[i]])
			moved[i] = target_retain(process->targets[before[i]]);
	replace_targets(process, moved);
}

void processes_set_targets(struct processes *processes, struct targets *targets,
			   const size_t before_of[JOBS_MAX], uint64_t now_ns)
{
	bool were_none = !processes->targets;

	targets_free(processes->targets);
	processes->targets = targets;
	for (struct process_record *at = processes->first; at; at = at->next) {
		enum decision before = at->process.decision;

		if (before_of)
			move_targets(&at->process, before_of);
		if (at->process.is_exited && before == DECISION_YES)
			continue; /* its samples keep the labels that they were taken under */
		if (were_none)
			at->process.met_ns = now_ns;
		processes_decide(at, now_ns);
		if (before == DECISION_YES && at->process.decision == DECISION_YES)
			processes->options.decided(processes->options.owner, &at->process);
		if (before == DECISION_NO && at->process.decision != DECISION_NO)
			image_read(at, now_ns);
	}
}

static bool is_over(const struct process_record *record, uint64_t now_ns)
{
	if (!record->process.is_exited || record->n_in_flight > 0)
		return false;
	return record->process.decision != DECISION_UNDECIDED ||
	       now_ns >= record->exited_ns + PROCESS_UNDECIDED_NS;
}

/* Asks for a read that is owed; counts down what may be asked for at once. */
static void catch_up(struct process_record *record, unsigned *n_reads_left, uint64_t now_ns)
{
	if (record->process.is_exited || record->is_reading)
		return;
	if (record->process.decision == DECISION_NO &&
	    now_ns >= record->asked_ns + PROCESS_VERIFY_NS)
		record->news_ns = now_ns;
	if (record->news_ns <= record->asked_ns || *n_reads_left == 0)
		return;
	--*n_reads_left;
	image_read(record, record->news_ns);
	if (record->processes->is_opener_full)
		*n_reads_left = 0;
}

/* Its targets had time enough to appear. */
static void end_waiting(struct process_record *record, uint64_t now_ns)
{
	struct processes *processes = record->processes;
	struct process *process = &record->process;

	if (process->is_open) {
		process->is_open = false;
		processes->options.decided(processes->options.owner, process);
	}
	if (process->decision != DECISION_UNDECIDED)
		return;
	if (record->may_have_moved && !process->is_exited && !record->is_reread) {
		record->is_reread = true;
		record->news_ns = now_ns; /* it is decided by what that says */
		return;
	}
	set_decision(record, DECISION_NO, NULL, now_ns);
}

/* Whether a count differs from the @last time it was compared. */
static bool has_changed(uint64_t *last, uint64_t current)
{
	bool changed = *last != current;

	*last = current;
	return changed;
}

void processes_expire(struct processes *processes, bool drained, uint64_t now_ns)
{
	bool is_news_lost =
		has_changed(&processes->n_events_lost,
			    counters_get(processes->options.counters, COUNTER_EVENTS_LOST));
	bool are_roots_lost = has_changed(&processes->n_roots_lost,
					  objects_roots_lost(processes->options.objects));
	unsigned n_reads_left = READS_PER_EXPIRE;
	struct process_record *at, *next;

	processes->is_opener_full = false;
	for (at = processes->first; at; at = next) {
		next = at->next;
		if (drained)
			image_drained(at, now_ns);
		if (drained && is_over(at, now_ns)) {
			forget(at);
			continue;
		}
		if (processes->targets && at->is_placed &&
		    now_ns >= at->process.met_ns + PROCESS_UNDECIDED_NS)
			end_waiting(at, now_ns);
		if (is_news_lost)
			at->news_ns = now_ns;
		if (are_roots_lost)
			image_mend_roots(at);
		catch_up(at, &n_reads_left, now_ns);
	}
}

void processes_end_waiting(struct processes *processes, uint64_t now_ns)
{
	unsigned n_reads_left = READS_PER_EXPIRE;

	if (!processes->targets)
		return;
	for (struct process_record *at = processes->first; at; at = at->next) {
		if (at->is_placed)
			end_waiting(at, now_ns);
		catch_up(at, &n_reads_left, now_ns);
	}
}

bool processes_busy(const struct processes *processes)
{
	return processes->n_pending > 0;
}

int processes_new(const struct processes_options *options, struct processes **ret_processes)
{
	struct processes *processes = calloc(1, sizeof(*processes));
	long n_ticks_a_second = sysconf(_SC_CLK_TCK);

	if (!processes)
		return -ENOMEM;
	processes->by_pid = calloc(PID_BUCKETS, sizeof(*processes->by_pid));
	if (!processes->by_pid) {
		free(processes);
		return -ENOMEM;
	}
	processes->options = *options;
	processes->container_ids.n_max = CONTAINER_IDS_DEFAULT;
	if (!options->clock_ns)
		processes->options.clock_ns = clock_monotonic_ns;
	processes->clock_tick_ns = NS_PER_SECOND / (uint64_t)n_ticks_a_second;
	*ret_processes = processes;
	return 0;
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	image_files_deinit(processes);
	while (processes->first)
		forget(processes->first);
	targets_free(processes->targets);
	free(processes->by_pid);
	free(processes);
}
