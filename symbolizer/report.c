#include "report.h"

#include <errno.h>
#include <stdlib.h>

#include "base/process_status.h"

/* A report while it is made: arrays as large as it may become. */
struct making {
	struct table_list tables;
	struct wire_last_named named[REPORT_TARGETS_MAX];
	struct wire_function_share functions[REPORT_TARGETS_MAX][REPORT_FUNCTIONS_MAX];
};

static void add_named(struct making *making, const struct last_named *last)
{
	for (size_t i = 0; i < last->n_targets; i++) {
		const struct last_target *target = &last->targets[i];

		for (size_t f = 0; f < target->n_functions; f++)
			making->functions[i][f] = (struct wire_function_share){
				.name = {target->functions[f].name,
					 target->functions[f].n_name_bytes},
				.n_samples = target->functions[f].n_samples,
			};
		making->named[i] = (struct wire_last_named){
			.labels_hash = target->labels_hash,
			.time_wall_ns = target->time_wall_ns,
			.n_samples = target->n_samples,
			.n_functions = target->n_functions,
			.functions = making->functions[i],
		};
	}
}

int report_encode(const struct report_sources *sources, struct bytes *out)
{
	struct wire_report report = {
		.worker = sources->worker,
		.n_named = sources->last->n_targets,
	};
	int r = process_status_read(sources->status_fd, &report.status);
	cleanup_with(free_freep) struct making *making = NULL;

	if (r != 0)
		return r;
	making = calloc(1, sizeof(*making));
	if (!making)
		return -ENOMEM;
	table_cache_list(sources->tables, &making->tables);
	add_named(making, sources->last);
	report.round = making->tables.round;
	for (size_t i = 0; i < REPORT_CACHES; i++) {
		report.caches[i] = making->tables.caches[i];
		report.caches[i].tables = making->tables.tables[i];
	}
	report.n_files = making->tables.n_files;
	report.files = making->tables.files;
	report.named = making->named;
	wire_encode_report(out, &report);
	return 0;
}
