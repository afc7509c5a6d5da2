#pragma once
/*
 * The asker toward the collector: brings it the settings and targets, every time they change or the
 * collector says that it has others, and a heartbeat every four seconds; each answer carries the
 * collector's own state and counters, the latest of which is kept here. While somebody looks at
 * them the heartbeat comes every second. In between it is asked for lists of processes.
 *
 * One thread; times are arguments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "configuration/configuration.h"
#include "process_list.h"
#include "round_sums.h"
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
	struct counters of_others; /* counters of collectors that lived before this one, summed */
	struct round_sums rounds;
	uint64_t n_asks;
	uint64_t n_unanswered;
};

struct control;

/* What is sent of a configuration. A zeroed one is empty. */
struct control_frames {
	struct bytes settings;  /* with everything */
	struct bytes heartbeat; /* only which */
	uint64_t generation;
};

/*
 * Encodes @configuration (borrowed for the call).
 *   @ret_frames  set on 0 only; owned, control_frames_deinit()
 * Returns 0 or a negative errno (-EMSGSIZE: the targets are more than a SETTINGS takes).
 */
int control_frames_encode(const struct configuration *configuration,
			  struct control_frames *ret_frames) warn_unused_result;

void control_frames_deinit(struct control_frames *frames);

/*
 * Opens the way to the collector's socket, whether or not anybody listens there yet.
 *   @uid          whom the collector runs as
 *   @frames       consumed on 0: left empty
 *   @ret_control  set on 0 only; owned, control_free()
 * Returns 0 or a negative errno.
 */
int control_open(const char *path, uid_t uid, struct control_frames *frames,
		 struct control **ret_control) warn_unused_result;

/* From now on @frames (consumed) are sent, and at once when they are of another generation. */
void control_replace(struct control *control, struct control_frames *frames);

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

/*
 * Asks for a part of the list of processes, as soon as a collector is there to ask: @done is called
 * once, from control_run(), unless control_forget_processes() is called before. One ask at a time:
 * it replaces one that is not answered. @control: a struct control, as process_list.h wants it.
 */
void control_ask_processes(void *control, const struct wire_processes *ask,
			   process_list_part_fn *done, void *owner);
void control_forget_processes(void *control);
