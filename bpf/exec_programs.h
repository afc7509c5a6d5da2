/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once
/*
 * What an exec brings: the mappings that are there before its first instruction, and whether the
 * collector holds the program's files already. For sampler.bpf.c alone.
 */
#include "kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "sample.h"

/*
 * Programs that were run a moment ago, and when their exec last woke the collector, which holds
 * their files since: another run of the same can wait until it is sampled.
 */
struct program_key {
	__u64 inode;
	__u32 device_major;
	__u32 device_minor;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct program_key);
	__type(value, __u64);
} known_programs SEC(".maps");

#define PROGRAM_KNOWN_NS 30000000000ULL /* half of the time that files are held by default */

static long take_mapping(struct task_struct *task, struct vm_area_struct *vma, void *out)
{
	struct exec_mapping *mapping = out;
	struct file *file = vma->vm_file;

	if (!file)
		return 0;
	mapping->start = vma->vm_start;
	mapping->end = vma->vm_end;
	mapping->offset = vma->vm_pgoff << PAGE_BITS;
	mapping->inode = file->f_inode->i_ino;
	mapping->device_major = file->f_inode->i_sb->s_dev >> DEVICE_MINOR_BITS;
	mapping->device_minor = file->f_inode->i_sb->s_dev & ((1u << DEVICE_MINOR_BITS) - 1);
	return 0;
}

/* The mappings of the program and of what runs first: there before the first instruction. */
static __always_inline void find_exec_mappings(struct task_struct *task,
					       struct exec_mapping mappings[N_EXEC_MAPPINGS])
{
	struct mm_struct *mm = task->mm;
	struct pt_regs___kernel *regs;

	/* bpf_find_vma() is there since 5.17; before, the maps are read in time or not at all. */
	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_find_vma) || !mm)
		return;
	bpf_find_vma(task, mm->start_code, take_mapping, &mappings[0], 0);
	regs = (struct pt_regs___kernel *)bpf_task_pt_regs(task);
	bpf_find_vma(task, BPF_CORE_READ(regs, KERNEL_REGS_IP), take_mapping, &mappings[1], 0);
}

static __always_inline bool is_known(const struct exec_mapping *program, __u64 now_ns)
{
	const struct program_key key = {
		.inode = program->inode,
		.device_major = program->device_major,
		.device_minor = program->device_minor,
	};
	__u64 *woke_ns = bpf_map_lookup_elem(&known_programs, &key);

	if (program->end == 0)
		return false;
	if (woke_ns && now_ns - *woke_ns < PROGRAM_KNOWN_NS)
		return true;
	bpf_map_update_elem(&known_programs, &key, &now_ns, BPF_ANY);
	return false;
}
