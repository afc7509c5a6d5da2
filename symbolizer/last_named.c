#include "last_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many samples were in what is called by each name. */
struct shares {
	const struct frames *frames;
	uint64_t *counts; /* owned; by name */
	uint64_t n_samples;
};

static uint64_t sum_of(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum; /* foreign numbers */
}

static void add_stack(struct shares *shares, const struct wire_stack *stack)
{
	const struct frames *frames = shares->frames;
	const struct frame *leaf;
	uint32_t name;

	shares->n_samples = sum_of(shares->n_samples, stack->count);
	if (stack->n_locations == 0)
		return;
	leaf = frames_at(frames, stack->locations[0], false);
	name = frames->functions[leaf->function].name;
	shares->counts[name] = sum_of(shares->counts[name], stack->count);
}

/* Puts the name where its count belongs among the most frequent ones. */
static void rank(struct last_target *target, const struct frame_name *name, uint64_t n_samples)
{
	const struct wire_bytes shown =
		wire_shown_name((struct wire_bytes){name->text, name->n_bytes});
	size_t at = target->n_functions;
	struct last_function *function;

	while (at > 0 && target->functions[at - 1].n_samples < n_samples)
		at--;
	if (at == REPORT_FUNCTIONS_MAX)
		return;
	if (target->n_functions < REPORT_FUNCTIONS_MAX)
		target->n_functions++;
	function = &target->functions[at];
	memmove(function + 1, function, (target->n_functions - 1 - at) * sizeof(*function));
	function->n_samples = n_samples;
	function->n_name_bytes = shown.n_bytes;
	memcpy(function->name, shown.data, shown.n_bytes);
}

/* The place of the target: its own, a free one, or that of what was noted longest ago. */
static struct last_target *place_of(struct last_named *last, uint64_t labels_hash)
{
	struct last_target *place = &last->targets[0];

	for (size_t i = 0; i < last->n_targets; i++) {
		if (last->targets[i].labels_hash == labels_hash)
			return &last->targets[i];
		if (last->targets[i].noted_at < place->noted_at)
			place = &last->targets[i];
	}
	return last->n_targets < REPORT_TARGETS_MAX ? &last->targets[last->n_targets++] : place;
}

static void note_target(struct last_named *last, const struct wire_window *window,
			const struct wire_target *target, struct shares *shares)
{
	struct last_target noted = {
		.labels_hash = wire_labels_hash(target->labels),
		.time_wall_ns = window->time_wall_ns,
		.noted_at = ++last->n_noted,
	};

	shares->n_samples = 0;
	for (size_t p = 0; p < target->n_processes; p++)
		for (size_t s = 0; s < target->processes[p].n_stacks; s++)
			add_stack(shares, &target->processes[p].stacks[s]);
	noted.n_samples = shares->n_samples;
	for (size_t i = 0; i < shares->frames->n_names; i++) {
		if (shares->counts[i] > 0)
			rank(&noted, &shares->frames->names[i], shares->counts[i]);
		shares->counts[i] = 0;
	}
	*place_of(last, noted.labels_hash) = noted;
}

int last_named_note(struct last_named *last, const struct wire_window *window,
		    const struct frames *frames)
{
	/* More than the latest have no place; and a window may have many. */
	size_t n = window->n_targets < REPORT_TARGETS_MAX ? window->n_targets : REPORT_TARGETS_MAX;
	struct shares shares = {.frames = frames};

	if (n == 0 || frames->n_names == 0)
		return 0;
	shares.counts = calloc(frames->n_names, sizeof(*shares.counts));
	if (!shares.counts)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		note_target(last, window, &window->targets[i], &shares);
	free(shares.counts);
	return 0;
}
