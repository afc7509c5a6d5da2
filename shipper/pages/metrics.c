#include "pages/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "pages/histogram.h"
#include "pages/metrics_text.h"

static bool is_first_of_family(size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (strcmp(counter_rows[i].family, counter_rows[row].family) == 0)
			return false;
	return true;
}

/* The rows of @owner in counters.def, family by family. */
static void print_rows(struct bytes *out, enum wire_party owner, const struct counters *values)
{
	for (size_t first = 0; first < n_counter_rows; first++) {
		const char *name = counter_rows[first].family;

		if (counter_rows[first].owner != owner || !is_first_of_family(first))
			continue;
		metrics_family(out, name,
			       counter_rows[first].kind == COUNTER_KIND_C ? "counter" : "gauge",
			       counter_rows[first].help);
		for (size_t i = first; i < n_counter_rows; i++) {
			const struct counter_row *row = &counter_rows[i];

			if (row->owner != owner || strcmp(row->family, name) != 0)
				continue;
			bytes_printf(out, row->labels[0] ? "%s{%s} " : "%s%s ", name, row->labels);
			bytes_printf(out, "%" PRIu64 "\n", values->values[i]);
		}
	}
}

/* How one number is taken out of an endpoint's books. */
struct endpoint_family {
	const char *name;
	const char *type;
	const char *help;
	uint64_t (*value)(const struct endpoint_books *books);
	bool is_alloys; /* has its labels, too */
};

static struct spool_amount all_dropped(const struct endpoint_books *books)
{
	struct spool_amount sum = {0};

	for (size_t i = 0; i < N_ENDPOINT_DROPS; i++) {
		sum.n_samples += books->dropped[i].n_samples;
		sum.n_profiles += books->dropped[i].n_profiles;
		sum.n_bytes += books->dropped[i].n_bytes;
	}
	return sum;
}

static uint64_t sent_bytes(const struct endpoint_books *books)
{
	return books->sent.n_bytes;
}

static uint64_t dropped_bytes(const struct endpoint_books *books)
{
	return all_dropped(books).n_bytes;
}

static uint64_t sent_profiles(const struct endpoint_books *books)
{
	return books->sent.n_profiles;
}

static uint64_t dropped_profiles(const struct endpoint_books *books)
{
	return all_dropped(books).n_profiles;
}

static uint64_t retries(const struct endpoint_books *books)
{
	return books->n_retries;
}

static uint64_t spooled_samples(const struct endpoint_books *books)
{
	return books->spooled.n_samples;
}

static uint64_t sent_samples(const struct endpoint_books *books)
{
	return books->sent.n_samples;
}

static uint64_t passed_samples(const struct endpoint_books *books)
{
	return books->passed.n_samples;
}

static uint64_t held_samples(const struct endpoint_books *books)
{
	return books->held.n_samples;
}

static uint64_t held_profiles(const struct endpoint_books *books)
{
	return books->held.n_profiles;
}

static uint64_t held_bytes(const struct endpoint_books *books)
{
	return books->held.n_bytes;
}

static uint64_t repeated(const struct endpoint_books *books)
{
	return books->n_repeated;
}

static uint64_t is_failing(const struct endpoint_books *books)
{
	return books->is_failing;
}

static const struct endpoint_family endpoint_families[] = {
	{"pyroscope_write_sent_bytes_total", "counter", "Bytes of profiles sent.", sent_bytes,
	 true},
	{"pyroscope_write_dropped_bytes_total", "counter", "Bytes of profiles given up.",
	 dropped_bytes, true},
	{"pyroscope_write_sent_profiles_total", "counter", "Profiles sent.", sent_profiles, true},
	{"pyroscope_write_dropped_profiles_total", "counter", "Profiles given up.",
	 dropped_profiles, true},
	{"pyroscope_write_retries_total", "counter", "Tries after the first.", retries, true},
	{"triptych_endpoint_samples_spooled_total", "counter",
	 "Samples for the endpoint: found in the spool at start, or appended since.",
	 spooled_samples, false},
	{"triptych_endpoint_samples_sent_total", "counter", "Samples that arrived.", sent_samples,
	 false},
	{"triptych_endpoint_samples_passed_total", "counter",
	 "Samples of pyroscope.ebpf blocks that forward to other endpoints.", passed_samples,
	 false},
	{"triptych_endpoint_samples_held", "gauge", "Samples in the spool, not yet sent.",
	 held_samples, false},
	{"triptych_endpoint_profiles_held", "gauge", "Profiles in the spool, not yet sent.",
	 held_profiles, false},
	{"triptych_endpoint_bytes_held", "gauge", "Bytes of profiles in the spool, not yet sent.",
	 held_bytes, false},
	{"triptych_endpoint_profiles_repeated_total", "counter",
	 "Profiles sent again although an earlier request may have stored them.", repeated, false},
	{"triptych_endpoint_failing", "gauge", "Whether the last try failed.", is_failing, false},
};

static void endpoint_label(struct bytes *out, const char *name, const struct endpoint_books *books)
{
	bytes_printf(out, "%s{", name);
	metrics_label(out, "endpoint", books->label);
}

static void print_endpoint_drops(struct bytes *out, const struct endpoint_books *books, size_t n)
{
	static const char name[] = "triptych_endpoint_samples_dropped_total";

	metrics_family(out, name, "counter", "Samples given up, by reason.");
	for (size_t i = 0; i < n; i++)
		for (size_t reason = 0; reason < N_ENDPOINT_DROPS; reason++) {
			endpoint_label(out, name, &books[i]);
			bytes_printf(out, ",reason=\"%s\"} %" PRIu64 "\n",
				     endpoint_drop_name((enum endpoint_drop)reason),
				     books[i].dropped[reason].n_samples);
		}
}

static void print_endpoint_requests(struct bytes *out, const struct endpoint_books *books, size_t n)
{
	static const char name[] = "triptych_endpoint_requests_total";

	metrics_family(out, name, "counter",
		       "Requests (of directories: batches) by what came of them.");
	for (size_t i = 0; i < n; i++)
		for (size_t verdict = 0; verdict < N_VERDICTS; verdict++) {
			endpoint_label(out, name, &books[i]);
			bytes_printf(out, ",outcome=\"%s\"} %" PRIu64 "\n",
				     verdict_name((enum verdict)verdict),
				     books[i].n_requests[verdict]);
		}
}

static void print_endpoint_histograms(struct bytes *out, const struct endpoint_books *books,
				      size_t n)
{
	static const struct histogram_class *const classes[] = {
		&endpoint_seconds_class, &endpoint_bytes_class, &endpoint_age_class};

	for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]); c++) {
		histogram_family(out, classes[c]);
		for (size_t i = 0; i < n; i++) {
			const struct histogram *const histograms[] = {books[i].seconds,
								      books[i].bytes, books[i].age};
			struct bytes label = BYTES_INIT(PAGE_BYTES_MAX);

			metrics_label(&label, "endpoint", books[i].label);
			bytes_append(&label, "", 1);
			if (label.error == 0)
				histogram_print(out, classes[c], histograms[c],
						(const char *)label.data);
			bytes_deinit(&label);
		}
	}
}

static void print_endpoints(struct bytes *out, const struct endpoints *endpoints)
{
	struct endpoint_books books[ENDPOINTS_MAX];
	size_t n = endpoints_count(endpoints);

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		books[i] = endpoints_books(endpoints, i);
	for (size_t f = 0; f < sizeof(endpoint_families) / sizeof(endpoint_families[0]); f++) {
		const struct endpoint_family *row = &endpoint_families[f];

		metrics_family(out, row->name, row->type, row->help);
		for (size_t i = 0; i < n; i++) {
			endpoint_label(out, row->name, &books[i]);
			if (row->is_alloys) {
				bytes_append(out, ",", 1);
				metrics_component_labels(out, books[i].component_id);
			}
			bytes_printf(out, "} %" PRIu64 "\n", row->value(&books[i]));
		}
	}
	print_endpoint_drops(out, books, n);
	print_endpoint_requests(out, books, n);
	print_endpoint_histograms(out, books, n);
}

static void print_spool(struct bytes *out, const struct spool_state *state)
{
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{"triptych_spool_records", "gauge", "Records in the spool.", state->n_records},
		{"triptych_spool_segments", "gauge", "Files of records.", state->n_segments},
		{"triptych_spool_bytes", "gauge", "Bytes counted against --spool-bytes.",
		 state->n_bytes},
		{"triptych_spool_appended_records_total", "counter",
		 "Records made durable and acknowledged.", state->n_appended},
		{"triptych_spool_appended_samples_total", "counter", "Samples in them.",
		 state->n_samples_appended},
		{"triptych_spool_found_samples", "gauge",
		 "Samples in the spool when it was opened.", state->n_samples_found},
		{"triptych_spool_repeats_total", "counter",
		 "Windows that came again and were recognised.", state->n_repeats},
		{"triptych_spool_refused_total", "counter", "Records that the disk did not take.",
		 state->n_refused},
		{"triptych_spool_sync_failures_total", "counter", "Failed syncs.",
		 state->n_sync_failures},
		{"triptych_spool_write_failures_total", "counter", "Failed writes.",
		 state->n_write_failures},
		{"triptych_spool_torn_bytes", "gauge", "Bytes cut off when the spool was opened.",
		 state->n_torn_bytes},
		{"triptych_spool_damaged_total", "counter",
		 "Records or places that did not read back.", state->n_damaged},
		{"triptych_spool_newer_segments", "gauge",
		 "Files of a newer format, moved aside when the spool was opened.",
		 state->n_segments_newer},
		{"triptych_spool_unsaved_total", "counter",
		 "Cursors and window ids that could not be saved.", state->n_unsaved},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		metrics_single(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}

static void print_profiles(struct bytes *out, const struct profiles_counts *counts)
{
	static const char name[] = "triptych_shipper_messages_refused_total";
	static const char *const reasons[PROFILES_OUTCOMES] = {
		[0] = "foreign_uid",
		[MESSAGE_UNKNOWN] = "unknown",
		[MESSAGE_WRONG_DIRECTION] = "wrong_direction",
		[MESSAGE_WRONG_STATE] = "wrong_state",
		[MESSAGE_TOO_LONG] = "too_long",
		[MESSAGE_GARBLED] = "garbled",
	};

	metrics_single(out, "triptych_shipper_profiles_total", "counter",
		       "PROFILE messages taken in.", counts->n_profiles);
	metrics_single(out, "triptych_shipper_stats_total", "counter", "STATS messages taken in.",
		       counts->n_stats);
	metrics_single(out, "triptych_shipper_postponed_total", "counter",
		       "PROFILE messages that symbolizers had to keep: disk or memory.",
		       counts->n_refused_disk);
	metrics_family(out, name, "counter", "Frames and peers refused by the shipper.");
	for (size_t i = 0; i < PROFILES_OUTCOMES; i++)
		bytes_printf(out, "%s{reason=\"%s\"} %" PRIu64 "\n", name, reasons[i],
			     counts->n_refused[i]);
}

static void print_services(struct bytes *out, const struct metrics_sources *sources)
{
	const struct control_state *control = sources->control;
	bool is_up = control->seen_ns != CONTROL_NEVER &&
		     sources->now_ns - control->seen_ns <= READY_COLLECTOR_NS;

	metrics_family(out, "triptych_build_info", "gauge", "Versions of the services.");
	bytes_printf(out, "triptych_build_info{service=\"shipper\",version=\"%s\"} 1\n",
		     TRIPTYCH_VERSION);
	if (control->seen_ns != CONTROL_NEVER)
		bytes_printf(out, "triptych_build_info{service=\"collector\",version=\"%s\"} 1\n",
			     control->version);
	metrics_single(out, "triptych_ready", "gauge", "Whether /-/ready says yes.",
		       sources->is_ready);
	metrics_single(out, "triptych_collector_up", "gauge", "Whether the collector answers.",
		       is_up);
	metrics_single(out, "triptych_collector_current", "gauge",
		       "Whether the collector runs on the settings of this shipper.",
		       control->is_current);
	metrics_single(out, "triptych_symbolizers_connected", "gauge",
		       "Connections of symbolizers.", workers_connected(sources->workers));
	metrics_single(out, "triptych_control_unanswered_total", "counter",
		       "Questions to the collector without an answer.", control->n_unanswered);
	metrics_single(out, "triptych_quarantine_bytes", "gauge",
		       "Bytes of profiles that servers refused.",
		       endpoints_quarantine_bytes(sources->endpoints));
}

static void print_reloads(struct bytes *out, const struct reload_counts *counts)
{
	metrics_single(out, "triptych_config_reloads_total", "counter",
		       "Requests to read the configuration again.", counts->n);
	metrics_single(out, "triptych_config_reload_failures_total", "counter",
		       "Those that changed nothing: the configuration before stayed.",
		       counts->n_failed);
	metrics_single(out, "triptych_config_last_reload_successful", "gauge",
		       "Whether the last one took effect, or there was none.",
		       !counts->is_last_failed);
}

static void print_losses(struct bytes *out, const struct configuration_losses *losses)
{
	static const char name[] = "triptych_target_labels_left_out_total";

	metrics_family(
		out, name, "counter",
		"Labels that servers refuse, left out of targets each time that these are made.");
	for (size_t i = 0; i < N_LABEL_FLAWS; i++)
		bytes_printf(out, "%s{reason=\"%s\"} %" PRIu64 "\n", name,
			     label_flaw_name((enum label_flaw)i), losses->n_labels[i]);
	metrics_single(out, "triptych_targets_passed_over_total", "counter",
		       "Published targets that are none, or too many, counted in the same way.",
		       losses->n_targets);
	metrics_single(out, "triptych_targets_crowded_total", "counter",
		       "Targets with more labels than servers usually take, in the same way.",
		       losses->n_crowded);
}

static void print_health(struct bytes *out, const struct health *health)
{
	static const char name[] = "triptych_component_healthy";

	if (health_count(health) == 0)
		return;
	metrics_family(out, name, "gauge", "Whether the component is well.");
	for (size_t i = 0; i < health_count(health); i++) {
		struct health_entry entry = health_at(health, i);

		bytes_printf(out, "%s{", name);
		metrics_component_labels(out, entry.id);
		bytes_printf(out, "} %d\n", entry.is_healthy);
	}
}

static void print_process(struct bytes *out, const struct process_usage *usage)
{
	metrics_family(out, "process_cpu_seconds_total", "counter", "CPU time of the shipper.");
	bytes_printf(out, "process_cpu_seconds_total %.6f\n", usage->cpu_seconds);
	metrics_single(out, "process_resident_memory_bytes", "gauge",
		       "Resident memory of the shipper.", usage->resident_bytes);
	metrics_single(out, "process_virtual_memory_bytes", "gauge",
		       "Virtual memory of the shipper.", usage->virtual_bytes);
	metrics_single(out, "process_open_fds", "gauge", "Open file descriptors of the shipper.",
		       usage->n_open_fds);
	metrics_single(out, "process_max_fds", "gauge", "Bound of open file descriptors.",
		       usage->n_max_fds);
	metrics_family(out, "process_start_time_seconds", "gauge", "When the shipper started.");
	bytes_printf(out, "process_start_time_seconds %.3f\n", usage->start_time_seconds);
}

void metrics_print(const struct metrics_sources *sources, struct bytes *out)
{
	struct spool_state spool = spool_state(sources->spool);
	struct counters sum;

	print_services(out, sources);
	if (sources->control->seen_ns != CONTROL_NEVER)
		print_rows(out, COLLECTOR, &sources->control->counters);
	workers_sum(sources->workers, &sum);
	print_rows(out, SYMBOLIZER, &sum);
	print_profiles(out, sources->profiles);
	histogram_family(out, &profiles_append_class);
	histogram_print(out, &profiles_append_class, &sources->profiles->append_seconds, "");
	print_spool(out, &spool);
	print_endpoints(out, sources->endpoints);
	print_reloads(out, sources->reloads);
	print_losses(out, sources->losses);
	print_health(out, sources->health);
	pages_print_metrics(sources->pages, out);
	metrics_print_ebpf(sources, out);
	print_process(out, sources->process);
}

static bool is_recent(uint64_t seen_ns, uint64_t now_ns, uint64_t within_ns)
{
	return seen_ns != 0 && (now_ns <= seen_ns || now_ns - seen_ns <= within_ns);
}

bool readiness_check(const struct metrics_sources *sources, struct bytes *why)
{
	int spool_error = spool_state(sources->spool).append_error;
	bool is_ready = true;

	if (!is_recent(sources->control->seen_ns, sources->now_ns, READY_COLLECTOR_NS)) {
		bytes_printf(why, "the collector has not answered within 5 s\n");
		is_ready = false;
	} else if (!sources->control->is_current) {
		bytes_printf(why, "the collector has not taken the settings\n");
		is_ready = false;
	}
	if (workers_connected(sources->workers) == 0) {
		bytes_printf(why, "no symbolizer is connected\n");
		is_ready = false;
	} else if (!is_recent(workers_seen_ns(sources->workers), sources->now_ns,
			      READY_SYMBOLIZERS_NS)) {
		bytes_printf(why, "no symbolizer was heard within 45 s\n");
		is_ready = false;
	}
	if (spool_error < 0) {
		bytes_printf(why, "the spool cannot be written, symbolizers keep profiles: %s\n",
			     strerror(-spool_error));
		is_ready = false;
	}
	for (size_t i = 0; i < endpoints_count(sources->endpoints); i++) {
		struct endpoint_books books = endpoints_books(sources->endpoints, i);

		if (books.is_failing)
			bytes_printf(why,
				     "endpoint %s is failing, the spool keeps its profiles: %s\n",
				     books.label, books.error);
	}
	return is_ready;
}
