#include <jansson.h>

#include "shipper_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/identity.h"
#include "pages/components_page.h"
#include "pages/debug_information.h"
#include "pages/metrics.h"
#include "pages/status_page.h"

#define HTML    "text/html; charset=utf-8"
#define TEXT    "text/plain; charset=utf-8"
#define JSON    "application/json"
#define METRICS "text/plain; version=0.0.4; charset=utf-8"

static bool fill_sources(struct shipper *shipper, struct metrics_sources *ret_sources,
			 struct profiles_counts *counts, struct bytes *why)
{
	uint64_t now_ns = clock_monotonic_ns();

	control_note_look(shipper->control, now_ns);
	*counts = profiles_counts(shipper->profiles);
	*ret_sources = (struct metrics_sources){
		.spool = shipper->spool,
		.endpoints = shipper->endpoints,
		.control = control_state(shipper->control),
		.workers = shipper->workers,
		.profiles = counts,
		.now_ns = now_ns,
	};
	ret_sources->is_ready = readiness_check(ret_sources, why);
	return ret_sources->is_ready;
}

static unsigned render_metrics(void *context, struct bytes *out)
{
	struct shipper *shipper = context;
	struct bytes why = BYTES_INIT(PAGE_BYTES_MAX);
	struct process_usage usage = process_stats_read(shipper->process);
	struct metrics_sources sources;
	struct profiles_counts counts;

	(void)fill_sources(shipper, &sources, &counts, &why);
	bytes_deinit(&why);
	sources.process = &usage;
	sources.reloads = &shipper->reloads;
	sources.losses = &shipper->losses;
	sources.tallies = shipper->tallies;
	sources.configuration = current_configuration(shipper->current);
	sources.health = current_health(shipper->current);
	sources.pages = shipper->pages;
	metrics_print(&sources, out);
	return 200;
}

static unsigned render_ready(void *context, struct bytes *out)
{
	struct metrics_sources sources;
	struct profiles_counts counts;

	if (!fill_sources(context, &sources, &counts, out))
		return 503;
	bytes_printf(out, "ready\n");
	return 200;
}

static unsigned render_healthy(void *context, struct bytes *out)
{
	return health_print(current_health(((struct shipper *)context)->current), out) ? 200 : 500;
}

static unsigned render_reload(void *context, struct bytes *out)
{
	struct bytes messages = BYTES_INIT(MESSAGES_BYTES_MAX);
	bool is_taken = shipper_reload(context, &messages);

	bytes_append(out, messages.data, messages.n_bytes);
	bytes_deinit(&messages);
	if (is_taken)
		bytes_printf(out, "config reloaded\n");
	return is_taken ? 200 : 400;
}

/* Ours is asked for while somebody looks, and is what the others last said. */
static struct debug_sources debug_sources(struct shipper *shipper)
{
	uint64_t now_ns = clock_monotonic_ns();

	collector_view_note_look(shipper->view, now_ns);
	return (struct debug_sources){
		.configuration = current_configuration(shipper->current),
		.view = collector_view_last(shipper->view, now_ns),
		.reports = shipper->reports,
		.now_ns = now_ns,
	};
}

/* Appends @json (consumed; NULL: no memory). Returns the HTTP status. */
static unsigned print_json(json_t *json, struct bytes *out)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		return 500;
	bytes_printf(out, "%s\n", text);
	free(text);
	return 200;
}

static unsigned render_debug(void *context, struct bytes *out)
{
	const struct debug_sources sources = debug_sources(context);

	return print_json(debug_information(&sources), out);
}

/* What one pyroscope.ebpf says of itself, by its name; NULL: there is none, or no memory. */
static json_t *debug_of(const void *context, const char *id)
{
	const struct debug_sources *sources = context;
	const struct configuration *configuration = sources->configuration;

	for (size_t i = 0; i < configuration->n_jobs; i++)
		if (configuration->job_ids[i] && strcmp(configuration->job_ids[i], id) == 0)
			return debug_information_of_job(sources, i);
	return NULL;
}

static unsigned render_debug_of(void *context, const char *below, struct bytes *out)
{
	const struct debug_sources sources = debug_sources(context);
	json_t *json = debug_of(&sources, below);

	if (json)
		return print_json(json, out);
	bytes_printf(out, "{\"error\":\"no such pyroscope.ebpf\"}\n");
	return 404;
}

static unsigned render_status(void *context, struct bytes *out)
{
	struct shipper *shipper = context;
	struct bytes why = BYTES_INIT(PAGE_BYTES_MAX);
	const struct debug_sources debug = debug_sources(shipper);
	struct metrics_sources metrics;
	struct profiles_counts counts;
	struct process_status own;
	const struct status_sources sources = {
		.metrics = &metrics,
		.debug = &debug,
		.health = current_health(shipper->current),
		.last = shipper->last,
		.own = process_status_read(shipper->status_fd, &own) == 0 ? &own : NULL,
		.why = &why,
		.now_wall_ns = clock_wall_ns(),
	};

	(void)fill_sources(shipper, &metrics, &counts, &why);
	status_page_print(&sources, out);
	bytes_deinit(&why);
	return 200;
}

static unsigned render_components(void *context, struct bytes *out)
{
	struct shipper *shipper = context;
	struct components_view view = {.current = shipper->current};

	return components_page_list(&view, out);
}

static unsigned render_component(void *context, const char *id, struct bytes *out)
{
	struct shipper *shipper = context;
	const struct debug_sources sources = debug_sources(shipper);
	struct components_view view = {
		.current = shipper->current,
		.debug_info = debug_of,
		.context = &sources,
	};

	return components_page_one(&view, id, out);
}

static const struct page page_table[] = {
	{.path = "/", .content_type = HTML, .render = render_status},
	{.path = "/metrics", .content_type = METRICS, .render = render_metrics},
	{.path = "/debug/information",
	 .content_type = JSON,
	 .render = render_debug,
	 .render_below = render_debug_of},
	{.path = "/-/ready", .content_type = TEXT, .render = render_ready},
	{.path = "/-/healthy", .content_type = TEXT, .render = render_healthy},
	{.path = "/-/reload", .content_type = TEXT, .render = render_reload, .acts = true},
	{.path = "/api/v0/web/components",
	 .content_type = JSON,
	 .render = render_components,
	 .render_below = render_component},
};

int shipper_open_pages(struct shipper *shipper)
{
	const char *address = shipper->options->http;
	int r;

	r = pages_open(address, page_table, sizeof(page_table) / sizeof(page_table[0]), shipper,
		       &shipper->pages);
	if (r == -EINVAL) {
		log_err("http-address-invalid", "address=%s, it is not ADDRESS:PORT", address);
		return EXIT_STATUS_USAGE;
	}
	if (r == -EADDRINUSE) {
		log_err("http-port-in-use",
			"address=%s, another process listens there: stop it or choose another "
			"--http",
			address);
		return EXIT_STATUS_UNAVAILABLE;
	}
	if (r < 0) {
		log_err("http-unusable", "address=%s error=\"%s\"", address, strerror(-r));
		return EXIT_STATUS_UNAVAILABLE;
	}
	return 0;
}
