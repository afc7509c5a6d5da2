#pragma once
/*
 * The roots of processes that objects are of: an O_PATH fd each, one a mount namespace, in which
 * siblings of an object are looked for. A root is held for the images that opened it; when they are
 * gone for the hold time it is closed, and objects that had it have none. Whoever lends an object's
 * root_fd to a request duplicates it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "objects.h"

#define OBJECTS_ROOTS_MAX 256u

struct object_root;

/*
 * The root that was just opened: the one that is held of the same directory and @mount_id, which
 * tells mount namespaces apart, or a new one.
 *   @fd    consumed
 *   @path  of the root, borrowed for the call: other than "/" where a process was given a root
 *          without a mount namespace of its own
 * Returns it for one image more, to be given back with object_root_release(); NULL without memory
 * or when OBJECTS_ROOTS_MAX are in use.
 */
struct object_root *objects_adopt_root(struct objects *objects, int fd,
				       const struct file_identity *identity, uint64_t mount_id,
				       struct wire_bytes path);
void object_root_release(struct objects *objects, struct object_root *root, uint64_t now_ns);

/* Whether siblings of @object are looked for in a root, and none is held. */
static inline bool object_lacks_root(const struct object *object)
{
	return (object->kind == OBJECT_FILE || object->kind == OBJECT_CODE) && !object->is_ours &&
	       object->root_fd < 0;
}

/* Gives @object that root, if it lacks one. */
void object_set_root(struct object *object, struct object_root *root);

/* Counts up whenever objects lost their root: images that are still there may open their own. */
uint64_t objects_roots_lost(const struct objects *objects);
