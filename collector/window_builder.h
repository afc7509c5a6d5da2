#pragma once
/*
 * Gathers the samples of one window as flat arrays in which everything stands once: objects,
 * locations, targets by label set, processes of a target by comm, stacks of a process by locations.
 * Each object that is named is held by one reference, which the window takes over.
 *
 * Knows at any time how long the encoded window will be at most, so that its owner cuts in time.
 * Memory grows with what is gathered and is given back with window_builder_deinit().
 */
#include <stddef.h>
#include <stdint.h>

#include "item_index.h"
#include "windows.h"

struct built_object;
struct built_target;
struct built_process;
struct built_stack;

/* A zeroed one with a seed is empty. */
struct window_builder {
	uint64_t seed;
	uint64_t n_samples;
	size_t bytes_max; /* that the encoded window takes, at most */

	struct item_index object_index;
	struct item_index location_index;
	struct item_index target_index;
	struct item_index process_index;
	struct item_index stack_index;

	struct object **objects; /* owned, one reference each */
	struct wire_location *locations;
	struct built_target *targets;
	struct built_process *processes;
	struct built_stack *stacks;
	uint32_t *stack_locations; /* those of all stacks, one after another */
	char *labels;              /* those of all targets */
	size_t n_stack_locations;
	size_t n_labels_bytes;

	size_t objects_capacity;
	size_t locations_capacity;
	size_t targets_capacity;
	size_t processes_capacity;
	size_t stacks_capacity;
	size_t stack_locations_capacity;
	size_t labels_capacity;
};

/* By how much @sample can make the encoded window longer. */
size_t window_builder_cost(const struct window_builder *b, const struct window_sample *sample);

/* The length of a window with nothing in it, at most. */
size_t window_builder_empty_bytes(void);

/* Adds @sample. Returns 0, or -ENOMEM with nothing added. */
int window_builder_add(struct window_builder *b,
		       const struct window_sample *sample) warn_unused_result;

/*
 * Appends the window's frame to @out, whose error says whether it fitted; @head gives all but the
 * arrays. Returns 0 or -ENOMEM (of the arrays).
 */
int window_builder_encode(struct window_builder *b, const struct wire_window *head,
			  struct bytes *out) warn_unused_result;

/* Hands over the objects with their references: an array of *@ret_n, owned, freed with free(). */
struct object **window_builder_take_objects(struct window_builder *b, size_t *ret_n);

/* Forgets everything, gives the references back that were not taken, and frees the memory. */
void window_builder_deinit(struct window_builder *b, struct objects *objects, uint64_t now_ns);
