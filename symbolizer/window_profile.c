#include "window_profile.h"

#include <errno.h>

static int build_parts(const struct wire_window *window, struct frames *frames,
		       const struct pprof_limits *limits, struct counters *counters,
		       struct pprof_parts *parts)
{
	struct pprof_builder *builder = NULL;
	int r = pprof_builder_new(window, frames, limits, counters, &builder);

	for (size_t i = 0; r == 0 && i < window->n_targets; i++)
		r = pprof_builder_add(builder, &window->targets[i], parts);
	pprof_builder_free(builder);
	return r;
}

static int encode(const struct wire_window *window, const struct pprof_parts *parts,
		  struct bytes *out)
{
	const struct wire_profile profile = {
		.window = window->id,
		.time_wall_ns = window->time_wall_ns,
		.n_parts = parts->n_parts,
		.parts = parts->parts,
	};

	bytes_clear(out);
	wire_encode_profile(out, &profile);
	return out->error == -EMSGSIZE ? WINDOW_PROFILE_TOO_BIG : out->error;
}

/* One try, with names of at most @names_bytes_max together. */
static int attempt(const struct wire_window *window, struct frames *frames,
		   const struct pprof_limits *limits, struct counters *counters, struct bytes *out)
{
	cleanup_with(pprof_parts_deinit) struct pprof_parts parts = {0};
	int r = build_parts(window, frames, limits, counters, &parts);

	if (r == PPROF_TOO_BIG)
		return WINDOW_PROFILE_TOO_BIG;
	return r != 0 ? r : encode(window, &parts, out);
}

static void add_counters(struct counters *to, const struct counters *from)
{
	for (size_t i = 0; i < n_counter_rows; i++)
		to->values[i] += from->values[i];
}

int window_profile_encode(const struct wire_window *window, const struct frame_sources *sources,
			  const struct pprof_limits *limits,
			  const struct window_profile_results *results)
{
	static const size_t names_bytes_max[] = {FRAMES_NAMES_BYTES_MAX, 0};
	int r = 0;

	for (size_t i = 0; i < sizeof(names_bytes_max) / sizeof(names_bytes_max[0]); i++) {
		cleanup_with(frames_deinit) struct frames frames = {0};
		struct counters counted = {0};

		r = frames_resolve(window, sources, names_bytes_max[i], &frames);
		if (r < 0)
			return r;
		r = attempt(window, &frames, limits, &counted, results->out);
		if (r == 0)
			add_counters(results->counters, &counted);
		if (r == 0 && results->last) /* without memory, what was before stays */
			(void)!last_named_note(results->last, window, &frames);
		if (r != WINDOW_PROFILE_TOO_BIG)
			return r;
	}
	return r;
}
