#pragma once
/* What the BPF programs and the collector share: how ticks are counted, and for whom they are. */
#include <linux/types.h>

/*
 * A job is one pyroscope.ebpf: it has a rate, and processes that are its targets. Sets of jobs are
 * bits. Ticks come at the highest rate; a slower job takes a fixed fraction of those that hit its
 * targets.
 */
#define JOBS_MAX 8
#define JOBS_ALL 0xff

/* Per-CPU counters, at the head of each value of the map "scratches". */
enum tick_counter {
	TICK_TICKS,
	TICK_TAKEN,
	TICK_SKIPPED_IDLE,
	TICK_SKIPPED_KERNEL_THREAD,
	TICK_SKIPPED_NOT_SELECTED,
	TICK_SKIPPED_NO_STACK,
	TICK_SKIPPED_NOT_DUE,
	TICK_DROPPED_MAP_FULL,
	TICK_DROPPED_COLLISION,
	TICK_STACKS_WALKED,
	TICK_STACKS_TRUNCATED,
	TICK_EVENTS_LOST,
	TICK_PROCESS_MAP_FULL,
	N_TICK_COUNTERS,
};

struct tick_counters {
	__u64 values[N_TICK_COUNTERS];
};

/* The programs' settings, in .bss, written by the collector while they run. */
struct tick_settings {
	__u32 generation; /* of decisions: counted up behind each that the collector writes */
	__u32 n_processes_max;
	__u32 period_ns; /* between ticks */
	__u8 jobs;
	__u8 slow_jobs;   /* those whose period is longer than that */
	__u8 user_jobs;   /* those that want user stacks */
	__u8 kernel_jobs; /* … and kernel stacks */
	__u32 job_period_ns[JOBS_MAX];
	__u32 flag; /* 0 or STACK_RECORD_SETTINGS: the other one after each change of the jobs */
};
