#pragma once
/*
 * Which target of each job a process belongs to: by pid, else by container id, else the job's
 * default target. Built whole from a SETTINGS message and replaced whole; targets are counted
 * references, so that samples keep the labels that they were taken under.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container_id.h"
#include "sample.h"
#include "wire/wire.h"

struct target {
	unsigned n_refs;
	uint8_t demangle;    /* enum demangle_mode */
	bool collect_kernel; /* if its job does */
	size_t n_labels_bytes;
	char labels[]; /* opaque label set */
};

struct targets;

/*
 * Copies what it needs of the targets of @n_jobs jobs, at most JOBS_MAX (borrowed). Where a key
 * repeats within a job, the last rule wins. A rule whose key can match nothing (no decimal pid
 * above 0, no container id of 1 … CONTAINER_ID_BYTES_MAX bytes) is passed over. Returns 0 or
 * -ENOMEM; *@ret_targets is owned, freed with targets_free().
 */
int targets_new(const struct wire_job *jobs, size_t n_jobs,
		struct targets **ret_targets) warn_unused_result;

/*
 * Sets @ret_matched of each job that @pid in container @container_id (may be empty) is a target of
 * to that target, with a reference; of the others to NULL. The short form of a container id, its
 * first 12 digits, stands for the long one on either side. Returns the jobs that match, as bits.
 */
uint8_t targets_match(const struct targets *targets, uint32_t pid, struct wire_bytes container_id,
		      struct target *ret_matched[JOBS_MAX]);

/* Whether anything is matched by its pid. */
bool targets_have_pids(const struct targets *targets);

/* All the jobs, as bits. */
uint8_t targets_jobs(const struct targets *targets);

struct target *target_retain(struct target *target);
void target_release(struct target *target); /* NULL is fine */
void targets_free(struct targets *targets); /* NULL is fine */
