#pragma once
/* What components are worth, as JSON: for whoever looks at them. Secrets are "(secret)". */
#include <stdbool.h>
#include <stddef.h>

#include "config/graph.h"

struct json_t;

/* Whether it is a component: without a label it configures this program. */
bool component_is_one(const struct config_component *component);

/* Returns @text as a new reference, or NULL without memory. JSON is UTF-8: bytes that are not
 * become replacement characters. */
struct json_t *component_json_text(struct config_text text);

/*
 * Returns @object as a new reference, or NULL without memory.
 *   @n_left  how many values may be in it, strings and numbers and all; what is left of that after
 *            the call: at 0, it may be cut
 */
struct json_t *component_json(const struct config_object *object, size_t *n_left);
