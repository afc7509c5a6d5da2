#pragma once
/*
 * What the BPF programs and the collector share: maps' keys and values, and the announcements of
 * processes; counters and settings are in ticks.h. Fixed-width fields only; the layouts are
 * asserted where they are used.
 */
#include <linux/types.h>

#include "ticks.h"

#define FRAMES_OF_KIND_MAX 127 /* user and kernel each; the kernel's own limit by default */
#define FRAMES_MAX         (2 * FRAMES_OF_KIND_MAX)

/*
 * A frame is an address whose top byte tells its kind: user addresses have 0x00, the kernel's own
 * 0xff (canonical form on every 64-bit architecture that BPF stack walking knows). Other values are
 * free for frames that are not native code.
 */
#define FRAME_KIND_SHIFT  56
#define FRAME_KIND_USER   0x00
#define FRAME_KIND_KERNEL 0xff

/* exec keeps the pid and the start time; the exec count tells the images apart. */
struct process_image {
	__u32 pid; /* thread group id in the initial pid namespace */
	__u32 exec_count;
	__u64 start_boot_ns; /* of the group leader */
};

enum decision {
	DECISION_UNDECIDED, /* sampled and announced */
	DECISION_YES,
	DECISION_NO,
};

/* Map "processes": what is known of a pid. Key: __u32 pid. */
struct process_entry {
	struct process_image image;
	__u64 cgroup_id;    /* leaf in the unified hierarchy */
	__u64 n_exec_pages; /* executable pages mapped when last announced: a change is news */
	__u8 decision;      /* enum decision */
	__u8 announced;     /* 0: the ring was full when it should have been */
	__u8 jobs;          /* whose target it is; JOBS_ALL until that is told */
	__u8 kernel_jobs;   /* who of them wants its kernel stacks */
	__u32 reserved;
};

/* Maps "stacks_<class>": key __u64 hash of everything in the record but the count. */
struct stack_head {
	struct process_image image;
	__u32 count;
	__u8 n_kernel;
	__u8 n_user;
	__u8 flags; /* STACK_RECORD_… */
	__u8 jobs;  /* that took the tick: one for each of them */
};

struct stack_record {
	struct stack_head head;
	__u64 frames[]; /* n_kernel + n_user: kernel frames first, leaf first */
};

#define STACK_RECORD_TRUNCATED_USER   0x1
#define STACK_RECORD_TRUNCATED_KERNEL 0x2
#define STACK_RECORD_SETTINGS         0x4 /* as in tick_settings when it was taken */

/* Stacks are kept by size, so that a shallow one does not cost a deep one's memory. */
enum stack_class { STACKS_SHALLOW, STACKS_MIDDLE, STACKS_DEEP, N_STACK_CLASSES };

#define STACKS_SHALLOW_FRAMES_MAX 29
#define STACKS_MIDDLE_FRAMES_MAX  77
#define STACKS_DEEP_FRAMES_MAX    FRAMES_MAX

#define STACK_RECORD_BYTES(n_frames) (24 + 8 * (n_frames))

/* Announcements, in the ring buffer. */
enum announcement_kind {
	ANNOUNCE_MET = 1,  /* first sample of an image */
	ANNOUNCE_EXEC,     /* an image begins */
	ANNOUNCE_EXIT,     /* the last thread of a process is leaving */
	ANNOUNCE_MAPPINGS, /* its executable mappings changed since it was announced */
	ANNOUNCE_CGROUP,   /* it moved to another cgroup */
	ANNOUNCE_PRESSURE, /* a stack map is three quarters full */
	ANNOUNCE_IN_EXEC,  /* an image was met in the exec that is about to end it */
	ANNOUNCE_LEAVING,  /* … in its exit: nothing is left to be read of it */
};

#define COMM_BYTES 16

struct announcement {
	__u32 kind; /* enum announcement_kind */
	__u32 parent_pid;
	struct process_image image;
	__u64 cgroup_id;
	__u64 time_ns;         /* CLOCK_MONOTONIC */
	char comm[COMM_BYTES]; /* of the group leader */
};

/*
 * ANNOUNCE_EXEC brings the new image's first executable mappings, as far as the kernel could tell:
 * the program's and its interpreter's. A process may be gone before its maps can be read.
 */
struct exec_mapping {
	__u64 start;
	__u64 end; /* 0: not known */
	__u64 offset;
	__u64 inode;
	__u32 device_major;
	__u32 device_minor;
};

#define N_EXEC_MAPPINGS 2

struct exec_announcement {
	struct announcement head;
	struct exec_mapping mappings[N_EXEC_MAPPINGS];
};
