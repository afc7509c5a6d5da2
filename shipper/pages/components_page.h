#pragma once
/*
 * /api/v0/web/components: the components in force as Alloy lists them, in JSON. Their arguments and
 * exports are evaluated anew for whoever asks, so that nothing is kept for it; secrets are not in
 * them.
 */
#include "base/bytes.h"
#include "configuration/current.h"
#include "health.h"

struct json_t;

/* Where what is shown comes from. All borrowed for the call. */
struct components_view {
	struct current *current;
	/* A new reference to what a component with this id says of itself, an object; or NULL. */
	struct json_t *(*debug_info)(const void *context, const char *id);
	const void *context;
};

/* Appends the list, without arguments and exports. Returns the HTTP status. */
unsigned components_page_list(const struct components_view *view, struct bytes *out);

/* Appends the component @id, or why not. Returns the HTTP status. */
unsigned components_page_one(const struct components_view *view, const char *id, struct bytes *out);
