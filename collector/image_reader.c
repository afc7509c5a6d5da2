#include "image_reader.h"

#include <string.h>

#include "image_files.h"
#include "proc_text.h"

#define READ_FAILURES_MAX 3u

/* Where opener_result.bytes has the texts of an OPENER_READ_PROC. */
enum { TEXT_STAT, TEXT_STATUS, TEXT_CGROUP, TEXT_MAPS };

/* Of a process that went in the midst of it, what was read before is good. */
static bool has_texts(const struct opener_result *result)
{
	return result->outcome == 0 || result->outcome == OPENER_TRUNCATED ||
	       result->outcome == OPENER_GONE;
}

/* Whether the text of stat is of a process that started when the image's did. */
static bool is_stat_of(const struct process_record *record, struct wire_bytes text,
		       struct proc_stat *ret_stat)
{
	if (proc_stat_parse(text, ret_stat) != 0)
		return false;
	return ret_stat->start_clock_ticks ==
	       record->process.image.start_boot_ns / record->processes->clock_tick_ns;
}

static void status_read(void *owner, const struct opener_result *result)
{
	struct process_record *record = owner;
	struct proc_stat stat;

	record->n_in_flight--;
	if (!has_texts(result) || !is_stat_of(record, result->bytes[TEXT_STAT], &stat) ||
	    proc_status_parse(result->bytes[TEXT_STATUS], &record->status) != 0)
		return; /* no perf map will be found */
	image_claim_perf_map(record);
}

/* Only a process with code of its own making can have a perf map, and status is dear to read. */
static void ask_status(struct process_record *record)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC,
		.pid = (pid_t)record->process.image.pid,
		.files = OPENER_STAT | OPENER_STATUS,
		.fd = -1,
	};

	if (!record->code[0] || record->is_status_asked)
		return;
	record->is_status_asked = true;
	record->n_in_flight++;
	opener_submit(record->processes->options.opener, &request, status_read, record);
}

/* The line of /proc/PID/cgroup that is about the unified hierarchy; empty when there is none. */
static struct wire_bytes unified_line(struct wire_bytes text)
{
	static const char prefix[] = "0::";
	const char *at = text.data;
	size_t n_left = text.n_bytes;

	while (n_left > 0) {
		const char *newline = memchr(at, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - at) + 1 : n_left;

		if (n_line >= sizeof(prefix) && memcmp(at, prefix, sizeof(prefix) - 1) == 0)
			return (struct wire_bytes){at, n_line};
		at += n_line;
		n_left -= n_line;
	}
	return (struct wire_bytes){NULL, 0};
}

/* A process in its exit has no memory, and v1 hierarchies say of it that it is at their root. */
static bool says_nothing(struct wire_bytes text, struct wire_bytes id, bool has_memory)
{
	return text.n_bytes == 0 || (id.n_bytes == 0 && !has_memory && cgroup_has_v1(text));
}

static void place(struct process_record *record, struct wire_bytes text, bool has_memory)
{
	struct wire_bytes id = cgroup_container_id(text);

	if (says_nothing(text, id, has_memory))
		return;
	processes_place(record, id);
	record->process.is_in_container = cgroup_container_id(unified_line(text)).n_bytes > 0;
	record->may_have_moved = cgroup_has_v1(text);
}

static void take_maps(struct process_record *record, struct wire_bytes text, uint64_t now_ns)
{
	struct processes *processes = record->processes;
	struct counters *counters = processes->options.counters;
	struct mappings fresh;

	if (text.n_bytes == 0 || mappings_parse(text, &fresh) < 0) {
		counters_add(counters, COUNTER_MAPS_FAILED, 1); /* its memory, or ours, is gone */
		processes_lost(record, now_ns);
		return;
	}
	counters_add(counters, COUNTER_MAPS_READ, 1);
	counters_add(counters, COUNTER_MAPS_TRUNCATED, fresh.n_truncated);
	image_set_mappings(record, &fresh, now_ns);
	image_open_files(record);
	ask_status(record);
}

static void take_texts(struct process_record *record, const struct opener_result *result,
		       const struct proc_stat *stat, uint64_t now_ns)
{
	record->n_failures = 0;
	record->read_ns = now_ns;
	if (record->process.comm[0] == '\0') /* its announcement was lost */
		memcpy(record->process.comm, stat->comm, COMM_BYTES);
	place(record, result->bytes[TEXT_CGROUP], result->bytes[TEXT_MAPS].n_bytes > 0);
	processes_decide(record, now_ns);
	if (record->process.decision != DECISION_NO)
		take_maps(record, result->bytes[TEXT_MAPS], now_ns);
	if (!record->is_placed)
		processes_lost(record, now_ns);
}

/* An answer that holds nothing of the image; without an outcome it is of somebody else. */
static void take_failure(struct process_record *record, int outcome, uint64_t now_ns)
{
	struct processes *processes = record->processes;

	counters_add(processes->options.counters, COUNTER_MAPS_FAILED, 1);
	switch (outcome) {
	case OPENER_FULL:
		processes->is_opener_full = true;
		record->asked_ns = 0; /* processes_expire() asks again */
		return;
	case OPENER_DEADLINE:
	case OPENER_FAILED:
		if (++record->n_failures < READ_FAILURES_MAX) {
			record->asked_ns = 0;
			return;
		}
		break;
	case OPENER_DENIED:
		break;
	default:
		processes_exited(record, now_ns);
		break;
	}
	processes_lost(record, now_ns);
}

static void texts_read(void *owner, const struct opener_result *result)
{
	struct process_record *record = owner;
	uint64_t now_ns = record->processes->options.clock_ns();
	struct proc_stat stat;

	record_is_answered(record);
	record->is_reading = false;
	if (record->is_superseded || !has_texts(result) ||
	    !is_stat_of(record, result->bytes[TEXT_STAT], &stat)) {
		take_failure(record, result->outcome, now_ns);
		return;
	}
	if (result->outcome == OPENER_GONE)
		processes_exited(record, now_ns);
	take_texts(record, result, &stat, now_ns);
	if (record->news_ns > record->asked_ns)
		image_read(record, record->news_ns);
}

void image_read(struct process_record *record, uint64_t news_ns)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC,
		.pid = (pid_t)record->process.image.pid,
		.files = OPENER_STAT | OPENER_CGROUP | OPENER_MAPS,
		.fd = -1,
	};

	if (record->process.is_exited)
		return;
	if (news_ns > record->news_ns)
		record->news_ns = news_ns;
	if (record->is_reading || (record->process.is_read && record->asked_ns >= record->news_ns))
		return;
	record->is_reading = true;
	record->asked_ns = record->processes->options.clock_ns();
	record_is_waiting(record);
	opener_submit(record->processes->options.opener, &request, texts_read, record);
}

void processes_look_again(struct process *process, uint64_t now_ns)
{
	image_read((struct process_record *)process, now_ns); /* its first member */
}
