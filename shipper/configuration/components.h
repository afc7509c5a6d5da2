#pragma once
/*
 * The components that a configuration may have, and what they make of their blocks.
 *
 * A component is a row of a table: its name, whether it has a label, and a function that reads its
 * block, reports what is wrong, and leaves its part in the struct configuration or its exports for
 * others to refer to.
 */
#include "config/decoder.h"
#include "config/graph.h"
#include "configuration/configuration.h"
#include "configuration/target_labels.h"

struct source_class;

/* One `pyroscope.write`: what its export `receiver` stands for. */
struct write_receiver {
	const struct config_component *component;
	const struct endpoint_configuration *endpoints; /* in the result's memory */
	size_t n_endpoints;
	bool is_used; /* a pyroscope.ebpf forwards to it: */
	size_t first; /* then its endpoints are the configuration's from this one on */
	struct write_receiver *next;
};

/* Of a capsule that holds a struct write_receiver; compared by address. */
extern const char receiver_kind[];

/* A configuration on its way from text to struct. */
struct component_loading {
	struct config_evaluator evaluator;
	struct config_diagnostics *diagnostics;
	struct config_arena *scratch; /* tree and values, until the loading ends */
	struct config_arena *memory;  /* of the result */
	struct configuration *configuration;
	const struct configuration_world *world;
	const struct config_graph *graph;
	size_t n_targets_bytes;                  /* of all blocks so far */
	uint32_t forwards_to[SETTINGS_JOBS_MAX]; /* of each job: the endpoints, as bits */
	struct write_receiver *receivers;
};

/*
 * Loads @component and sets its state. Wrong blocks are reported and BROKEN.
 * Returns 0, or a negative error of an arena.
 */
int component_load(struct component_loading *loading,
		   struct config_component *component) warn_unused_result;

/* One row's work: each returns 0, a negative error of an arena, or CONFIG_REFUSED. */
int component_load_ebpf(struct component_loading *loading,
			struct config_component *component) warn_unused_result;
int component_load_relabel(struct component_loading *loading,
			   struct config_component *component) warn_unused_result;
int component_load_write(struct component_loading *loading,
			 struct config_component *component) warn_unused_result;

/* One that runs: reads its block, and makes what it last published its export. */
int component_load_source(struct component_loading *loading, const struct source_class *class,
			  struct config_component *component) warn_unused_result;

/* Warns of what is wrong in the component's own page, and therefore in many files. */
void component_warn_of_slips(struct component_loading *loading, const struct config_body *body);

/* Of the arguments as they were decoded, with their defaults. */
uint64_t component_fingerprint(const struct config_object *arguments);

/*
 * Says that @component works, but not as it should: it is unhealthy while this result is in force.
 * Returns 0 or a negative error of an arena.
 */
int component_ail(struct component_loading *loading, const struct config_component *component,
		  const char *format, ...) __attribute__((format(printf, 3, 4))) warn_unused_result;

/* Before any pyroscope.ebpf, and behind the last component: returns 0 or an arena's error. */
int component_begin_ebpf(struct component_loading *loading) warn_unused_result;
int component_end_ebpf(struct component_loading *loading) warn_unused_result;

/* The `targets` of one pyroscope.ebpf: component_targets.c makes its rules. */
struct targets_source {
	const struct config_component *component;
	const struct config_value *list;
	struct config_span at;                      /* of the whole value */
	const struct config_expression *elements;   /* as they are written; NULL: not as a list */
	const struct config_object *default_target; /* NULL: none */
	const struct config_expression *default_expression; /* of it */
	struct config_span default_at;
	struct target_defaults defaults;
};

/* Makes the targets of @job; wrong ones are reported. 0, an arena's error, or CONFIG_REFUSED. */
int component_load_targets(struct component_loading *loading, const struct targets_source *source,
			   struct wire_job *job) warn_unused_result;

/* Copies @text to the result's memory. NULL: the arena says why. */
char *component_keep(struct component_loading *loading, struct config_text text);
