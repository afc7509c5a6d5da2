#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "configuration/component_json.h"
#include "configuration/components.h"

#define MESSAGES_BYTES_MAX (1u << 20)
#define EXIT_WRONG         1

static void print_components(void *context, const struct config_graph *graph)
{
	json_t **ret_json = context;
	json_t *json = json_object();
	size_t n_left = SIZE_MAX;

	for (size_t i = 0; json && i < graph->n_components; i++) {
		const struct config_component *component = &graph->components[i];

		if (!component_is_one(component))
			continue;
		if (json_object_set_new(
			    json, component->id,
			    json_pack("{s:o, s:o}", "arguments",
				      component_json(&component->arguments, &n_left), "exports",
				      component_json(&component->exports, &n_left))) != 0) {
			json_decref(json);
			json = NULL;
		}
	}
	*ret_json = json;
}

static int print(json_t *json)
{
	int r = json ? json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) : -1;

	if (r == 0 && (putchar('\n') == EOF || fflush(stdout) != 0))
		r = -1;
	if (r != 0)
		(void)fprintf(stderr, "triptych-shipper: the result cannot be written\n");
	json_decref(json);
	return r == 0 ? 0 : EXIT_WRONG;
}

int check_run(const char *path, bool prints)
{
	struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);
	struct configuration *configuration = NULL;
	json_t *json = NULL;
	const struct configuration_world world = {
		.evaluated = prints ? print_components : NULL,
		.context = &json,
	};
	int r = configuration_load(path, &world, &configuration, &messages);

	if (messages.n_bytes > 0)
		(void)fwrite(messages.data, 1, messages.n_bytes, stderr);
	else if (r < 0)
		(void)fprintf(stderr, "triptych-shipper: %s: %s\n", path, strerror(-r));
	bytes_deinit(&messages);
	configuration_free(configuration);
	if (r != 0) {
		json_decref(json);
		return EXIT_WRONG;
	}
	return prints ? print(json) : 0;
}
