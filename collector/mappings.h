#pragma once
/*
 * The executable mappings of one process image, and where an address of it lies in a file.
 *
 * Built from the text of /proc/PID/maps, of which only the numbers are trusted: names are foreign
 * bytes, may hold " (deleted)", escapes and spaces, and are kept opaque. Immutable but for the
 * objects, which are filled in as they are opened.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "objects.h"
#include "wire/wire.h"

#define MAPPINGS_MAX	    16384u /* executable ones of one process; those beyond are counted */
#define MAPPINGS_TEXT_BYTES (8u << 20)

struct mapping {
	struct proc_addr start; /* first byte */
	struct proc_addr end;	/* one past the last */
	struct file_off offset; /* of start */
	uint64_t device;	/* as maps printed it: makedev(major, minor) */
	uint64_t inode;		/* 0: no file */
	struct object *object;	/* one reference; NULL until opened */
	uint32_t name_at;	/* in the set's names */
	uint32_t n_name_bytes;
};

struct mappings {
	size_t n_mappings;
	struct mapping *mappings; /* owned, ascending, disjoint */
	char *names;		  /* owned */
	size_t n_truncated;	  /* lines that did not fit the limits */
};

/*
 * Parses maps text. Lines that are not as proc(5) has them are passed over and counted in
 * n_truncated; a last line without newline (a cut text) too.
 *   @text  borrowed for the call; not NUL-terminated
 * Returns 0 or -ENOMEM; *@ret_mappings is owned, freed with mappings_deinit().
 */
int mappings_parse(struct wire_bytes text, struct mappings *ret_mappings) warn_unused_result;

/* The mapping that covers @addr, borrowed, or NULL. */
struct mapping *mappings_find(const struct mappings *mappings, struct proc_addr addr);

/* Where @addr lies in its mapping's file. */
static inline struct file_off mapping_file_off(const struct mapping *mapping, struct proc_addr addr)
{
	return (struct file_off){addr.v - mapping->start.v + mapping->offset.v};
}

struct wire_bytes mapping_name(const struct mappings *mappings, const struct mapping *mapping);

/* Gives the objects' references back and frees the arrays. */
void mappings_deinit(struct mappings *mappings, struct objects *objects, uint64_t now_ns);
