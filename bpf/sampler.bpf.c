// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sampler: what happens in the kernel on every tick of a CPU-clock event.
 *
 * A tick finds the task's process in the map "processes" and its decision there. Unless that is
 * "no", the kernel and user stacks are walked into one array of frames, leaf first, and counted in
 * the current half of the stack maps under a hash of process image and frames. The halves hang in
 * arrays of maps, one array a size class; the collector replaces the inner map and drains the one
 * that it took out.
 *
 * Every tick ends in exactly one counter: ticks = taken + skipped + dropped, on each CPU. What is
 * touched on a tick is kept small on purpose: at 97 Hz the caches are cold, and memory touched
 * costs more than instructions.
 */
#include "kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "exec_programs.h"
#include "sample.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Frames of both kinds, and room for a whole stack of one kind behind the first. */
#define SCRATCH_FRAMES      256
#define STACK_OF_KIND_BYTES (FRAMES_OF_KIND_MAX * sizeof(__u64))

/*
 * An exit, and the exec of a program that ran a moment ago, can wait until something else is told,
 * or until such alone begin to fill the ring. The ring's own judgement would then keep silent for
 * what comes behind it, since the reader has not caught up: so the rest always wakes.
 */
#define WAKE      BPF_RB_FORCE_WAKEUP
#define LET_SLEEP BPF_RB_NO_WAKEUP

#define RING_BYTES         (128 * 1024)
#define RING_BYTES_TO_WAKE (RING_BYTES / 4)

/*
 * A CPU tends to find the process that it found before. What was known of it then is kept beside
 * the stack, for as long as no decision was written: the map's own lines are cold by the next tick.
 */
struct scratch {
	struct tick_counters counters; /* first: the collector reads them there */
	struct process_entry last;
	__u64 last_cgroups;    /* its task's: the id is three cold pointers further */
	__u32 last_generation; /* of tick_settings; both from before last was read */
	__u8 walks_kernel;
	__u8 walks_user;
	__u16 reserved;
	struct stack_head head;
	__u64 frames[SCRATCH_FRAMES];
	__u32 elapsed_ns[JOBS_MAX]; /* of each slow job: since it was due, on this CPU */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048); /* pid_map_size */
	__type(key, __u32);
	__type(value, struct process_entry);
} processes SEC(".maps");

/* Leaf id in the unified hierarchy to enum decision, for whole containers that are not wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} announcements SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

#define STACK_HALF(class_name, n_entries, n_frames)                                                \
	struct class_name##_half {                                                                 \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, n_entries);                                                    \
		__uint(key_size, 8);                                                               \
		__uint(value_size, STACK_RECORD_BYTES(n_frames));                                  \
	} class_name##_a SEC(".maps"), class_name##_b SEC(".maps");                                \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                          \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__array(values, struct class_name##_half);                                         \
	} stacks_##class_name SEC(".maps") = {.values = {&class_name##_a}}

STACK_HALF(shallow, 4096, STACKS_SHALLOW_FRAMES_MAX);
STACK_HALF(middle, 1536, STACKS_MIDDLE_FRAMES_MAX);
STACK_HALF(deep, 384, STACKS_DEEP_FRAMES_MAX);

const volatile __u64 hash_seed = 0;

struct tick_settings settings = {};
__u32 n_processes = 0;                   /* entries of the map */
__u64 n_inserted[N_STACK_CLASSES] = {};  /* since the programs were loaded */
__u64 pressure_at[N_STACK_CLASSES] = {}; /* n_inserted that calls for an early drain */

static const __u32 slot;

static __always_inline void count(struct scratch *scratch, enum tick_counter which)
{
	scratch->counters.values[which]++;
}

static __always_inline void image_of(struct task_struct *task, struct process_image *image)
{
	image->pid = task->tgid;
	image->exec_count = (__u32)task->self_exec_id;
	image->start_boot_ns = task->group_leader->start_boottime;
}

static __always_inline bool same_image(const struct process_image *a, const struct process_image *b)
{
	return a->pid == b->pid && a->exec_count == b->exec_count &&
	       a->start_boot_ns == b->start_boot_ns;
}

static __always_inline void note_lost_event(void)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);

	if (scratch)
		count(scratch, TICK_EVENTS_LOST);
}

/*
 * Off the common path pointers are followed by BPF_CORE_READ(): to follow one in the open costs the
 * verifier a search through all of the kernel's types, each time that it comes by.
 */
static __always_inline void fill(struct announcement *news, struct task_struct *task,
				 enum announcement_kind kind, __u64 cgroup_id)
{
	news->kind = kind;
	news->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	news->image.pid = task->tgid;
	news->image.exec_count = (__u32)task->self_exec_id;
	news->image.start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	news->cgroup_id = cgroup_id;
	news->time_ns = bpf_ktime_get_ns();
	BPF_CORE_READ_INTO(&news->comm, task, group_leader, comm);
}

/* Returns whether the ring had room; what it had no room for is counted. */
static __noinline bool announce(struct task_struct *task, enum announcement_kind kind,
				__u64 cgroup_id, __u64 wakeup)
{
	struct announcement *news = bpf_ringbuf_reserve(&announcements, sizeof(*news), 0);

	if (!news) {
		note_lost_event();
		return false;
	}
	fill(news, task, kind, cgroup_id);
	bpf_ringbuf_submit(news, wakeup);
	return true;
}

/* Nobody need be woken for what can wait, unless it begins to fill the ring. */
static __always_inline __u64 let_sleep(void)
{
	__u64 n_unread = bpf_ringbuf_query(&announcements, BPF_RB_AVAIL_DATA);

	return n_unread < RING_BYTES_TO_WAKE ? LET_SLEEP : WAKE;
}

static __always_inline bool is_leaving(struct task_struct *task)
{
	return (task->flags & TASK_EXITING) && BPF_CORE_READ(task, signal, live.counter) == 0;
}

/* Whether an image of this task may be about to begin: its exec has not been announced. */
static __always_inline bool is_in_exec(struct task_struct *task)
{
	return bpf_core_field_exists(task->in_execve) && BPF_CORE_READ_BITFIELD(task, in_execve);
}

static __always_inline enum decision decision_of_cgroup(__u64 cgroup_id)
{
	__u32 *decision = bpf_map_lookup_elem(&cgroups, &cgroup_id);

	return decision ? *decision : DECISION_UNDECIDED;
}

/* What an entry says in one number: 0 for "no", else its jobs, and above them its kernel_jobs. */
static __always_inline __u32 wanted_of(const struct process_entry *entry)
{
	return entry->decision == DECISION_NO ? 0 : entry->jobs | (__u32)entry->kernel_jobs << 8;
}

static __always_inline void decide_by_cgroup(struct process_entry *entry, __u64 cgroup_id)
{
	entry->cgroup_id = cgroup_id;
	entry->decision = decision_of_cgroup(cgroup_id);
	entry->jobs = JOBS_ALL;
	entry->kernel_jobs = JOBS_ALL;
}

/* Whether there was room: as much as the configuration says, and never more than the map has. */
static __always_inline bool enter(__u32 pid, const struct process_entry *entry)
{
	if (n_processes < settings.n_processes_max &&
	    bpf_map_update_elem(&processes, &pid, entry, BPF_NOEXIST) == 0) {
		__sync_fetch_and_add(&n_processes, 1);
		return true;
	}
	return bpf_map_update_elem(&processes, &pid, entry, BPF_EXIST) == 0;
}

/*
 * What was not met before its end is known by name and cgroup alone. It is not entered: its exit
 * was announced, so an entry would stay for ever; its exec was not, and it must not be known before
 * it is known how the last image ended.
 */
static __always_inline void meet_at_end(struct task_struct *task, struct scratch *scratch,
					const struct process_entry *entry)
{
	bool leaves = is_leaving(task);

	if (entry->decision == DECISION_NO)
		return;
	if (announce(task, leaves ? ANNOUNCE_LEAVING : ANNOUNCE_IN_EXEC, entry->cgroup_id,
		     let_sleep()) &&
	    leaves)
		scratch->last = *entry; /* an exit may take many ticks */
}

/* First sample of an image: enters it and announces it, unless its cgroup is decided "no". */
static __noinline __u32 meet(struct task_struct *task, struct scratch *scratch)
{
	struct process_entry entry = {.image = scratch->head.image};

	decide_by_cgroup(&entry, bpf_get_current_cgroup_id());
	entry.n_exec_pages = BPF_CORE_READ(task, mm, exec_vm); /* 0: without an mm */
	if (is_leaving(task) || is_in_exec(task)) {
		meet_at_end(task, scratch, &entry);
		return wanted_of(&entry);
	}
	if (entry.decision != DECISION_NO)
		entry.announced = announce(task, ANNOUNCE_MET, entry.cgroup_id, WAKE);
	if (!enter(entry.image.pid, &entry))
		count(scratch, TICK_PROCESS_MAP_FULL);
	return wanted_of(&entry);
}

/* What user space must know about a process that was met before. */
static __always_inline void notice_changes(struct task_struct *task, struct process_entry *entry)
{
	struct mm_struct *mm = task->mm;
	__u64 cgroup_id = bpf_get_current_cgroup_id();

	if (cgroup_id != entry->cgroup_id) {
		decide_by_cgroup(entry, cgroup_id);
		announce(task, ANNOUNCE_CGROUP, cgroup_id, WAKE);
	}
	if (entry->decision == DECISION_NO || !mm)
		return;
	if (!entry->announced) {
		entry->n_exec_pages = mm->exec_vm;
		entry->announced = announce(task, ANNOUNCE_MET, cgroup_id, WAKE);
	} else if (mm->exec_vm != entry->n_exec_pages && !is_in_exec(task)) {
		if (announce(task, ANNOUNCE_MAPPINGS, cgroup_id, WAKE))
			entry->n_exec_pages = mm->exec_vm;
	}
}

/* Whether nothing that notice_changes() looks for has happened. */
static __always_inline bool is_as_before(struct task_struct *task, const struct scratch *scratch)
{
	const struct process_entry *last = &scratch->last;
	struct mm_struct *mm = task->mm;

	if ((__u64)task->cgroups != scratch->last_cgroups)
		return false;
	return last->decision == DECISION_NO || !mm || mm->exec_vm == last->n_exec_pages;
}

static __noinline __u32 look_up(struct task_struct *task, struct scratch *scratch)
{
	const struct process_image *image = &scratch->head.image;
	__u32 pid = image->pid;
	struct process_entry *entry;

	/* What is remembered is no newer than what it is remembered with. */
	scratch->last.image.pid = 0;
	scratch->last_generation = *(volatile __u32 *)&settings.generation;
	scratch->last_cgroups = (__u64)task->cgroups;
	entry = bpf_map_lookup_elem(&processes, &pid);
	if (!entry || !same_image(&entry->image, image))
		return meet(task, scratch);
	notice_changes(task, entry);
	if (entry->announced || entry->decision == DECISION_NO)
		scratch->last = *entry;
	return wanted_of(entry);
}

static __always_inline __u32 decide(struct task_struct *task, struct scratch *scratch)
{
	const struct process_entry *last = &scratch->last;

	if (scratch->last_generation == settings.generation &&
	    same_image(&last->image, &scratch->head.image) && is_as_before(task, scratch))
		return wanted_of(last);
	return look_up(task, scratch);
}

/*
 * Which of @jobs take this tick. A slow job takes one whenever its own period has passed in ticks
 * that it could have taken on this CPU; what is over counts for the next.
 */
static __noinline __u32 due_of(struct scratch *scratch, __u32 jobs)
{
	__u32 due = jobs & ~(__u32)settings.slow_jobs;

	for (__u32 i = 0; i < JOBS_MAX; i++) {
		__u32 period_ns = settings.job_period_ns[i], elapsed_ns;

		if (!(jobs & settings.slow_jobs & 1u << i))
			continue;
		elapsed_ns = scratch->elapsed_ns[i] + settings.period_ns;
		if (elapsed_ns >= period_ns) {
			due |= 1u << i;
			elapsed_ns -= period_ns;
			if (elapsed_ns >= period_ns) /* the period was longer before */
				elapsed_ns = 0;
		}
		scratch->elapsed_ns[i] = elapsed_ns;
	}
	return due;
}

/* Notes who takes this tick, and what of the stack they want. Returns whether anybody does. */
static __always_inline bool select_jobs(struct scratch *scratch, __u32 wanted)
{
	__u32 jobs = wanted & settings.jobs;

	if (jobs & settings.slow_jobs)
		jobs = due_of(scratch, jobs);
	scratch->head.jobs = (__u8)jobs;
	scratch->walks_user = (__u8)(jobs & settings.user_jobs);
	scratch->walks_kernel = (__u8)(jobs & settings.kernel_jobs & wanted >> 8);
	return jobs != 0;
}

/*
 * The number of frames is read from memory wherever it is needed, and the walk and the hash are
 * functions of their own: whatever number the verifier assumes inside, it goes on with one state
 * behind them. Else it is most of what loading the programs costs.
 */
static __always_inline __u32 n_frames_of(const struct scratch *scratch)
{
	return (__u32)scratch->head.n_kernel + scratch->head.n_user;
}

/* Walks into the scratch. No frames: nothing may be walked, or there was nothing. */
static __noinline void walk(struct bpf_perf_event_data *ctx, struct scratch *scratch,
			    bool in_kernel)
{
	struct stack_head *head = &scratch->head;
	long n_bytes;
	__u32 n_kernel = 0, n_user = 0;

	head->flags = (__u8)settings.flag;
	if (in_kernel && scratch->walks_kernel) {
		n_bytes = bpf_get_stack(ctx, scratch->frames, STACK_OF_KIND_BYTES, 0);
		n_kernel = n_bytes > 0 ? (__u32)n_bytes / sizeof(__u64) : 0;
	}
	if (n_kernel > FRAMES_OF_KIND_MAX)
		n_kernel = FRAMES_OF_KIND_MAX;
	if (scratch->walks_user) {
		n_bytes = bpf_get_stack(ctx, scratch->frames + n_kernel, STACK_OF_KIND_BYTES,
					BPF_F_USER_STACK);
		n_user = n_bytes > 0 ? (__u32)n_bytes / sizeof(__u64) : 0;
	}
	if (n_user > FRAMES_OF_KIND_MAX)
		n_user = FRAMES_OF_KIND_MAX;
	if (n_kernel == FRAMES_OF_KIND_MAX)
		head->flags |= STACK_RECORD_TRUNCATED_KERNEL;
	if (n_user == FRAMES_OF_KIND_MAX)
		head->flags |= STACK_RECORD_TRUNCATED_USER;
	head->n_kernel = (__u8)n_kernel;
	head->n_user = (__u8)n_user;
}

/* A stack that could not be walked still has the instruction that was running. */
static __noinline void leaf_only(struct bpf_perf_event_data *ctx, struct scratch *scratch,
				 bool in_kernel)
{
	if (in_kernel ? !scratch->walks_kernel : !scratch->walks_user)
		return;
	scratch->frames[0] = PT_REGS_IP(&ctx->regs);
	scratch->head.n_kernel = in_kernel;
	scratch->head.n_user = !in_kernel;
}

static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

static __noinline __u64 hash_of(const struct scratch *scratch)
{
	const struct process_image *image = &scratch->head.image;
	__u32 n_frames = n_frames_of(scratch);
	__u64 hash = mix(hash_seed, image->start_boot_ns);

	hash = mix(hash, (__u64)image->exec_count << 32 | image->pid);
	hash = mix(hash, *(const __u32 *)&scratch->head.n_kernel); /* and n_user, flags, jobs */
	for (__u32 i = 0; i < FRAMES_MAX && i < n_frames; i++)
		hash = mix(hash, scratch->frames[i]);
	return hash;
}

/* Compares what the hash stands for: @n_frames_max is the class's and bounds the loop. */
static __always_inline bool same_stack(const struct stack_record *record,
				       const struct scratch *scratch, __u32 n_frames_max)
{
	__u32 n_frames = n_frames_of(scratch);

	if (!same_image(&record->head.image, &scratch->head.image) ||
	    *(const __u32 *)&record->head.n_kernel != *(const __u32 *)&scratch->head.n_kernel)
		return false;
	for (__u32 i = 0; i < n_frames_max && i < n_frames; i++)
		if (record->frames[i] != scratch->frames[i])
			return false;
	return true;
}

static __always_inline void note_insert(struct task_struct *task, enum stack_class class)
{
	__u64 n = __sync_fetch_and_add(&n_inserted[class], 1) + 1;

	if (n == pressure_at[class])
		announce(task, ANNOUNCE_PRESSURE, 0, WAKE);
}

/*
 * Counts the stack in @half, the current inner map of its class. Two CPUs may insert the same stack
 * at once: the second finds it there on its second look.
 */
static __always_inline enum tick_counter keep(struct task_struct *task, void *half,
					      struct scratch *scratch, __u64 hash,
					      enum stack_class class, __u32 n_frames_max)
{
	struct stack_record *record = bpf_map_lookup_elem(half, &hash);
	long error;

	if (!record) {
		error = bpf_map_update_elem(half, &hash, &scratch->head, BPF_NOEXIST);
		if (error == 0) {
			note_insert(task, class);
			return TICK_TAKEN;
		}
		record = bpf_map_lookup_elem(half, &hash);
		if (!record)
			return TICK_DROPPED_MAP_FULL;
	}
	if (!same_stack(record, scratch, n_frames_max))
		return TICK_DROPPED_COLLISION;
	__sync_fetch_and_add(&record->head.count, 1);
	return TICK_TAKEN;
}

#define KEEP_IN(class_name, CLASS)                                                                 \
	static __noinline int keep_##class_name(struct task_struct *task, struct scratch *scratch, \
						__u64 hash)                                        \
	{                                                                                          \
		void *half = bpf_map_lookup_elem(&stacks_##class_name, &slot);                     \
                                                                                                   \
		if (!half)                                                                         \
			return TICK_DROPPED_MAP_FULL;                                              \
		return keep(task, half, scratch, hash, STACKS_##CLASS,                             \
			    STACKS_##CLASS##_FRAMES_MAX);                                          \
	}

KEEP_IN(shallow, SHALLOW)
KEEP_IN(middle, MIDDLE)
KEEP_IN(deep, DEEP)

static __always_inline enum tick_counter sample(struct bpf_perf_event_data *ctx,
						struct task_struct *task, struct scratch *scratch)
{
	bool in_kernel = (__s64)PT_REGS_IP(&ctx->regs) < 0;
	__u32 n_frames, wanted;
	__u64 hash;

	if (task->pid == 0)
		return TICK_SKIPPED_IDLE;
	if (task->flags & TASK_KERNEL_THREAD)
		return TICK_SKIPPED_KERNEL_THREAD;
	image_of(task, &scratch->head.image);
	wanted = decide(task, scratch);
	if (!wanted)
		return TICK_SKIPPED_NOT_SELECTED;
	if (!select_jobs(scratch, wanted))
		return TICK_SKIPPED_NOT_DUE;

	count(scratch, TICK_STACKS_WALKED);
	walk(ctx, scratch, in_kernel);
	if (n_frames_of(scratch) == 0)
		leaf_only(ctx, scratch, in_kernel);
	n_frames = n_frames_of(scratch);
	if (n_frames == 0)
		return TICK_SKIPPED_NO_STACK;
	if (scratch->head.flags & (STACK_RECORD_TRUNCATED_USER | STACK_RECORD_TRUNCATED_KERNEL))
		count(scratch, TICK_STACKS_TRUNCATED);
	scratch->head.count = 1;
	hash = hash_of(scratch);
	if (n_frames <= STACKS_SHALLOW_FRAMES_MAX)
		return keep_shallow(task, scratch, hash);
	if (n_frames <= STACKS_MIDDLE_FRAMES_MAX)
		return keep_middle(task, scratch, hash);
	return keep_deep(task, scratch, hash);
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &slot);
	enum tick_counter end;

	if (!scratch)
		return 0;
	count(scratch, TICK_TICKS);
	end = sample(ctx, bpf_get_current_task_btf(), scratch);
	if (end < N_TICK_COUNTERS)
		count(scratch, end);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program)
{
	__u64 cgroup_id = bpf_get_current_cgroup_id();
	struct exec_announcement news = {};
	__u64 wakeup;

	if (decision_of_cgroup(cgroup_id) == DECISION_NO)
		return 0;
	fill(&news.head, task, ANNOUNCE_EXEC, cgroup_id);
	find_exec_mappings(bpf_get_current_task_btf(), news.mappings);
	wakeup = is_known(&news.mappings[0], news.head.time_ns) ? let_sleep() : WAKE;
	if (bpf_ringbuf_output(&announcements, &news, sizeof(news), wakeup) != 0)
		note_lost_event();
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u64 cgroup_id = bpf_get_current_cgroup_id();
	__u32 pid = task->tgid;

	if (task->signal->live.counter != 0)
		return 0; /* other threads go on */
	if (bpf_map_delete_elem(&processes, &pid) == 0)
		__sync_fetch_and_add(&n_processes, -1);
	if (decision_of_cgroup(cgroup_id) == DECISION_NO)
		return 0;
	announce(task, ANNOUNCE_EXIT, cgroup_id, let_sleep());
	return 0;
}
