#pragma once
/*
 * Which target a process belongs to: by pid, else by container id, else the default target.
 * Built whole from a SETTINGS message and replaced whole; targets are counted references, so that
 * samples keep the labels that they were taken under.
 */
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define CONTAINER_ID_BYTES_MAX 64u

struct target {
	unsigned n_refs;
	size_t n_labels_bytes;
	char labels[]; /* opaque label set */
};

struct targets;

/*
 * Copies what it needs of @rules (borrowed). Where a key repeats, the last rule wins. A rule whose
 * key can match nothing (no decimal pid above 0, no container id of 1 … CONTAINER_ID_BYTES_MAX
 * bytes) is passed over. Returns 0 or -ENOMEM; *@ret_targets is owned, freed with targets_free().
 */
int targets_new(const struct wire_target_rule *rules, size_t n_rules,
		struct targets **ret_targets) warn_unused_result;

/* The target of @pid in container @container_id (may be empty), with a reference; NULL for none. */
struct target *targets_match(const struct targets *targets, uint32_t pid,
			     struct wire_bytes container_id);

struct target *target_retain(struct target *target);
void target_release(struct target *target); /* NULL is fine */
void targets_free(struct targets *targets); /* NULL is fine */

/*
 * The container id in the text of /proc/PID/cgroup, borrowed from @text; empty when there is none.
 * In words: after a slash, optionally anything that ends in '-' or ':', then exactly 64 lower-case
 * hex digits, followed by '.', '/', white space (" (deleted)"), end of line or end of text. The
 * first line that has one wins, and in it the last one: the innermost container.
 */
struct wire_bytes cgroup_container_id(struct wire_bytes text);
