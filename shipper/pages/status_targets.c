/* The targets, what each had last, and which processes are whose. */
#include <inttypes.h>

#include "pages/status_page.h"
#include "pages/status_text.h"

#define SECONDS_A_DAY      86400u
#define SECOND_NS          UINT64_C(1000000000)
#define CONTAINER_ID_SHOWN 12u

/* The functions that most samples of the last window were in, with their share of it. */
static void print_functions(const struct wire_last_named *named, struct bytes *out)
{
	if (named->n_samples == 0 || named->n_functions == 0)
		return;
	bytes_printf(out, "<ol class=\"top\">\n");
	for (size_t i = 0; i < named->n_functions; i++) {
		const struct wire_function_share *function = &named->functions[i];
		double share = 100.0 * (double)function->n_samples / (double)named->n_samples;

		bytes_printf(out, "<li style=\"--share: %.1f%%\"><span class=\"n\">%.0f %%</span> ",
			     share, share);
		status_text(out, function->name.data, function->name.n_bytes);
		bytes_printf(out, "</li>\n");
	}
	bytes_printf(out, "</ol>\n");
}

static void print_last(const struct status_sources *sources, uint64_t labels_hash,
		       struct bytes *out)
{
	const struct last_profile *last = last_profiles_find(sources->last, labels_hash);
	const struct wire_last_named *named =
		reports_find_named(sources->debug->reports, labels_hash);
	uint64_t second;

	if (!last) {
		bytes_printf(out, "<p class=\"note\">no profile since this shipper started</p>\n");
		return;
	}
	second = last->time_wall_ns / SECOND_NS % SECONDS_A_DAY;
	bytes_printf(out, "<p>last profile ");
	status_age(out, sources->now_wall_ns > last->stored_wall_ns
				? sources->now_wall_ns - last->stored_wall_ns
				: 0);
	bytes_printf(out, ": <b>");
	status_number(out, last->n_samples);
	bytes_printf(out, "</b> samples from %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " UTC on, ",
		     second / 3600, second / 60 % 60, second % 60);
	status_number(out, last->n_bytes);
	bytes_printf(out, " bytes</p>\n");
	if (named)
		print_functions(named, out);
}

static void print_target(const struct status_sources *sources, const struct wire_target_rule *rule,
			 struct bytes *out)
{
	static const char *const kinds[] = {
		[TARGET_PID] = "pid",
		[TARGET_CONTAINER] = "container",
		[TARGET_DEFAULT] = "all others",
	};
	size_t n = rule->key.n_bytes;

	if (rule->key_kind == TARGET_CONTAINER && n > CONTAINER_ID_SHOWN)
		n = CONTAINER_ID_SHOWN;
	bytes_printf(out, "<section><p><span class=\"key\">%s <code>", kinds[rule->key_kind]);
	status_text(out, rule->key.data, n);
	bytes_printf(out, "</code></span> ");
	status_labels(out, rule->labels);
	bytes_printf(out, "</p>\n");
	print_last(sources, wire_labels_hash(rule->labels), out);
	bytes_printf(out, "</section>\n");
}

static void print_job(const struct status_sources *sources, size_t job, size_t *n_printed,
		      struct bytes *out)
{
	const struct configuration *configuration = sources->debug->configuration;
	const struct wire_job *of = &configuration->jobs[job];

	if (configuration->job_ids[job]) {
		bytes_printf(out, "<h3>");
		status_string(out, configuration->job_ids[job]);
		bytes_printf(out,
			     " <span class=\"note\">%" PRIu32 " Hz, every %.3g s</span></h3>\n",
			     of->sample_rate_hz, of->collect_interval_ms / 1000.0);
	}
	for (size_t t = 0; t < of->n_targets && *n_printed < STATUS_TARGETS_MAX &&
			   out->n_bytes < STATUS_BYTES_FULL;
	     t++) {
		print_target(sources, &of->targets[t], out);
		(*n_printed)++;
	}
}

static void print_processes(const struct wire_view *view, struct bytes *out)
{
	size_t n =
		view->n_processes < STATUS_PROCESSES_MAX ? view->n_processes : STATUS_PROCESSES_MAX;

	bytes_printf(out, "<details><summary>");
	status_number(out, view->n_profiled);
	bytes_printf(out, " processes are profiled; those with the latest samples first"
			  "</summary>\n<ul>\n");
	for (size_t i = 0; i < n; i++) {
		const struct wire_profiled *process = &view->processes[i];

		bytes_printf(out, "<li><code>%" PRIu32 "</code> ", process->pid);
		status_text(out, process->comm.data, process->comm.n_bytes);
		bytes_printf(out, " <span class=\"note\">%" PRIu32 " mappings, round ",
			     process->n_mappings);
		status_number(out, process->last_used_round);
		bytes_printf(out, " of ");
		status_number(out, view->round);
		bytes_printf(out, "</span></li>\n");
	}
	bytes_printf(out, "</ul></details>\n");
}

void status_targets_print(const struct status_sources *sources, struct bytes *out)
{
	const struct configuration *configuration = sources->debug->configuration;
	size_t n_printed = 0;

	bytes_printf(out, "<h2 id=\"targets\">Targets: %zu</h2>\n", configuration->n_targets);
	for (size_t i = 0; i < configuration->n_jobs; i++)
		print_job(sources, i, &n_printed, out);
	if (n_printed < configuration->n_targets)
		bytes_printf(out, "<p>… and %zu more</p>\n", configuration->n_targets - n_printed);
	if (sources->debug->view)
		print_processes(sources->debug->view, out);
}
