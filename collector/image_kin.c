#include "image_kin.h"

#include <string.h>

#include "image_files.h"

#define ANCESTORS_MAX 8u /* forks without exec between a dead child and a read parent */

/* The image of the parent that @record was forked from and shares its mappings with, or NULL. */
static struct process_record *find_forked_from(struct process_record *record)
{
	struct process_record *at = *processes_of_pid(record->processes, record->parent_pid);

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

/* Whether it can tell others where they are: the id of a container may have left the cache. */
static bool is_well_placed(const struct process_record *kin)
{
	return kin->is_placed && (kin->container || !kin->is_in_any);
}

static const struct process_record *find_before_exec(const struct process_record *record)
{
	const struct process_record *at =
		*processes_of_pid(record->processes, record->process.image.pid);

	while (at && !(is_well_placed(at) && record_is_same_process(at, record)))
		at = at->next_of_pid;
	return at;
}

static const struct process_record *find_parent_in_cgroup(const struct process_record *record)
{
	const struct process_record *at = *processes_of_pid(record->processes, record->parent_pid);

	while (at && !(is_well_placed(at) && at->process.image.pid == record->parent_pid &&
		       at->process.cgroup_id == record->process.cgroup_id))
		at = at->next_of_pid;
	return at;
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

void image_inherit_place(struct process_record *record)
{
	const struct process_record *kin = find_before_exec(record);
	char bytes[CONTAINER_ID_BYTES_MAX];
	struct wire_bytes id = {bytes, 0};

	if (!kin)
		kin = find_parent_in_cgroup(record);
	if (!kin)
		kin = find_in_cgroup(record);
	if (kin && kin->container) {
		id.n_bytes = kin->container->n_bytes;
		memcpy(bytes, kin->container->bytes, id.n_bytes); /* which may go for this one */
	}
	processes_place(record, id);
}

void image_inherit_mappings(struct process_record *record, uint64_t now_ns)
{
	if (!record->process.is_read)
		use_ancestors_mappings(record, now_ns);
	if (!record->process.is_read)
		image_use_exec_mappings(record, now_ns);
}
