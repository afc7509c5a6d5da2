#include <jansson.h>

#include "pages/debug_information.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "pages/debug_caches.h"
#include "pages/debug_rows.h"

#define TARGETS_BYTES_MAX     (512u * 1024u) /* of all instances together */
#define PID_TARGETS_BYTES_MAX (384u * 1024u)

/* Alloy calls machines as Go does. */
static const char *architecture_of(const char *machine)
{
	if (strcmp(machine, "x86_64") == 0)
		return "amd64";
	return strcmp(machine, "aarch64") == 0 ? "arm64" : machine;
}

static json_t *session(void)
{
	struct utsname names;

	if (uname(&names) != 0)
		return json_object();
	return json_pack(
		"{s:s, s:o*}", "arch", architecture_of(names.machine), "kernel",
		json_sprintf("%s version %s %s", names.sysname, names.release, names.version));
}

/* A target as its labels, and the one that identifies it. */
static json_t *target_row(const struct wire_target_rule *rule)
{
	static const char *const keys[] = {
		[TARGET_PID] = "__process_pid__",
		[TARGET_CONTAINER] = "__container_id__",
	};
	json_t *row = debug_labels(rule->labels);

	if (rule->key_kind != TARGET_DEFAULT)
		(void)json_object_set_new(row, keys[rule->key_kind], debug_text(rule->key));
	return row;
}

static void add_targets(struct debug_rows *rows, const struct wire_job *job)
{
	for (size_t i = 0; i < job->n_targets && !rows->is_truncated; i++)
		debug_rows_add(rows, target_row(&job->targets[i]));
}

/* A rule by its labels: made once, to be looked up for each process. */
struct known_rule {
	uint64_t labels_hash;
	const struct wire_target_rule *rule;
};

static int by_hash(const void *left, const void *right)
{
	const struct known_rule *a = left, *b = right;

	return (a->labels_hash > b->labels_hash) - (a->labels_hash < b->labels_hash);
}

/* Owned; NULL without memory, and when there is none. */
static struct known_rule *know_rules(const struct wire_job *job)
{
	struct known_rule *rules = job->n_targets ? calloc(job->n_targets, sizeof(*rules)) : NULL;

	for (size_t i = 0; rules && i < job->n_targets; i++)
		rules[i] = (struct known_rule){
			wire_labels_hash(job->targets[i].labels),
			&job->targets[i],
		};
	if (rules)
		qsort(rules, job->n_targets, sizeof(*rules), by_hash);
	return rules;
}

static json_t *pid_target_row(const struct wire_profiled *process,
			      const struct wire_target_rule *rule)
{
	return json_pack("{s:I, s:o*, s:o*, s:I, s:o*}", "pid", (json_int_t)process->pid, "comm",
			 debug_text(process->comm), "target", target_row(rule), "mappings",
			 (json_int_t)process->n_mappings, "last_used_round",
			 debug_count(process->last_used_round));
}

/* The processes that are targets of @job, as far as the collector and we speak of the same. */
static void add_pid_targets(struct debug_rows *rows, const struct wire_view *view,
			    const struct wire_job *job)
{
	struct known_rule *rules = know_rules(job);

	for (size_t i = 0; rules && i < view->n_processes && !rows->is_truncated; i++) {
		const struct wire_profiled *process = &view->processes[i];

		for (size_t t = 0; t < process->n_targets; t++) {
			const struct known_rule key = {process->targets[t].labels_hash, NULL};
			const struct known_rule *found;

			if (process->targets[t].job != job->id)
				continue;
			found = bsearch(&key, rules, job->n_targets, sizeof(*rules), by_hash);
			if (found)
				debug_rows_add(rows, pid_target_row(process, found->rule));
		}
	}
	rows->is_truncated |= view->n_processes < view->n_profiled;
	free(rules);
}

static json_t *pid_targets(const struct debug_sources *sources, size_t job, size_t bytes_max)
{
	struct debug_rows rows = debug_rows_begin(bytes_max);

	if (sources->view)
		add_pid_targets(&rows, sources->view, &sources->configuration->jobs[job]);
	return json_pack("{s:o*, s:b}", "processes", rows.array, "truncated",
			 (int)rows.is_truncated);
}

json_t *debug_information_of_job(const struct debug_sources *sources, size_t job)
{
	struct debug_rows targets = debug_rows_begin(TARGETS_BYTES_MAX);
	json_t *of_session = session();

	add_targets(&targets, &sources->configuration->jobs[job]);
	(void)json_object_set_new(of_session, "elf_cache", debug_elf_cache(sources->reports));
	(void)json_object_set_new(of_session, "pid_cache", debug_pid_cache(sources));
	return json_pack("{s:o*, s:b, s:o*, s:o*}", "targets", targets.array, "targets_truncated",
			 (int)targets.is_truncated, "session", of_session, "pid_targets",
			 pid_targets(sources, job, PID_TARGETS_BYTES_MAX));
}

static json_t *instances(const struct debug_sources *sources)
{
	const struct configuration *configuration = sources->configuration;
	json_t *all = json_object();

	for (size_t i = 0; i < configuration->n_jobs; i++) {
		struct debug_rows targets =
			debug_rows_begin(TARGETS_BYTES_MAX / configuration->n_jobs);

		if (!configuration->job_ids[i])
			continue;
		add_targets(&targets, &configuration->jobs[i]);
		(void)json_object_set_new(
			all, configuration->job_ids[i],
			json_pack("{s:o*, s:b, s:o*}", "targets", targets.array,
				  "targets_truncated", (int)targets.is_truncated, "pid_targets",
				  pid_targets(sources, i,
					      PID_TARGETS_BYTES_MAX / configuration->n_jobs)));
	}
	return all;
}

static json_t *collector(const struct wire_view *view)
{
	json_t *processes = json_array();

	for (size_t i = 0; view && i < view->n_services; i++)
		(void)json_array_append_new(processes, debug_status(&view->services[i].status));
	return json_pack("{s:o*}", "processes", processes);
}

json_t *debug_information(const struct debug_sources *sources)
{
	struct debug_rows targets = debug_rows_begin(TARGETS_BYTES_MAX);

	for (size_t i = 0; i < sources->configuration->n_jobs; i++)
		add_targets(&targets, &sources->configuration->jobs[i]);
	return json_pack("{s:o*, s:b, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "targets",
			 targets.array, "targets_truncated", (int)targets.is_truncated, "elf_cache",
			 debug_elf_cache(sources->reports), "pid_cache", debug_pid_cache(sources),
			 "instances", instances(sources), "session", session(), "symbolizers",
			 debug_symbolizers(sources), "collector", collector(sources->view));
}
