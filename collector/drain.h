#pragma once
/*
 * From stack maps to windows: flips the maps, finds for every record its process and for every user
 * address its file and offset, and hands the sum to the windows.
 *
 * A record whose process is not decided yet, not announced yet, or just being read, is kept pending
 * (a copy, bounded in bytes) and tried again; nothing is guessed. For reads it waits at most
 * DRAIN_READ_NS_MAX; then what is known must do. Every sample ends in a window or in a counter.
 *
 * A sample that several jobs took goes to each of them that its process is a target of, with what
 * that one wants of the stack and at that one's period; from the second on it is counted as copied.
 * For those whose target the process may yet become, a copy waits that is in no book before it goes
 * somewhere. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job_set.h"
#include "objects.h"
#include "processes.h"
#include "sampler.h"
#include "windows.h"
#include "wire/counters.h"
#include "wire/wire.h"

#define DRAIN_PENDING_BYTES_MAX (4u << 20)
#define DRAIN_READ_NS_MAX       UINT64_C(10000000000) /* more than the opener takes for a read */

struct drain;

struct drain_options {
	struct sampler *sampler; /* borrowed for life, like the rest */
	struct processes *processes;
	struct objects *objects;
	struct windows *windows;
	struct counters *counters;
	struct job_set *jobs; /* to begin with: one reference, consumed on 0 */
	bool lose_one_sample; /* for the test of the books: one sample vanishes uncounted */
};

/* Starts the first interval now. *@ret_drain is owned, freed with drain_free(). */
int drain_new(const struct drain_options *options, struct drain **ret_drain) warn_unused_result;

/* What the windows to come shall say; kept until the next call. */
void drain_set(struct drain *drain, const struct wire_cache_limits *caches);

/*
 * From now on @jobs (one reference, consumed) are sampled for; the intervals of all end with the
 * next drain or @now_ns plus their own. All was drained just before. Where samples are taken unlike
 * before, those to come carry the flag that this returns.
 */
uint8_t drain_set_jobs(struct drain *drain, struct job_set *jobs, uint64_t now_ns);

/* When the first interval ends. */
uint64_t drain_due_ns(const struct drain *drain);

/*
 * Ends the intervals that are due, or all of them: flips, looks up, cuts windows. Takes no
 * announcements, so that a process that is marked as exited has all its samples behind it.
 * Returns 0 or a negative errno of the maps.
 */
int drain_run(struct drain *drain, bool ends_all, uint64_t now_ns) warn_unused_result;

/* The jobs whose intervals ended with the last drain_run(), as bits by index. */
uint8_t drain_ended(const struct drain *drain);

/*
 * Tries what is pending again, without a flip. Cheap when nothing is. Announcements have been taken
 * since the drain: an image that is not known by now is made known by its sample.
 */
void drain_retry(struct drain *drain, uint64_t now_ns);

size_t drain_n_pending(const struct drain *drain);       /* records */
size_t drain_n_pending_reads(const struct drain *drain); /* of these, for an image being read */

/* Brings the books in @counters up to date: what the kernel counted and what is held where. */
int drain_count(struct drain *drain, uint64_t now_ns) warn_unused_result;

void drain_free(struct drain *drain); /* NULL is fine */
