#include "configuration/relabel_rules.h"

#define RULES_MAX   256u
#define TARGETS_MAX 65536u

#define TOO_MANY "%zu targets have more than %u labels and are passed over, expected less"

struct relabel_arguments {
	struct config_decoded decoded;
	struct config_value targets;
	struct config_inner_blocks rules;
};

static const struct config_argument relabel_rows[] = {
	{.name = "targets",
	 .kind = CONFIG_ARGUMENT_VALUE,
	 .flags = CONFIG_REQUIRED,
	 .offset = offsetof(struct relabel_arguments, targets)},
};

static const struct config_inner relabel_inner[] = {
	{"rule", &relabel_rule_schema, offsetof(struct relabel_arguments, rules), RULES_MAX},
};

static const struct relabel_arguments relabel_defaults = {.targets = {.type = CONFIG_NULL}};

static const struct config_schema relabel_schema = {
	.arguments = relabel_rows,
	.n_arguments = sizeof(relabel_rows) / sizeof(relabel_rows[0]),
	.inner = relabel_inner,
	.n_inner = sizeof(relabel_inner) / sizeof(relabel_inner[0]),
	.defaults = &relabel_defaults,
	.n_bytes = sizeof(relabel_defaults),
};

/* Says what a rule could not do, and that the component is not well. */
static int report(struct relabel_rules *rules, size_t i, size_t n, const char *name,
		  const char *what)
{
	const struct rule_arguments *arguments = &rules->arguments[i];
	struct component_loading *loading = rules->loading;
	struct config_span at = config_place_of(&relabel_rule_schema, &arguments->decoded, name);
	uint32_t line = config_source_line(loading->diagnostics->source, at.start, NULL);

	if (n == 0)
		return 0;
	config_warn(loading->diagnostics, at, "%s (%zu times)", what, n);
	return component_ail(loading, rules->component, "line %u: %s (%zu times)", line, what, n);
}

static int report_losses(struct relabel_rules *rules)
{
	struct component_loading *loading = rules->loading;
	int r = 0;

	if (rules->n_too_many > 0) {
		config_warn(loading->diagnostics, rules->at, TOO_MANY, rules->n_too_many,
			    RELABEL_LABELS_MAX);
		r = component_ail(loading, rules->component, TOO_MANY, rules->n_too_many,
				  RELABEL_LABELS_MAX);
	}
	for (size_t i = 0; i < rules->n_rules && r == 0; i++) {
		const struct relabel_losses *losses = &rules->rules[i].losses;

		r = report(rules, i, losses->n_limited, "regex",
			   "the regex takes too many steps on a label, which counts as one that "
			   "it does not match; expected an expression with less backtracking");
		if (r == 0)
			r = report(rules, i, losses->n_too_long, "replacement",
				   "a label's name or value would have more than 64 KiB, or all "
				   "together 16 MiB, and is not "
				   "written, expected less");
		if (r == 0)
			r = report(
				rules, i, losses->n_too_many, "action",
				"a target would have more than 1024 labels, those beyond are not "
				"written, expected less");
	}
	return r;
}

/* The first element of the targets, or NULL when they are not written as a list. */
static const struct config_expression *first_element(const struct relabel_arguments *arguments)
{
	const struct config_attribute *set = arguments->decoded.set[0];

	return set && set->value->kind == CONFIG_LIST ? set->value->list.items : NULL;
}

/* Sets *@ret_is_kept, and @ret_target when it is. */
static int apply_to(struct relabel_rules *rules, struct relabel *relabel,
		    const struct config_value *target, struct config_value *ret_target,
		    bool *ret_is_kept)
{
	struct component_loading *loading = rules->loading;
	struct config_object labels;
	struct config_text key;
	int r;

	if (target->type != CONFIG_OBJECT) {
		config_error(loading->diagnostics, rules->at,
			     "found %s among the targets, expected maps of labels",
			     config_value_describe(target));
		return CONFIG_REFUSED;
	}
	r = config_object_to_texts(loading->scratch, &target->object, &labels, &key);
	if (r > 0)
		config_error(loading->diagnostics, rules->at,
			     "the value of the label %s is no string, expected one", key.data);
	if (r != 0)
		return r;
	r = relabel_apply(relabel, &labels, &labels);
	rules->n_too_many += r == RELABEL_TOO_MANY;
	*ret_is_kept = r == 0;
	if (r == 0)
		*ret_target = (struct config_value){.type = CONFIG_OBJECT, .object = labels};
	return r < 0 ? r : 0;
}

/* Makes the list of those that are kept. */
static int apply_to_all(struct relabel_rules *rules, struct relabel *relabel,
			const struct relabel_arguments *arguments, struct config_value *ret_output)
{
	const struct config_array *targets = &arguments->targets.array;
	struct config_arena *scratch = rules->loading->scratch;
	struct config_value *kept = config_arena_array(scratch, targets->n_items, sizeof(*kept));
	const struct config_expression *element = first_element(arguments);
	int r, refusal = 0;
	size_t n_kept = 0;
	bool is_kept;

	if (!kept)
		return scratch->error;
	for (size_t i = 0; i < targets->n_items; i++) {
		if (element)
			rules->at = element->span;
		element = element ? element->next : NULL;
		is_kept = false;
		r = apply_to(rules, relabel, &targets->items[i], &kept[n_kept], &is_kept);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
		n_kept += is_kept;
	}
	*ret_output = (struct config_value){.type = CONFIG_ARRAY, .array = {kept, n_kept}};
	return refusal;
}

static int check_targets(struct component_loading *loading,
			 const struct relabel_arguments *arguments, struct config_span at)
{
	const struct config_value *list = &arguments->targets;

	if (list->type != CONFIG_ARRAY && list->type != CONFIG_NULL) {
		config_error(loading->diagnostics, at,
			     "targets is %s, expected a list of maps of labels",
			     config_value_describe(list));
		return CONFIG_REFUSED;
	}
	if (list->type == CONFIG_ARRAY && list->array.n_items > TARGETS_MAX) {
		config_error(loading->diagnostics, at, "found %zu targets, expected at most %u",
			     list->array.n_items, TARGETS_MAX);
		return CONFIG_REFUSED;
	}
	return 0;
}

static int make_output(struct relabel_rules *rules, const struct relabel_arguments *arguments,
		       struct config_value *ret_output)
{
	struct component_loading *loading = rules->loading;
	struct relabel_arguments list = *arguments;
	struct relabel *relabel;
	int r;

	if (list.targets.type == CONFIG_NULL)
		list.targets = (struct config_value){.type = CONFIG_ARRAY};
	regex_engine_grant(rules->engine, list.targets.array.n_items * RELABEL_STEPS_A_TARGET);
	r = relabel_new(rules->engine, rules->rules, rules->n_rules, loading->scratch, &relabel);
	if (r < 0)
		return r;
	r = apply_to_all(rules, relabel, &list, ret_output);
	relabel_free(relabel);
	return r ? r : report_losses(rules);
}

static int export(struct relabel_rules *rules, struct config_component *component,
		  struct config_value output)
{
	struct config_arena *arena = rules->loading->scratch;
	struct config_field *fields = config_arena_array(arena, 2, sizeof(*fields));
	struct config_value *values = config_arena_array(arena, rules->n_rules, sizeof(*values));
	int r;

	if (!fields || !values)
		return arena->error;
	for (size_t i = 0; i < rules->n_rules; i++) {
		r = relabel_rule_export(arena, &rules->arguments[i], &rules->rules[i], &values[i]);
		if (r != 0)
			return r;
	}
	fields[0] = (struct config_field){CONFIG_TEXT("output"), output, 0};
	fields[1] = (struct config_field){
		CONFIG_TEXT("rules"), {.type = CONFIG_ARRAY, .array = {values, rules->n_rules}}, 0};
	component->exports = config_object_make(fields, 2);
	return 0;
}

int component_load_relabel(struct component_loading *loading, struct config_component *component)
{
	struct relabel_rules rules = {.loading = loading, .component = component};
	struct relabel_arguments arguments;
	struct config_value output;
	int decoded, targets, r;

	decoded = config_decode(&loading->evaluator, component->block, &relabel_schema, &arguments);
	if (decoded < 0)
		return decoded;
	rules.arguments = arguments.rules.items;
	rules.n_rules = arguments.rules.n_items;
	rules.rules = config_arena_array(loading->scratch, rules.n_rules, sizeof(*rules.rules));
	rules.at = config_place_of(&relabel_schema, &arguments.decoded, "targets");
	if (!rules.rules)
		return loading->scratch->error;
	r = regex_engine_new(RELABEL_STEPS_MAX, &rules.engine);
	if (r < 0)
		return r;
	targets = check_targets(loading, &arguments, rules.at);
	r = relabel_rules_load(&rules);
	if (r == 0)
		r = decoded ? decoded : targets;
	if (r == 0)
		r = make_output(&rules, &arguments, &output);
	if (r == 0)
		r = export(&rules, component, output);
	regex_engine_free(rules.engine);
	return r;
}
