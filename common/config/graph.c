#include "config/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define ID_BYTES_MAX    256 /* longer ids cannot be referred to */
#define CYCLE_BYTES_MAX 512

struct config_reference {
	const struct config_reference *next;
	struct config_component *to;
	struct config_span span;
};

/* One component on the way through the graph. */
struct step {
	struct config_component *component;
	const struct config_reference *next;
};

struct builder {
	struct config_graph *graph;
	struct config_diagnostics *diagnostics;
	struct config_component *component; /* whose references are gathered */
};

static int by_id_and_place(const void *left, const void *right)
{
	const struct config_component *a = left, *b = right;
	int order = strcmp(a->id, b->id);

	if (order != 0)
		return order;
	return (a->block->name_span.start > b->block->name_span.start) -
	       (a->block->name_span.start < b->block->name_span.start);
}

static int find_id(const void *key, const void *component)
{
	return strcmp(key, ((const struct config_component *)component)->id);
}

static const char *id_of(struct config_arena *arena, const struct config_block *block)
{
	size_t n_name = block->name.n_bytes, n_label = block->label.n_bytes;
	char *id = config_arena_alloc(arena, n_name + n_label + 2);

	if (!id)
		return NULL;
	memcpy(id, block->name.data, n_name);
	if (n_label > 0) {
		id[n_name] = '.';
		memcpy(id + n_name + 1, block->label.data, n_label);
	}
	return id;
}

/* Finds the component that the first names of @path spell. */
static struct config_component *find_path(const struct config_graph *graph,
					  const struct config_path *path, size_t *ret_n_used)
{
	struct config_component *found;
	char id[ID_BYTES_MAX + 1];
	size_t n_bytes = 0;

	for (size_t i = 0; i < path->n_names; i++) {
		const struct config_text *name = &path->names[i];

		if (name->n_bytes + 1 > ID_BYTES_MAX - n_bytes)
			return NULL;
		if (i > 0)
			id[n_bytes++] = '.';
		memcpy(id + n_bytes, name->data, name->n_bytes);
		n_bytes += name->n_bytes;
		id[n_bytes] = '\0';
		found = bsearch(id, graph->components, graph->n_components,
				sizeof(*graph->components), find_id);
		if (found) {
			*ret_n_used = i + 1;
			return found;
		}
	}
	return NULL;
}

bool config_component_refers_to(const struct config_component *component,
				const struct config_component *other)
{
	for (const struct config_reference *i = component->references; i; i = i->next)
		if (i->to == other)
			return true;
	return false;
}

static void gather(struct builder *b, const struct config_expression *expression);

static void gather_list(struct builder *b, const struct config_expression *expression)
{
	for (; expression; expression = expression->next)
		gather(b, expression);
}

static void gather_path(struct builder *b, const struct config_expression *expression)
{
	struct config_path path = config_path_of(expression);
	struct config_reference *reference;
	struct config_component *to;
	size_t n_used;

	if (path.n_names == 0)
		return;
	to = find_path(b->graph, &path, &n_used);
	reference = to ? config_arena_alloc(b->diagnostics->arena, sizeof(*reference)) : NULL;
	if (!reference)
		return; /* an unknown name is reported when it is evaluated */
	*reference = (struct config_reference){b->component->references, to, path.span};
	b->component->references = reference;
}

static void gather(struct builder *b, const struct config_expression *expression)
{
	switch (expression->kind) {
	case CONFIG_LITERAL:
		break;
	case CONFIG_NAME:
		gather_path(b, expression);
		break;
	case CONFIG_SUFFIXED:
		if (expression->suffixed.operand->kind == CONFIG_NAME)
			gather_path(b, expression);
		else
			gather(b, expression->suffixed.operand);
		for (const struct config_suffix *i = expression->suffixed.suffixes; i; i = i->next)
			gather_list(b, i->arguments);
		break;
	case CONFIG_SIGNED:
		gather(b, expression->sign.operand);
		break;
	case CONFIG_CHAIN:
		gather(b, expression->chain.first);
		for (const struct config_term *i = expression->chain.terms; i; i = i->next)
			gather(b, i->operand);
		break;
	case CONFIG_LIST:
		gather_list(b, expression->list.items);
		break;
	case CONFIG_MAP:
		for (const struct config_entry *i = expression->map.entries; i; i = i->next)
			gather(b, i->value);
		break;
	}
}

static void gather_body(struct builder *b, const struct config_body *body)
{
	for (const struct config_attribute *i = body->attributes; i; i = i->next)
		gather(b, i->value);
	for (const struct config_block *i = body->blocks; i; i = i->next)
		gather_body(b, &i->body);
}

/* Sorts the components and reports those whose id another has; the first one of the text stays. */
static int sort(struct builder *b)
{
	struct config_component *components = b->graph->components;
	size_t n = 0;
	int r = 0;

	if (b->graph->n_components > 1)
		qsort(components, b->graph->n_components, sizeof(*components), by_id_and_place);
	for (size_t i = 0; i < b->graph->n_components; i++) {
		const struct config_block *block = components[i].block;

		if (n == 0 || strcmp(components[n - 1].id, components[i].id) != 0) {
			components[n++] = components[i];
			continue;
		}
		config_error(b->diagnostics, block->name_span,
			     "found a second %s, expected another label: the first is in %s",
			     components[i].id,
			     config_source_where(b->diagnostics->source,
						 components[n - 1].block->name_span.start,
						 block->name_span.start)
				     .text);
		r = CONFIG_REFUSED;
	}
	b->graph->n_components = n;
	return r;
}

static int make_components(struct builder *b, const struct config_body *body)
{
	struct config_arena *arena = b->diagnostics->arena;
	const struct config_block *block = body->blocks;
	size_t n = 0;

	for (; block; block = block->next, n++)
		if (n == CONFIG_COMPONENTS_MAX) {
			config_error(b->diagnostics, block->name_span,
				     "found more than %u blocks, the most that are read",
				     CONFIG_COMPONENTS_MAX);
			break;
		}
	b->graph->components = config_arena_array(arena, n, sizeof(*b->graph->components));
	b->graph->order = config_arena_array(arena, n, sizeof(struct config_component *));
	if (!b->graph->components || !b->graph->order)
		return arena->error;
	block = body->blocks;
	for (size_t i = 0; i < n; i++, block = block->next) {
		b->graph->components[i] =
			(struct config_component){.id = id_of(arena, block), .block = block};
		if (!b->graph->components[i].id)
			return arena->error;
	}
	b->graph->n_components = n;
	return sort(b) || block ? CONFIG_REFUSED : 0;
}

/* Reports the cycle from where @to stands among @steps up to the last, and back to it. */
static void refuse_cycle(struct builder *b, const struct step *steps, size_t n_steps,
			 const struct config_reference *closing)
{
	struct bytes way = BYTES_INIT(CYCLE_BYTES_MAX);
	size_t first = n_steps - 1;

	while (steps[first].component != closing->to)
		first--;
	for (size_t i = first; i < n_steps; i++) {
		steps[i].component->state = CONFIG_COMPONENT_BROKEN;
		bytes_printf(&way, "%s needs ", steps[i].component->id);
	}
	bytes_printf(&way, "%s", closing->to->id);
	if (first + 1 == n_steps)
		config_error(b->diagnostics, closing->span,
			     "%s refers to itself, expected a reference to another component",
			     closing->to->id);
	else
		config_error(b->diagnostics, closing->span,
			     "found a cycle of references, expected an end to it: %.*s%s",
			     (int)way.n_bytes, way.data ? (const char *)way.data : "",
			     way.error ? "..." : "");
	bytes_deinit(&way);
}

/* Places @start and all that it needs, depth first, with a way of our own instead of recursion. */
static void place(struct builder *b, struct step *way, struct config_component *start,
		  size_t *n_placed)
{
	size_t n_steps = 0;

	way[n_steps++] = (struct step){start, start->references};
	start->is_on_way = true;
	while (n_steps > 0) {
		struct step *step = &way[n_steps - 1];
		const struct config_reference *reference = step->next;

		if (!reference) {
			step->component->is_placed = true;
			step->component->is_on_way = false;
			b->graph->order[(*n_placed)++] = step->component;
			n_steps--;
			continue;
		}
		step->next = reference->next;
		if (reference->to->is_placed)
			continue;
		if (reference->to->is_on_way) {
			refuse_cycle(b, way, n_steps, reference);
			continue;
		}
		reference->to->is_on_way = true;
		way[n_steps++] = (struct step){reference->to, reference->to->references};
	}
}

int config_graph_build(const struct config_body *body, struct config_diagnostics *diagnostics,
		       struct config_graph *ret_graph)
{
	struct config_graph graph = {NULL, 0, NULL};
	struct builder b = {&graph, diagnostics, NULL};
	size_t n_errors, n_placed = 0;
	struct step *way;
	int r = make_components(&b, body);

	if (r < 0)
		return r;
	for (size_t i = 0; i < graph.n_components; i++) {
		b.component = &graph.components[i];
		gather_body(&b, &graph.components[i].block->body);
	}
	way = config_arena_array(diagnostics->arena, graph.n_components, sizeof(*way));
	if (!way || diagnostics->arena->error)
		return diagnostics->arena->error;
	n_errors = diagnostics->n_errors;
	for (size_t i = 0; i < graph.n_components; i++)
		if (!graph.components[i].is_placed)
			place(&b, way, &graph.components[i], &n_placed);
	*ret_graph = graph;
	return r != 0 || diagnostics->n_errors > n_errors ? CONFIG_REFUSED : 0;
}

static enum config_lookup find(const void *context, const struct config_path *path,
			       size_t *ret_n_used, struct config_value *ret_value)
{
	const struct config_component *component = find_path(context, path, ret_n_used);

	if (!component)
		return CONFIG_LOOKUP_UNKNOWN;
	if (component->state != CONFIG_COMPONENT_READY)
		return CONFIG_LOOKUP_BROKEN;
	*ret_value = (struct config_value){.type = CONFIG_OBJECT, .object = component->exports};
	return CONFIG_LOOKUP_FOUND;
}

static void suggest(const void *context, struct config_suggestion *suggestion)
{
	const struct config_graph *graph = context;

	for (size_t i = 0; i < graph->n_components; i++)
		config_suggestion_offer(suggestion, graph->components[i].id);
}

struct config_scope config_graph_scope(const struct config_graph *graph)
{
	return (struct config_scope){.find = find, .suggest = suggest, .context = graph};
}
