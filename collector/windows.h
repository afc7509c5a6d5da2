#pragma once
/*
 * Samples on their way to a symbolizer: a builder that gathers what one drain found, by target, and
 * a queue of encoded windows that waits for leases.
 *
 * Samples are gathered side by side for what cannot share a window: of another job, another period
 * or another demangle mode. A window is cut when it would grow past its byte bound, and when its
 * gathering ends; all windows of an interval share its time span, with start times a microsecond
 * apart, and nanoseconds from those of other gatherings, so that no two profiles of one series
 * collide: they ascend also when the wall clock steps back, if by less than a minute. Windows wait
 * encoded, which is smaller than arrays and ready to send. The queue is bounded in bytes: the
 * oldest unleased window is dropped, counted. A window holds one reference on every object it names
 * until it is done. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "objects.h"
#include "sample.h"
#include "targets.h"
#include "window_sample.h"
#include "wire/wire.h"

#define WINDOW_BYTES_MAX          (1u << 20) /* encoded; well under the message's cap */
#define WINDOWS_BYTES_MAX_DEFAULT (64u << 20)

struct windows;

struct windows_options {
	uint64_t instance;       /* random, one a collector's life */
	size_t bytes_max;        /* of all windows that are not done */
	struct objects *objects; /* borrowed for life */
	struct counters *counters;
};

int windows_new(const struct windows_options *options,
		struct windows **ret_windows) warn_unused_result;

#define WINDOW_GATHERINGS 64u

/* What all windows of one gathering share. */
struct window_span {
	uint64_t start_wall_ns;
	uint64_t duration_ns;
	uint64_t period_ns;
	uint8_t demangle;
	struct wire_cache_limits caches;
};

/*
 * Begins @gathering, below WINDOW_GATHERINGS, at @now_ns (monotonic), or goes on with it: then only
 * the duration of @span is news.
 */
void windows_begin(struct windows *windows, unsigned gathering, const struct window_span *span,
		   uint64_t now_ns);

/*
 * Adds @sample to a gathering that was begun. Equal stacks of one process and target are summed;
 * targets of equal labels are one. After 0 the samples are held here, and counted as such.
 * Returns 0, -ENOMEM, or -EMSGSIZE for a sample that no window can hold (megabytes of labels or
 * names), with nothing added: the caller counts the loss.
 */
int windows_add(struct windows *windows, unsigned gathering,
		const struct window_sample *sample) warn_unused_result;

/*
 * Cuts what was gathered since windows_begin() and queues it. What cannot be encoded without memory
 * is counted as DROPPED_NO_MEMORY.
 */
void windows_end(struct windows *windows, unsigned gathering, uint64_t now_ns);

/* A queued window. Read by the pool, which writes only what is said to be its own. */
struct window {
	struct window_id id;
	uint64_t n_samples;
	unsigned n_deaths;      /* the pool's: workers that held it and vanished, or gave it back */
	unsigned n_given_back;  /* the pool's: those that gave it back */
	uint64_t leased_by;     /* peer of the pool's listener; 0: waiting */
	uint64_t leased_worker; /* the pool's: random id of who leased it last; 0: nobody */
	uint64_t deadline_ns;   /* of the lease */
	bool names_nothing;     /* encoded with the order to name nothing, and stays so */
	size_t n_bytes;         /* what it counts against the bound */
	size_t n_objects;
	size_t n_named; /* of its objects, the first: those that its frame names */
	struct object **objects;
	unsigned char *frame; /* owned */
	size_t n_frame_bytes;
	struct window *next;
};

/* The oldest window that nobody leases, borrowed until it is done; NULL when none. */
struct window *windows_oldest_waiting(struct windows *windows);
struct window *windows_find(struct windows *windows, struct window_id id);

/*
 * The frame to send for @window: borrowed until it is done, or asked for again. @name_nothing: two
 * workers died of it; this cannot be taken back. Empty when there is no memory to say so.
 */
struct wire_bytes windows_frame(struct windows *windows, struct window *window, bool name_nothing);

/* The object of @window with @object_id, borrowed from it; NULL when it has none, and for id 0. */
struct object *window_object(const struct window *window, uint64_t object_id);

/* @object as messages describe it; its name is borrowed from it. */
struct wire_object window_describe_object(const struct object *object);

/* Objects that may be opened for a window beside the same number as it names. */
#define WINDOW_OPENED_SPARE 16u

enum window_outcome {
	WINDOW_OBJECTS_FULL = 1, /* as many were opened for it as may be */
};

/*
 * Adds an object that was opened for the window (OBJECT_OPEN); takes a reference of its own, none
 * when it is there already. Returns 0, -ENOMEM, or an enum window_outcome.
 */
int window_add_object(struct windows *windows, struct window *window,
		      struct object *object) warn_unused_result;

/* Lease bookkeeping: gives @window to a worker, and takes it back among those that wait. */
void windows_lease(struct windows *windows, struct window *window, uint64_t peer,
		   uint64_t deadline_ns);
void windows_give_back(struct windows *windows, struct window *window);

/* Frees @window, which the shipper has, and gives its references back. */
void windows_done(struct windows *windows, struct window *window, uint64_t now_ns);

/* The same for one that is lost: its samples are counted under @reason. */
void windows_drop(struct windows *windows, struct window *window, enum counter_id reason,
		  uint64_t now_ns);

struct window *windows_first(struct windows *windows); /* oldest, leased or not; ->next */

size_t windows_n_waiting(const struct windows *windows);
size_t windows_n(const struct windows *windows); /* waiting and leased */

/* Samples of all that are not done, and of what is gathered for the next. */
uint64_t windows_n_samples(const struct windows *windows);

/* Ends without counting: what is still there is the restart's loss. */
void windows_free(struct windows *windows);
