#pragma once
/* Addresses of one stack to places in what its process has mapped. */
#include <stdbool.h>

#include "processes.h"
#include "sample.h"
#include "window_sample.h"

/* Looks up every frame of @record. @ret_frames has room for as many; what they borrow lives on. */
void frame_lookup(struct objects *objects, const struct process *process,
		  const struct stack_record *record, struct window_frame *ret_frames);

/*
 * Whether the place where the thread was in user space is mapped, as far as is known. It is, or was
 * when the sample was taken: callers may be what a walk took for an address, this one cannot.
 */
bool frame_lookup_knows_leaf(const struct process *process, const struct stack_record *record);
