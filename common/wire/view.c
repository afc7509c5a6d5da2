/* VIEW: what the collector shows of itself and of the processes that it profiles. */
#include "wire/arena.h"
#include "wire/parts.h"

static const struct array_shape service_shape = {
	.wire_bytes_min = 2 + PROCESS_STATUS_WIRE_BYTES_MIN,
	.element_bytes = sizeof(struct wire_service),
	.n_max = VIEW_SERVICES_MAX,
};
static const struct array_shape file_shape = {
	.wire_bytes_min = 5,
	.element_bytes = sizeof(struct wire_mapped_file),
	.n_max = VIEW_FILES_MAX,
};
static const struct array_shape process_shape = {
	.wire_bytes_min = 8,
	.element_bytes = sizeof(struct wire_profiled),
	.n_max = VIEW_PROCESSES_MAX,
};
static const struct array_shape target_shape = {
	.wire_bytes_min = 3,
	.element_bytes = sizeof(struct wire_target_name),
	.n_max = VIEW_PROCESS_TARGETS_MAX,
};
static const struct array_shape index_shape = {
	.wire_bytes_min = 1,
	.element_bytes = sizeof(uint32_t),
	.n_max = VIEW_PROCESS_FILES_MAX,
};

static void pack_services(struct bytes *out, const struct wire_view *m)
{
	pack_array(out, m->n_services);
	for (size_t i = 0; i < m->n_services; i++) {
		pack_array(out, 2);
		pack_uint(out, m->services[i].role);
		pack_process_status(out, &m->services[i].status);
	}
}

static void unpack_services(struct unpacker *u, struct wire_arena *arena, struct wire_view *m)
{
	struct wire_service *services = unpack_array_of(u, arena, &service_shape, &m->n_services);

	for (size_t i = 0; i < m->n_services; i++) {
		unpack_tuple(u, 2);
		services[i].role = (enum service_role)unpack_uint(u, SERVICE_MAIN, SERVICE_OPENER);
		services[i].status = unpack_process_status(u);
	}
	m->services = services;
}

static void pack_files(struct bytes *out, const struct wire_view *m)
{
	pack_array(out, m->n_files);
	for (size_t i = 0; i < m->n_files; i++) {
		pack_array(out, 3);
		pack_uint(out, m->files[i].device);
		pack_uint(out, m->files[i].inode);
		pack_bytes(out, m->files[i].name);
	}
}

static void unpack_files(struct unpacker *u, struct wire_arena *arena, struct wire_view *m)
{
	struct wire_mapped_file *files = unpack_array_of(u, arena, &file_shape, &m->n_files);

	for (size_t i = 0; i < m->n_files; i++) {
		unpack_tuple(u, 3);
		files[i].device = unpack_u64(u);
		files[i].inode = unpack_u64(u);
		files[i].name = unpack_bytes(u, SHOWN_NAME_BYTES_MAX);
	}
	m->files = files;
}

static void pack_process(struct bytes *out, const struct wire_profiled *process)
{
	pack_array(out, 6);
	pack_uint(out, process->pid);
	pack_bytes(out, process->comm);
	pack_uint(out, process->last_used_round);
	pack_array(out, process->n_targets);
	for (size_t i = 0; i < process->n_targets; i++) {
		pack_array(out, 2);
		pack_uint(out, process->targets[i].job);
		pack_uint(out, process->targets[i].labels_hash);
	}
	pack_uint(out, process->n_mappings);
	pack_array(out, process->n_files);
	for (size_t i = 0; i < process->n_files; i++)
		pack_uint(out, process->files[i]);
}

static struct wire_profiled unpack_process(struct unpacker *u, struct wire_arena *arena,
					   size_t n_files)
{
	struct wire_profiled process;
	struct wire_target_name *targets;
	uint32_t *files;

	unpack_tuple(u, 6);
	process.pid = unpack_u32(u);
	process.comm = unpack_bytes(u, VIEW_COMM_BYTES_MAX);
	process.last_used_round = unpack_u64(u);
	targets = unpack_array_of(u, arena, &target_shape, &process.n_targets);
	for (size_t i = 0; i < process.n_targets; i++) {
		unpack_tuple(u, 2);
		targets[i].job = unpack_u64(u);
		targets[i].labels_hash = unpack_u64(u);
	}
	process.targets = targets;
	process.n_mappings = unpack_u32(u);
	files = unpack_array_of(u, arena, &index_shape, &process.n_files);
	if (process.n_files > 0 && n_files == 0)
		unpack_fail(u);
	for (size_t i = 0; i < process.n_files; i++)
		files[i] = (uint32_t)unpack_uint(u, 0, n_files - 1);
	process.files = files;
	return process;
}

void wire_encode_view(struct bytes *out, const struct wire_view *m)
{
	pack_head(out, MESSAGE_VIEW, 6);
	pack_uint(out, m->instance);
	pack_uint(out, m->round);
	pack_uint(out, m->n_profiled);
	pack_services(out, m);
	pack_files(out, m);
	pack_array(out, m->n_processes);
	for (size_t i = 0; i < m->n_processes; i++)
		pack_process(out, &m->processes[i]);
}

int wire_decode_view(const void *frame, size_t n_bytes, struct wire_arena *arena,
		     struct wire_view *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_VIEW, 6);
	struct wire_profiled *processes;
	struct wire_view m;
	int r;

	m.instance = unpack_u64(&u);
	m.round = unpack_u64(&u);
	m.n_profiled = unpack_u64(&u);
	unpack_services(&u, arena, &m);
	unpack_files(&u, arena, &m);
	processes = unpack_array_of(&u, arena, &process_shape, &m.n_processes);
	for (size_t i = 0; i < m.n_processes; i++)
		processes[i] = unpack_process(&u, arena, m.n_files);
	m.processes = processes;
	if (m.n_processes > m.n_profiled)
		unpack_fail(&u);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}
