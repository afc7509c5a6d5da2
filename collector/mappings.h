#pragma once
/*
 * The executable mappings of one process image, and where an address of it lies in a file.
 *
 * Built from the text of /proc/PID/maps, of which only the numbers are trusted: names are foreign
 * bytes, may hold " (deleted)", escapes and spaces, and are kept opaque. Immutable but for the
 * objects, which are filled in as they are opened, and for mappings_replace().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "objects.h"
#include "wire/wire.h"

#define MAPPINGS_MAX        16384u /* executable ones of one process; those beyond are counted */
#define MAPPINGS_TEXT_BYTES (8u << 20)

struct mapping {
	struct proc_addr start; /* first byte */
	struct proc_addr end;   /* one past the last */
	struct file_off offset; /* of start */
	uint64_t device;        /* as maps printed it: makedev(major, minor) */
	uint64_t inode;         /* 0: no file */
	struct object *object;  /* one reference; NULL until opened */
	uint32_t name_at;       /* in the set's names */
	uint16_t n_name_bytes;  /* at most OBJECT_NAME_BYTES_MAX: longer names are cut */
	bool is_opening;        /* its file was asked for and has not come yet */
	bool is_gone;           /* no longer mapped, kept for samples that were taken before */
};

struct mappings {
	size_t n_mappings;
	struct mapping *mappings; /* owned, ascending, disjoint */
	size_t n_names_bytes;
	char *names;        /* owned */
	size_t n_truncated; /* lines that did not fit the limits */
};

/*
 * Parses maps text. Lines that are not as proc(5) has them, or not above the line before, are
 * passed over and counted in n_truncated; a last line without newline (a cut text) too.
 *   @text  borrowed for the call; not NUL-terminated
 * Returns 0 or -ENOMEM; *@ret_mappings is owned, freed with mappings_deinit().
 */
int mappings_parse(struct wire_bytes text, struct mappings *ret_mappings) warn_unused_result;

/*
 * Makes a set of mappings that are known otherwise, ascending and disjoint, named @names (borrowed
 * for the call), with a reference of its own on each object. Returns 0 or -ENOMEM.
 */
int mappings_make(const struct mapping *mappings, const struct wire_bytes *names, size_t n_mappings,
		  struct mappings *ret_mappings) warn_unused_result;

/* The mapping that covers @addr, borrowed, or NULL. */
struct mapping *mappings_find(const struct mappings *mappings, struct proc_addr addr);

/* Where @addr lies in its mapping's file. */
static inline struct file_off mapping_file_off(const struct mapping *mapping, struct proc_addr addr)
{
	return (struct file_off){addr.v - mapping->start.v + mapping->offset.v};
}

struct wire_bytes mapping_name(const struct mappings *mappings, const struct mapping *mapping);

/* Whether two mappings of one set are of the same file, as far as the maps text says. */
bool mapping_same_file(const struct mappings *mappings, const struct mapping *a,
		       const struct mapping *b);

/*
 * Puts what a newer text of the same image said (@fresh, consumed) in the place of @mappings.
 * A mapping that is in both keeps its object. One that is only in the old set and overlaps nothing
 * of the new stays, is_gone: a library that was unloaded since keeps its symbols until
 * mappings_prune(). Without memory for that, such are given up.
 */
void mappings_replace(struct mappings *mappings, struct mappings *fresh, struct objects *objects,
		      uint64_t now_ns);

/* Drops what mappings_replace() kept as gone. */
void mappings_prune(struct mappings *mappings, struct objects *objects, uint64_t now_ns);

/* Copies a set, with a reference of its own on each object. Returns 0 or -ENOMEM. */
int mappings_copy(const struct mappings *mappings,
		  struct mappings *ret_mappings) warn_unused_result;

/* Heap memory that the set takes. */
size_t mappings_bytes(const struct mappings *mappings);

/* Gives the objects' references back, mapped until @now_ns, and frees the arrays. */
void mappings_deinit(struct mappings *mappings, struct objects *objects, uint64_t now_ns);
