#pragma once
/*
 * The listener for symbolizers: takes PROFILE into the spool and answers when it is durable, takes
 * STATS into the workers' sums, keeps REPORT for people. One thread; borrows what it is given.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link.h"
#include "pages/histogram.h"
#include "last_profiles.h"
#include "reports.h"
#include "spool/spool.h"
#include "tallies.h"
#include "workers.h"

#define PROFILES_OUTCOMES (MESSAGE_GARBLED + 1) /* enum message_outcome; 0: a foreign uid */

struct profiles_options {
	const char *path; /* of the socket */
	size_t n_uids;    /* whom symbolizers may run as */
	uid_t uids[LINK_UIDS_MAX];
	struct spool *spool;
	struct workers *workers;
	struct tallies *tallies;
	struct last_profiles *last;
	struct reports *reports;
};

struct profiles_counts {
	uint64_t n_profiles; /* records appended */
	uint64_t n_stats;
	uint64_t n_refused_disk; /* told to keep it and come back */
	uint64_t n_refused[PROFILES_OUTCOMES];
	struct histogram append_seconds; /* of profiles_append_class */
};

extern const struct histogram_class profiles_append_class;

struct profiles;

/* *@ret_profiles is owned: profiles_free(). 0 or a negative errno, as link_listen(). */
int profiles_open(const struct profiles_options *options,
		  struct profiles **ret_profiles) warn_unused_result;

void profiles_free(struct profiles *profiles); /* NULL is fine */

int profiles_fd(const struct profiles *profiles);

/* When profiles_run() must be called at the latest: it probes the listener then. */
uint64_t profiles_deadline_ns(const struct profiles *profiles);

/* Handles what waits; what is left keeps the fd readable. Returns 0, or a negative errno when the
 * listener is lost. */
int profiles_run(struct profiles *profiles, uint64_t now_ns) warn_unused_result;

struct profiles_counts profiles_counts(const struct profiles *profiles);
