#include "configuration/configuration.h"

#include <errno.h>
#include <stdlib.h>

#include "configuration/components.h"
#include "config/parser.h"
#include "configuration/configuration_text.h"

void source_configuration_deinit(struct source_configuration *source)
{
	struct config_arena *memory = take_ptr(source->memory);

	if (!memory)
		return;
	config_arena_deinit(memory); /* the rest of @source goes with it */
	free(memory);
}

/* Memory of a result: the arena that everything in it comes from, itself included. */
static struct configuration *configuration_new(void)
{
	struct configuration *configuration = calloc(1, sizeof(*configuration));
	struct config_arena *arena = calloc(1, sizeof(*arena));

	if (!configuration || !arena) {
		free(configuration);
		free(arena);
		return NULL;
	}
	arena->bytes_max = CONFIG_ARENA_BYTES_MAX;
	configuration->memory = arena;
	configuration->log_level = LOG_INFO;
	return configuration;
}

void configuration_free(struct configuration *configuration)
{
	if (!configuration)
		return;
	for (size_t i = 0; i < configuration->n_sources; i++)
		source_configuration_deinit(&configuration->sources[i]);
	config_arena_deinit(configuration->memory);
	free(configuration->memory);
	free(configuration);
}

static void configuration_freep(struct configuration **configuration)
{
	configuration_free(*configuration);
}

/* Makes room for as many sources and ids as there are components. */
static int make_room(struct component_loading *loading, const struct config_graph *graph)
{
	struct configuration *configuration = loading->configuration;

	configuration->sources = config_arena_array(loading->memory, graph->n_components,
						    sizeof(*configuration->sources));
	configuration->component_ids = config_arena_array(loading->memory, graph->n_components,
							  sizeof(*configuration->component_ids));
	return loading->memory->error;
}

/* Loads one, and says of one that was refused what is wrong with it. */
static int load_component(struct component_loading *loading, struct config_component *component)
{
	const struct configuration_world *world = loading->world;
	size_t n_errors = loading->diagnostics->n_errors;
	int r = component_load(loading, component);

	if (r == 0 && loading->diagnostics->n_errors > n_errors && world->refused)
		world->refused(world->context, component->id,
			       config_diagnostics_last(loading->diagnostics));
	return r;
}

/* Loads every component after those that it refers to, then looks at what is left over. */
static int load_components(struct component_loading *loading, const struct config_body *body)
{
	struct config_graph *graph = config_arena_alloc(loading->scratch, sizeof(*graph));
	int r = graph ? config_graph_build(body, loading->diagnostics, graph)
		      : loading->scratch->error;

	if (r < 0)
		return r;
	loading->graph = graph;
	for (const struct config_attribute *i = body->attributes; i; i = i->next)
		config_error(loading->diagnostics, i->name_span,
			     "found the argument %s outside of a block, expected blocks only",
			     i->name.data);
	component_warn_of_slips(loading, body);
	loading->evaluator.scope = config_graph_scope(graph);
	r = make_room(loading, graph);
	if (r == 0)
		r = component_begin_ebpf(loading);
	for (size_t i = 0; r == 0 && i < graph->n_components; i++)
		r = load_component(loading, graph->order[i]);
	if (r != 0)
		return r;
	for (const struct write_receiver *i = loading->receivers; i; i = i->next)
		if (!i->is_used && loading->diagnostics->n_errors == 0)
			config_warn(loading->diagnostics, i->component->block->name_span,
				    "nothing is forwarded to %s", i->component->id);
	if (loading->configuration->n_jobs == 0 && loading->diagnostics->n_errors == 0)
		config_warn(loading->diagnostics, (struct config_span){0, 0},
			    "there is no pyroscope.ebpf block, nothing is profiled");
	return component_end_ebpf(loading);
}

static int evaluate(const struct config_source *source, struct component_loading *loading,
		    struct bytes *messages)
{
	struct config_arena scratch = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_diagnostics diagnostics = {.arena = &scratch, .source = source};
	struct config_body body;
	int r;

	loading->evaluator.diagnostics = &diagnostics;
	loading->diagnostics = &diagnostics;
	loading->scratch = &scratch;
	r = config_parse(source, &diagnostics, &body);
	loading->evaluator.is_partial = r >= 0 && body.is_damaged;
	if (r >= 0) /* what could be read may have faults of its own */
		r = load_components(loading, &body);
	if (r == 0 && loading->world->evaluated &&
	    (diagnostics.n_errors == 0 || loading->world->is_lenient))
		loading->world->evaluated(loading->world->context, loading->graph);
	config_diagnostics_write(&diagnostics, messages);
	if (r == -EMSGSIZE)
		bytes_printf(messages,
			     "%s:1:1: this needs more than %zu bytes of memory, expected less\n",
			     source->name, CONFIG_ARENA_BYTES_MAX);
	if (r == -EMSGSIZE || (r == 0 && diagnostics.n_errors > 0))
		r = CONFIGURATION_INVALID;
	config_arena_deinit(&scratch);
	return r;
}

int configuration_evaluate(const struct configuration_text *text,
			   const struct configuration_world *world,
			   struct configuration **ret_configuration, struct bytes *messages)
{
	cleanup_with(configuration_freep) struct configuration *configuration = configuration_new();
	struct config_source source = configuration_text_source(text);
	struct component_loading loading = {.world = world, .configuration = configuration};
	int r;

	if (!configuration)
		return -ENOMEM;
	loading.memory = configuration->memory;
	r = evaluate(&source, &loading, messages);
	if (r == 0)
		*ret_configuration = take_ptr(configuration);
	return r;
}

int configuration_load(const char *path, const struct configuration_world *world,
		       struct configuration **ret_configuration, struct bytes *messages)
{
	static const struct configuration_world nobody = {.published = NULL};
	cleanup_with(configuration_text_freep) struct configuration_text *text = NULL;
	int r = configuration_read(path, &text, messages);

	if (r != 0)
		return r;
	return configuration_evaluate(text, world ? world : &nobody, ret_configuration, messages);
}
