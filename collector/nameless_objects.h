#pragma once
/*
 * Objects that nothing can be read from, shared by name. Private to objects.c, which tells what
 * they are for. Bounded by OBJECTS_NAMELESS_MAX names; one lives as long as it has references.
 */
#include <stdbool.h>

#include "objects.h"

struct nameless_objects;

/* NULL without memory. Owned, freed with nameless_free(). */
struct nameless_objects *nameless_new(void);

/* The object of that name with one reference more; "[other]" when there is no room for it. */
struct object *nameless_get(struct nameless_objects *nameless, struct wire_bytes name);

/* Gives one reference back. */
void nameless_release(struct nameless_objects *nameless, struct object *object);

void nameless_free(struct nameless_objects *nameless); /* NULL is fine */

/*
 * Makes an object of any kind, with one reference and no fds, of zeroed memory. The name is copied,
 * cut at OBJECT_NAME_BYTES_MAX; object->name is the caller's to free. False without memory.
 */
bool object_init(struct object *object, enum object_kind kind, struct wire_bytes name);
