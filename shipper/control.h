#pragma once
/*
 * The asker toward the collector: brings it the settings and targets, every time they change or the
 * collector says that it has others, and a heartbeat every four seconds; each answer carries the
 * collector's own state and counters, the latest of which is kept here. While somebody looks at
 * them the heartbeat comes every second.
 *
 * One thread; times are arguments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "configuration.h"
#include "wire/counters.h"
#include "wire/wire.h"

#define CONTROL_VERSION_MAX 64u
#define CONTROL_NEVER       0u

/* What the collector last said. */
struct control_state {
	uint64_t seen_ns; /* monotonic; CONTROL_NEVER before the first answer */
	uint64_t instance;
	enum collector_phase phase;
	uint32_t n_cpus;
	bool is_current;                   /* it runs on the settings that it should */
	char version[CONTROL_VERSION_MAX]; /* printable ASCII */
	struct counters counters;
	uint64_t n_asks;
	uint64_t n_unanswered;
};

struct control;

/*
 * Opens the way to the collector's socket, whether or not anybody listens there yet.
 *   @uid            whom the collector runs as
 *   @configuration  borrowed for the call: what must be sent of it is copied
 *   @ret_control    set on 0 only; owned, control_free()
 * Returns 0 or a negative errno (-EMSGSIZE: the targets are more than a SETTINGS takes).
 */
int control_open(const char *path, uid_t uid, const struct configuration *configuration,
		 struct control **ret_control) warn_unused_result;

void control_free(struct control *control); /* NULL is fine */

/* An fd to poll for reading. Borrowed. */
int control_fd(const struct control *control);

uint64_t control_deadline_ns(const struct control *control);

/* Takes an answer, sends what is due. */
void control_run(struct control *control, uint64_t now_ns);

/* Somebody looks at what the collector says: it is asked often from now on, for a while. */
void control_note_look(struct control *control, uint64_t now_ns);

/* Borrowed until control_free(). */
const struct control_state *control_state(const struct control *control);
