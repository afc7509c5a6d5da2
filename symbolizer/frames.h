#pragma once
/*
 * What each location of a window is called: the bridge from addresses to names.
 *
 * Made once a window, for all its targets; then only read. Names are kept once each, and demangled
 * once. Every location may stand for two frames: the place where a thread was (leaf: exact) and a
 * place that called another (looked up one byte before the return address, which may already be
 * the next function's).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_symbols.h"
#include "slab.h"
#include "table/table_cache.h"
#include "wire/wire.h"

#define FRAMES_NAMES_BYTES_MAX  (16u << 20) /* of one window; beyond, names are cut short */
#define FRAMES_SHORT_NAME_BYTES 96u
#define FRAMES_DEMANGLE_STEPS   (UINT64_C(1) << 26) /* of one window; beyond, names stay mangled */
#define FRAMES_NO_MAPPING       UINT32_MAX
#define FRAMES_NO_NAME          UINT32_MAX

enum frame_outcome { FRAME_NAMED, FRAME_MODULE_ONLY, FRAME_UNKNOWN };

struct frame_name {
	const char *text; /* valid UTF-8, borrowed from the frames */
	size_t n_bytes;
};

/* A function is who it is by all of these: several that are shown alike stay several. */
struct frame_function {
	uint32_t name;       /* as it is shown, into names */
	uint32_t raw;        /* as its file has it */
	uint32_t file;       /* of its source, or FRAMES_NO_NAME */
	uint32_t start_line; /* 0: not known */
};

struct frame {
	uint32_t function; /* into functions */
	uint32_t line;     /* 0: not known */
	uint32_t mapping;  /* into mappings, or FRAMES_NO_MAPPING */
	uint64_t address;  /* in the file's own address space; 0 where that says nothing */
	uint8_t outcome;   /* enum frame_outcome */
	bool is_resolved;
};

/* A segment of a file, or something else that frames lie in. */
struct frame_mapping {
	uint64_t start;
	uint64_t limit;
	uint64_t offset;
	uint32_t name;
	bool has_lines; /* some frame in it has one */
	struct symbol_build_id build_id;
};

struct frames {
	struct frame *frames; /* two a location: exact, caller */
	size_t n_names;
	size_t n_names_max;
	struct frame_name *names;
	size_t n_functions;
	size_t n_functions_max;
	struct frame_function *functions;
	size_t n_mappings;
	size_t n_mappings_max;
	struct frame_mapping *mappings;
	/* How names and functions are found again: by hash, one more than their number. */
	uint64_t seed;
	size_t n_slots; /* a power of two, like the next */
	size_t n_function_slots;
	uint32_t *slots;
	uint32_t *function_slots;
	uint32_t *shown; /* what each name is when it is demangled: one more than its number */
	size_t n_names_bytes;
	size_t names_bytes_max;
	struct slab slab; /* owns everything above */
};

/* Where names come from; all borrowed. */
struct frame_sources {
	struct table_cache *tables;
	struct kernel_symbols *kernel;
	struct object_reader reader;
};

/*
 * Names every frame that a stack of @window has.
 *   @names_bytes_max  FRAMES_NAMES_BYTES_MAX, or less to make a smaller profile
 *   @ret_frames  set on 0 only; owned, frames_deinit(); borrows nothing of @window
 * Returns 0 or a negative errno. Whatever the input is, each frame gets a name.
 */
int frames_resolve(const struct wire_window *window, const struct frame_sources *sources,
		   size_t names_bytes_max, struct frames *ret_frames) warn_unused_result;

static inline const struct frame *frames_at(const struct frames *frames, uint32_t location,
					    bool is_caller)
{
	return &frames->frames[2 * (size_t)location + (is_caller ? 1 : 0)];
}

/*
 * The function that is called @text (foreign bytes) and is none of a file: a mark, a module, the
 * name of a process. Returns 0 or -ENOMEM.
 */
int frames_plain_function(struct frames *frames, const char *text, size_t n_bytes,
			  uint32_t *ret_function) warn_unused_result;

/*
 * Whether the frame at @i of a stack is one that called another: all but the first of the kernel's
 * and the first of the user's, whose addresses are exact.
 */
bool frames_is_caller(const struct wire_window *window, const struct wire_stack *stack, uint32_t i);

void frames_deinit(struct frames *frames);
