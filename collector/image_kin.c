#include "image_kin.h"

#include <string.h>

#include "image_files.h"

#define ANCESTORS_MAX 8u /* forks without exec between a dead child and a read parent */

/*
 * The image of the parent that @record was forked from and shares its mappings with, or NULL. Equal
 * exec counts alone do not tell: parent and child may have gone on to exec once each.
 */
static struct process_record *find_forked_from(struct process_record *record)
{
	struct process_record *at = *processes_of_pid(record->processes, record->parent_pid);

	if (record->is_execd)
		return NULL;
	while (at && !(at->process.image.pid == record->parent_pid && at != record &&
		       at->process.image.exec_count == record->process.image.exec_count &&
		       at->process.image.start_boot_ns <= record->process.image.start_boot_ns))
		at = at->next_of_pid;
	return at;
}

/* Takes over the mappings of the nearest ancestor of the same exec that was read. */
static void use_ancestors_mappings(struct process_record *record, uint64_t now_ns)
{
	struct process_record *ancestor = record;
	struct mappings copy;

	for (unsigned i = 0; i < ANCESTORS_MAX; i++) {
		ancestor = find_forked_from(ancestor);
		if (!ancestor)
			return;
		if (!ancestor->process.is_read || ancestor->process.n_reads_pending > 0)
			continue;
		if (mappings_copy(&ancestor->process.mappings, &copy) == 0)
			image_set_mappings(record, &copy, now_ns);
		return;
	}
}

typedef bool kin_fn(const struct process_record *kin);

/* Whether it can tell others where they are: the id of a container may have left the cache. */
static bool is_well_placed(const struct process_record *kin)
{
	return kin->is_placed && (kin->container || !kin->is_in_any);
}

static bool is_being_placed(const struct process_record *kin)
{
	return !kin->is_placed && kin->process.n_reads_pending > 0;
}

/* An image of the same process, before an exec or behind it. */
static const struct process_record *find_self(const struct process_record *record, kin_fn *is_meant)
{
	const struct process_record *at =
		*processes_of_pid(record->processes, record->process.image.pid);

	while (at && !(at != record && record_is_same_process(at, record) && is_meant(at)))
		at = at->next_of_pid;
	return at;
}

static const struct process_record *find_parent_in_cgroup(const struct process_record *record,
							  kin_fn *is_meant)
{
	const struct process_record *at = *processes_of_pid(record->processes, record->parent_pid);

	while (at && !(at->process.image.pid == record->parent_pid &&
		       at->process.cgroup_id == record->process.cgroup_id && is_meant(at)))
		at = at->next_of_pid;
	return at;
}

static const struct process_record *find_nearest(const struct process_record *record,
						 kin_fn *is_meant)
{
	const struct process_record *self = find_self(record, is_meant);

	return self ? self : find_parent_in_cgroup(record, is_meant);
}

/* Where the unified hierarchy's leaf is a container's, all that are in it are in that container. */
static const struct process_record *find_in_cgroup(const struct process_record *record)
{
	const struct process_record *at = record->processes->first;

	while (at && !(is_well_placed(at) && at->process.is_in_container &&
		       at->process.cgroup_id == record->process.cgroup_id))
		at = at->next;
	return at;
}

bool image_inherit_place(struct process_record *record)
{
	const struct process_record *kin = find_nearest(record, is_well_placed);
	char bytes[CONTAINER_ID_BYTES_MAX];
	struct wire_bytes id = {NULL, 0};

	if (!kin && record->process.is_exited && find_nearest(record, is_being_placed))
		return false;
	if (!kin)
		kin = find_in_cgroup(record);
	if (kin)
		id = container_ids_use(&record->processes->container_ids, &kin->container);
	if (id.n_bytes > 0)
		id.data = memcpy(bytes, id.data, id.n_bytes); /* the id may go for this one */
	processes_place(record, id);
	return true;
}

void image_inherit_mappings(struct process_record *record, uint64_t now_ns)
{
	if (!record->process.is_read)
		use_ancestors_mappings(record, now_ns);
	if (!record->process.is_read)
		image_use_exec_mappings(record, now_ns);
}
