/*
 * The targets of a pyroscope.ebpf. Of several that name one process or container that one stays
 * whose labels come first, in an order that has nothing to do with that of the list: what discovery
 * finds comes in any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "configuration/components.h"

#define TARGETS_MAX       16384u            /* of all blocks */
#define TARGETS_BYTES_MAX ((size_t)6 << 20) /* the same; fits the SETTINGS message */

#define LABEL_SHOWN_MAX 256 /* bytes of a name in a message */
#define FAULT_BYTES     512u

/* The targets of one block on their way into the result. */
struct targets_loading {
	struct component_loading *loading;
	const struct config_component *component;
	const struct target_defaults *defaults;
	struct wire_target_rule *rules;
	struct config_span *places; /* of each rule */
	size_t n_rules;
	bool is_written; /* a wrong one is a fault of the file's, else of what published it */
};

/* Whether what @expression is worth stands in the file, and is the same whatever is published. */
static bool is_constant(const struct config_expression *expression)
{
	switch (expression->kind) {
	case CONFIG_LITERAL:
		return true;
	case CONFIG_SIGNED:
		return is_constant(expression->sign.operand);
	case CONFIG_LIST:
		for (const struct config_expression *i = expression->list.items; i; i = i->next)
			if (!is_constant(i))
				return false;
		return true;
	case CONFIG_MAP:
		for (const struct config_entry *i = expression->map.entries; i; i = i->next)
			if (!is_constant(i->value))
				return false;
		return true;
	case CONFIG_CHAIN:
		for (const struct config_term *i = expression->chain.terms; i; i = i->next)
			if (!is_constant(i->operand))
				return false;
		return is_constant(expression->chain.first);
	case CONFIG_NAME:
	case CONFIG_SUFFIXED:
		break;
	}
	return false;
}

/* Notes @fault among what was left out. */
static int note_loss(const struct targets_loading *targets, const char *fault)
{
	struct component_loading *loading = targets->loading;
	struct configuration_losses *losses = &loading->configuration->losses;
	const char *id = targets->component->id;

	losses->hash = hash_bytes(losses->hash, fault, strlen(fault));
	if (losses->component_id)
		return 0;
	losses->first = config_arena_copy(loading->memory, fault, strlen(fault));
	losses->component_id = config_arena_copy(loading->memory, id, strlen(id));
	return loading->memory->error;
}

/*
 * Says that a target is wrong. What is written in the file is an error; what was published is
 * passed over, for one container must not keep all others from being profiled.
 */
static int refuse(const struct targets_loading *targets, struct config_span at, const char *fault)
{
	struct config_diagnostics *diagnostics = targets->loading->diagnostics;

	if (targets->is_written) {
		config_error(diagnostics, at, "%s", fault);
		return CONFIG_REFUSED;
	}
	config_warn(diagnostics, at, "%s; this target is passed over", fault);
	targets->loading->configuration->losses.n_targets++;
	return note_loss(targets, fault);
}

/* Of labels the same: what is published costs no more than the label. */
static int refuse_labels(const struct targets_loading *targets, struct config_span at,
			 const struct label_flaws *flaws)
{
	struct configuration_losses *losses = &targets->loading->configuration->losses;
	const char *label = flaws->first.data;
	char fault[FAULT_BYTES];

	if (flaws->first.n_bytes == 0 && flaws->n[LABEL_FLAW_NAME] == 0)
		return 0;
	if (flaws->first_flaw == LABEL_FLAW_NAME)
		(void)snprintf(fault, sizeof(fault),
			       "the label name \"%.*s\" is wrong, expected letters, digits and _, "
			       "and no digit first",
			       LABEL_SHOWN_MAX, label);
	else if (flaws->first_flaw == LABEL_FLAW_TEXT)
		(void)snprintf(fault, sizeof(fault),
			       "the value of the label %.*s is not UTF-8, expected text",
			       LABEL_SHOWN_MAX, label);
	else
		(void)snprintf(fault, sizeof(fault),
			       "the label %.*s is too long, expected at most %u bytes of name and "
			       "%u of value",
			       LABEL_SHOWN_MAX, label, LABEL_NAME_BYTES_MAX, LABEL_VALUE_BYTES_MAX);
	if (targets->is_written) {
		config_error(targets->loading->diagnostics, at, "%s", fault);
		return CONFIG_REFUSED;
	}
	for (size_t i = 0; i < N_LABEL_FLAWS; i++)
		losses->n_labels[i] += flaws->n[i];
	config_warn(targets->loading->diagnostics, at, "%s; the target goes without it", fault);
	return note_loss(targets, fault);
}

/* Nothing is left out: a server may have been told to take more. */
static int warn_of_crowd(const struct targets_loading *targets, struct config_span at, size_t n)
{
	char fault[FAULT_BYTES];

	if (n <= LABELS_USUAL_MAX)
		return 0;
	(void)snprintf(fault, sizeof(fault),
		       "this target has %zu labels, more than the %u that servers take unless they "
		       "were told otherwise",
		       n, LABELS_USUAL_MAX);
	config_warn(targets->loading->diagnostics, at, "%s", fault);
	targets->loading->configuration->losses.n_crowded++;
	return note_loss(targets, fault);
}

static int add_target(struct targets_loading *targets, const struct config_object *labels,
		      bool is_default, struct config_span at)
{
	struct component_loading *loading = targets->loading;
	struct wire_target_rule *rule = &targets->rules[targets->n_rules];
	struct target_defaults defaults = *targets->defaults;
	struct label_flaws flaws;
	char fault[FAULT_BYTES];
	size_t n_bytes;
	int r;

	defaults.is_default = is_default;
	r = target_labels_make(labels, &defaults, loading->memory, rule, &flaws);
	if (r == TARGET_LABELS_UNIDENTIFIED) {
		config_warn(loading->diagnostics, at,
			    "no label says which process or container this target is, expected "
			    "__process_pid__ or __container_id__; it is passed over");
		return 0;
	}
	if (r == TARGET_LABELS_TOO_MUCH) {
		(void)snprintf(fault, sizeof(fault),
			       "this target has too much of it, expected at most %u labels and a "
			       "container id of %u bytes",
			       TARGET_LABELS_MAX, TARGET_KEY_BYTES_MAX);
		return refuse(targets, at, fault);
	}
	if (r == 0)
		r = refuse_labels(targets, at, &flaws);
	if (r == 0)
		r = warn_of_crowd(targets, at, flaws.n_kept);
	if (r != 0)
		return r;
	n_bytes = rule->labels.n_bytes + rule->key.n_bytes;
	if (loading->n_targets_bytes + n_bytes > TARGETS_BYTES_MAX) {
		(void)snprintf(fault, sizeof(fault),
			       "the labels of all targets have more than %zu bytes, expected less",
			       TARGETS_BYTES_MAX);
		return refuse(targets, at, fault);
	}
	loading->n_targets_bytes += n_bytes;
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

/* As many of the list as there is room for. What is published beyond ails the block. */
static int count_room(struct targets_loading *targets, const struct targets_source *source,
		      size_t *ret_n)
{
	struct component_loading *loading = targets->loading;
	size_t n = source->list->array.n_items, n_before = loading->configuration->n_targets;
	size_t room = n_before < TARGETS_MAX ? TARGETS_MAX - n_before : 0;

	*ret_n = n < room ? n : room;
	if (n <= room)
		return 0;
	if (source->elements) {
		config_error(loading->diagnostics, source->at,
			     "found %zu targets, expected at most %u", n_before + n, TARGETS_MAX);
		return CONFIG_REFUSED;
	}
	config_warn(loading->diagnostics, source->at,
		    "found %zu targets, expected at most %u; those behind are passed over",
		    n_before + n, TARGETS_MAX);
	loading->configuration->losses.n_targets += n - room;
	return component_ail(loading, targets->component,
			     "there are %zu targets, %u is the most: %zu are passed over",
			     n_before + n, TARGETS_MAX, n - room);
}

static int add_list(struct targets_loading *targets, const struct targets_source *source)
{
	const struct config_expression *element = source->elements;
	const struct config_value *list = source->list;
	size_t n = 0;
	int r = 0, refusal = 0;

	if (list->type == CONFIG_ARRAY)
		r = count_room(targets, source, &n);
	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		targets->is_written = element && is_constant(element);
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
	if (source->list->type == CONFIG_ARRAY || source->list->type == CONFIG_NULL)
		return 0;
	config_error(loading->diagnostics, source->at,
		     "targets is %s, expected a list of maps of labels",
		     config_value_describe(source->list));
	return CONFIG_REFUSED;
}

int component_load_targets(struct component_loading *loading, const struct targets_source *source,
			   struct wire_job *job)
{
	struct targets_loading targets = {
		.loading = loading,
		.component = source->component,
		.defaults = &source->defaults,
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
	targets.is_written = source->default_expression && is_constant(source->default_expression);
	if (refusal >= 0 && source->default_target)
		r = add_target(&targets, source->default_target, true, source->default_at);
	job->targets = targets.rules;
	job->n_targets = targets.n_rules;
	return refusal ? refusal : r;
}
