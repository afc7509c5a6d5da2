#pragma once
/*
 * The blocks of a file as components: what each is called, which it refers to, and an order in
 * which every component comes after those that it needs.
 *
 * A component's id is its block's name and its label: `pyroscope.write.backend`. The owner of the
 * graph evaluates components in order and puts their exports here, where later ones find them.
 */
#include "config/evaluator.h"

#define CONFIG_COMPONENTS_MAX 1024u

enum config_component_state {
	CONFIG_COMPONENT_WAITING,
	CONFIG_COMPONENT_READY,  /* exports are there */
	CONFIG_COMPONENT_BROKEN, /* reported; what refers to it is not evaluated, silently */
};

struct config_component {
	const char *id;
	const struct config_block *block;
	enum config_component_state state;
	struct config_object arguments; /* as they were decoded; empty until then */
	struct config_object exports;
	const struct config_reference *references; /* to other components */
	bool is_ignored;                           /* its owner makes nothing of it */
	bool is_on_way;                            /* from one that is being placed */
	bool is_placed;                            /* in the order */
};

struct config_graph {
	struct config_component *components; /* sorted by id */
	size_t n_components;
	struct config_component **order; /* each after what it refers to; cycles are broken up */
};

/*
 * Makes the graph of @body in the arena of @diagnostics. Components with one id, too many of them
 * and cycles are reported; what is in a cycle is BROKEN.
 * Returns 0, a negative error of the arena, or CONFIG_REFUSED; the graph is usable unless negative.
 */
int config_graph_build(const struct config_body *body, struct config_diagnostics *diagnostics,
		       struct config_graph *ret_graph) warn_unused_result;

/* Whether an expression in @component names @other, or what it exports. */
bool config_component_refers_to(const struct config_component *component,
				const struct config_component *other);

/* For struct config_scope, with the graph as context: exports of components that are READY. */
struct config_scope config_graph_scope(const struct config_graph *graph);
