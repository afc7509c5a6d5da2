/* The metrics of Alloy's pyroscope.ebpf, made of what this project counts. */
#include <inttypes.h>

#include "pages/metrics.h"
#include "pages/metrics_text.h"

/* What stands for one value of a family: the sum of our counters. */
struct alloys_count {
	const char *family;
	const char *labels; /* with braces, or "" */
	const char *help;   /* "" but in the first of the family */
	size_t n;
	enum counter_id ids[4];
};

/* Without labels of components: files, processes and frames belong to all blocks together. */
static const struct alloys_count counts[] = {
	{"pyroscope_symtab_elf_errors_total",
	 "{error=\"ErrNotExist\"}",
	 "Files whose symbols could not be had.",
	 1,
	 {COUNTER_OBJECTS_REFUSED_GONE}},
	{"pyroscope_symtab_elf_errors_total",
	 "{error=\"ErrPermission\"}",
	 "",
	 1,
	 {COUNTER_OBJECTS_REFUSED_DENIED}},
	{"pyroscope_symtab_elf_errors_total",
	 "{error=\"ErrInvalid\"}",
	 "",
	 2,
	 {COUNTER_IMAGES_MALFORMED, COUNTER_IMAGES_NOT_ELF}},
	{"pyroscope_symtab_elf_errors_total",
	 "{error=\"Other\"}",
	 "",
	 4,
	 {COUNTER_OBJECTS_REFUSED, COUNTER_OBJECTS_REFUSED_DEADLINE, COUNTER_IMAGES_TOO_BIG,
	  COUNTER_IMAGES_UNREADABLE}},
	{"pyroscope_symtab_proc_errors_total",
	 "{error=\"ErrNotExist\"}",
	 "Processes whose mappings could not be read.",
	 1,
	 {COUNTER_MAPS_FAILED}},
	{"pyroscope_symtab_known_symbols_total",
	 "",
	 "Frames with a function's name.",
	 1,
	 {COUNTER_FRAMES_NAMED}},
	{"pyroscope_symtab_unknown_symbols_total",
	 "",
	 "Frames with a module's name and no function's.",
	 1,
	 {COUNTER_FRAMES_MODULE_ONLY}},
	{"pyroscope_symtab_unknown_modules_total",
	 "",
	 "Frames in no module.",
	 1,
	 {COUNTER_FRAMES_UNKNOWN}},
};

static uint64_t sum_of(const struct metrics_sources *sources, const struct counters *symbolizers,
		       const struct alloys_count *count)
{
	const struct control_state *control = sources->control;
	uint64_t sum = 0;

	for (size_t i = 0; i < count->n; i++)
		sum += counters_get(&control->counters, count->ids[i]) +
		       counters_get(&control->of_others, count->ids[i]) +
		       counters_get(symbolizers, count->ids[i]);
	return sum;
}

static void print_sessions(const struct metrics_sources *sources, bool failed, const char *name,
			   const char *help, struct bytes *out)
{
	const struct configuration *configuration = sources->configuration;

	metrics_family(out, name, "counter", help);
	for (size_t i = 0; i < configuration->n_jobs && configuration->job_ids[i]; i++) {
		struct wire_rounds rounds =
			round_sums_of(&sources->control->rounds, configuration->jobs[i].id);

		bytes_printf(out, "%s{", name);
		metrics_component_labels(out, configuration->job_ids[i]);
		bytes_printf(out, "} %" PRIu64 "\n", failed ? rounds.n_failed : rounds.n_ended);
	}
}

void metrics_print_ebpf(const struct metrics_sources *sources, struct bytes *out)
{
	struct counters symbolizers;

	workers_sum(sources->workers, &symbolizers);
	tallies_print(sources->tallies, out);
	if (sources->configuration->job_ids[0]) {
		print_sessions(sources, false, "pyroscope_ebpf_profiling_sessions_total",
			       "Number of profiling sessions completed: ends of collect_interval.",
			       out);
		print_sessions(sources, true, "pyroscope_ebpf_profiling_sessions_failing_total",
			       "Number of profiling sessions failed: the kernel was not readable.",
			       out);
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (counts[i].help[0])
			metrics_family(out, counts[i].family, "counter", counts[i].help);
		bytes_printf(out, "%s%s %" PRIu64 "\n", counts[i].family, counts[i].labels,
			     sum_of(sources, &symbolizers, &counts[i]));
	}
}
