#pragma once
/*
 * The pods or nodes that there are, by key, and the targets that come of them. They come in the
 * order of their keys, whatever order the API has.
 */
#include "config/value.h"
#include "discovery/kubernetes_object.h"

#define KUBERNETES_OBJECTS_MAX   65536u
#define KUBERNETES_SET_BYTES_MAX ((size_t)48 << 20)
#define KUBERNETES_TARGETS_MAX   65536u

/* What several sets may have together: they come by turns, so that none needs a part for itself. */
#define KUBERNETES_BUDGET_BYTES_MAX ((size_t)96 << 20)

struct kubernetes_budget {
	size_t n_bytes; /* of the sets that it is of */
};

struct kubernetes_objects {
	struct kubernetes_budget *budget; /* borrowed; NULL: the set's own bound is enough */
	struct kubernetes_object **items; /* owned, as they are */
	size_t n;
	size_t capacity;
	size_t n_bytes;
	size_t n_left_out; /* of all of them */
};

/*
 * Puts @object (consumed, always) in the place of the one with its key, or beside the others.
 *   @ret_has_changed  set on 0 only: is anything different now?
 * Returns 0, -ENOMEM or KUBERNETES_TOO_BIG.
 */
int kubernetes_objects_put(struct kubernetes_objects *objects, struct kubernetes_object *object,
			   bool *ret_has_changed) warn_unused_result;

/* Takes out the one with @key. Returns whether there was one. */
bool kubernetes_objects_remove(struct kubernetes_objects *objects, const char *key);

/* Borrowed until the next change, or NULL. */
const struct kubernetes_object *kubernetes_objects_find(const struct kubernetes_objects *objects,
							const char *key);

bool kubernetes_objects_equal(const struct kubernetes_objects *a,
			      const struct kubernetes_objects *b);

/* Empties it; its budget stays. A zeroed one is empty, too. */
void kubernetes_objects_deinit(struct kubernetes_objects *objects);

/*
 * The targets of all pods of @n sets: a list of objects of strings.
 *   @nodes  whose labels targets have as well; NULL: none
 *   @arena  what the list lives in; its only memory
 * Returns 0, -ENOMEM, or KUBERNETES_TOO_BIG past the arena's bound or KUBERNETES_TARGETS_MAX.
 */
int kubernetes_targets_make(const struct kubernetes_objects *const *pods, size_t n,
			    const struct kubernetes_objects *nodes, struct config_arena *arena,
			    struct config_value *ret_list) warn_unused_result;
