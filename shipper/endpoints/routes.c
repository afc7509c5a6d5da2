#include "endpoints/routes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "endpoints/endpoint_names.h"

#define ROUTE_DIGITS     16u /* of each endpoint, in hex; one blank between two */
#define ROUTE_BYTES      (CONFIGURATION_ENDPOINTS_MAX * (ROUTE_DIGITS + 1))
#define LABELS_BYTES_MAX (2u << 20)

uint64_t route_of(const char *key)
{
	return hash_bytes(0, key, strlen(key));
}

static int print_route(const struct configuration *configuration, uint32_t endpoints,
		       struct bytes *out)
{
	for (size_t i = 0; i < configuration->n_endpoints; i++) {
		cleanup_with(free_freep) char *key = NULL;

		if (!(endpoints & UINT32_C(1) << i))
			continue;
		key = endpoint_key_new(configuration, i);
		if (!key)
			return -ENOMEM;
		bytes_printf(out, "%s%016" PRIx64, out->n_bytes > 0 ? " " : "", route_of(key));
	}
	return out->error;
}

static int compare_names(const struct wire_label *label, const char *name)
{
	size_t n = strlen(name);
	size_t n_common = label->name.n_bytes < n ? label->name.n_bytes : n;
	int order = memcmp(label->name.data, name, n_common);

	return order ? order : (label->name.n_bytes > n) - (label->name.n_bytes < n);
}

/* Puts a label called @name where it belongs in the order of names. */
static int add_to(struct component_loading *loading, struct wire_target_rule *rule,
		  const char *name, struct wire_bytes value)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(LABELS_BYTES_MAX);
	const struct wire_label *labels;
	struct wire_label all[LABELS_MAX];
	size_t n, n_before = 0;

	if (wire_decode_labels(rule->labels.data, rule->labels.n_bytes, &arena, &labels, &n) != 0 ||
	    n >= LABELS_MAX)
		return -ENOMEM; /* it was made a moment ago */
	while (n_before < n && compare_names(&labels[n_before], name) < 0)
		n_before++;
	memcpy(all, labels, n_before * sizeof(*all));
	all[n_before] = (struct wire_label){{name, strlen(name)}, value};
	memcpy(all + n_before + 1, labels + n_before, (n - n_before) * sizeof(*all));
	wire_encode_labels(&out, all, n + 1);
	rule->labels.n_bytes = out.n_bytes;
	rule->labels.data =
		out.error ? NULL : config_arena_copy(loading->memory, out.data, out.n_bytes);
	if (rule->labels.data)
		return 0;
	return out.error ? out.error : loading->memory->error;
}

/* Adds the label to all targets of @job. */
static int add_to_all(struct component_loading *loading, const struct wire_job *job,
		      const char *name, struct wire_bytes value)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < job->n_targets; i++)
		/* made by component_load_targets(), in memory of our own */
		r = add_to(loading, (struct wire_target_rule *)&job->targets[i], name, value);
	return r;
}

static int add_route(struct component_loading *loading, size_t job)
{
	struct configuration *configuration = loading->configuration;
	uint32_t all = (uint32_t)((UINT64_C(1) << configuration->n_endpoints) - 1);
	cleanup_with(bytes_deinit) struct bytes text = BYTES_INIT(ROUTE_BYTES);
	int r;

	if (loading->forwards_to[job] == all)
		return 0;
	r = print_route(configuration, loading->forwards_to[job], &text);
	if (r < 0)
		return r;
	return add_to_all(loading, &configuration->jobs[job], ROUTE_LABEL,
			  (struct wire_bytes){text.data, text.n_bytes});
}

int routes_add(struct component_loading *loading)
{
	const struct configuration *configuration = loading->configuration;
	int r = 0;

	for (size_t i = 0; r == 0 && i < configuration->n_jobs; i++) {
		const struct wire_job *job = &configuration->jobs[i];
		char id[ROUTE_DIGITS + 1];

		(void)snprintf(id, sizeof(id), "%016" PRIx64, job->id);
		if (configuration->n_jobs > 1)
			r = add_to_all(loading, job, BLOCK_LABEL,
				       (struct wire_bytes){id, ROUTE_DIGITS});
		if (r == 0)
			r = add_route(loading, i);
	}
	return r;
}

/* Whether the list of routes in @value has @route. */
static bool has_route(struct wire_bytes value, uint64_t route)
{
	struct bytes text = BYTES_INIT(ROUTE_DIGITS + 1);
	bool found;

	bytes_printf(&text, "%016" PRIx64, route);
	found = text.error == 0 &&
		memmem(value.data, value.n_bytes, text.data, ROUTE_DIGITS) != NULL;
	bytes_deinit(&text);
	return found;
}

int route_includes(struct wire_bytes labels, uint64_t route)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	const struct wire_label *decoded;
	size_t n;
	int r;

	if (labels.n_bytes == 0 ||
	    !memmem(labels.data, labels.n_bytes, ROUTE_LABEL, strlen(ROUTE_LABEL)))
		return 1;
	r = wire_decode_labels(labels.data, labels.n_bytes, &arena, &decoded, &n);
	if (r != 0)
		return r < 0 ? r : 1;
	for (size_t i = 0; i < n; i++)
		if (compare_names(&decoded[i], ROUTE_LABEL) == 0)
			return has_route(decoded[i].value, route);
	return 1;
}
