#include "status_page.h"

#include <inttypes.h>
#include <string.h>

#include "wire/counters.h"

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Triptych</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; --line: #8884; --bad: #c22; --good: #283; }\n"
	"body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 0 auto;\n"
	"  padding: 1rem; }\n"
	"h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }\n"
	"table { border-collapse: collapse; width: 100%; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;\n"
	"  border-top: 1px solid var(--line); }\n"
	".w { overflow-wrap: anywhere; } .w:first-child { min-width: 10em; }\n"
	"td.good, td.bad { white-space: nowrap; }\n"
	"th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }\n"
	"code { font-size: .85em; } .bad { color: var(--bad); } .good { color: var(--good); }\n"
	"p { margin: .3rem 0; }\n"
	"</style></head>\n<body>\n";

/* Appends foreign bytes as text of the page. */
static void text(struct bytes *out, const void *bytes, size_t n_bytes)
{
	const char *data = bytes;

	for (size_t i = 0; i < n_bytes; i++) {
		switch (data[i]) {
		case '<':
			bytes_append(out, "&lt;", 4);
			break;
		case '&':
			bytes_append(out, "&amp;", 5);
			break;
		case '"':
			bytes_append(out, "&quot;", 6);
			break;
		default: /* control characters have no place in HTML */
			bytes_append(out, (unsigned char)data[i] < ' ' ? " " : &data[i], 1);
		}
	}
}

static void plain(struct bytes *out, const char *string)
{
	text(out, string, strlen(string));
}

static void print_head(bool is_ready, const struct bytes *why, struct bytes *out)
{
	bytes_append(out, head, sizeof(head) - 1);
	bytes_printf(out, "<h1>Triptych %s</h1>\n<p class=\"%s\">%s</p>\n", TRIPTYCH_VERSION,
		     is_ready ? "good" : "bad",
		     is_ready ? "Samples flow." : "Samples cannot flow yet.");
	if (why->n_bytes > 0) {
		bytes_printf(out, "<p>");
		text(out, why->data, why->n_bytes);
		bytes_printf(out, "</p>\n");
	}
	bytes_printf(out, "<p><a href=\"/metrics\">metrics</a> · <a href=\"/-/ready\">ready</a> · "
			  "<a href=\"/-/healthy\">healthy</a></p>\n");
}

static void print_components(const struct health *health, struct bytes *out)
{
	bytes_printf(out, "<h2>Components</h2>\n<table>\n");
	for (size_t i = 0; i < health_count(health); i++) {
		struct health_entry entry = health_at(health, i);

		bytes_printf(out, "<tr><td class=\"w\">");
		plain(out, entry.id);
		bytes_printf(out, "</td><td class=\"%s\">%s</td><td class=\"w\">",
			     entry.is_healthy ? "good" : "bad",
			     entry.is_healthy ? "healthy" : "unhealthy");
		plain(out, entry.message);
		bytes_printf(out, "</td></tr>\n");
	}
	bytes_printf(out, "</table>\n");
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

static void print_book(struct bytes *out, const char *where, const char *equation, uint64_t left,
		       uint64_t right)
{
	bytes_printf(out, "<tr><td class=\"w\">");
	plain(out, where);
	bytes_printf(out,
		     "</td><td>%s</td><td class=\"n\">%" PRIu64
		     "</td><td class=\"%s\">%s</td></tr>\n",
		     equation, left, left == right ? "good" : "bad",
		     left == right ? "balances" : "does not balance");
}

static void print_books(const struct metrics_sources *metrics, struct bytes *out)
{
	const struct counters *c = &metrics->control->counters;

	bytes_printf(out, "<h2>Books, in samples</h2>\n<table>\n");
	if (metrics->control->seen_ns != CONTROL_NEVER) {
		print_book(out, "kernel", "ticks = taken + skipped + dropped",
			   sum(c, "triptych_ticks_total"),
			   sum(c, "triptych_samples_taken_total") +
				   sum(c, "triptych_samples_skipped_total") +
				   sum(c, "triptych_kernel_dropped_total"));
		print_book(out, "collector", "taken + copied = spooled + dropped + held",
			   sum(c, "triptych_samples_taken_total") +
				   sum(c, "triptych_samples_copied_total"),
			   sum(c, "triptych_samples_spooled_total") +
				   sum(c, "triptych_samples_dropped_total") +
				   sum(c, "triptych_samples_held"));
	}
	for (size_t i = 0; i < endpoints_count(metrics->endpoints); i++) {
		struct endpoint_books books = endpoints_books(metrics->endpoints, i);
		uint64_t right =
			books.sent.n_samples + books.passed.n_samples + books.held.n_samples;

		for (size_t reason = 0; reason < N_ENDPOINT_DROPS; reason++)
			right += books.dropped[reason].n_samples;
		print_book(out, books.label, "spooled = sent + passed + dropped + held",
			   books.spooled.n_samples, right);
	}
	bytes_printf(out, "</table>\n");
}

static void print_endpoints(const struct endpoints *endpoints, struct bytes *out)
{
	bytes_printf(out, "<h2>Endpoints</h2>\n<table>\n<tr><th>endpoint</th>"
			  "<th class=\"n\">sent</th><th class=\"n\">held</th>"
			  "<th>last error</th></tr>\n");
	for (size_t i = 0; i < endpoints_count(endpoints); i++) {
		struct endpoint_books books = endpoints_books(endpoints, i);

		bytes_printf(out, "<tr><td class=\"w\">");
		plain(out, books.label);
		bytes_printf(out,
			     "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64
			     "</td><td class=\"w\">",
			     books.sent.n_profiles, books.held.n_profiles);
		plain(out, books.error);
		bytes_printf(out, "</td></tr>\n");
	}
	bytes_printf(out, "</table>\n");
}

static void print_labels(struct wire_bytes set, struct bytes *out)
{
	struct wire_arena arena = {0};
	const struct wire_label *labels;
	size_t n_labels;

	if (wire_decode_labels(set.data, set.n_bytes, &arena, &labels, &n_labels) == 0)
		for (size_t i = 0; i < n_labels; i++) {
			bytes_printf(out, i ? ", " : "");
			text(out, labels[i].name.data, labels[i].name.n_bytes);
			bytes_printf(out, "=");
			text(out, labels[i].value.data, labels[i].value.n_bytes);
		}
	wire_arena_deinit(&arena);
}

static void print_target(const struct wire_target_rule *rule, struct bytes *out)
{
	static const char *const kinds[] = {
		[TARGET_PID] = "pid ",
		[TARGET_CONTAINER] = "container ",
		[TARGET_DEFAULT] = "all others",
	};

	bytes_printf(out, "<tr><td>%s<code>", kinds[rule->key_kind]);
	text(out, rule->key.data, rule->key.n_bytes < 12 ? rule->key.n_bytes : 12);
	bytes_printf(out, "</code></td><td class=\"w\">");
	print_labels(rule->labels, out);
	bytes_printf(out, "</td></tr>\n");
}

static void print_targets(const struct configuration *configuration, struct bytes *out)
{
	size_t n = 0;

	bytes_printf(out, "<h2>Targets: %zu</h2>\n<table>\n", configuration->n_targets);
	for (size_t j = 0; j < configuration->n_jobs; j++)
		for (size_t t = 0; t < configuration->jobs[j].n_targets; t++)
			if (n++ < STATUS_TARGETS_MAX)
				print_target(&configuration->jobs[j].targets[t], out);
	bytes_printf(out, "</table>\n");
	if (n > STATUS_TARGETS_MAX)
		bytes_printf(out, "<p>… and %zu more</p>\n", n - (size_t)STATUS_TARGETS_MAX);
}

static void print_services(const struct metrics_sources *metrics, struct bytes *out)
{
	const struct control_state *control = metrics->control;

	bytes_printf(out, "<h2>Services</h2>\n<table>\n");
	if (control->seen_ns == CONTROL_NEVER) {
		bytes_printf(out, "<tr><td>collector</td><td class=\"bad\">not seen</td></tr>\n");
	} else {
		bytes_printf(out, "<tr><td>collector</td><td>version ");
		plain(out, control->version);
		bytes_printf(out, ", %" PRIu32 " CPUs, heard %" PRIu64 " s ago</td></tr>\n",
			     control->n_cpus, (metrics->now_ns - control->seen_ns) / 1000000000);
	}
	bytes_printf(out, "<tr><td>symbolizers</td><td>%zu connected</td></tr>\n</table>\n",
		     workers_connected(metrics->workers));
}

void status_page_print(const struct metrics_sources *metrics,
		       const struct configuration *configuration, const struct health *health,
		       const struct bytes *why, struct bytes *out)
{
	print_head(metrics->is_ready, why, out);
	print_components(health, out);
	print_services(metrics, out);
	print_endpoints(metrics->endpoints, out);
	print_books(metrics, out);
	print_targets(configuration, out);
	bytes_printf(out, "</body></html>\n");
}
