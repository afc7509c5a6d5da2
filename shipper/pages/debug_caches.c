#include <jansson.h>

#include "pages/debug_caches.h"

#include <inttypes.h>
#include <stdlib.h>

#include "pages/debug_rows.h"

#define TABLES_BYTES_MAX    (256u * 1024u) /* of one dump */
#define PROCESSES_BYTES_MAX (640u * 1024u)
#define RECENT_BYTES_MAX    (256u * 1024u)

static const struct wire_report *report_at(const struct reports *reports, size_t i)
{
	uint64_t seen_ns;

	return reports_at(reports, i, &seen_ns);
}

/* ---- symbol tables ---- */

static json_t *table_row(const struct wire_report *report, const struct wire_table *table)
{
	return json_pack(
		"{s:o*, s:o*, s:o*, s:b, s:o*, s:o*, s:o*}", "name",
		table->build_id.n_bytes > 0 ? debug_hex(table->build_id) : debug_text(table->name),
		"symbol_count", debug_count(table->n_symbols), "file", debug_text(table->name),
		"mini_debug_info", (int)table->has_mini_debug_info, "last_used_round",
		debug_count(table->last_used_round), "size_bytes", debug_count(table->n_bytes),
		"symbolizer", debug_id(report->worker));
}

/* The most recently used of each symbolizer first, then the next of each. */
static struct debug_rows dump_tables(const struct reports *reports, enum report_cache kind,
				     bool of_round)
{
	struct debug_rows rows = debug_rows_begin(TABLES_BYTES_MAX);

	for (size_t at = 0; at < REPORT_TABLES_MAX; at++)
		for (size_t i = 0; i < reports_count(reports); i++) {
			const struct wire_report *report = report_at(reports, i);
			const struct wire_table_cache *cache = &report->caches[kind];

			if (at < cache->n_tables &&
			    (!of_round || cache->tables[at].last_used_round == report->round))
				debug_rows_add(&rows, table_row(report, &cache->tables[at]));
		}
	return rows;
}

static json_t *table_cache(const struct reports *reports, enum report_cache kind)
{
	struct debug_rows lru = dump_tables(reports, kind, false);
	struct debug_rows recent = dump_tables(reports, kind, true);
	uint64_t n = 0, n_max = 0, n_recent = 0, round = 0;
	bool is_truncated = lru.is_truncated || recent.is_truncated;

	for (size_t i = 0; i < reports_count(reports); i++) {
		const struct wire_report *report = report_at(reports, i);
		const struct wire_table_cache *cache = &report->caches[kind];

		n += cache->n;
		n_max += cache->n_max;
		round = report->round > round ? report->round : round;
		is_truncated |= cache->n_tables < cache->n;
		for (size_t at = 0; at < cache->n_tables; at++)
			n_recent += cache->tables[at].last_used_round == report->round;
	}
	return json_pack("{s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:b}", "lru_size", debug_count(n),
			 "lru_limit", debug_count(n_max), "round_size", debug_count(n_recent),
			 "current_round", debug_count(round), "lru_dump", lru.array, "round_dump",
			 recent.array, "truncated", (int)is_truncated);
}

json_t *debug_elf_cache(const struct reports *reports)
{
	return json_pack("{s:o*, s:o*}", "build_id_cache", table_cache(reports, REPORT_BUILD_ID),
			 "same_file_cache", table_cache(reports, REPORT_SAME_FILE));
}

/* ---- processes ---- */

/* A file whose table some symbolizer has. */
struct known_table {
	uint64_t device;
	uint64_t inode;
	const struct wire_report *report;
	const struct wire_table *table;
};

struct known_tables {
	size_t n;
	struct known_table *all; /* owned; sorted by file */
};

static int by_file(const void *left, const void *right)
{
	const struct known_table *a = left, *b = right;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

static const struct wire_table *find_by_id(const struct wire_report *report, uint64_t id)
{
	for (size_t kind = 0; kind < REPORT_CACHES; kind++)
		for (size_t i = 0; i < report->caches[kind].n_tables; i++)
			if (report->caches[kind].tables[i].id == id)
				return &report->caches[kind].tables[i];
	return NULL;
}

/* Without memory there is none. */
static struct known_tables know_tables(const struct reports *reports)
{
	struct known_tables known = {0};
	size_t n_max = 0;

	for (size_t i = 0; i < reports_count(reports); i++)
		n_max += report_at(reports, i)->n_files; /* REPORT_FILES_MAX each */
	known.all = n_max > 0 ? calloc(n_max, sizeof(*known.all)) : NULL;
	for (size_t i = 0; known.all && i < reports_count(reports); i++) {
		const struct wire_report *report = report_at(reports, i);

		for (size_t f = 0; f < report->n_files; f++) {
			const struct wire_table_file *file = &report->files[f];
			const struct wire_table *table = find_by_id(report, file->table);

			if (table)
				known.all[known.n++] = (struct known_table){
					file->device, file->inode, report, table};
		}
	}
	if (known.n > 0)
		qsort(known.all, known.n, sizeof(*known.all), by_file);
	return known;
}

static const struct known_table *find_table(const struct known_tables *known,
					    const struct wire_mapped_file *file)
{
	const struct known_table key = {.device = file->device, .inode = file->inode};

	return known->n > 0 ? bsearch(&key, known->all, known->n, sizeof(key), by_file) : NULL;
}

/* A file of a process: what is known of its table, or that nobody has one. */
static json_t *file_row(const struct known_tables *known, const struct wire_mapped_file *file)
{
	const struct known_table *found = find_table(known, file);

	if (found)
		return table_row(found->report, found->table);
	return json_pack("{s:o*, s:i, s:o*, s:b, s:i}", "name", debug_text(file->name),
			 "symbol_count", 0, "file", debug_text(file->name), "mini_debug_info", 0,
			 "last_used_round", 0);
}

static json_t *process_row(const struct wire_view *view, const struct known_tables *known,
			   const struct wire_profiled *process)
{
	json_t *elfs = json_object();

	for (size_t i = 0; i < process->n_files; i++) {
		const struct wire_mapped_file *file = &view->files[process->files[i]];
		json_t *path = debug_text(file->name);
		json_t *name = path ? json_sprintf("%" PRIx64 " %" PRIx64 " %s", file->device,
						   file->inode, json_string_value(path))
				    : NULL;

		if (name)
			(void)json_object_set_new(elfs, json_string_value(name),
						  file_row(known, file));
		json_decref(name);
		json_decref(path);
	}
	return json_pack("{s:I, s:o*, s:I, s:o*, s:o*}", "pid", (json_int_t)process->pid, "comm",
			 debug_text(process->comm), "size", (json_int_t)process->n_files,
			 "last_used_round", debug_count(process->last_used_round), "elfs", elfs);
}

static struct debug_rows dump_processes(const struct wire_view *view,
					const struct known_tables *known, bool of_round)
{
	struct debug_rows rows =
		debug_rows_begin(of_round ? RECENT_BYTES_MAX : PROCESSES_BYTES_MAX);

	for (size_t i = 0; i < view->n_processes && !rows.is_truncated; i++)
		if (!of_round || view->processes[i].last_used_round == view->round)
			debug_rows_add(&rows, process_row(view, known, &view->processes[i]));
	return rows;
}

json_t *debug_pid_cache(const struct debug_sources *sources)
{
	static const struct wire_view nobody;
	const struct wire_view *view = sources->view ? sources->view : &nobody;
	struct known_tables known = know_tables(sources->reports);
	struct debug_rows lru = dump_processes(view, &known, false);
	struct debug_rows recent = dump_processes(view, &known, true);
	json_int_t n_recent = 0;

	for (size_t i = 0; i < view->n_processes; i++)
		n_recent += view->processes[i].last_used_round == view->round;
	free(known.all);
	return json_pack("{s:o*, s:I, s:o*, s:o*, s:o*, s:b}", "lru_size",
			 debug_count(view->n_profiled), "round_size", n_recent, "current_round",
			 debug_count(view->round), "lru_dump", lru.array, "round_dump",
			 recent.array, "truncated",
			 (int)(lru.is_truncated || recent.is_truncated ||
			       view->n_processes < view->n_profiled));
}

/* ---- symbolizers ---- */

static json_t *cache_size(const struct wire_table_cache *cache)
{
	return json_pack("{s:o*, s:o*}", "lru_size", debug_count(cache->n), "lru_limit",
			 debug_count(cache->n_max));
}

json_t *debug_symbolizers(const struct debug_sources *sources)
{
	json_t *all = json_array();

	for (size_t i = 0; i < reports_count(sources->reports); i++) {
		uint64_t seen_ns;
		const struct wire_report *report = reports_at(sources->reports, i, &seen_ns);

		(void)json_array_append_new(
			all,
			json_pack("{s:o*, s:I, s:o*, s:o*, s:o*, s:o*, s:o*}", "id",
				  debug_id(report->worker), "heard_seconds_ago",
				  (json_int_t)((sources->now_ns - seen_ns) / 1000000000),
				  "current_round", debug_count(report->round), "process",
				  debug_status(&report->status), "build_id_cache",
				  cache_size(&report->caches[REPORT_BUILD_ID]), "same_file_cache",
				  cache_size(&report->caches[REPORT_SAME_FILE]), "pid_cache",
				  cache_size(&report->caches[REPORT_PID])));
	}
	return all;
}
