#pragma once
/*
 * Samples on their way to a symbolizer: a builder that gathers what one drain found, by target, and
 * a queue of encoded windows that waits for leases.
 *
 * A window is cut when it would grow past its byte bound; all windows of a drain share its time
 * span, with start times one microsecond apart, so that no two profiles of one series collide. The
 * queue is bounded in bytes: the oldest unleased window is dropped, counted. A window holds one
 * reference on every object it names until it is done. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "objects.h"
#include "sample.h"
#include "targets.h"
#include "wire/wire.h"

#define WINDOW_BYTES_MAX	  (1u << 20) /* encoded; well under the message's cap */
#define WINDOWS_BYTES_MAX_DEFAULT (64u << 20)

struct windows;

struct windows_options {
	uint64_t instance;	 /* random, one a collector's life */
	size_t bytes_max;	 /* of all windows that are not done */
	struct objects *objects; /* borrowed for life */
	struct counters *counters;
};

int windows_new(const struct windows_options *options, struct windows **ret_windows)
	warn_unused_result;

/* What all windows of one drain share. */
struct window_span {
	uint64_t start_wall_ns;
	uint64_t duration_ns;
	uint64_t period_ns;
	uint8_t demangle;
	struct wire_cache_limits caches;
};

/* One frame that a drain has looked up. */
struct window_frame {
	uint8_t kind;
	struct object *object; /* borrowed for the call (the window takes its own reference); NULL: none */
	uint64_t value;	       /* file offset when object is an OBJECT_FILE; else the address */
};

void windows_begin(struct windows *windows, const struct window_span *span);

/*
 * Adds @count samples of one stack (leaf first). Equal stacks of one process and target are summed.
 * Returns 0, or -ENOMEM with nothing added: the caller counts the loss.
 */
int windows_add(struct windows *windows, struct target *target, const char comm[COMM_BYTES],
		const struct window_frame *frames, size_t n_frames, uint32_t stack_flags,
		uint64_t count) warn_unused_result;

/* Cuts what was gathered since windows_begin() and queues it. */
void windows_end(struct windows *windows, uint64_t now_ns);

/* A queued window. */
struct window {
	struct window_id id;
	uint64_t n_samples;
	unsigned n_deaths;    /* workers that held it and vanished */
	uint64_t leased_by;   /* peer of the pool's listener; 0: waiting */
	uint64_t deadline_ns; /* of the lease */
	size_t n_bytes;	      /* what it counts against the bound */
	size_t n_objects;
	struct object **objects;
	struct window *next;
};

/* The oldest window that nobody leases, borrowed until it is done; NULL when none. */
struct window *windows_oldest_waiting(struct windows *windows);
struct window *windows_find(struct windows *windows, struct window_id id);

/* The frame to send for @window: borrowed until the next call. @name_nothing: poisoned. */
struct wire_bytes windows_frame(struct windows *windows, struct window *window, bool name_nothing);

/* Whether @window names @object. */
struct object *window_object(const struct window *window, uint64_t object_id);

/* Adds an object that was opened for the window (OBJECT_OPEN); takes a reference. */
int window_add_object(struct windows *windows, struct window *window, struct object *object)
	warn_unused_result;

/* Lease bookkeeping. windows_done() frees @window and gives its references back. */
void windows_done(struct windows *windows, struct window *window, uint64_t now_ns);
struct window *windows_first(struct windows *windows); /* oldest, leased or not; ->next */

size_t windows_n_waiting(const struct windows *windows);
size_t windows_n(const struct windows *windows); /* waiting and leased */
uint64_t windows_n_samples(const struct windows *windows); /* of all that are not done */
void windows_free(struct windows *windows);
