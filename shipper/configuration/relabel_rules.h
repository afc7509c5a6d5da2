#pragma once
/*
 * The `rule` blocks of a discovery.relabel: what is in them, what each action requires and refuses,
 * and what becomes of them.
 */
#include "configuration/components.h"
#include "discovery/relabel.h"

struct rule_arguments {
	struct config_decoded decoded;
	struct config_value source_labels;
	struct config_text separator;
	struct config_text regex;
	struct config_value modulus;
	struct config_text target_label;
	struct config_text replacement;
	uint32_t action; /* enum relabel_action */
};

/* The rules of one block, from its arguments to what came of them. */
struct relabel_rules {
	struct component_loading *loading;
	struct regex_engine *engine;
	const struct rule_arguments *arguments;
	struct relabel_rule *rules; /* one for each of the arguments, zeroed */
	size_t n_rules;
	const struct config_component *component;
	struct config_span at; /* of the target that they are applied to */
	size_t n_too_many;     /* targets with too many labels */
};

extern const struct config_schema relabel_rule_schema;

/*
 * Reads all of them, whatever is wrong. Returns 0, a negative error of an arena or of the engine,
 * or CONFIG_REFUSED.
 */
int relabel_rules_load(struct relabel_rules *rules) warn_unused_result;

/* Makes an object of one, for the component's export. Returns 0 or a negative error of @arena. */
int relabel_rule_export(struct config_arena *arena, const struct rule_arguments *arguments,
			const struct relabel_rule *rule,
			struct config_value *ret_value) warn_unused_result;
