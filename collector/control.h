#pragma once
/*
 * The collector's side of the shipper: takes SETTINGS, answers with STATE; lists PROCESSES; answers
 * LOOK with VIEW.
 *
 * Settings are checked here again, whatever the shipper checked: a rate or an interval out of
 * bounds is refused and the old settings hold. Not threaded.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "rounds.h"
#include "wire/counters.h"
#include "wire/wire.h"

#define COLLECT_INTERVAL_MS_MIN 10u
#define COLLECT_INTERVAL_MS_MAX 3600000u

struct control;
struct opener;

/*
 * Told of settings that are new: @m is borrowed for the call. Returns 0 or a negative errno: then
 * they are not said to be in force, and the shipper sends them again.
 */
typedef int control_apply_fn(void *owner, const struct wire_settings_message *m);

/* Asked to bring the counters up to date before they are sent. */
typedef void control_refresh_fn(void *owner);

/* Appends a VIEW to @out. Returns 0 or a negative errno. */
typedef int control_view_fn(void *owner, struct bytes *out);

struct control_options {
	const char *socket_path; /* borrowed for the call */
	size_t n_uids;
	const uid_t *uids; /* of the shipper; borrowed for the call */
	uint64_t instance;
	uint32_t n_cpus;
	struct counters *counters;   /* borrowed for life */
	const struct rounds *rounds; /* the same */
	struct opener *opener;       /* borrowed for life: lists processes */
	control_apply_fn *apply;
	control_refresh_fn *refresh;
	control_view_fn *view;
	void *owner;
};

/*
 * Opens the listener. Returns 0 or a negative errno; *@ret_control is owned, freed with
 * control_free().
 */
int control_listen(const struct control_options *options,
		   struct control **ret_control) warn_unused_result;

/* Polls readable when control_dispatch() has work. Borrowed. */
int control_fd(const struct control *control);

/* Takes settings and answers. */
void control_dispatch(struct control *control);

/* Answers what takes too long. Returns when to be called next (monotonic), UINT64_MAX: never. */
uint64_t control_expire(struct control *control, uint64_t now_ns);

/* Probes the listener, see link_listener_probe(). */
int control_probe(struct control *control) warn_unused_result;

/* Notes the phase and has the shipper ask at once, by closing its connection. */
void control_set_phase(struct control *control, enum collector_phase phase);

/* STATE messages sent so far: tells whether the last counters have been heard. */
uint64_t control_n_answers(const struct control *control);

/* NULL is fine. No request of the opener may come back afterwards: free that first. */
void control_free(struct control *control);
