#pragma once
/* How frames come to names and functions: each is kept once. A part of frames.h. */
#include "demangle/demangle.h"
#include "frames.h"

/* Takes the memory for as many as @frames says there may be. Returns 0 or -ENOMEM. */
int frame_names_init(struct frames *frames) warn_unused_result;

/* The number of @text (foreign bytes) as a name, as it is. Returns 0 or -ENOMEM. */
int frame_names_add(struct frames *frames, struct wire_bytes text,
		    uint32_t *ret_name) warn_unused_result;

/* What a file says of a function. */
struct frame_symbol {
	struct wire_bytes raw;
	struct wire_bytes file; /* empty: not known */
	uint32_t start_line;
};

/*
 * The function that @symbol is; shown as @demangler (NULL: as it is) makes it.
 * Returns 0 or -ENOMEM.
 */
int frame_names_function(struct frames *frames, struct demangler *demangler,
			 const struct frame_symbol *symbol,
			 uint32_t *ret_function) warn_unused_result;
