#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "pages/components_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "configuration/component_json.h"

#define VALUES_MAX  65536u /* of one component: some ten MiB while they are written out */
#define VALUES_LESS 8u     /* a page that is too long is made again with so much less */
#define TIME_BYTES  48
#define SECOND_NS   UINT64_C(1000000000)
#define DUMP_FLAGS  (JSON_COMPACT | JSON_SORT_KEYS)

/* What a look at the components is for. */
struct listing {
	const struct components_view *view;
	const char *id; /* NULL: all of them */
	size_t n_left;  /* values that may be in arguments and exports */
	json_t *json;   /* owned; NULL: it is not there, or there is no memory */
	bool is_found;
};

/* As Go prints times. */
static json_t *json_of_time(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / SECOND_NS);
	char text[TIME_BYTES];
	struct tm tm;
	size_t n;

	if (!gmtime_r(&seconds, &tm))
		return NULL;
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + n, sizeof(text) - n, ".%09" PRIu64 "Z", wall_ns % SECOND_NS);
	return json_string(text);
}

static json_t *json_of_health(const struct health *health, const char *id)
{
	struct health_entry entry = {.is_healthy = true, .message = ""};
	bool is_known = false;

	for (size_t i = 0; i < health_count(health) && !is_known; i++) {
		struct health_entry found = health_at(health, i);

		is_known = strcmp(found.id, id) == 0;
		entry = is_known ? found : entry;
	}
	return json_pack(
		"{s:s, s:o, s:o}", "state",
		!is_known          ? "unknown"
		: entry.is_healthy ? "healthy"
				   : "unhealthy",
		"message",
		component_json_text((struct config_text){entry.message, strlen(entry.message)}),
		"updatedTime", json_of_time(entry.since_wall_ns));
}

/* Ids of those that @component refers to, or of those that refer to it. */
static json_t *json_of_references(const struct config_graph *graph,
				  const struct config_component *component, bool is_referred_to)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < graph->n_components; i++) {
		const struct config_component *other = &graph->components[i];
		bool refers = is_referred_to ? config_component_refers_to(other, component)
					     : config_component_refers_to(component, other);

		if (refers && component_is_one(other))
			(void)json_array_append_new(json, json_string(other->id));
	}
	return json;
}

static json_t *json_of_debug_info(const struct components_view *view, const char *id)
{
	json_t *json = view->debug_info ? view->debug_info(view->context, id) : NULL;

	return json ? json : json_object();
}

static json_t *json_of_component(struct listing *listing, const struct config_graph *graph,
				 const struct config_component *component)
{
	const struct components_view *view = listing->view;
	json_t *json;

	json = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", component->block->name.data,
			 "label", component->block->label.data, "localID", component->id,
			 "moduleID", "", "health",
			 json_of_health(current_health(view->current), component->id),
			 "referencesTo", json_of_references(graph, component, false),
			 "referencedBy", json_of_references(graph, component, true));
	if (!json || !listing->id)
		return json;
	if (json_object_set_new(json, "arguments",
				component_json(&component->arguments, &listing->n_left)) != 0 ||
	    json_object_set_new(json, "exports",
				component_json(&component->exports, &listing->n_left)) != 0 ||
	    json_object_set_new(json, "debugInfo", json_of_debug_info(view, component->id)) != 0 ||
	    json_object_set_new(json, "isTruncated", json_boolean(listing->n_left == 0)) != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static void list(void *context, const struct config_graph *graph)
{
	struct listing *listing = context;
	json_t *all = json_array();

	for (size_t i = 0; all && i < graph->n_components; i++) {
		const struct config_component *component = &graph->components[i];

		if (!component_is_one(component) ||
		    (listing->id && strcmp(component->id, listing->id) != 0))
			continue;
		listing->is_found = true;
		if (json_array_append_new(all, json_of_component(listing, graph, component)) != 0) {
			json_decref(all);
			all = NULL;
		}
	}
	listing->json = all;
}

static int append(const char *buffer, size_t size, void *data)
{
	struct bytes *out = data;

	bytes_append(out, buffer, size);
	return out->error ? -1 : 0;
}

static unsigned fail(struct bytes *out, unsigned status, const char *message)
{
	bytes_clear(out);
	bytes_printf(out, "{\"error\":\"%s\"}\n", message);
	return status;
}

/* Looks at the components and writes what is found. Returns an HTTP status, or 0: too long. */
static unsigned look(struct listing *listing, struct bytes *out)
{
	int r = current_look(listing->view->current, list, listing);
	const json_t *json = listing->json;
	unsigned status = 200;

	if (r == 0 && json && listing->id)
		json = json_array_get(json, 0);
	if (r == 0 && listing->id && listing->json && !listing->is_found) {
		status = fail(out, 404, "no such component");
	} else if (r < 0 || !json || json_dump_callback(json, append, out, DUMP_FLAGS) != 0) {
		status = out->error == -EMSGSIZE ? 0 : fail(out, 500, "no memory");
	} else {
		bytes_append(out, "\n", 1);
	}
	json_decref(listing->json);
	return status;
}

static unsigned print(const struct components_view *view, const char *id, struct bytes *out)
{
	size_t n_values = VALUES_MAX;
	unsigned status = 0;

	while (status == 0 && n_values > 0) {
		struct listing listing = {.view = view, .id = id, .n_left = n_values};

		bytes_clear(out);
		status = look(&listing, out);
		n_values /= VALUES_LESS;
	}
	return status ? status : fail(out, 500, "too long");
}

unsigned components_page_list(const struct components_view *view, struct bytes *out)
{
	return print(view, NULL, out);
}

unsigned components_page_one(const struct components_view *view, const char *id, struct bytes *out)
{
	return print(view, id, out);
}
