#pragma once
/*
 * Expressions to values.
 *
 * A name is first looked for among what the owner of the configuration knows (components and their
 * exports), then in the standard library. Evaluation has no effect but on the arena: it can be done
 * again.
 */
#include "config/diagnostics.h"
#include "config/suggestion.h"
#include "config/tree.h"
#include "config/value.h"

#define CONFIG_PATH_NAMES_MAX 16u

/* `a.b.c` at the start of an expression. */
struct config_path {
	struct config_text names[CONFIG_PATH_NAMES_MAX];
	size_t n_names;
	struct config_span span; /* of the first name */
};

enum config_lookup { CONFIG_LOOKUP_FOUND, CONFIG_LOOKUP_UNKNOWN, CONFIG_LOOKUP_BROKEN };

struct config_scope {
	/*
	 * Finds what the first names of @path stand for and how many of them that takes.
	 * CONFIG_LOOKUP_BROKEN: it exists, but what is wrong with it has been reported already.
	 */
	enum config_lookup (*find)(const void *context, const struct config_path *path,
				   size_t *ret_n_used, struct config_value *ret_value);
	/* Offers names that could have been meant. */
	void (*suggest)(const void *context, struct config_suggestion *suggestion);
	const void *context;
};

struct config_evaluator {
	struct config_diagnostics *diagnostics; /* borrowed; its arena holds the values */
	struct config_scope scope;              /* zeroed: only the standard library is known */
	bool is_partial; /* some of the text could not be read: unknown names are not reported */
	/* When this block is decoded, the values of its arguments go there. NULL: none. */
	const struct config_block *recorded_block;
	struct config_object *ret_recorded;
};

/* Returns 0, a negative error of the arena, or CONFIG_REFUSED when it was reported. */
int config_evaluate(const struct config_evaluator *evaluator,
		    const struct config_expression *expression,
		    struct config_value *ret_value) warn_unused_result;

/* The names at the start of @expression; none when it starts with something else. */
struct config_path config_path_of(const struct config_expression *expression);
