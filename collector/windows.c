#include "windows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "window_builder.h"

#define TIME_STEP_NS      UINT64_C(1000)
#define CLOCK_STEP_NS     UINT64_C(60000000000) /* back by more: it was wrong before */
#define GATHERING_STEP_NS (TIME_STEP_NS / WINDOW_GATHERINGS)

static_assert((size_t)MESSAGE_BYTES_MAX_WINDOW >= 2 * (size_t)WINDOW_BYTES_MAX,
	      "a window that is cut at its bound fits its message");

/* Samples that may share a window. */
struct gathering {
	struct window_builder builder;
	struct window_span span;
	uint64_t next_time_wall_ns;
	uint64_t last_time_wall_ns; /* of any of its windows */
};

struct windows {
	struct windows_options options;
	struct gathering gatherings[WINDOW_GATHERINGS];
	uint64_t n_gathered; /* samples in all of them */
	uint64_t now_ns;     /* of the drain */
	uint64_t last_sequence;
	struct window *first;
	struct window *last;
	size_t n_windows;
	size_t n_waiting;
	size_t n_bytes;
	uint64_t n_samples; /* of queued windows */
};

int windows_new(const struct windows_options *options, struct windows **ret_windows)
{
	struct windows *windows = calloc(1, sizeof(*windows));

	if (!windows)
		return -ENOMEM;
	windows->options = *options;
	for (unsigned i = 0; i < WINDOW_GATHERINGS; i++)
		windows->gatherings[i].builder.seed = hash_new_seed();
	*ret_windows = windows;
	return 0;
}

static void set_gauges(const struct windows *windows)
{
	counters_set(windows->options.counters, COUNTER_HELD_WINDOWS, windows_n_samples(windows));
	counters_set(windows->options.counters, COUNTER_WINDOWS_WAITING, windows->n_waiting);
}

static void window_free(struct window *window, struct objects *objects, uint64_t now_ns)
{
	for (size_t i = 0; i < window->n_objects; i++)
		object_release(objects, window->objects[i], now_ns);
	free(window->objects);
	free(window->frame);
	free(window);
}

static void append(struct windows *windows, struct window *window)
{
	if (windows->last)
		windows->last->next = window;
	else
		windows->first = window;
	windows->last = window;
	windows->n_windows++;
	windows->n_waiting++;
	windows->n_bytes += window->n_bytes;
	windows->n_samples += window->n_samples;
}

/* Short: what is taken out is leased, or the oldest that waits, and so near the front. */
static void take_out(struct windows *windows, struct window *window)
{
	struct window **at = &windows->first, *before = NULL;

	while (*at != window) {
		before = *at;
		at = &before->next;
	}
	*at = window->next;
	if (windows->last == window)
		windows->last = before;
	windows->n_windows--;
	windows->n_waiting -= window->leased_by == 0;
	windows->n_bytes -= window->n_bytes;
	windows->n_samples -= window->n_samples;
}

/* The frame of what is gathered, in memory of its own size. */
static int encode(struct gathering *gathering, const struct wire_window *head,
		  struct window *window)
{
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_WINDOW);
	unsigned char *shrunk;
	int r;

	r = window_builder_encode(&gathering->builder, head, &out);
	if (r == 0)
		r = out.error;
	if (r < 0)
		return r;
	shrunk = realloc(out.data, out.n_bytes);
	window->frame = shrunk ? shrunk : out.data;
	window->n_frame_bytes = out.n_bytes;
	out.data = NULL;
	return 0;
}

/* Of each microsecond, every gathering has nanoseconds of its own. */
static uint64_t take_time(struct windows *windows, struct gathering *gathering)
{
	uint64_t offset_ns = (uint64_t)(gathering - windows->gatherings) * GATHERING_STEP_NS;
	uint64_t time_wall_ns = gathering->next_time_wall_ns;

	time_wall_ns = time_wall_ns - time_wall_ns % TIME_STEP_NS + offset_ns;
	if (time_wall_ns < gathering->last_time_wall_ns + TIME_STEP_NS &&
	    gathering->last_time_wall_ns < time_wall_ns + CLOCK_STEP_NS)
		time_wall_ns = gathering->last_time_wall_ns + TIME_STEP_NS;
	gathering->last_time_wall_ns = time_wall_ns;
	gathering->next_time_wall_ns = time_wall_ns + TIME_STEP_NS;
	return time_wall_ns;
}

static int cut_window(struct windows *windows, struct gathering *gathering,
		      struct window **ret_window)
{
	const struct window_span *span = &gathering->span;
	struct window *window = calloc(1, sizeof(*window));
	struct wire_window head;
	int r;

	if (!window)
		return -ENOMEM;
	head = (struct wire_window){
		.id = {windows->options.instance, windows->last_sequence + 1},
		.time_wall_ns = take_time(windows, gathering),
		.duration_ns = span->duration_ns,
		.period_ns = span->period_ns,
		.demangle = span->demangle,
		.caches = span->caches,
	};
	r = encode(gathering, &head, window);
	if (r < 0) {
		free(window);
		return r;
	}
	windows->last_sequence++;
	window->id = head.id;
	window->n_samples = gathering->builder.n_samples;
	window->objects = window_builder_take_objects(&gathering->builder, &window->n_objects);
	window->n_named = window->n_objects;
	window->n_bytes = sizeof(*window) + window->n_frame_bytes +
			  window->n_objects * sizeof(*window->objects);
	*ret_window = window;
	return 0;
}

static void hold_to_bound(struct windows *windows)
{
	struct window *oldest;

	while (windows->n_bytes > windows->options.bytes_max &&
	       (oldest = windows_oldest_waiting(windows)))
		windows_drop(windows, oldest, COUNTER_DROPPED_WINDOWS_FULL, windows->now_ns);
}

/* Queues what was gathered and begins anew. */
static void cut(struct windows *windows, struct gathering *gathering)
{
	struct counters *counters = windows->options.counters;
	uint64_t n_samples = gathering->builder.n_samples;
	struct window *window;

	if (n_samples == 0)
		return;
	if (cut_window(windows, gathering, &window) == 0) {
		append(windows, window);
		counters_add(counters, COUNTER_WINDOWS_CUT, 1);
	} else {
		counters_add(counters, COUNTER_DROPPED_NO_MEMORY, n_samples);
	}
	windows->n_gathered -= n_samples;
	window_builder_deinit(&gathering->builder, windows->options.objects, windows->now_ns);
	hold_to_bound(windows);
	set_gauges(windows);
}

void windows_begin(struct windows *windows, unsigned gathering, const struct window_span *span,
		   uint64_t now_ns)
{
	struct gathering *g = &windows->gatherings[gathering];

	windows->now_ns = now_ns;
	if (g->builder.n_samples > 0) {
		assert(g->span.period_ns == span->period_ns && g->span.demangle == span->demangle);
		g->span.duration_ns = span->duration_ns;
		return;
	}
	g->span = *span;
	g->next_time_wall_ns = span->start_wall_ns;
}

int windows_add(struct windows *windows, unsigned gathering, const struct window_sample *sample)
{
	struct gathering *g = &windows->gatherings[gathering];
	struct window_builder *b = &g->builder;
	size_t n_bytes = window_builder_empty_bytes();
	int r;

	if (sample->count == 0)
		return 0;
	if (n_bytes + b->bytes_max + window_builder_cost(b, sample) > WINDOW_BYTES_MAX)
		cut(windows, g); /* a sample that is too big for that stands alone in a window */
	if (b->n_samples == 0 &&
	    n_bytes + window_builder_cost(b, sample) > MESSAGE_BYTES_MAX_WINDOW)
		return -EMSGSIZE;
	r = window_builder_add(b, sample);
	if (r == 0)
		windows->n_gathered += sample->count;
	set_gauges(windows);
	return r;
}

void windows_end(struct windows *windows, unsigned gathering, uint64_t now_ns)
{
	windows->now_ns = now_ns;
	cut(windows, &windows->gatherings[gathering]);
}

struct window *windows_oldest_waiting(struct windows *windows)
{
	struct window *window = windows->first;

	while (window && window->leased_by != 0)
		window = window->next;
	return window;
}

/* Sequences ascend along the queue. */
struct window *windows_find(struct windows *windows, struct window_id id)
{
	struct window *window = windows->first;

	if (id.instance != windows->options.instance)
		return NULL;
	while (window && window->id.sequence < id.sequence)
		window = window->next;
	return window && window->id.sequence == id.sequence ? window : NULL;
}

/* Writes @window's frame again, with the order. Rare: it costs what decoding costs. */
static int order_to_name_nothing(struct windows *windows, struct window *window)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(MESSAGE_BYTES_MAX_WINDOW);
	struct wire_window decoded;
	int r;

	r = wire_decode_window(window->frame, window->n_frame_bytes, &arena, &decoded);
	if (r != 0)
		return r < 0 ? r : -EBADMSG;
	decoded.name_nothing = true;
	wire_encode_window(&out, &decoded);
	if (out.error)
		return out.error;

	windows->n_bytes += out.n_bytes - window->n_frame_bytes;
	window->n_bytes += out.n_bytes - window->n_frame_bytes;
	free(window->frame);
	window->frame = take_ptr(out.data);
	window->n_frame_bytes = out.n_bytes;
	window->names_nothing = true;
	return 0;
}

struct wire_bytes windows_frame(struct windows *windows, struct window *window, bool name_nothing)
{
	if (name_nothing && !window->names_nothing && order_to_name_nothing(windows, window) < 0)
		return (struct wire_bytes){0};
	return (struct wire_bytes){window->frame, window->n_frame_bytes};
}

struct object *window_object(const struct window *window, uint64_t object_id)
{
	if (object_id == 0)
		return NULL; /* what nothing can be read from */
	for (size_t i = 0; i < window->n_objects; i++)
		if (window->objects[i]->id == object_id)
			return window->objects[i];
	return NULL;
}

int window_add_object(struct windows *windows, struct window *window, struct object *object)
{
	struct object **grown;

	if (window_object(window, object->id))
		return 0;
	if (window->n_objects >= 2 * window->n_named + WINDOW_OPENED_SPARE)
		return WINDOW_OBJECTS_FULL;
	grown = realloc(window->objects, (window->n_objects + 1) * sizeof(struct object *));
	if (!grown)
		return -ENOMEM;
	window->objects = grown;
	grown[window->n_objects++] = object_retain(object);
	window->n_bytes += sizeof(*grown);
	windows->n_bytes += sizeof(*grown);
	return 0;
}

void windows_lease(struct windows *windows, struct window *window, uint64_t peer,
		   uint64_t deadline_ns)
{
	windows->n_waiting -= window->leased_by == 0;
	window->leased_by = peer;
	window->deadline_ns = deadline_ns;
	set_gauges(windows);
}

void windows_give_back(struct windows *windows, struct window *window)
{
	windows->n_waiting += window->leased_by != 0;
	window->leased_by = 0;
	set_gauges(windows);
}

void windows_done(struct windows *windows, struct window *window, uint64_t now_ns)
{
	take_out(windows, window);
	window_free(window, windows->options.objects, now_ns);
	set_gauges(windows);
}

void windows_drop(struct windows *windows, struct window *window, enum counter_id reason,
		  uint64_t now_ns)
{
	counters_add(windows->options.counters, reason, window->n_samples);
	windows_done(windows, window, now_ns);
}

struct window *windows_first(struct windows *windows)
{
	return windows->first;
}

size_t windows_n_waiting(const struct windows *windows)
{
	return windows->n_waiting;
}

size_t windows_n(const struct windows *windows)
{
	return windows->n_windows;
}

uint64_t windows_n_samples(const struct windows *windows)
{
	return windows->n_samples + windows->n_gathered;
}

void windows_free(struct windows *windows)
{
	if (!windows)
		return;
	while (windows->first) {
		struct window *window = windows->first;

		windows->first = window->next;
		window_free(window, windows->options.objects, windows->now_ns);
	}
	for (unsigned i = 0; i < WINDOW_GATHERINGS; i++)
		window_builder_deinit(&windows->gatherings[i].builder, windows->options.objects,
				      windows->now_ns);
	free(windows);
}
