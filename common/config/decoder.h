#pragma once
/*
 * A block's arguments into a struct, by a table: which there are, of which type, within which
 * bounds, with which defaults. Everything that a table can say is checked and reported here.
 *
 * A struct of arguments begins with a struct config_decoded, which keeps where each was set.
 */
#include "config/evaluator.h"

#define CONFIG_SCHEMA_ARGUMENTS_MAX 24u

enum config_argument_kind {
	CONFIG_ARGUMENT_BOOL,     /* bool */
	CONFIG_ARGUMENT_COUNT,    /* uint32_t */
	CONFIG_ARGUMENT_DURATION, /* uint32_t, ms; what is less than one is cut */
	CONFIG_ARGUMENT_TEXT,     /* struct config_text, without NUL and of valid UTF-8 */
	CONFIG_ARGUMENT_WORD,     /* uint32_t, index into words */
	CONFIG_ARGUMENT_SECRET,   /* struct config_text, of a string or a secret; never printed */
	CONFIG_ARGUMENT_MAP,      /* struct config_object whose values are all strings */
	CONFIG_ARGUMENT_SECRET_LISTS, /* struct config_object: arrays of secrets, never printed */
	CONFIG_ARGUMENT_VALUE,        /* struct config_value: the component looks into it itself */
};

#define CONFIG_REQUIRED 0x1u
#define CONFIG_INACTIVE 0x2u /* accepted, checked, and without effect: a warning says so */

struct config_argument {
	const char *name;
	enum config_argument_kind kind;
	uint32_t flags;
	size_t offset; /* in the struct of arguments, of the type that kind says */
	uint32_t min;  /* of a count or a duration, inclusive both */
	uint32_t max;
	const char *const *words; /* ended by NULL */
};

/* Blocks that a block has in it, each decoded by a schema of its own. */
struct config_inner {
	const char *name;
	const struct config_schema *schema;
	size_t offset; /* of a struct config_inner_blocks in the struct of arguments */
	size_t n_max;
};

struct config_inner_blocks {
	const void *items; /* structs of arguments, in the order of the text */
	size_t n_items;
};

struct config_schema {
	const struct config_argument *arguments;
	size_t n_arguments;
	const struct config_inner *inner;
	size_t n_inner;
	const void *defaults; /* a struct of arguments */
	size_t n_bytes;       /* of that struct */
};

struct config_decoded {
	const struct config_block *block;
	const struct config_attribute *set[CONFIG_SCHEMA_ARGUMENTS_MAX]; /* by index; NULL: not */
	bool is_refused; /* something in it, or in its inner blocks, was reported */
	/* All arguments by name, with their defaults, and null for what was refused; inner blocks
	 * as lists of such objects, or as one where at most one may be. In the evaluator's arena.
	 */
	struct config_object values;
};

/*
 * Fills @arguments with the defaults, then with what @block sets. All of it is looked at, whatever
 * is wrong. Returns 0, a negative error of the arena, or CONFIG_REFUSED.
 */
int config_decode(const struct config_evaluator *evaluator, const struct config_block *block,
		  const struct config_schema *schema, void *arguments) warn_unused_result;

/* The value of argument @name where it is set, else the block's name: where to report it. */
struct config_span config_place_of(const struct config_schema *schema,
				   const struct config_decoded *decoded, const char *name);

/* Evaluates all of a body for what there is to report about its expressions. */
int config_evaluate_body(const struct config_evaluator *evaluator,
			 const struct config_body *body) warn_unused_result;

/*
 * Turns the values of @object to strings, in a new object. @ret_key, set on CONFIG_REFUSED, is the
 * key of the first that is none. Returns like config_value_to_text().
 */
int config_object_to_texts(struct config_arena *arena, const struct config_object *object,
			   struct config_object *ret_object,
			   struct config_text *ret_key) warn_unused_result;

/* Text of a secret, or of what config_value_to_text() takes; returns like it. */
int config_value_to_secret(struct config_arena *arena, const struct config_value *value,
			   struct config_text *ret_text) warn_unused_result;

/* As config_object_to_texts(), for values that are lists of strings or secrets: then of secrets. */
int config_object_to_secret_lists(struct config_arena *arena, const struct config_object *object,
				  struct config_object *ret_object,
				  struct config_text *ret_key) warn_unused_result;
