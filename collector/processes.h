#pragma once
/*
 * Process images that have been announced, and what is known of each: its name, its target, its
 * executable mappings, and the files behind them.
 *
 * An image is read when it is announced (exec, first sample, changed mappings or cgroup): one
 * OPENER_READ_PROC for stat, cgroup and maps of one and the same process, checked against the
 * image's start time, then OPENER_OPEN_MAPPED for each file that is not held already. A later exec
 * of the same pid, or a start time that differs, voids what was read: mappings never cross images.
 * A child that died before it could be read inherits the mappings of its parent when both have the
 * same exec count (fork keeps them), and its container when both have the same cgroup; one that had
 * begun by exec has the mappings which that brought along, of files that are held. What is read
 * anew replaces what was known, but addresses that are gone stay resolvable until the next drain.
 *
 * Decisions: a match of any job is DECISION_YES at once. Without one an image is undecided for
 * PROCESS_UNDECIDED_NS (its target may still appear), then DECISION_NO, and its files are let go.
 * A YES of some jobs is open for the others as long. New targets that match turn any of them into
 * YES; a YES that they do not match is undecided again; a NO stays, and where the kernel does not
 * announce every move, the container is read again before it comes to that. Before the first
 * targets everything is undecided, and its time begins with them. Nothing is NO while no targets
 * are known. Bounded; not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "job_set.h"
#include "mappings.h"
#include "objects.h"
#include "opener/opener.h"
#include "sample.h"
#include "targets.h"

#define PROCESSES_MAX             65536u
#define PROCESS_UNDECIDED_NS      UINT64_C(10000000000)
#define PROCESS_EXEC_READS_HZ_MAX 500u /* reads at exec; beyond, the first sample must do */
#define PROCESS_VERIFY_NS         UINT64_C(60000000000) /* exits of NO cgroups are not announced */

#define PROCESSES_MAPPINGS_BYTES_MAX (64u << 20) /* of all images; beyond, counted as truncated */

struct process {
	struct process_image image;
	char comm[COMM_BYTES]; /* of the group leader, as last announced; NUL-padded */
	enum decision decision;
	uint8_t jobs;                     /* whose target it is; 0 unless DECISION_YES */
	bool is_open;                     /* with DECISION_YES: it may yet be that of other jobs */
	struct target *targets[JOBS_MAX]; /* one reference each; NULL but for its jobs */
	uint64_t met_ns;                  /* monotonic: when it became undecided */
	uint64_t used_round;              /* whoever looks samples up notes it; 0: never */
	uint64_t cgroup_id;               /* leaf in the unified hierarchy, as last announced */
	bool is_in_container;             /* by that cgroup's path, as read since */
	bool is_exited;
	bool is_read;             /* mappings hold what could be read */
	unsigned n_reads_pending; /* requests to the opener that mappings wait for */
	struct mappings mappings;
};

/* Told when a decision is made, or may be news to the kernel's map. */
typedef void process_decided_fn(void *owner, const struct process *process);

struct processes;

struct processes_options {
	struct opener *opener; /* borrowed for life, like the rest */
	struct objects *objects;
	struct object *vdso; /* of 64-bit processes; NULL: there is none */
	struct counters *counters;
	process_decided_fn *decided;
	void *owner;
	uint64_t (*clock_ns)(void); /* monotonic; NULL: the real one */
};

int processes_new(const struct processes_options *options,
		  struct processes **ret_processes) warn_unused_result;

/* Takes one announcement of the kernel (any kind but ANNOUNCE_PRESSURE). */
void processes_announce(struct processes *processes, const struct announcement *announcement,
			uint64_t now_ns);

/*
 * As processes_announce(), for an ANNOUNCE_EXEC that brings its first mappings along (borrowed for
 * the call). They serve when the image is gone before it can be read; when all their files are held
 * already, nothing needs to be read before the first sample.
 */
void processes_announce_exec(struct processes *processes, const struct announcement *announcement,
			     const struct exec_mapping mappings[N_EXEC_MAPPINGS], uint64_t now_ns);

/*
 * The process of a sample's image, borrowed until processes_expire(); NULL when unknown. Its
 * mappings are good until anything else here or opener_dispatch() is called.
 */
struct process *processes_find(struct processes *processes, const struct process_image *image);

/*
 * As processes_find(), and makes it known (and read) when its announcement was lost. NULL without
 * memory or when PROCESSES_MAX are known.
 */
struct process *processes_meet(struct processes *processes, const struct process_image *image,
			       uint64_t now_ns);

/* A sample of @process lies outside of what is known of it: reads it again, unless it is gone. */
void processes_look_again(struct process *process, uint64_t now_ns);

/*
 * Replaces the targets (consumed; NULL: none known yet) and decides every process anew; what is
 * exited keeps the targets that it had. @before: which job each was in the targets before, or
 * JOB_NONE; NULL when the jobs are the same.
 */
void processes_set_targets(struct processes *processes, struct targets *targets,
			   const size_t before[JOBS_MAX], uint64_t now_ns);

/*
 * Turns what stayed undecided for PROCESS_UNDECIDED_NS into DECISION_NO, and forgets exited images
 * that were drained (undecided ones only when their time is over). Asks again for reads that failed
 * for want of a helper, and for every image when announcements were lost. Call it once a second or
 * so. @drained says that every sample taken before this call has been looked up.
 */
void processes_expire(struct processes *processes, bool drained, uint64_t now_ns);

/*
 * At the end nobody waits any longer: turns what is undecided into DECISION_NO, whenever it was
 * met. What may have moved since it was read is read once more and decided by that: call it again
 * when processes_busy() says no.
 */
void processes_end_waiting(struct processes *processes, uint64_t now_ns);

/* Whether any image is still being read: a drain may wait a few milliseconds for it. */
bool processes_busy(const struct processes *processes);

/* At most this many container ids are remembered; what has gone is read again when needed. */
void processes_limit_container_ids(struct processes *processes, size_t n_max);

/* Brings the gauges in its counters up to date. */
void processes_count(const struct processes *processes);

size_t processes_n(const struct processes *processes);

/* Living ones that are somebody's target. */
size_t processes_n_profiled(const struct processes *processes);

/*
 * Of these the @n_max most recently used, by used_round, the latest first; borrowed until anything
 * else here is called. Returns 0 or -ENOMEM; *@ret_n says how many, in either case.
 */
int processes_most_used(const struct processes *processes, size_t n_max,
			const struct process *ret_used[], size_t *ret_n) warn_unused_result;

/* No request may come back afterwards: free the opener first. NULL is fine. */
void processes_free(struct processes *processes);
