#include "last_profiles.h"

#include <stdlib.h>

#include "base/cleanup.h"

struct last_profiles {
	size_t n;
	struct last_profile all[LAST_PROFILES_MAX];
};

struct last_profiles *last_profiles_new(void)
{
	return calloc(1, sizeof(struct last_profiles));
}

void last_profiles_free(struct last_profiles *last)
{
	free(last);
}

const struct last_profile *last_profiles_find(const struct last_profiles *last,
					      uint64_t labels_hash)
{
	for (size_t i = 0; i < last->n; i++)
		if (last->all[i].labels_hash == labels_hash)
			return &last->all[i];
	return NULL;
}

/* The place of the target, with what was noted before: its own, a free one, or the oldest's. */
static struct last_profile *place_of(struct last_profiles *last, uint64_t labels_hash)
{
	struct last_profile *place = &last->all[0];

	for (size_t i = 0; i < last->n; i++) {
		if (last->all[i].labels_hash == labels_hash)
			return &last->all[i];
		if (last->all[i].stored_wall_ns < place->stored_wall_ns)
			place = &last->all[i];
	}
	if (last->n < LAST_PROFILES_MAX)
		place = &last->all[last->n++];
	*place = (struct last_profile){.labels_hash = labels_hash};
	return place;
}

static bool is_same_window(const struct window_id *a, const struct window_id *b)
{
	return a->instance == b->instance && a->sequence == b->sequence;
}

/* A part adds to what its window has noted, and replaces that of an older one. */
static void note_part(struct last_profile *profile, const struct wire_profile *of,
		      const struct wire_part *part, uint64_t now_wall_ns)
{
	if (!is_same_window(&profile->window, &of->window) || profile->stored_wall_ns == 0) {
		if (of->time_wall_ns < profile->time_wall_ns)
			return;
		profile->window = of->window;
		profile->time_wall_ns = of->time_wall_ns;
		profile->n_samples = 0;
		profile->n_bytes = 0;
	}
	profile->stored_wall_ns = now_wall_ns;
	profile->n_bytes += part->pprof_gz.n_bytes;
	if (__builtin_add_overflow(profile->n_samples, part->n_samples, &profile->n_samples))
		profile->n_samples = UINT64_MAX; /* foreign numbers */
}

void last_profiles_note(struct last_profiles *last, const void *frame, size_t n_bytes,
			uint64_t now_wall_ns)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	struct wire_profile profile;

	if (wire_decode_profile(frame, n_bytes, &arena, &profile) != 0)
		return;
	for (size_t i = 0; i < profile.n_parts; i++)
		note_part(place_of(last, wire_labels_hash(profile.parts[i].labels)), &profile,
			  &profile.parts[i], now_wall_ns);
}
