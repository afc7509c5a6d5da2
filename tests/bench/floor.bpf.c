// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The floor: what any sampler on this kernel pays, whatever it does with the frames. A perf-event
 * program that calls the stack helper for the user and for the kernel side, and nothing else.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define FRAMES 127

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 2 * FRAMES * sizeof(__u64));
} frames SEC(".maps");

SEC("perf_event")
int floor_tick(struct bpf_perf_event_data *ctx)
{
	__u32 slot = 0;
	__u64 *stack = bpf_map_lookup_elem(&frames, &slot);

	if (!stack)
		return 0;
	bpf_get_stack(ctx, stack, FRAMES * sizeof(__u64), BPF_F_USER_STACK);
	bpf_get_stack(ctx, stack + FRAMES, FRAMES * sizeof(__u64), 0);
	return 0;
}
