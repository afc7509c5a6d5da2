#pragma once
/* What a drain gives to a window: one stack of one process of one target, and how often. */
#include <stddef.h>
#include <stdint.h>

#include "objects.h"
#include "wire/wire.h"

/* One frame that a drain has looked up. */
struct window_frame {
	uint8_t kind;
	struct object *object; /* borrowed for the call; NULL: none. The window takes its own */
	uint64_t value;        /* file offset when object is an OBJECT_FILE; else the address */
};

/* What windows_add() is told of one stack, leaf first; everything is borrowed for the call. */
struct window_sample {
	struct wire_bytes labels; /* of the target: copied */
	const char *comm;         /* COMM_BYTES */
	const struct window_frame *frames;
	size_t n_frames;
	uint32_t stack_flags;
	uint64_t count;
};
