#pragma once
/*
 * The kernel's half of the collector: the BPF programs, their maps, and one CPU-clock event a CPU.
 *
 * sampler_open() needs BPF and PERFMON; everything after it works on held fds and needs nothing
 * (on kernels before 5.19: BPF). The only module that includes libbpf. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "job_set.h"
#include "sample.h"

#define SAMPLE_RATE_HZ_MAX 10000u

struct sampler;

struct sampler_options {
	uint32_t n_processes_max; /* entries of the process map (pid_map_size) */
	uint32_t sample_rate_hz;  /* to begin with, of one job that wants everything */
};

/* Why the kernel would not: the caller turns it into a sentence for people. */
enum sampler_outcome {
	SAMPLER_NO_BTF = 1,   /* /sys/kernel/btf/vmlinux is not there */
	SAMPLER_REFUSED_BPF,  /* maps or programs: EPERM, a capability is missing */
	SAMPLER_REFUSED_PERF, /* perf_event_open: EACCES or EPERM although PERFMON is held */
	SAMPLER_NO_KERNEL,    /* a program does not load on this kernel */
};

/*
 * Loads, attaches and starts sampling on every online CPU.
 * Returns 0, a negative errno, or an enum sampler_outcome; *@ret_sampler is owned, freed with
 * sampler_free().
 */
int sampler_open(const struct sampler_options *options,
		 struct sampler **ret_sampler) warn_unused_result;

/* An epoll fd, readable when announcements wait. Borrowed. */
int sampler_fd(const struct sampler *sampler);

/* @mappings: N_EXEC_MAPPINGS of them with ANNOUNCE_EXEC, else NULL; borrowed like the rest. */
typedef void sampler_announcement_fn(void *owner, const struct announcement *announcement,
				     const struct exec_mapping *mappings);

/* Hands every waiting announcement (borrowed for the call) to @take. */
void sampler_take_announcements(struct sampler *sampler, sampler_announcement_fn *take,
				void *owner);

/*
 * From now on these jobs are sampled for, at the highest of their rates. Records that were taken
 * before carry the other @flag (0 or STACK_RECORD_SETTINGS) than those that come.
 * Returns 0, or a negative errno with the old jobs in force.
 */
int sampler_set_jobs(struct sampler *sampler, const struct job_set *jobs,
		     uint8_t flag) warn_unused_result;

/* The time between two ticks of a CPU. */
uint64_t sampler_period_ns(const struct sampler *sampler);

/* The process map takes no more than @n_processes; what is in it stays. */
void sampler_limit_processes(struct sampler *sampler, uint32_t n_processes);

struct sampler_decision {
	enum decision decision;
	uint8_t jobs;        /* with DECISION_YES; else JOBS_ALL */
	uint8_t kernel_jobs; /* those of them that want kernel stacks of it */
};

/* Tells the kernel what was decided about @image; nothing happens when it is not entered there. */
void sampler_decide(struct sampler *sampler, const struct process_image *image,
		    const struct sampler_decision *decision);

/*
 * Tells the kernel that all of a cgroup is decided: with DECISION_NO its processes are neither
 * sampled nor announced, those that come later included.
 */
void sampler_decide_cgroup(struct sampler *sampler, uint64_t cgroup_id, enum decision decision);

/*
 * Takes every "no" back, of cgroups and of processes: who is met next is announced; and every set
 * of jobs. Returns 0 or a negative errno, with some decisions perhaps still in force.
 */
int sampler_forget_decisions(struct sampler *sampler) warn_unused_result;

typedef void sampler_record_fn(void *owner, const struct stack_record *record);

/*
 * Flips the halves of the stack maps and hands every record of the half taken out to @take, which
 * borrows it for the call. Returns 0 or a negative errno; what could not be read comes with the
 * next drain.
 */
int sampler_drain(struct sampler *sampler, sampler_record_fn *take, void *owner) warn_unused_result;

/* Sums of the per-CPU counters, indexed by enum tick_counter. */
struct sampler_counts {
	uint64_t sums[N_TICK_COUNTERS];
	bool balanced; /* on each CPU: ticks = taken + skipped + dropped (exact when stopped) */
};

int sampler_count(struct sampler *sampler, struct sampler_counts *ret_counts) warn_unused_result;

/* Ticks that the events in force should have given until @now_ns (monotonic): CPUs x Hz x time. */
uint64_t sampler_expected_ticks(const struct sampler *sampler, uint64_t now_ns);

/* Stops the events: no tick fires afterwards. */
void sampler_stop(struct sampler *sampler);

/*
 * Whether a CPU is online that has no event: it needs a restart with authority. Reads a held fd of
 * /sys/devices/system/cpu/online.
 */
bool sampler_has_uncovered_cpu(struct sampler *sampler);

unsigned sampler_n_cpus(const struct sampler *sampler);
uint64_t sampler_map_bytes(const struct sampler *sampler); /* kernel memory of all maps */

void sampler_free(struct sampler *sampler);
