#include "pages/status_page.h"

#include <inttypes.h>
#include <string.h>

#include "pages/status_text.h"
#include "wire/counters.h"

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Triptych</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; --line: #8883; --soft: #8881; --note: #777;\n"
	"  --bad: #c22; --good: #283; --bar: #58a3; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"  :root { --note: #999; --bad: #f66; --good: #6b7; } }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto;\n"
	"  padding: 1rem; overflow-wrap: anywhere; }\n"
	"h1 { font-size: 1.5rem; margin: 0; }\n"
	"h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1rem 0 "
	".3rem; }\n"
	"h1 span, h3 span { font-weight: normal; font-size: .85em; }\n"
	"p { margin: .3rem 0; } nav { margin: .5rem 0; } a { color: inherit; }\n"
	"table { border-collapse: collapse; width: 100%; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;\n"
	"  border-top: 1px solid var(--line); unicode-bidi: isolate; }\n"
	"thead th { border: 0; font-weight: normal; font-size: .85rem; color: var(--note); }\n"
	"th:last-child, td:last-child { padding-right: 0; }\n"
	".n { font-variant-numeric: tabular-nums; } th.n, td.n { text-align: right; }\n"
	".n, td.good, td.bad { white-space: nowrap; }\n"
	"code { font-size: .85em; } .bad { color: var(--bad); } .good { color: var(--good); }\n"
	".note { color: var(--note); font-size: .85rem; }\n"
	"section { border-top: 1px solid var(--line); padding: .5rem 0; }\n"
	".key { margin-right: .5rem; font-weight: 600; }\n"
	".label { display: inline-block; background: var(--soft); border-radius: .3rem;\n"
	"  padding: 0 .4rem; margin: .1rem 0; font-size: .85rem; unicode-bidi: isolate; }\n"
	".label b { font-weight: normal; color: var(--note); }\n"
	".caps { font-size: .85rem; } .caps code { display: block; color: var(--note); }\n"
	"ol.top { list-style: none; margin: .3rem 0; padding: 0; font-size: .85rem; }\n"
	"ol.top li { padding: .1rem .3rem; margin: 1px 0; unicode-bidi: isolate;\n"
	"  background: linear-gradient(var(--bar), var(--bar)) no-repeat 0 0 / var(--share) 100%; "
	"}\n"
	"ol.top .n { display: inline-block; width: 3.2em; text-align: right; margin-right: .4em; "
	"}\n"
	"details { margin: .6rem 0; } summary { cursor: pointer; font-size: .9rem; }\n"
	"details ul { margin: .3rem 0; padding-left: 1.2rem; font-size: .85rem; }\n"
	".book b { font-variant-numeric: tabular-nums; white-space: nowrap; }\n"
	"@media (max-width: 44rem) {\n"
	"  thead { display: none; } table, tbody, tr { display: block; }\n"
	"  tr { border-top: 1px solid var(--line); padding: .4rem 0; }\n"
	"  td, td.n { display: flex; justify-content: space-between; gap: 1rem; border: 0;\n"
	"    padding: .1rem 0; text-align: right; white-space: normal; }\n"
	"  td:first-child { text-align: left; font-weight: 600; }\n"
	"  td:first-child::before { display: none; }\n"
	"  td.wide { display: block; text-align: left; } td.wide::before { display: none; }\n"
	"  td::before { content: attr(data-of); color: var(--note); font-size: .85rem;\n"
	"    white-space: nowrap; } }\n"
	"</style></head>\n<body>\n";

static void print_head(const struct status_sources *sources, struct bytes *out)
{
	bool is_ready = sources->metrics->is_ready;

	bytes_append(out, head, sizeof(head) - 1);
	bytes_printf(out,
		     "<h1>Triptych <span class=\"note\">%s</span></h1>\n"
		     "<p class=\"%s\">%s</p>\n",
		     TRIPTYCH_VERSION, is_ready ? "good" : "bad",
		     is_ready ? "Samples flow." : "Samples cannot flow yet.");
	if (sources->why->n_bytes > 0) {
		bytes_printf(out, "<p>");
		status_text(out, sources->why->data, sources->why->n_bytes);
		bytes_printf(out, "</p>\n");
	}
	bytes_printf(out,
		     "<nav><a href=\"#services\">services</a> · <a href=\"#books\">books</a> · "
		     "<a href=\"#targets\">targets</a> · <a href=\"/metrics\">metrics</a> · "
		     "<a href=\"/debug/information\">debug</a> · "
		     "<a href=\"/-/ready\">ready</a> · <a href=\"/-/healthy\">healthy</a>"
		     "</nav>\n");
}

static void print_components(const struct health *health, struct bytes *out)
{
	static const char *const heads[] = {"component", "health", "message", NULL};

	bytes_printf(out, "<h2 id=\"components\">Components</h2>\n");
	status_table(out, heads);
	for (size_t i = 0; i < health_count(health); i++) {
		struct health_entry entry = health_at(health, i);

		bytes_printf(out, "<tr>");
		status_cell(out, "component", "");
		status_string(out, entry.id);
		bytes_printf(out, "</td>");
		status_cell(out, "health", entry.is_healthy ? "good" : "bad");
		bytes_printf(out, "%s</td>", entry.is_healthy ? "healthy" : "unhealthy");
		status_cell(out, "message", "wide");
		status_string(out, entry.message);
		bytes_printf(out, "</td></tr>\n");
	}
	status_table_end(out);
}

/* The sum of a family of counters.def. */
static uint64_t sum(const struct counters *counters, const char *family)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n_counter_rows; i++)
		if (strcmp(counter_rows[i].family, family) == 0)
			total += counters->values[i];
	return total;
}

/* A number of a book, and what it counts. */
struct entry {
	const char *word;
	uint64_t value;
};

/* Appends "12 taken + 3 skipped", and returns the sum. */
static uint64_t print_side(struct bytes *out, const struct entry *entries, size_t n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		bytes_printf(out, "%s<b>", i > 0 ? " + " : "");
		status_number(out, entries[i].value);
		bytes_printf(out, "</b> %s", entries[i].word);
		total += entries[i].value;
	}
	return total;
}

/* Appends an equation: the first @n_left of the entries, and the others behind the sign. */
static void print_book(struct bytes *out, const char *where, const struct entry *entries, size_t n,
		       size_t n_left)
{
	uint64_t left, right;

	bytes_printf(out, "<tr>");
	status_cell(out, "at", "");
	status_string(out, where);
	bytes_printf(out, "</td>");
	status_cell(out, "equation", "book wide");
	left = print_side(out, entries, n_left);
	bytes_printf(out, " = ");
	right = print_side(out, entries + n_left, n - n_left);
	bytes_printf(out, "</td>");
	status_cell(out, "", left == right ? "good" : "bad");
	bytes_printf(out, "%s</td></tr>\n", left == right ? "balances" : "does not balance");
}

static void print_collector_books(const struct counters *c, struct bytes *out)
{
	const struct entry kernel[] = {
		{"ticks", sum(c, "triptych_ticks_total")},
		{"taken", sum(c, "triptych_samples_taken_total")},
		{"skipped", sum(c, "triptych_samples_skipped_total")},
		{"dropped", sum(c, "triptych_kernel_dropped_total")},
	};
	const struct entry collector[] = {
		{"taken", sum(c, "triptych_samples_taken_total")},
		{"copied", sum(c, "triptych_samples_copied_total")},
		{"spooled", sum(c, "triptych_samples_spooled_total")},
		{"dropped", sum(c, "triptych_samples_dropped_total")},
		{"held", sum(c, "triptych_samples_held")},
	};

	print_book(out, "kernel", kernel, 4, 1);
	print_book(out, "collector", collector, 5, 2);
}

static void print_books(const struct metrics_sources *metrics, struct bytes *out)
{
	static const char *const heads[] = {"at", "equation", "", NULL};

	bytes_printf(out, "<h2 id=\"books\">Books, in samples</h2>\n");
	status_table(out, heads);
	if (metrics->control->seen_ns != CONTROL_NEVER)
		print_collector_books(&metrics->control->counters, out);
	for (size_t i = 0; i < endpoints_count(metrics->endpoints); i++) {
		struct endpoint_books books = endpoints_books(metrics->endpoints, i);
		struct entry entries[] = {
			{"spooled", books.spooled.n_samples}, {"sent", books.sent.n_samples},
			{"passed", books.passed.n_samples},   {"dropped", 0},
			{"held", books.held.n_samples},
		};

		for (size_t reason = 0; reason < N_ENDPOINT_DROPS; reason++)
			entries[3].value += books.dropped[reason].n_samples;
		print_book(out, books.label, entries, 5, 1);
	}
	status_table_end(out);
}

static void print_endpoints(const struct endpoints *endpoints, struct bytes *out)
{
	static const char *const heads[] = {"endpoint", "#profiles sent", "#held", "last error",
					    NULL};

	bytes_printf(out, "<h2 id=\"endpoints\">Endpoints</h2>\n");
	status_table(out, heads);
	for (size_t i = 0; i < endpoints_count(endpoints); i++) {
		struct endpoint_books books = endpoints_books(endpoints, i);

		bytes_printf(out, "<tr>");
		status_cell(out, "endpoint", "");
		status_string(out, books.label);
		bytes_printf(out, "</td>");
		status_cell(out, "profiles sent", "n");
		status_number(out, books.sent.n_profiles);
		bytes_printf(out, "</td>");
		status_cell(out, "held", "n");
		status_number(out, books.held.n_profiles);
		bytes_printf(out, "</td>");
		status_cell(out, "last error", books.error[0] ? "wide" : "note");
		bytes_printf(out, books.error[0] ? "<span class=\"bad\">" : "<span>");
		status_string(out, books.error[0] ? books.error : "none");
		bytes_printf(out, "</span>");
		bytes_printf(out, "</td></tr>\n");
	}
	status_table_end(out);
}

void status_page_print(const struct status_sources *sources, struct bytes *out)
{
	print_head(sources, out);
	print_components(sources->health, out);
	status_services_print(sources, out);
	print_endpoints(sources->metrics->endpoints, out);
	print_books(sources->metrics, out);
	status_caches_print(sources, out);
	status_targets_print(sources, out);
	bytes_printf(out, "</body></html>\n");
}
