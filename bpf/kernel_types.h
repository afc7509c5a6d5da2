/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/*
 * The few kernel structs that the programs look into, with only the fields that they read. CO-RE
 * relocates every access to the running kernel's layout, so order and size here mean nothing.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct mm_struct {
	unsigned long exec_vm; /* pages of executable mappings */
};

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct signal_struct *signal;
	__u64 start_boottime;
	__u64 self_exec_id; /* u32 before 5.7; this project needs 5.11 */
	char comm[16];
};

struct linux_binprm;

#pragma clang attribute pop

/* linux/sched.h: PF_… */
#define TASK_EXITING       0x00000004
#define TASK_KERNEL_THREAD 0x00200000
