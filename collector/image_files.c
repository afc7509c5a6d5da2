#include "image_files.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/hash.h"
#include "object_roots.h"
#include "vdso_copy.h"

#define OPENS_IN_FLIGHT_MAX 64u /* of one image: others get their turn */
#define NAME_OF_ANONYMOUS   "[anon]"

/*
 * One file being opened, for the mapping that has this range and those of the same file that follow
 * it. The set may be replaced before the answer comes: the range finds the mapping again.
 */
struct file_open {
	struct process_record *record;
	struct proc_addr start;
	struct proc_addr end;
	uint64_t device;
	uint64_t inode;
	struct file_open *previous;
	struct file_open *next;
};

static void account(struct process_record *record, size_t bytes_before)
{
	struct processes *processes = record->processes;

	processes->mappings_bytes -= bytes_before;
	processes->mappings_bytes += mappings_bytes(&record->process.mappings);
	record->open_from = 0;
}

void image_set_mappings(struct process_record *record, struct mappings *mappings, uint64_t now_ns)
{
	struct processes *processes = record->processes;
	size_t bytes_before = mappings_bytes(&record->process.mappings);
	size_t n_bytes = mappings_bytes(mappings);

	if (n_bytes + processes->mappings_bytes > PROCESSES_MAPPINGS_BYTES_MAX) {
		counters_add(processes->options.counters, COUNTER_MAPS_TRUNCATED,
			     mappings->n_mappings);
		mappings_deinit(mappings, processes->options.objects, now_ns);
		return;
	}
	mappings_replace(&record->process.mappings, mappings, processes->options.objects, now_ns);
	account(record, bytes_before);
	record->process.is_read = true;
}

void image_drop(struct process_record *record, uint64_t now_ns)
{
	struct objects *objects = record->processes->options.objects;
	size_t bytes_before = mappings_bytes(&record->process.mappings);

	mappings_deinit(&record->process.mappings, objects, now_ns);
	account(record, bytes_before);
	for (size_t i = 0; i < IMAGE_CODE_MAX && record->code[i]; i++)
		object_release(objects, take_ptr(record->code[i]), now_ns);
	if (record->root)
		object_root_release(objects, record->root, now_ns);
	record->root = NULL;
	record->process.is_read = false;
	record->has_unproved_key = false;
}

static struct object_key key_of(const struct process_record *record, const struct mapping *mapping)
{
	return (struct object_key){
		.device = mapping->device,
		.inode = mapping->inode,
		.scope = record->container_hash,
	};
}

void image_drained(struct process_record *record, uint64_t now_ns)
{
	struct objects *objects = record->processes->options.objects;
	struct mappings *mappings = &record->process.mappings;
	size_t bytes_before = mappings_bytes(mappings);

	mappings_prune(mappings, objects, now_ns);
	account(record, bytes_before);
	if (!record->has_unproved_key ||
	    (record->process.is_exited && record->exited_ns <= record->read_ns))
		return;
	for (size_t i = 0; i < mappings->n_mappings; i++) {
		struct mapping *m = &mappings->mappings[i];
		struct object_key key = key_of(record, m);

		if (m->object)
			objects_note_mapped(objects, m->object, &key, mapping_name(mappings, m));
	}
	record->has_unproved_key = false;
}

static void count_refusal(struct processes *processes, int outcome)
{
	enum counter_id counter = COUNTER_OBJECTS_REFUSED_GONE; /* OPENER_GONE, OPENER_FAILED */

	if (outcome == OPENER_NOT_REGULAR)
		counter = COUNTER_OBJECTS_REFUSED;
	else if (outcome == OPENER_DENIED)
		counter = COUNTER_OBJECTS_REFUSED_DENIED;
	else if (outcome == OPENER_DEADLINE)
		counter = COUNTER_OBJECTS_REFUSED_DEADLINE;
	else if (outcome == OPENER_FULL)
		counter = COUNTER_OBJECTS_REFUSED_FULL;
	counters_add(processes->options.counters, counter, 1);
}

static bool has_prefix(struct wire_bytes name, const char *prefix)
{
	return name.n_bytes >= strlen(prefix) && memcmp(name.data, prefix, strlen(prefix)) == 0;
}

/* Memory that has an inode of the kernel's own, and no file that could be opened. */
static bool is_nameless(struct wire_bytes name, const struct mapping *mapping)
{
	return mapping->inode == 0 || has_prefix(name, "/memfd:") || has_prefix(name, "/SYSV") ||
	       has_prefix(name, "/dev/zero") || has_prefix(name, "/anon_hugepage") ||
	       has_prefix(name, "anon_inode:");
}

static struct wire_bytes name_of_memory(const struct process_record *record,
					const struct mapping *mapping)
{
	struct wire_bytes name = mapping_name(&record->process.mappings, mapping);

	return name.n_bytes > 0 ? name
				: (struct wire_bytes){NAME_OF_ANONYMOUS, strlen(NAME_OF_ANONYMOUS)};
}

/* The nameless object of @mapping, with a reference. */
static struct object *nameless_of(struct process_record *record, const struct mapping *mapping)
{
	return objects_nameless(record->processes->options.objects,
				name_of_memory(record, mapping));
}

static bool is_called(const struct object *object, struct wire_bytes name)
{
	return object->n_name_bytes == name.n_bytes &&
	       memcmp(object->name, name.data, name.n_bytes) == 0;
}

/* Where runtimes put code that they make. Not: [heap], [stack], [vsyscall]. */
static bool may_be_made(struct wire_bytes name)
{
	return name.n_bytes == 0 || has_prefix(name, "/memfd:") || has_prefix(name, "/dev/zero") ||
	       has_prefix(name, "[anon") || has_prefix(name, "//anon") ||
	       has_prefix(name, "/anon_hugepage") || has_prefix(name, "/SYSV");
}

void image_claim_perf_map(struct process_record *record)
{
	for (size_t i = 0; i < IMAGE_CODE_MAX && record->code[i]; i++) {
		record->code[i]->namespace_pid = record->status.namespace_pid;
		record->code[i]->process_uid = record->status.effective_uid;
	}
}

static struct object *code_new(struct process_record *record, struct wire_bytes name)
{
	const struct process_image *image = &record->process.image;
	const struct file_identity process = {
		.device = (uint64_t)image->exec_count << 32 | image->pid,
		.inode = image->start_boot_ns,
	};
	struct object *object =
		objects_new_code(record->processes->options.objects, &process, name);

	if (object && record->root)
		object_set_root(object, record->root);
	return object;
}

/* The object of code that the image made, one a name, with a reference. */
static struct object *code_of(struct process_record *record, const struct mapping *mapping)
{
	struct wire_bytes name = name_of_memory(record, mapping);
	size_t i = 0;

	while (i < IMAGE_CODE_MAX && record->code[i] && !is_called(record->code[i], name))
		i++;
	if (i == IMAGE_CODE_MAX)
		return nameless_of(record, mapping);
	if (!record->code[i]) {
		record->code[i] = code_new(record, name);
		image_claim_perf_map(record);
	}
	return record->code[i] ? object_retain(record->code[i]) : nameless_of(record, mapping);
}

/* Whether @mapping got an object without opening anything: the usual case, once a file is held. */
static bool settle(struct process_record *record, struct mapping *mapping)
{
	struct wire_bytes name = mapping_name(&record->process.mappings, mapping);
	struct object *vdso = record->processes->options.vdso;
	struct object_key key;

	if (vdso_is_at(vdso, mapping, name)) {
		mapping->object = object_retain(vdso);
		return true;
	}
	if (is_nameless(name, mapping)) {
		mapping->object =
			may_be_made(name) ? code_of(record, mapping) : nameless_of(record, mapping);
		return true;
	}
	key = key_of(record, mapping);
	mapping->object = objects_find_mapped(record->processes->options.objects, &key, name);
	return mapping->object != NULL;
}

static struct file_open *file_open_new(struct process_record *record, const struct mapping *mapping)
{
	struct file_open *open = malloc(sizeof(*open));
	struct file_open **first = &record->processes->opens;

	if (!open)
		return NULL;
	*open = (struct file_open){
		.record = record,
		.start = mapping->start,
		.end = mapping->end,
		.device = mapping->device,
		.inode = mapping->inode,
		.next = *first,
	};
	if (*first)
		(*first)->previous = open;
	*first = open;
	record->n_opening++;
	return open;
}

static void file_open_free(struct file_open *open)
{
	if (open->previous)
		open->previous->next = open->next;
	else
		open->record->processes->opens = open->next;
	if (open->next)
		open->next->previous = open->previous;
	open->record->n_opening--;
	free(open);
}

/* Gives @object (one reference consumed) to @first and to those of its file that wait with it. */
static void assign(struct process_record *record, struct mapping *first, struct object *object)
{
	struct mappings *mappings = &record->process.mappings;
	struct mapping *end = mappings->mappings + mappings->n_mappings;

	first->object = object;
	first->is_opening = false;
	for (struct mapping *m = first + 1; m < end && m->is_opening && !m->object; m++) {
		if (!mapping_same_file(mappings, first, m))
			break;
		m->object = object_retain(object);
		m->is_opening = false;
	}
}

/* Nothing is being opened: what still waits for a file lost the mapping that was asked for. */
static void reconsider_waiting(struct process_record *record)
{
	struct mappings *mappings = &record->process.mappings;

	for (size_t i = 0; i < mappings->n_mappings; i++) {
		if (!mappings->mappings[i].is_opening)
			continue;
		mappings->mappings[i].is_opening = false;
		record->open_from = 0;
	}
}

/* The mapping that @open is for, or NULL when it is no longer known. */
static struct mapping *find_opening(const struct file_open *open)
{
	struct mapping *m = mappings_find(&open->record->process.mappings, open->start);

	if (!m || m->start.v != open->start.v || m->end.v != open->end.v ||
	    m->device != open->device || m->inode != open->inode || m->object)
		return NULL;
	return m;
}

/*
 * The object of a file that was opened for @mapping, with a reference; NULL when it is not to be
 * had. Where fstat says the numbers that maps printed, it is the file that was meant. Where it does
 * not (overlay, btrfs) an exec or a reuse of the pid in between could have put another file at the
 * same range: such an image is trusted only as long as no announcement says so.
 */
static struct object *adopt(struct file_open *open, struct mapping *mapping,
			    const struct opener_result *result)
{
	struct process_record *record = open->record;
	struct processes *processes = record->processes;
	struct wire_bytes name = mapping_name(&record->process.mappings, mapping);
	struct object_key key = key_of(record, mapping);
	bool is_proved = result->identity.device == mapping->device &&
			 result->identity.inode == mapping->inode;
	struct object *object;
	int fd = result->fd;

	if (!is_proved && record->is_superseded) {
		close_fdp(&fd);
		counters_add(processes->options.counters, COUNTER_OBJECTS_REFUSED_GONE, 1);
		return NULL;
	}
	object = objects_adopt(processes->options.objects, fd, &result->identity, name);
	if (!object) {
		counters_add(processes->options.counters, COUNTER_OBJECTS_REFUSED_FULL, 1);
		return NULL;
	}
	if (is_proved) {
		objects_note_mapped(processes->options.objects, object, &key, name);
	} else {
		record->has_unproved_key = true;
		record->read_ns = processes->options.clock_ns();
	}
	if (record->root)
		object_set_root(object, record->root);
	return object;
}

static void file_opened(void *owner, const struct opener_result *result)
{
	struct file_open *open = owner;
	struct process_record *record = open->record;
	struct mapping *mapping = find_opening(open);
	struct object *object = NULL;
	int fd = result->fd;

	record_is_answered(record);
	if (result->outcome != 0)
		count_refusal(record->processes, result->outcome);
	else if (mapping)
		object = adopt(open, mapping, result);
	else
		close_fdp(&fd);
	if (mapping)
		assign(record, mapping, object ? object : nameless_of(record, mapping));
	file_open_free(open);
	if (record->n_opening == 0)
		reconsider_waiting(record);
	image_open_files(record);
}

/* Asks for the file of the mapping at @at, together with those of the same file that follow it. */
static void open_file(struct process_record *record, size_t at)
{
	struct mappings *mappings = &record->process.mappings;
	struct mapping *mapping = &mappings->mappings[at];
	struct file_open *open;
	struct opener_request request = {
		.op = OPENER_OPEN_MAPPED,
		.device = mapping->device,
		.pid = (pid_t)record->process.image.pid,
		.start = mapping->start.v,
		.end = mapping->end.v,
		.fd = -1,
	};

	/* What was unmapped, or replaced by an exec, is not at its range any more. */
	open = mapping->is_gone || record->is_superseded ? NULL : file_open_new(record, mapping);
	if (!open) {
		count_refusal(record->processes, OPENER_GONE);
		mapping->object = nameless_of(record, mapping);
		return;
	}
	mapping->is_opening = true;
	for (size_t i = at + 1; i < mappings->n_mappings; i++) {
		struct mapping *m = &mappings->mappings[i];

		if (m->object || m->is_gone || !mapping_same_file(mappings, mapping, m))
			break;
		m->is_opening = true;
	}
	record_is_waiting(record);
	opener_submit(record->processes->options.opener, &request, file_opened, open);
}

static int by_start(const void *left, const void *right)
{
	const struct mapping *a = left, *b = right;

	return (a->start.v > b->start.v) - (a->start.v < b->start.v);
}

/*
 * The mappings that the image's exec brought along, ascending and disjoint, their objects borrowed.
 * Returns how many; 0 when one has no object.
 */
static size_t find_exec_mappings(const struct process_record *record,
				 struct mapping mappings[N_EXEC_MAPPINGS])
{
	size_t n = 0;

	for (size_t i = 0; i < N_EXEC_MAPPINGS; i++) {
		const struct exec_mapping *from = &record->exec_mappings[i];
		struct mapping mapping = {
			.start = {from->start},
			.end = {from->end},
			.offset = {from->offset},
			.device = makedev(from->device_major, from->device_minor),
			.inode = from->inode,
		};

		if (from->end <= from->start)
			continue;
		mapping.object = objects_find_file(record->processes->options.objects,
						   mapping.device, mapping.inode);
		if (!mapping.object)
			return 0;
		mappings[n++] = mapping;
	}
	qsort(mappings, n, sizeof(mappings[0]), by_start);
	if (n == N_EXEC_MAPPINGS && mappings[1].start.v < mappings[0].end.v)
		n = 1; /* one and the same: a program without interpreter */
	return n;
}

static_assert(N_EXEC_MAPPINGS == 2, "the program's and its interpreter's");

bool image_has_exec_files(const struct process_record *record)
{
	struct mapping mappings[N_EXEC_MAPPINGS];

	return find_exec_mappings(record, mappings) > 0;
}

void image_use_exec_mappings(struct process_record *record, uint64_t now_ns)
{
	struct mapping mappings[N_EXEC_MAPPINGS];
	struct wire_bytes names[N_EXEC_MAPPINGS];
	size_t n = find_exec_mappings(record, mappings);
	struct mappings set;

	for (size_t i = 0; i < n; i++) {
		const struct object *object = mappings[i].object;

		names[i] = (struct wire_bytes){object->name, object->n_name_bytes};
	}
	if (n == 0 || mappings_make(mappings, names, n, &set) < 0)
		return;
	image_set_mappings(record, &set, now_ns);
}

static bool is_rootless(const struct mapping *mapping)
{
	return mapping->is_opening || (mapping->object && object_lacks_root(mapping->object));
}

/* Finds or asks for what the mappings still lack, as far as the bound on requests allows. */
void image_open_files(struct process_record *record)
{
	struct mappings *mappings = &record->process.mappings;
	bool is_any_rootless = false;

	if (record->is_opening_files)
		return;
	record->is_opening_files = true;
	while (record->open_from < mappings->n_mappings &&
	       record->n_opening < OPENS_IN_FLIGHT_MAX) {
		struct mapping *m = &mappings->mappings[record->open_from];

		if (!m->object && !m->is_opening && !settle(record, m))
			open_file(record, record->open_from);
		is_any_rootless = is_any_rootless || is_rootless(m);
		record->open_from++;
	}
	record->is_opening_files = false;
	if (is_any_rootless)
		image_mend_roots(record);
}

static bool lacks_root(const struct process_record *record)
{
	const struct mappings *mappings = &record->process.mappings;

	for (size_t i = 0; i < mappings->n_mappings; i++)
		if (is_rootless(&mappings->mappings[i]))
			return true;
	return false;
}

static void give_root(struct process_record *record)
{
	struct mappings *mappings = &record->process.mappings;

	for (size_t i = 0; i < mappings->n_mappings; i++)
		if (mappings->mappings[i].object)
			object_set_root(mappings->mappings[i].object, record->root);
}

static void root_opened(void *owner, const struct opener_result *result)
{
	struct process_record *record = owner;
	int fd = result->fd;

	record->n_in_flight--;
	record->is_asking_root = false;
	if (result->outcome != 0) {
		record->is_root_refused = true; /* siblings of its files will not be found */
		return;
	}
	if (!record->process.is_read || record->is_superseded) {
		close_fdp(&fd);
		return;
	}
	record->root = objects_adopt_root(record->processes->options.objects, fd, &result->identity,
					  result->mount_id, result->bytes[0]);
	if (record->root)
		give_root(record);
	else
		record->is_root_refused = true;
}

void image_mend_roots(struct process_record *record)
{
	struct opener_request request = {
		.op = OPENER_OPEN_ROOT,
		.pid = (pid_t)record->process.image.pid,
		.fd = -1,
	};

	if (record->process.is_exited || record->is_asking_root || !lacks_root(record))
		return;
	if (record->root) {
		give_root(record);
		return;
	}
	if (record->is_root_refused)
		return;
	record->is_asking_root = true;
	record->n_in_flight++;
	opener_submit(record->processes->options.opener, &request, root_opened, record);
}

void image_files_deinit(struct processes *processes)
{
	while (processes->opens)
		file_open_free(processes->opens);
}
