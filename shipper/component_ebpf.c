#include <stdlib.h>
#include <string.h>

#include "components.h"
#include "target_labels.h"

#define SAMPLE_RATE_HZ_MAX      10000u
#define COLLECT_INTERVAL_MS_MIN 50u
#define COLLECT_INTERVAL_MS_MAX (3600u * 1000u) /* what is older the server refuses */
#define CACHE_ENTRIES_MAX       (1u << 20)
#define MAP_ENTRIES_MAX         (1u << 22) /* as many as a 64-bit kernel has pids */
#define TARGETS_MAX             16384u
#define TARGETS_BYTES_MAX       ((size_t)6 << 20) /* fits the SETTINGS message */

struct ebpf_arguments {
	struct config_decoded decoded;
	struct config_value forward_to;
	struct config_value targets;
	struct config_object default_target;
	struct wire_settings settings;
	uint32_t demangle;
	bool python_enabled;
	bool go_table_fallback;
	uint32_t symbols_map_size;
	uint32_t cache_rounds;
};

#define AT(field) offsetof(struct ebpf_arguments, field)

static const char *const demangle_words[] = {
	[DEMANGLE_NONE] = "none",
	[DEMANGLE_SIMPLIFIED] = "simplified",
	[DEMANGLE_TEMPLATES] = "templates",
	[DEMANGLE_FULL] = "full",
	NULL,
};

static const struct config_argument rows[] = {
	{"forward_to", CONFIG_ARGUMENT_VALUE, CONFIG_REQUIRED, AT(forward_to), 0, 0, NULL},
	{"targets", CONFIG_ARGUMENT_VALUE, 0, AT(targets), 0, 0, NULL},
	{"default_target", CONFIG_ARGUMENT_MAP, 0, AT(default_target), 0, 0, NULL},
	{"build_id_cache_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.caches.build_id_entries), 1,
	 CACHE_ENTRIES_MAX, NULL},
	{"collect_interval", CONFIG_ARGUMENT_DURATION, 0, AT(settings.collect_interval_ms),
	 COLLECT_INTERVAL_MS_MIN, COLLECT_INTERVAL_MS_MAX, NULL},
	{"collect_kernel_profile", CONFIG_ARGUMENT_BOOL, 0, AT(settings.collect_kernel), 0, 0,
	 NULL},
	{"collect_user_profile", CONFIG_ARGUMENT_BOOL, 0, AT(settings.collect_user), 0, 0, NULL},
	{"container_id_cache_size", CONFIG_ARGUMENT_COUNT, CONFIG_INACTIVE,
	 AT(settings.container_id_cache_size), 1, CACHE_ENTRIES_MAX, NULL},
	{"demangle", CONFIG_ARGUMENT_WORD, 0, AT(demangle), 0, 0, demangle_words},
	{"pid_cache_size", CONFIG_ARGUMENT_COUNT, CONFIG_INACTIVE, AT(settings.caches.pid_entries),
	 1, CACHE_ENTRIES_MAX, NULL},
	{"pid_map_size", CONFIG_ARGUMENT_COUNT, CONFIG_INACTIVE, AT(settings.pid_map_size), 1,
	 MAP_ENTRIES_MAX, NULL},
	{"python_enabled", CONFIG_ARGUMENT_BOOL, CONFIG_INACTIVE, AT(python_enabled), 0, 0, NULL},
	{"same_file_cache_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.caches.same_file_entries), 1,
	 CACHE_ENTRIES_MAX, NULL},
	{"sample_rate", CONFIG_ARGUMENT_COUNT, 0, AT(settings.sample_rate_hz), 1,
	 SAMPLE_RATE_HZ_MAX, NULL},
	{"symbols_map_size", CONFIG_ARGUMENT_COUNT, CONFIG_INACTIVE, AT(symbols_map_size), 1,
	 MAP_ENTRIES_MAX, NULL},
	/* What Alloy's code takes, although its page does not say so. */
	{"cache_rounds", CONFIG_ARGUMENT_COUNT, CONFIG_INACTIVE, AT(cache_rounds), 1, 1000, NULL},
	{"go_table_fallback", CONFIG_ARGUMENT_BOOL, CONFIG_INACTIVE, AT(go_table_fallback), 0, 0,
	 NULL},
};

static const struct ebpf_arguments defaults = {
	.settings =
		{
			.sample_rate_hz = 97,
			.collect_interval_ms = 15000,
			.collect_user = true,
			.collect_kernel = true,
			.demangle = DEMANGLE_NONE,
			.pid_map_size = 2048,
			.container_id_cache_size = 1024,
			.caches = {.build_id_entries = 64,
				   .same_file_entries = 8,
				   .pid_entries = 32},
		},
	.demangle = DEMANGLE_NONE,
	.python_enabled = true,
	.symbols_map_size = 16384,
	.cache_rounds = 3,
};

static const struct config_schema schema = {
	.arguments = rows,
	.n_arguments = sizeof(rows) / sizeof(rows[0]),
	.defaults = &defaults,
	.n_bytes = sizeof(defaults),
};

/* The targets of one block on their way into the result. */
struct targets_loading {
	struct component_loading *loading;
	struct wire_target_rule *rules;
	struct config_span *places; /* of each rule */
	size_t n_rules;
	size_t n_bytes;
};

struct wire_settings component_default_settings(void)
{
	return defaults.settings;
}

static struct config_span place_of(const struct ebpf_arguments *arguments, const char *name)
{
	return config_place_of(&schema, &arguments->decoded, name);
}

static bool is_set(const struct ebpf_arguments *arguments, const char *name)
{
	for (size_t i = 0; i < schema.n_arguments; i++)
		if (strcmp(rows[i].name, name) == 0)
			return arguments->decoded.set[i] != NULL;
	return false;
}

/* The first element of the list in @name, or NULL when it is not written as a list. */
static const struct config_expression *first_element(const struct ebpf_arguments *arguments,
						     const char *name)
{
	for (size_t i = 0; i < schema.n_arguments; i++) {
		const struct config_attribute *set = arguments->decoded.set[i];

		if (set && strcmp(rows[i].name, name) == 0 && set->value->kind == CONFIG_LIST)
			return set->value->list.items;
	}
	return NULL;
}

static int refuse_labels(struct component_loading *loading, struct config_span at, int outcome,
			 const struct target_labels_error *error)
{
	if (outcome == TARGET_LABELS_BAD_NAME)
		config_error(
			loading->diagnostics, at,
			"the label name \"%s\" is wrong, expected letters, digits and _, and no "
			"digit first",
			error->label.data);
	else if (outcome == TARGET_LABELS_BAD_VALUE)
		config_error(loading->diagnostics, at,
			     "the value of the label %s is not UTF-8, expected text",
			     error->label.data);
	else if (error->label.n_bytes > 0)
		config_error(
			loading->diagnostics, at,
			"the label %s is too long, expected at most %u bytes of name and %u of "
			"value",
			error->label.data, LABEL_NAME_BYTES_MAX, LABEL_VALUE_BYTES_MAX);
	else
		config_error(loading->diagnostics, at,
			     "this target has too much of it, expected at most %u labels and a "
			     "container id of %u bytes",
			     LABELS_MAX, TARGET_KEY_BYTES_MAX);
	return CONFIG_REFUSED;
}

static int add_target(struct targets_loading *targets, const struct config_object *labels,
		      bool is_default, struct config_span at)
{
	struct component_loading *loading = targets->loading;
	struct target_labels_error error;
	struct wire_target_rule *rule = &targets->rules[targets->n_rules];
	int r = target_labels_make(labels, is_default, loading->memory, rule, &error);

	if (r == TARGET_LABELS_UNIDENTIFIED) {
		config_warn(loading->diagnostics, at,
			    "no label says which process or container this target is, expected "
			    "__process_pid__ or __container_id__; it is passed over");
		return 0;
	}
	if (r != 0)
		return r < 0 ? r : refuse_labels(loading, at, r, &error);
	targets->n_bytes += rule->labels.n_bytes + rule->key.n_bytes;
	if (targets->n_bytes > TARGETS_BYTES_MAX) {
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
	struct component_loading *loading = targets->loading;
	struct config_object labels;
	struct config_text key;
	int r;

	if (element->type != CONFIG_OBJECT) {
		config_error(loading->diagnostics, at,
			     "found %s among the targets, expected maps of labels",
			     config_value_describe(element));
		return CONFIG_REFUSED;
	}
	r = config_object_to_texts(loading->scratch, &element->object, &labels, &key);
	if (r > 0)
		config_error(loading->diagnostics, at,
			     "the value of the label %s is no string, expected one", key.data);
	return r != 0 ? r : add_target(targets, &labels, false, at);
}

/* Refers to a rule for sorting. */
struct ranked {
	const struct wire_target_rule *rule;
	size_t rank;
};

static int by_key_then_rank(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	struct config_text x = {a->rule->key.data, a->rule->key.n_bytes};
	struct config_text y = {b->rule->key.data, b->rule->key.n_bytes};
	int order = (int)a->rule->key_kind - (int)b->rule->key_kind;

	order = order ? order : config_text_compare(x, y);
	return order ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static bool same_key(const struct ranked *a, const struct ranked *b)
{
	return a->rule->key_kind == b->rule->key_kind &&
	       a->rule->key.n_bytes == b->rule->key.n_bytes &&
	       memcmp(a->rule->key.data, b->rule->key.data, a->rule->key.n_bytes) == 0;
}

/* Of targets with one key the last in list order stays, as in Alloy; here that is said. */
static int drop_repeated(struct targets_loading *targets)
{
	struct config_diagnostics *diagnostics = targets->loading->diagnostics;
	size_t n = targets->n_rules, n_kept = 0;
	struct ranked *ranked = config_arena_array(diagnostics->arena, n, sizeof(*ranked));
	bool *is_replaced = config_arena_array(diagnostics->arena, n, sizeof(*is_replaced));

	if (!ranked || !is_replaced)
		return diagnostics->arena->error;
	for (size_t i = 0; i < n; i++)
		ranked[i] = (struct ranked){&targets->rules[i], i};
	if (n > 1)
		qsort(ranked, n, sizeof(*ranked), by_key_then_rank);
	for (size_t i = 0; i + 1 < n; i++)
		if (same_key(&ranked[i], &ranked[i + 1])) {
			is_replaced[ranked[i].rank] = true;
			config_warn(diagnostics, targets->places[ranked[i].rank],
				    "a later target is the same %s %s and replaces this one",
				    ranked[i].rule->key_kind == TARGET_PID ? "process"
									   : "container",
				    (const char *)ranked[i].rule->key.data);
		}
	for (size_t i = 0; i < n; i++)
		if (!is_replaced[i])
			targets->rules[n_kept++] = targets->rules[i];
	targets->n_rules = n_kept;
	return 0;
}

static int load_targets(struct component_loading *loading, const struct ebpf_arguments *arguments)
{
	struct targets_loading targets = {.loading = loading};
	const struct config_value *list = &arguments->targets;
	size_t n = list->type == CONFIG_ARRAY ? list->array.n_items : 0;
	const struct config_expression *element = first_element(arguments, "targets");
	int r, refusal = 0;

	if (list->type != CONFIG_ARRAY && list->type != CONFIG_NULL) {
		config_error(loading->diagnostics, place_of(arguments, "targets"),
			     "targets is %s, expected a list of maps of labels",
			     config_value_describe(list));
		return CONFIG_REFUSED;
	}
	if (n > TARGETS_MAX) {
		config_error(loading->diagnostics, place_of(arguments, "targets"),
			     "found %zu targets, expected at most %u", n, TARGETS_MAX);
		return CONFIG_REFUSED;
	}
	targets.rules = config_arena_array(loading->memory, n + 1, sizeof(*targets.rules));
	targets.places = config_arena_array(loading->scratch, n + 1, sizeof(*targets.places));
	if (!targets.rules || !targets.places)
		return loading->memory->error ? loading->memory->error : loading->scratch->error;
	for (size_t i = 0; i < n; i++) {
		r = add_element(&targets, &list->array.items[i],
				element ? element->span : place_of(arguments, "targets"));
		element = element ? element->next : NULL;
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	r = drop_repeated(&targets);
	if (r == 0 && is_set(arguments, "default_target"))
		r = add_target(&targets, &arguments->default_target, true,
			       place_of(arguments, "default_target"));
	loading->configuration->targets = targets.rules;
	loading->configuration->n_targets = targets.n_rules;
	return r ? r : refusal;
}

static int append_endpoints(struct component_loading *loading, struct write_receiver *receiver,
			    struct config_span at)
{
	struct configuration *configuration = loading->configuration;
	size_t n = configuration->n_endpoints + receiver->n_endpoints;
	struct endpoint_configuration *all = config_arena_array(loading->memory, n, sizeof(*all));

	if (n > CONFIGURATION_ENDPOINTS_MAX) {
		config_error(loading->diagnostics, at,
			     "found more than %u endpoints in all, which is the most",
			     CONFIGURATION_ENDPOINTS_MAX);
		return CONFIG_REFUSED;
	}
	if (!all)
		return loading->memory->error;
	if (configuration->n_endpoints > 0)
		memcpy(all, configuration->endpoints, configuration->n_endpoints * sizeof(*all));
	if (receiver->n_endpoints > 0)
		memcpy(all + configuration->n_endpoints, receiver->endpoints,
		       receiver->n_endpoints * sizeof(*all));
	configuration->endpoints = all;
	configuration->n_endpoints = n;
	receiver->is_used = true;
	return 0;
}

static struct write_receiver *receiver_of(struct component_loading *loading,
					  const struct config_value *value)
{
	struct write_receiver *receiver = loading->receivers;

	if (value->type != CONFIG_CAPSULE || value->capsule.kind != receiver_kind)
		return NULL;
	while (receiver && receiver != value->capsule.data)
		receiver = receiver->next;
	return receiver;
}

/* Gathers the endpoints of all receivers, each once; null members are passed over. */
static int load_forward_to(struct component_loading *loading,
			   const struct ebpf_arguments *arguments)
{
	const struct config_value *list = &arguments->forward_to;
	const struct config_expression *element = first_element(arguments, "forward_to");
	struct config_span at;
	int r, refusal = 0;

	if (list->type != CONFIG_ARRAY) {
		config_error(loading->diagnostics, place_of(arguments, "forward_to"),
			     "forward_to is %s, expected a list: [pyroscope.write.LABEL.receiver]",
			     config_value_describe(list));
		return CONFIG_REFUSED;
	}
	for (size_t i = 0; i < list->array.n_items; i++) {
		const struct config_value *item = &list->array.items[i];
		struct write_receiver *receiver = receiver_of(loading, item);

		at = element ? element->span : place_of(arguments, "forward_to");
		element = element ? element->next : NULL;
		if (receiver && !receiver->is_used) {
			r = append_endpoints(loading, receiver, at);
			if (r != 0)
				return r;
		} else if (!receiver && item->type != CONFIG_NULL) {
			config_error(
				loading->diagnostics, at,
				"found %s in forward_to, expected pyroscope.write.LABEL.receiver",
				config_value_describe(item));
			refusal = CONFIG_REFUSED;
		}
	}
	if (refusal == 0 && loading->configuration->n_endpoints == 0)
		config_warn(loading->diagnostics, place_of(arguments, "forward_to"),
			    "no endpoint is forwarded to, nothing is sent");
	return refusal;
}

static int check_alone(struct component_loading *loading, const struct config_component *component)
{
	const struct config_block *first;

	if (!loading->ebpf) {
		loading->ebpf = component;
		return 0;
	}
	first = loading->ebpf->block;
	config_error(loading->diagnostics, component->block->name_span,
		     "found a second pyroscope.ebpf, expected one: another is in %s",
		     config_source_where(loading->diagnostics->source, first->name_span.start,
					 component->block->name_span.start)
			     .text);
	return CONFIG_REFUSED;
}

static int check_targets_given(struct component_loading *loading,
			       const struct config_component *component,
			       const struct ebpf_arguments *arguments)
{
	if (is_set(arguments, "targets") || is_set(arguments, "default_target"))
		return 0;
	config_error(loading->diagnostics, component->block->name_span,
		     "pyroscope.ebpf misses the argument targets, which is required unless "
		     "default_target is there");
	return CONFIG_REFUSED;
}

int component_load_ebpf(struct component_loading *loading, struct config_component *component)
{
	struct ebpf_arguments arguments;
	int alone = check_alone(loading, component), given, r, refusal;

	refusal = config_decode(&loading->evaluator, component->block, &schema, &arguments);
	if (refusal < 0)
		return refusal;
	given = check_targets_given(loading, component, &arguments);
	if (arguments.forward_to.type != CONFIG_NULL || refusal == 0) {
		r = load_forward_to(loading, &arguments);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	r = load_targets(loading, &arguments);
	if (r < 0)
		return r;
	if (!arguments.settings.collect_user && !arguments.settings.collect_kernel)
		config_warn(loading->diagnostics, place_of(&arguments, "collect_user_profile"),
			    "neither user nor kernel stacks are collected, profiles stay empty");
	loading->configuration->settings = arguments.settings;
	loading->configuration->settings.demangle = (enum demangle_mode)arguments.demangle;
	if (refusal != 0 || r != 0)
		return CONFIG_REFUSED;
	return alone ? alone : given;
}
