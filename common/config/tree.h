#pragma once
/*
 * The syntax tree of a configuration: what the parser builds and the evaluator walks.
 *
 * Chains of operators and of suffixes are lists in one node, so the tree is only as deep as the
 * brackets of the text are nested, and every recursion over it is bounded by CONFIG_NESTING_MAX.
 * Nodes live in the arena of the configuration; every pointer is borrowed from there.
 */
#include "config/lexer.h"
#include "config/value.h"

#define CONFIG_NESTING_MAX 64u /* blocks and brackets within one another */

enum config_expression_kind {
	CONFIG_LITERAL,
	CONFIG_NAME,
	CONFIG_SUFFIXED,
	CONFIG_SIGNED,
	CONFIG_CHAIN,
	CONFIG_LIST,
	CONFIG_MAP,
};

struct config_expression {
	enum config_expression_kind kind;
	struct config_span span;
	const struct config_expression *next; /* in the list or the arguments that it stands in */
	union {
		struct config_value literal;
		struct config_text name;
		struct {
			const struct config_expression *operand;
			const struct config_suffix *suffixes; /* in the order of the text */
		} suffixed;
		struct {
			const struct config_expression *operand;
			const struct config_operator *operators; /* the innermost first */
		} sign;
		struct { /* operators of one precedence: a + b - c */
			const struct config_expression *first;
			const struct config_term *terms;
			size_t n_terms;
		} chain;
		struct {
			const struct config_expression *items;
			size_t n_items;
		} list;
		struct {
			const struct config_entry *entries;
			size_t n_entries;
		} map;
	};
};

enum config_suffix_kind { CONFIG_MEMBER, CONFIG_INDEX, CONFIG_CALL };

struct config_suffix {
	enum config_suffix_kind kind;
	struct config_span span; /* of the member's name, else with the brackets */
	struct config_text name; /* of a member */
	const struct config_expression *arguments; /* of a call; an index has one */
	size_t n_arguments;
	const struct config_suffix *next;
};

struct config_operator {
	enum config_token_kind kind; /* CONFIG_TOKEN_NOT or CONFIG_TOKEN_SUB */
	struct config_span span;
	const struct config_operator *next;
};

struct config_term {
	enum config_token_kind kind;
	struct config_span span; /* of the operator */
	const struct config_expression *operand;
	const struct config_term *next;
};

struct config_entry {
	struct config_text key;
	struct config_span key_span;
	const struct config_expression *value;
	const struct config_entry *next;
};

struct config_attribute {
	struct config_text name;
	struct config_span name_span;
	const struct config_expression *value;
	const struct config_attribute *next;
};

struct config_body {
	const struct config_attribute *attributes; /* both in the order of the text */
	const struct config_block *blocks;
	bool is_damaged; /* a statement in it could not be read: it was reported */
};

struct config_block {
	struct config_text name; /* dotted: "pyroscope.write" */
	struct config_span name_span;
	struct config_text label; /* "" when it has none */
	struct config_span label_span;
	struct config_body body;
	const struct config_block *next;
};
