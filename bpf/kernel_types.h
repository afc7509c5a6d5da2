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
	unsigned long exec_vm;    /* pages of executable mappings */
	unsigned long start_code; /* of the program's first executable segment */
};

struct super_block {
	unsigned int s_dev; /* major << 20 | minor */
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff; /* in pages */
	struct file *vm_file;
};

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
};

struct css_set;

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	unsigned int in_execve : 1; /* from before the old image goes until the exec was told */
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct signal_struct *signal;
	struct css_set *cgroups; /* of all hierarchies: another one after a move */
	__u64 start_boottime;
	__u64 self_exec_id; /* u32 before 5.7; this project needs 5.11 */
	char comm[16];
};

struct linux_binprm;

/* The kernel's own view of pt_regs: <linux/ptrace.h> names the fields for user space. */
struct pt_regs___kernel {
#if defined(__TARGET_ARCH_x86)
	unsigned long ip;
#elif defined(__TARGET_ARCH_arm64)
	unsigned long pc;
#endif
};

#pragma clang attribute pop

#if defined(__TARGET_ARCH_x86)
#define KERNEL_REGS_IP ip
#elif defined(__TARGET_ARCH_arm64)
#define KERNEL_REGS_IP pc
#endif

#define DEVICE_MINOR_BITS 20
#define PAGE_BITS         12 /* of vm_pgoff: 4 KiB pages; elsewhere the collector reads maps */

/* linux/sched.h: PF_… */
#define TASK_EXITING       0x00000004
#define TASK_KERNEL_THREAD 0x00200000
