#include "reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	uint64_t peer;
	uint64_t seen_ns;
	void *frame;             /* owned */
	struct wire_arena arena; /* owned */
	struct wire_report report;
};

struct reports {
	size_t n;
	struct kept all[REPORTS_MAX];
};

struct reports *reports_new(void)
{
	return calloc(1, sizeof(struct reports));
}

static void kept_deinit(struct kept *kept)
{
	wire_arena_deinit(&kept->arena);
	free(kept->frame);
	*kept = (struct kept){0};
}

void reports_free(struct reports *reports)
{
	if (!reports)
		return;
	for (size_t i = 0; i < reports->n; i++)
		kept_deinit(&reports->all[i]);
	free(reports);
}

/* The place of @peer: its own, a free one, or that of who has been silent longest. */
static struct kept *place_of(struct reports *reports, uint64_t peer)
{
	struct kept *place = &reports->all[0];

	for (size_t i = 0; i < reports->n; i++) {
		if (reports->all[i].peer == peer)
			return &reports->all[i];
		if (reports->all[i].seen_ns < place->seen_ns)
			place = &reports->all[i];
	}
	return reports->n < REPORTS_MAX ? &reports->all[reports->n++] : place;
}

int reports_note(struct reports *reports, uint64_t peer, const void *frame, size_t n_bytes,
		 uint64_t now_ns)
{
	struct kept kept = {.peer = peer, .seen_ns = now_ns};
	struct kept *place;
	int r;

	kept.frame = malloc(n_bytes ? n_bytes : 1); /* bounded by the link */
	if (!kept.frame)
		return -ENOMEM;
	memcpy(kept.frame, frame, n_bytes);
	r = wire_decode_report(kept.frame, n_bytes, &kept.arena, &kept.report);
	if (r != 0) {
		kept_deinit(&kept);
		return r;
	}
	place = place_of(reports, peer);
	kept_deinit(place);
	*place = kept;
	return 0;
}

void reports_forget(struct reports *reports, uint64_t peer)
{
	for (size_t i = 0; i < reports->n; i++) {
		if (reports->all[i].peer != peer)
			continue;
		kept_deinit(&reports->all[i]);
		reports->n--;
		memmove(&reports->all[i], &reports->all[i + 1],
			(reports->n - i) * sizeof(reports->all[0]));
		reports->all[reports->n] = (struct kept){0};
		return;
	}
}

size_t reports_count(const struct reports *reports)
{
	return reports->n;
}

const struct wire_report *reports_at(const struct reports *reports, size_t i, uint64_t *ret_seen_ns)
{
	*ret_seen_ns = reports->all[i].seen_ns;
	return &reports->all[i].report;
}

const struct wire_last_named *reports_find_named(const struct reports *reports,
						 uint64_t labels_hash)
{
	const struct wire_last_named *latest = NULL;

	for (size_t i = 0; i < reports->n; i++) {
		const struct wire_report *report = &reports->all[i].report;

		for (size_t j = 0; j < report->n_named; j++)
			if (report->named[j].labels_hash == labels_hash &&
			    (!latest || report->named[j].time_wall_ns > latest->time_wall_ns))
				latest = &report->named[j];
	}
	return latest;
}
