/* PROCESSES and PROCESS_LIST: what runs on the host, for the shipper's discovery. */
#include "wire/arena.h"
#include "wire/parts.h"

#define LISTED_WIRE_BYTES_MIN  13u /* an array head, two numbers, five texts */
#define CONTAINER_ID_BYTES_MAX 256u

void wire_encode_processes(struct bytes *out, const struct wire_processes *m)
{
	pack_head(out, MESSAGE_PROCESSES, 2);
	pack_uint(out, m->after_pid);
	pack_bool(out, m->wants_commands);
}

int wire_decode_processes(const void *frame, size_t n_bytes, struct wire_processes *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_PROCESSES, 2);
	struct wire_processes m;
	int r;

	m.after_pid = (uint32_t)unpack_uint(&u, 0, INT32_MAX);
	m.wants_commands = unpack_bool(&u);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

static void pack_listed(struct bytes *out, const struct wire_listed_process *process)
{
	pack_array(out, 7);
	pack_uint(out, process->pid);
	pack_uint(out, process->uid);
	pack_bytes(out, process->exe);
	pack_bytes(out, process->cwd);
	pack_bytes(out, process->command);
	pack_bytes(out, process->container_id);
	pack_bytes(out, process->cgroup);
}

static struct wire_listed_process unpack_listed(struct unpacker *u)
{
	struct wire_listed_process process;

	unpack_tuple(u, 7);
	process.pid = (uint32_t)unpack_uint(u, 1, INT32_MAX);
	process.uid = unpack_u32(u);
	process.exe = unpack_bytes(u, PROCESS_PATH_BYTES_MAX);
	process.cwd = unpack_bytes(u, PROCESS_PATH_BYTES_MAX);
	process.command = unpack_bytes(u, PROCESS_TEXT_BYTES_MAX);
	process.container_id = unpack_bytes(u, CONTAINER_ID_BYTES_MAX);
	process.cgroup = unpack_bytes(u, PROCESS_TEXT_BYTES_MAX);
	return process;
}

void wire_encode_process_list(struct bytes *out, const struct wire_process_list *m)
{
	pack_head(out, MESSAGE_PROCESS_LIST, 4);
	pack_uint(out, m->next_after_pid);
	pack_bool(out, m->is_last);
	pack_uint(out, m->n_unread);
	pack_array(out, m->n_processes);
	for (size_t i = 0; i < m->n_processes; i++)
		pack_listed(out, &m->processes[i]);
}

int wire_decode_process_list(const void *frame, size_t n_bytes, struct wire_arena *arena,
			     struct wire_process_list *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_PROCESS_LIST, 4);
	struct wire_listed_process *processes;
	struct wire_process_list m;
	uint32_t last_pid = 0;
	int r;

	m.next_after_pid = (uint32_t)unpack_uint(&u, 0, INT32_MAX);
	m.is_last = unpack_bool(&u);
	m.n_unread = unpack_u32(&u);
	processes =
		unpack_array(&u, arena, LISTED_WIRE_BYTES_MIN, sizeof(*processes), &m.n_processes);
	for (size_t i = 0; i < m.n_processes; i++) {
		processes[i] = unpack_listed(&u);
		if (processes[i].pid <= last_pid)
			unpack_fail(&u);
		last_pid = processes[i].pid;
	}
	if (last_pid > m.next_after_pid)
		unpack_fail(&u);
	m.processes = processes;
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}
