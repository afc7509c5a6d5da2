/* The processes of all three services as the kernel describes them, and the symbolizers' caches. */
#include <inttypes.h>
#include <stdio.h>

#include "sandbox/sandbox.h"
#include "pages/status_page.h"
#include "pages/status_text.h"

static const char *const process_heads[] = {"process", "#pid",     "#uid",        "CapPrm",
					    "CapEff",  "#Seccomp", "#NoNewPrivs", NULL};
static const char *const cache_heads[] = {"symbolizer", "#build ids", "#files", "#processes",
					  "#windows",   "heard",      NULL};

#define CAPS_NAMES_BYTES 512

/* Names for people, and the digits as the kernel prints them. */
static void print_caps(struct bytes *out, const char *head, uint64_t caps)
{
	char names[CAPS_NAMES_BYTES];

	sandbox_caps_describe(caps, names, sizeof(names));
	status_cell(out, head, caps ? "caps" : "caps good");
	bytes_printf(out, "<span>%s <code>%016" PRIx64 "</code></span></td>", caps ? names : "none",
		     caps);
}

static void print_process(struct bytes *out, const char *name, const struct process_status *status)
{
	static const char *const modes[] = {"0 (none)", "1 (strict)", "2 (filter)"};
	bool is_filtered = status->seccomp > 0 && status->seccomp <= 2;

	bytes_printf(out, "<tr>");
	status_cell(out, "process", "");
	bytes_printf(out, "<b>%s</b></td>", name);
	status_cell(out, "pid", "n");
	bytes_printf(out, "%" PRIu32 "</td>", status->pid);
	status_cell(out, "uid", status->uid == 0 ? "n bad" : "n");
	bytes_printf(out, "%" PRIu32 "</td>", status->uid);
	print_caps(out, "CapPrm", status->permitted_caps);
	print_caps(out, "CapEff", status->effective_caps);
	status_cell(out, "Seccomp", is_filtered ? "n good" : "n bad");
	bytes_printf(out, "%s</td>", modes[is_filtered ? status->seccomp : 0]);
	status_cell(out, "NoNewPrivs", status->no_new_privs ? "n good" : "n bad");
	bytes_printf(out, "%d</td></tr>\n", status->no_new_privs);
}

static void print_states(const struct status_sources *sources, struct bytes *out)
{
	const struct control_state *control = sources->metrics->control;

	if (control->seen_ns == CONTROL_NEVER) {
		bytes_printf(out, "<p class=\"bad\">The collector was not seen yet.</p>\n");
	} else {
		bytes_printf(out, "<p>Collector ");
		status_string(out, control->version);
		bytes_printf(out, " on %" PRIu32 " CPUs, heard ", control->n_cpus);
		status_age(out, sources->metrics->now_ns - control->seen_ns);
		bytes_printf(out, ". ");
	}
	bytes_printf(out, "Symbolizers: %zu connected.</p>\n",
		     workers_connected(sources->metrics->workers));
}

void status_services_print(const struct status_sources *sources, struct bytes *out)
{
	const struct wire_view *view = sources->debug->view;

	bytes_printf(out, "<h2 id=\"services\">Services</h2>\n");
	print_states(sources, out);
	status_table(out, process_heads);
	for (size_t i = 0; view && i < view->n_services; i++)
		print_process(out,
			      view->services[i].role == SERVICE_MAIN ? "collector"
								     : "collector: opener",
			      &view->services[i].status);
	for (size_t i = 0; i < reports_count(sources->debug->reports); i++) {
		uint64_t seen_ns;

		print_process(out, "symbolizer",
			      &reports_at(sources->debug->reports, i, &seen_ns)->status);
	}
	if (sources->own)
		print_process(out, "shipper", sources->own);
	status_table_end(out);
	bytes_printf(out, "<p class=\"note\">As <code>/proc/PID/status</code> has it, read by each "
			  "service when it last answered.</p>\n");
}

/* How full a cache is. */
static void print_cache(struct bytes *out, const char *head, const struct wire_table_cache *cache)
{
	status_cell(out, head, "n");
	status_number(out, cache->n);
	if (cache->n_max < UINT32_MAX) {
		bytes_printf(out, " of ");
		status_number(out, cache->n_max);
	}
	bytes_printf(out, "</td>");
}

static void print_table(struct bytes *out, const struct wire_report *report,
			const struct wire_table *table)
{
	bytes_printf(out, "<li>");
	status_text(out, table->name.data, table->name.n_bytes);
	bytes_printf(out, " <span class=\"note\">");
	status_number(out, table->n_symbols);
	bytes_printf(out, " symbols, window ");
	status_number(out, table->last_used_round);
	bytes_printf(out, " of ");
	status_number(out, report->round);
	bytes_printf(out, "%s</span></li>\n",
		     table->has_mini_debug_info ? ", with MiniDebugInfo" : "");
}

static void print_tables(struct bytes *out, const struct wire_report *report)
{
	size_t n = 0;

	if (report->round == 0) /* then there are none */
		return;
	bytes_printf(out,
		     "<details><summary>Tables of symbolizer %08" PRIx32
		     ", most recently used first</summary>\n<ul>\n",
		     (uint32_t)(report->worker >> 32));
	for (size_t kind = 0; kind < REPORT_CACHES; kind++)
		for (size_t i = 0; i < report->caches[kind].n_tables && n < STATUS_TABLES_MAX;
		     i++) {
			print_table(out, report, &report->caches[kind].tables[i]);
			n++;
		}
	bytes_printf(out, "</ul></details>\n");
}

void status_caches_print(const struct status_sources *sources, struct bytes *out)
{
	const struct reports *reports = sources->debug->reports;
	uint64_t seen_ns;

	bytes_printf(out, "<h2 id=\"caches\">Caches, in symbol tables</h2>\n");
	if (reports_count(reports) == 0) {
		bytes_printf(out, "<p class=\"note\">No symbolizer has reported yet.</p>\n");
		return;
	}
	status_table(out, cache_heads);
	for (size_t i = 0; i < reports_count(reports); i++) {
		const struct wire_report *report = reports_at(reports, i, &seen_ns);

		bytes_printf(out, "<tr>");
		status_cell(out, "symbolizer", "");
		bytes_printf(out, "<code>%08" PRIx32 "</code></td>",
			     (uint32_t)(report->worker >> 32));
		print_cache(out, "build ids", &report->caches[REPORT_BUILD_ID]);
		print_cache(out, "files", &report->caches[REPORT_SAME_FILE]);
		print_cache(out, "processes", &report->caches[REPORT_PID]);
		status_cell(out, "windows", "n");
		status_number(out, report->round);
		bytes_printf(out, "</td>");
		status_cell(out, "heard", "");
		status_age(out, sources->metrics->now_ns - seen_ns);
		bytes_printf(out, "</td></tr>\n");
	}
	status_table_end(out);
	for (size_t i = 0; i < reports_count(reports); i++)
		print_tables(out, reports_at(reports, i, &seen_ns));
}
