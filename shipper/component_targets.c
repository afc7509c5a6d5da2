/*
 * The targets of a pyroscope.ebpf. Of several that name one process or container that one stays
 * whose labels come first, in an order that has nothing to do with that of the list: what discovery
 * finds comes in any.
 */
#include <stdio.h>
#include <stdlib.h>

#include "components.h"

#define TARGETS_MAX       16384u            /* of all blocks */
#define TARGETS_BYTES_MAX ((size_t)6 << 20) /* the same; fits the SETTINGS message */

#define LABEL_SHOWN_MAX 256 /* bytes of a name in a message */
#define FAULT_BYTES     512u

/* The targets of one block on their way into the result. */
struct targets_loading {
	struct component_loading *loading;
	const struct target_defaults *defaults;
	struct wire_target_rule *rules;
	struct config_span *places; /* of each rule */
	size_t n_rules;
	bool is_literal; /* a wrong one is a fault of the file's, else of what published it */
};

/*
 * Says that a target is wrong. What is written in the file is an error; what was published is
 * passed over, for one container must not keep all others from being profiled.
 */
static int refuse(const struct targets_loading *targets, struct config_span at, const char *fault)
{
	struct config_diagnostics *diagnostics = targets->loading->diagnostics;

	if (targets->is_literal) {
		config_error(diagnostics, at, "%s", fault);
		return CONFIG_REFUSED;
	}
	config_warn(diagnostics, at, "%s; this target is passed over", fault);
	return 0;
}

static int refuse_labels(const struct targets_loading *targets, struct config_span at, int outcome,
			 const struct target_labels_error *error)
{
	const char *label = error->label.data;
	char fault[FAULT_BYTES];

	if (outcome == TARGET_LABELS_BAD_NAME)
		(void)snprintf(fault, sizeof(fault),
			       "the label name \"%.*s\" is wrong, expected letters, digits and _, "
			       "and no digit first",
			       LABEL_SHOWN_MAX, label);
	else if (outcome == TARGET_LABELS_BAD_VALUE)
		(void)snprintf(fault, sizeof(fault),
			       "the value of the label %.*s is not UTF-8, expected text",
			       LABEL_SHOWN_MAX, label);
	else if (error->label.n_bytes > 0)
		(void)snprintf(fault, sizeof(fault),
			       "the label %.*s is too long, expected at most %u bytes of name and "
			       "%u of value",
			       LABEL_SHOWN_MAX, label, LABEL_NAME_BYTES_MAX, LABEL_VALUE_BYTES_MAX);
	else
		(void)snprintf(fault, sizeof(fault),
			       "this target has too much of it, expected at most %u labels and a "
			       "container id of %u bytes",
			       TARGET_LABELS_MAX, TARGET_KEY_BYTES_MAX);
	return refuse(targets, at, fault);
}

static int add_target(struct targets_loading *targets, const struct config_object *labels,
		      bool is_default, struct config_span at)
{
	struct component_loading *loading = targets->loading;
	struct wire_target_rule *rule = &targets->rules[targets->n_rules];
	struct target_defaults defaults = *targets->defaults;
	struct target_labels_error error;
	int r;

	defaults.is_default = is_default;
	r = target_labels_make(labels, &defaults, loading->memory, rule, &error);
	if (r == TARGET_LABELS_UNIDENTIFIED) {
		config_warn(loading->diagnostics, at,
			    "no label says which process or container this target is, expected "
			    "__process_pid__ or __container_id__; it is passed over");
		return 0;
	}
	if (r != 0)
		return r < 0 ? r : refuse_labels(targets, at, r, &error);
	loading->n_targets_bytes += rule->labels.n_bytes + rule->key.n_bytes;
	if (loading->n_targets_bytes > TARGETS_BYTES_MAX) {
		config_error(loading->diagnostics, at,
			     "the labels of all targets have more than %zu bytes, expected less",
			     TARGETS_BYTES_MAX);
		return CONFIG_REFUSED;
	}
	targets->places[targets->n_rules++] = at;
	return 0;
}

static int add_element(struct targets_loading *targets, const struct config_value *element,
		       struct config_span at)
{
	struct config_object labels;
	struct config_text key;
	char fault[FAULT_BYTES];
	int r;

	if (element->type != CONFIG_OBJECT) {
		(void)snprintf(fault, sizeof(fault),
			       "found %s among the targets, expected maps of labels",
			       config_value_describe(element));
		return refuse(targets, at, fault);
	}
	r = config_object_to_texts(targets->loading->scratch, &element->object, &labels, &key);
	if (r <= 0)
		return r < 0 ? r : add_target(targets, &labels, false, at);
	(void)snprintf(fault, sizeof(fault),
		       "the value of the label %.*s is no string, expected one", LABEL_SHOWN_MAX,
		       key.data);
	return refuse(targets, at, fault);
}

/* Refers to a rule for sorting. */
struct ranked {
	const struct wire_target_rule *rule;
	size_t rank;
};

static int compare_keys(const struct wire_target_rule *a, const struct wire_target_rule *b)
{
	struct config_text x = {a->key.data, a->key.n_bytes};
	struct config_text y = {b->key.data, b->key.n_bytes};
	int order = (int)a->key_kind - (int)b->key_kind;

	return order ? order : config_text_compare(x, y);
}

/*
 * By what the targets are: encoded sets compare by how many labels they have, then label by label,
 * shorter texts first.
 */
static int compare_contents(const struct wire_target_rule *a, const struct wire_target_rule *b)
{
	struct config_text x = {a->labels.data, a->labels.n_bytes};
	struct config_text y = {b->labels.data, b->labels.n_bytes};
	int order = config_text_compare(x, y);

	order = order ? order : (int)a->demangle - (int)b->demangle;
	return order ? order : (int)a->collect_kernel - (int)b->collect_kernel;
}

static int by_key_then_contents(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	int order = compare_keys(a->rule, b->rule);

	order = order ? order : compare_contents(a->rule, b->rule);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static void warn_of_repeated(struct targets_loading *targets, const struct ranked *one,
			     const struct ranked *kept)
{
	if (compare_contents(one->rule, kept->rule) == 0)
		return; /* as for a container with several ports */
	config_warn(targets->loading->diagnostics, targets->places[one->rank],
		    "another target is the same %s %s and its labels come first, this one is "
		    "passed over",
		    one->rule->key_kind == TARGET_PID ? "process" : "container",
		    (const char *)one->rule->key.data);
}

/* Of targets with one key the first in the order of their contents stays. */
static int drop_repeated(struct targets_loading *targets)
{
	struct config_arena *arena = targets->loading->scratch;
	size_t n = targets->n_rules, n_kept = 0;
	struct ranked *ranked = config_arena_array(arena, n, sizeof(*ranked));
	bool *is_passed_over = config_arena_array(arena, n, sizeof(*is_passed_over));
	const struct ranked *kept = ranked;

	if (!ranked || !is_passed_over)
		return arena->error;
	for (size_t i = 0; i < n; i++)
		ranked[i] = (struct ranked){&targets->rules[i], i};
	if (n > 1)
		qsort(ranked, n, sizeof(*ranked), by_key_then_contents);
	for (size_t i = 1; i < n; i++) {
		if (compare_keys(ranked[i].rule, kept->rule) != 0) {
			kept = &ranked[i];
			continue;
		}
		is_passed_over[ranked[i].rank] = true;
		warn_of_repeated(targets, &ranked[i], kept);
	}
	for (size_t i = 0; i < n; i++)
		if (!is_passed_over[i])
			targets->rules[n_kept++] = targets->rules[i];
	targets->n_rules = n_kept;
	return 0;
}

static int add_list(struct targets_loading *targets, const struct targets_source *source)
{
	const struct config_expression *element = source->elements;
	const struct config_value *list = source->list;
	int r, refusal = 0;

	for (size_t i = 0; list->type == CONFIG_ARRAY && i < list->array.n_items; i++) {
		r = add_element(targets, &list->array.items[i],
				element ? element->span : source->at);
		element = element ? element->next : NULL;
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	r = drop_repeated(targets);
	return r ? r : refusal;
}

static int check_list(struct component_loading *loading, const struct targets_source *source)
{
	const struct config_value *list = source->list;
	size_t n = list->type == CONFIG_ARRAY ? list->array.n_items : 0;

	if (list->type != CONFIG_ARRAY && list->type != CONFIG_NULL) {
		config_error(loading->diagnostics, source->at,
			     "targets is %s, expected a list of maps of labels",
			     config_value_describe(list));
		return CONFIG_REFUSED;
	}
	if (loading->configuration->n_targets + n > TARGETS_MAX) {
		config_error(loading->diagnostics, source->at,
			     "found %zu targets, expected at most %u",
			     loading->configuration->n_targets + n, TARGETS_MAX);
		return CONFIG_REFUSED;
	}
	return 0;
}

int component_load_targets(struct component_loading *loading, const struct targets_source *source,
			   struct wire_job *job)
{
	struct targets_loading targets = {
		.loading = loading,
		.defaults = &source->defaults,
		.is_literal = source->elements != NULL,
	};
	size_t n = source->list->type == CONFIG_ARRAY ? source->list->array.n_items : 0;
	int r = check_list(loading, source), refusal;

	if (r != 0)
		return r;
	targets.rules = config_arena_array(loading->memory, n + 1, sizeof(*targets.rules));
	targets.places = config_arena_array(loading->scratch, n + 1, sizeof(*targets.places));
	if (!targets.rules || !targets.places)
		return loading->memory->error ? loading->memory->error : loading->scratch->error;
	refusal = add_list(&targets, source);
	targets.is_literal = true;
	if (refusal >= 0 && source->default_target)
		r = add_target(&targets, source->default_target, true, source->default_at);
	job->targets = targets.rules;
	job->n_targets = targets.n_rules;
	return refusal ? refusal : r;
}
