#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "configuration/components.h"
#include "endpoints/routes.h"

#define SAMPLE_RATE_HZ_MAX      10000u
#define COLLECT_INTERVAL_MS_MIN 50u
#define COLLECT_INTERVAL_MS_MAX (3600u * 1000u) /* what is older the server refuses */
#define CACHE_ENTRIES_MAX       (1u << 20)
#define MAP_ENTRIES_MAX         (1u << 22) /* as many as a 64-bit kernel has pids */

static_assert(CONFIGURATION_ENDPOINTS_MAX <= 32, "endpoints are bits");

struct ebpf_arguments {
	struct config_decoded decoded;
	struct config_value forward_to;
	struct config_value targets;
	struct config_object default_target;
	struct wire_settings settings;
	struct wire_job job;
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
	{"collect_interval", CONFIG_ARGUMENT_DURATION, 0, AT(job.collect_interval_ms),
	 COLLECT_INTERVAL_MS_MIN, COLLECT_INTERVAL_MS_MAX, NULL},
	{"collect_kernel_profile", CONFIG_ARGUMENT_BOOL, 0, AT(job.collect_kernel), 0, 0, NULL},
	{"collect_user_profile", CONFIG_ARGUMENT_BOOL, 0, AT(job.collect_user), 0, 0, NULL},
	{"container_id_cache_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.container_id_cache_size),
	 1, CACHE_ENTRIES_MAX, NULL},
	{"demangle", CONFIG_ARGUMENT_WORD, 0, AT(demangle), 0, 0, demangle_words},
	{"pid_cache_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.caches.pid_entries), 1,
	 CACHE_ENTRIES_MAX, NULL},
	{"pid_map_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.pid_map_size), 1, MAP_ENTRIES_MAX,
	 NULL},
	{"python_enabled", CONFIG_ARGUMENT_BOOL, CONFIG_INACTIVE, AT(python_enabled), 0, 0, NULL},
	{"same_file_cache_size", CONFIG_ARGUMENT_COUNT, 0, AT(settings.caches.same_file_entries), 1,
	 CACHE_ENTRIES_MAX, NULL},
	{"sample_rate", CONFIG_ARGUMENT_COUNT, 0, AT(job.sample_rate_hz), 1, SAMPLE_RATE_HZ_MAX,
	 NULL},
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
			.pid_map_size = 2048,
			.container_id_cache_size = 1024,
			.caches = {.build_id_entries = 64,
				   .same_file_entries = 8,
				   .pid_entries = 32},
		},
	.job =
		{
			.sample_rate_hz = 97,
			.collect_interval_ms = 15000,
			.collect_user = true,
			.collect_kernel = true,
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

static struct config_span place_of(const struct ebpf_arguments *arguments, const char *name)
{
	return config_place_of(&schema, &arguments->decoded, name);
}

/* What @name is set to, or NULL when it is not set. */
static const struct config_expression *expression_of(const struct ebpf_arguments *arguments,
						     const char *name)
{
	for (size_t i = 0; i < schema.n_arguments; i++)
		if (strcmp(rows[i].name, name) == 0 && arguments->decoded.set[i])
			return arguments->decoded.set[i]->value;
	return NULL;
}

/* The first element of the list in @name, or NULL when it is not written as a list. */
static const struct config_expression *first_element(const struct ebpf_arguments *arguments,
						     const char *name)
{
	const struct config_expression *value = expression_of(arguments, name);

	return value && value->kind == CONFIG_LIST ? value->list.items : NULL;
}

static bool is_set(const struct ebpf_arguments *arguments, const char *name)
{
	return expression_of(arguments, name) != NULL;
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
	receiver->first = configuration->n_endpoints;
	receiver->is_used = true;
	configuration->endpoints = all;
	configuration->n_endpoints = n;
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

static uint32_t endpoints_of(const struct write_receiver *receiver)
{
	uint32_t all = 0;

	for (size_t i = 0; i < receiver->n_endpoints; i++)
		all |= UINT32_C(1) << (receiver->first + i);
	return all;
}

/*
 * Gathers the endpoints of all receivers, each once; null members are passed over.
 *   @ret_endpoints  this block's, as bits
 */
static int load_forward_to(struct component_loading *loading,
			   const struct ebpf_arguments *arguments, uint32_t *ret_endpoints)
{
	const struct config_value *list = &arguments->forward_to;
	const struct config_expression *element = first_element(arguments, "forward_to");
	struct config_span at;
	int r, refusal = 0;

	*ret_endpoints = 0;
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
		if (receiver)
			*ret_endpoints |= endpoints_of(receiver);
	}
	if (refusal == 0 && *ret_endpoints == 0)
		config_warn(loading->diagnostics, place_of(arguments, "forward_to"),
			    "no endpoint is forwarded to, nothing is sent");
	return refusal;
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

static int check_room(struct component_loading *loading, const struct config_component *component)
{
	if (loading->configuration->n_jobs < SETTINGS_JOBS_MAX)
		return 0;
	config_error(loading->diagnostics, component->block->name_span,
		     "found more than %u pyroscope.ebpf blocks, which is the most",
		     SETTINGS_JOBS_MAX);
	return CONFIG_REFUSED;
}

static uint32_t sum_of(uint32_t a, uint32_t b)
{
	return a + b < CACHE_ENTRIES_MAX ? a + b : CACHE_ENTRIES_MAX;
}

/* Blocks share the caches: as many entries as all of them ask for. And one map: the largest. */
static void share(struct wire_settings *all, const struct wire_settings *one)
{
	struct wire_cache_limits *caches = &all->caches;

	caches->build_id_entries = sum_of(caches->build_id_entries, one->caches.build_id_entries);
	caches->same_file_entries =
		sum_of(caches->same_file_entries, one->caches.same_file_entries);
	caches->pid_entries = sum_of(caches->pid_entries, one->caches.pid_entries);
	all->container_id_cache_size =
		sum_of(all->container_id_cache_size, one->container_id_cache_size);
	if (one->pid_map_size > all->pid_map_size)
		all->pid_map_size = one->pid_map_size;
}

static int add_job(struct component_loading *loading, const struct config_component *component,
		   const struct ebpf_arguments *arguments, uint32_t endpoints)
{
	struct configuration *configuration = loading->configuration;
	size_t at = configuration->n_jobs++;

	configuration->jobs[at] = arguments->job;
	configuration->job_ids[at] =
		config_arena_copy(loading->memory, component->id, strlen(component->id));
	configuration->n_targets += arguments->job.n_targets;
	loading->forwards_to[at] = endpoints;
	if (at == 0)
		configuration->settings = arguments->settings;
	else
		share(&configuration->settings, &arguments->settings);
	return configuration->job_ids[at] ? 0 : loading->memory->error;
}

static int load_targets(struct component_loading *loading, const struct config_component *component,
			struct ebpf_arguments *arguments)
{
	const struct targets_source source = {
		.component = component,
		.list = &arguments->targets,
		.at = place_of(arguments, "targets"),
		.elements = first_element(arguments, "targets"),
		.default_target =
			is_set(arguments, "default_target") ? &arguments->default_target : NULL,
		.default_expression = expression_of(arguments, "default_target"),
		.default_at = place_of(arguments, "default_target"),
		.defaults = {.demangle = (enum demangle_mode)arguments->demangle,
			     .collect_kernel = arguments->job.collect_kernel},
	};

	return component_load_targets(loading, &source, &arguments->job);
}

/* A target may want kernel stacks where its block does not. */
static bool wants_kernel(const struct wire_job *job)
{
	for (size_t i = 0; i < job->n_targets; i++)
		if (job->targets[i].collect_kernel)
			return true;
	return job->n_targets == 0 && job->collect_kernel;
}

int component_load_ebpf(struct component_loading *loading, struct config_component *component)
{
	struct ebpf_arguments arguments;
	int room = check_room(loading, component), given, r, refusal;
	uint32_t endpoints = 0;

	refusal = config_decode(&loading->evaluator, component->block, &schema, &arguments);
	if (refusal < 0)
		return refusal;
	given = check_targets_given(loading, component, &arguments);
	if (arguments.forward_to.type != CONFIG_NULL || refusal == 0) {
		r = load_forward_to(loading, &arguments, &endpoints);
		if (r < 0)
			return r;
		refusal = refusal ? refusal : r;
	}
	r = load_targets(loading, component, &arguments);
	if (r < 0)
		return r;
	if (!arguments.job.collect_user && !arguments.job.collect_kernel)
		config_warn(loading->diagnostics, place_of(&arguments, "collect_user_profile"),
			    "neither user nor kernel stacks are collected, profiles stay empty");
	if (refusal != 0 || r != 0 || room != 0 || given != 0)
		return CONFIG_REFUSED;
	arguments.job.id = hash_bytes(0, component->id, strlen(component->id));
	arguments.job.collect_kernel = wants_kernel(&arguments.job);
	return add_job(loading, component, &arguments, endpoints);
}

int component_begin_ebpf(struct component_loading *loading)
{
	struct configuration *configuration = loading->configuration;

	configuration->settings = defaults.settings;
	configuration->jobs = config_arena_array(loading->memory, SETTINGS_JOBS_MAX,
						 sizeof(*configuration->jobs));
	configuration->job_ids = config_arena_array(loading->memory, SETTINGS_JOBS_MAX,
						    sizeof(*configuration->job_ids));
	return loading->memory->error;
}

int component_end_ebpf(struct component_loading *loading)
{
	struct configuration *configuration = loading->configuration;

	if (configuration->n_jobs == 0)
		configuration->jobs[configuration->n_jobs++] = defaults.job;
	return routes_add(loading);
}
