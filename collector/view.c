#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Of one process: somebody may have many thousands, and the loop has other work. */
#define MAPPINGS_LOOKED_AT 1024u

#define FILE_SLOTS (2 * VIEW_FILES_MAX) /* a power of two, never full */

/* A view while it is made: arrays as large as it may become. */
struct making {
	const struct view_sources *sources;
	size_t n_files;
	size_t n_targets; /* in use of the rows' */
	size_t n_indices;
	const struct object *objects[VIEW_FILES_MAX]; /* of files */
	uint16_t slots[FILE_SLOTS];                   /* index plus one, by object; 0: free */
	struct wire_mapped_file files[VIEW_FILES_MAX];
	const struct process *used[VIEW_PROCESSES_MAX];
	struct wire_profiled rows[VIEW_PROCESSES_MAX];
	struct wire_target_name targets[VIEW_PROCESSES_MAX * VIEW_PROCESS_TARGETS_MAX];
	uint32_t indices[VIEW_PROCESSES_MAX * VIEW_PROCESS_FILES_MAX];
};

/* The index of the file that @object is, or VIEW_FILES_MAX when there is no room for it. */
static size_t index_of(struct making *making, const struct object *object)
{
	size_t slot = hash_word(0, (uintptr_t)object) % FILE_SLOTS;
	size_t index;

	while (making->slots[slot] != 0) {
		index = making->slots[slot] - 1u;
		if (making->objects[index] == object)
			return index;
		slot = (slot + 1) % FILE_SLOTS;
	}
	if (making->n_files == VIEW_FILES_MAX)
		return VIEW_FILES_MAX;
	index = making->n_files++;
	making->objects[index] = object;
	making->slots[slot] = (uint16_t)(index + 1);
	making->files[index] = (struct wire_mapped_file){
		.device = object->identity.device,
		.inode = object->identity.inode,
		.name = wire_shown_name((struct wire_bytes){object->name, object->n_name_bytes}),
	};
	return index;
}

static bool has_index(const struct wire_profiled *row, size_t index)
{
	for (size_t i = 0; i < row->n_files; i++)
		if (row->files[i] == index)
			return true;
	return false;
}

static void add_files(struct making *making, const struct process *process,
		      struct wire_profiled *row)
{
	size_t n = process->mappings.n_mappings;

	if (n > MAPPINGS_LOOKED_AT)
		n = MAPPINGS_LOOKED_AT;
	row->files = making->indices + making->n_indices;
	for (size_t i = 0; i < n && row->n_files < VIEW_PROCESS_FILES_MAX; i++) {
		const struct object *object = process->mappings.mappings[i].object;
		size_t index;

		if (!object || object->kind != OBJECT_FILE)
			continue;
		index = index_of(making, object);
		if (index == VIEW_FILES_MAX || has_index(row, index))
			continue;
		making->indices[making->n_indices++] = (uint32_t)index;
		row->n_files++;
	}
}

static void add_targets(struct making *making, const struct process *process,
			struct wire_profiled *row)
{
	const struct job_set *jobs = making->sources->jobs;

	row->targets = making->targets + making->n_targets;
	for (size_t i = 0; i < jobs->n_jobs; i++) {
		const struct target *target = process->targets[i];

		if (!target)
			continue;
		making->targets[making->n_targets++] = (struct wire_target_name){
			.job = jobs->jobs[i].id,
			.labels_hash = wire_labels_hash(
				(struct wire_bytes){target->labels, target->n_labels_bytes}),
		};
		row->n_targets++;
	}
}

static void add_process(struct making *making, const struct process *process,
			struct wire_profiled *ret_row)
{
	const uint64_t round = making->sources->round;
	struct wire_profiled row = {
		.pid = process->image.pid,
		.comm = {process->comm, strnlen(process->comm, sizeof(process->comm))},
		.last_used_round = process->used_round < round ? process->used_round : round,
		.n_mappings = (uint32_t)process->mappings.n_mappings,
	};

	add_targets(making, process, &row);
	add_files(making, process, &row);
	*ret_row = row;
}

int view_encode(const struct view_sources *sources, struct bytes *out)
{
	cleanup_with(free_freep) struct making *making = calloc(1, sizeof(*making));
	struct wire_service services[SERVICES];
	struct wire_view view = {
		.instance = sources->instance,
		.round = sources->round,
		.services = services,
	};
	int r;

	if (!making)
		return -ENOMEM;
	making->sources = sources;
	view.n_services = services_read(sources->services, services);
	r = processes_most_used(sources->processes, VIEW_PROCESSES_MAX, making->used,
				&view.n_processes);
	if (r < 0)
		return r;
	view.n_profiled = processes_n_profiled(sources->processes);
	for (size_t i = 0; i < view.n_processes; i++)
		add_process(making, making->used[i], &making->rows[i]);
	view.n_files = making->n_files;
	view.files = making->files;
	view.processes = making->rows;
	wire_encode_view(out, &view);
	return 0;
}
