#pragma once
/* A small window with two objects and the kernel, and readers for them: for frames and pprof. */
#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "readers.h"
#include "small_elf.h"
#include "table/table_cache.h"
#include "wire/wire.h"

#define KERNEL_ADDR UINT64_C(0xffffffff81000000)

/* Locations of the window, by what they are. */
enum fixture_location {
	AT_FIRST,        /* inside program's "first" */
	AT_SECOND_BEGIN, /* first byte of "second": as a return address it belongs to what ends
			    before */
	AT_FIRST_END,    /* one past "first": as a return address inside it */
	AT_GAP,          /* nobody's */
	AT_BROKEN,       /* a file that is no ELF */
	AT_VDSO,
	AT_NOWHERE, /* no mapping */
	AT_KERNEL,
	AT_KERNEL_CALLER,
	AT_STRANGE_KIND,
	FIXTURE_LOCATIONS,
};

struct fixture {
	struct small_elf elf;
	int memory_fd;
	unsigned n_fetches;
	struct counters counters;
	struct table_cache *tables;
	struct kernel_symbols kernel;
	struct frame_sources sources;
	struct wire_object objects[4];
	struct wire_location locations[FIXTURE_LOCATIONS];
	struct wire_process process;
	struct wire_target target;
	struct wire_window window;
};

void fixture_init(struct fixture *fixture);
void fixture_deinit(struct fixture *fixture);

/* Makes the window one process's @stacks (borrowed). */
void fixture_set_stacks(struct fixture *fixture, const struct wire_stack *stacks, size_t n_stacks);
