#pragma once
/*
 * The debug file of an ELF file that was stripped: where it may be, and whether it is the right
 * one.
 *
 * Looked for in this order, in the target's root and then, where the name of the place says the
 * same there, in the host's: by build id; by .gnu_debuglink beside the file, in .debug/ beside it,
 * and in the same directory below /usr/lib/debug. The first that proves to be the file's own is
 * taken:
 *
 *   - found by build id, its build id is the file's;
 *   - found by debuglink, its build id is not another than the file's, and the CRC-32 of all its
 *     bytes is the link's. To compare that it has to be read whole: up to DEBUG_CRC_BYTES_MAX. A
 *     larger one is believed where both have a build id, and is refused where one has none.
 *
 * A debug file's own link is not followed, so that links in a circle end at once. Whatever is wrong
 * with a candidate, the next one is tried, and what the file itself holds is not touched.
 */
#include "elf/elf_symbols.h"

#define DEBUG_CRC_BYTES_MAX (64u << 20)

/* What became of a place that was looked at. */
enum debug_outcome {
	DEBUG_TAKEN = 0,
	DEBUG_REFUSED, /* it was not opened: the attempt's refusal says why */
	DEBUG_SEEN,    /* the file itself, or one that was refused before */
	DEBUG_UNREADABLE,
	DEBUG_NOT_ELF, /* nor one of the file's class */
	DEBUG_MALFORMED,
	DEBUG_TOO_BIG,
	DEBUG_OTHER_BUILD_ID, /* or none, where it was found by build id */
	DEBUG_OTHER_CRC,
	DEBUG_UNPROVED, /* too large to compare its CRC, without a build id */
	DEBUG_NO_SYMBOLS,
};

/* "its build id is another": for messages. */
const char *debug_outcome_text(enum debug_outcome outcome);

struct debug_attempt {
	struct wire_object_open ask; /* the place */
	enum debug_outcome outcome;
	enum refusal refusal; /* of DEBUG_REFUSED */
	uint64_t sibling;     /* the object that was opened; 0 when it was not */
};

enum debug_file_outcome {
	DEBUG_FILE_NONE = 1, /* no place had one that was taken */
	DEBUG_FILE_NOWHERE,  /* the file says of none: it has no build id and no link */
};

/* Told each place that was looked at; the attempt is borrowed for the call. */
typedef void debug_tell_fn(void *owner, const struct debug_attempt *attempt);

/* What a search works on; all borrowed. */
struct debug_search {
	const struct wire_object *object;
	struct elf_image *elf; /* of the same object */
	const struct object_reader *reader;
	uint64_t bytes_left; /* that may be fetched and inflated of the debug file */
	uint64_t *inflate_left;
	debug_tell_fn *tell; /* NULL: nobody listens */
	void *owner;
};

/* A zeroed one holds nothing, but its fd must be -1. */
struct debug_file {
	int memory_fd; /* all owned */
	struct object_image *image;
	struct elf_image *elf;
	struct elf_symbols symbols;
};

#define DEBUG_FILE_NULL                                                                            \
	{                                                                                          \
		.memory_fd = -1                                                                    \
	}

/*
 * Looks for the debug file, and fetches its symbols.
 *   @ret_file     set on 0 only; owned, debug_file_deinit()
 *   @ret_n_bytes  always set: what was read, the refused ones included
 * Returns 0, a negative errno or an enum debug_file_outcome.
 */
int debug_file_find(const struct debug_search *search, struct debug_file *ret_file,
		    uint64_t *ret_n_bytes) warn_unused_result;

void debug_file_deinit(struct debug_file *file);
