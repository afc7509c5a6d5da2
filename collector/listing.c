#include "listing.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "container_id.h"
#include "proc_text.h"

#define LISTING_PIDS_NS UINT64_C(10000000000)

#define ENTRY_HEAD_BYTES offsetof(struct dirent64, d_name)

/* What one process can have at most: a part has room for it whenever it is not complete. */
#define PROCESS_BYTES_MAX                                                                          \
	(2 * PROCESS_TEXT_BYTES_MAX + 2 * PROCESS_PATH_BYTES_MAX + CONTAINER_ID_BYTES_MAX)
#define TEXT_ROOM_BYTES (LISTING_TEXT_BYTES + PROCESS_BYTES_MAX)

static_assert(TEXT_ROOM_BYTES + 64 * LISTING_PROCESSES_MAX < MESSAGE_BYTES_MAX_PROCESS_LIST,
	      "a part fits its message");

/* Where opener_result.bytes has what is asked for. */
enum { TEXT_STATUS = 1, TEXT_CGROUP = 2, TEXT_COMMAND = 4, TEXT_EXE = 5, TEXT_CWD = 6 };

struct listing {
	struct listing_options options;
	uint32_t *pids; /* owned; NULL: not listed, or all of them told */
	size_t n_pids;
	size_t at; /* the next to read */
	uint64_t listed_ns;

	bool is_asked;
	bool is_running;    /* somewhere up the stack */
	bool needs_pids;    /* of a list made after the ask */
	bool is_full;       /* the opener's queue: the part ends */
	bool skips_command; /* of the next: it was asked for, and did not come in time */
	struct wire_processes ask;
	uint64_t asked_ns;

	bool is_reading;      /* the opener has a request; the ask that it was for may be over: */
	uint32_t reading_pid; /* it serves when the next one wants the same, or else a slow */
	bool reads_command;   /* answer would never come in time */

	uint32_t last_pid; /* looked at for this part, or the ask's */
	uint32_t n_unread;
	size_t n_processes;
	struct wire_listed_process processes[LISTING_PROCESSES_MAX];
	size_t n_text_bytes;
	char texts[TEXT_ROOM_BYTES]; /* of the processes */
};

int listing_new(const struct listing_options *options, struct listing **ret_listing)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return -ENOMEM;
	listing->options = *options;
	if (!listing->options.clock_ns)
		listing->options.clock_ns = clock_monotonic_ns;
	*ret_listing = listing;
	return 0;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	free(listing->pids);
	free(listing);
}

static void forget_pids(struct listing *listing)
{
	free(listing->pids);
	listing->pids = NULL;
	listing->n_pids = 0;
	listing->at = 0;
}

static void finish(struct listing *listing)
{
	const struct wire_process_list part = {
		.next_after_pid = listing->last_pid,
		.is_last = !listing->needs_pids && listing->at == listing->n_pids,
		.n_unread = listing->n_unread,
		.n_processes = listing->n_processes,
		.processes = listing->processes,
	};

	listing->is_asked = false;
	if (part.is_last)
		forget_pids(listing);
	listing->options.done(listing->options.owner, &part);
}

/* The pid that a directory entry of /proc is named by, or 0. */
static uint32_t pid_of(const char *name, size_t n_max)
{
	uint64_t pid = 0;
	size_t i;

	for (i = 0; i < n_max && name[i] >= '0' && name[i] <= '9' && pid <= INT32_MAX; i++)
		pid = pid * 10 + (uint64_t)(name[i] - '0');
	return i > 0 && i < n_max && name[i] == '\0' && pid <= INT32_MAX ? (uint32_t)pid : 0;
}

/* Counts the pids among the entries, which getdents64 gives in ascending order; @pids: or NULL. */
static size_t copy_pids(struct wire_bytes entries, uint32_t *pids)
{
	const char *at = entries.data;
	size_t n_left = entries.n_bytes, n_pids = 0;
	uint32_t last_pid = 0;
	unsigned short n_bytes;

	while (n_left > ENTRY_HEAD_BYTES) {
		uint32_t pid;

		memcpy(&n_bytes, at + offsetof(struct dirent64, d_reclen), sizeof(n_bytes));
		if (n_bytes <= ENTRY_HEAD_BYTES || n_bytes > n_left)
			break;
		pid = pid_of(at + ENTRY_HEAD_BYTES, n_bytes - ENTRY_HEAD_BYTES);
		if (pid > last_pid) {
			if (pids)
				pids[n_pids] = pid;
			n_pids++;
			last_pid = pid;
		}
		at += n_bytes;
		n_left -= n_bytes;
	}
	return n_pids;
}

static void find_place(struct listing *listing)
{
	size_t lo = 0, hi = listing->n_pids;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (listing->pids[middle] <= listing->ask.after_pid)
			lo = middle + 1;
		else
			hi = middle;
	}
	listing->at = lo;
}

static void run(struct listing *listing);

static void pids_read(void *owner, const struct opener_result *result)
{
	struct listing *listing = owner;
	size_t n_pids = copy_pids(result->bytes[0], NULL); /* bounded by the opener's area */

	listing->is_reading = false;
	if (!listing->is_asked)
		return;
	forget_pids(listing);
	if (result->outcome == 0 || result->outcome == OPENER_TRUNCATED)
		listing->pids = calloc(n_pids + 1, sizeof(*listing->pids));
	if (!listing->pids) {
		listing->is_asked = false;
		listing->options.done(listing->options.owner, NULL);
		return;
	}
	listing->n_pids = copy_pids(result->bytes[0], listing->pids);
	listing->listed_ns = listing->options.clock_ns();
	listing->needs_pids = false;
	listing->skips_command = false;
	find_place(listing);
	run(listing);
}

static void ask_pids(struct listing *listing)
{
	const struct opener_request request = {.op = OPENER_LIST_PROC, .fd = -1};

	listing->is_reading = true;
	opener_submit(listing->options.opener, &request, pids_read, listing);
}

static struct wire_bytes keep(struct listing *listing, struct wire_bytes text, size_t n_max)
{
	struct wire_bytes kept = {listing->texts + listing->n_text_bytes,
				  text.n_bytes < n_max ? text.n_bytes : n_max};

	if (kept.n_bytes > 0)
		memcpy(listing->texts + listing->n_text_bytes, text.data, kept.n_bytes);
	listing->n_text_bytes += kept.n_bytes;
	return kept;
}

static void add(struct listing *listing, const struct opener_result *result)
{
	const struct wire_bytes *texts = result->bytes;
	struct proc_status status;

	if (proc_status_parse(texts[TEXT_STATUS], &status) != 0) {
		listing->n_unread++;
		return;
	}
	listing->processes[listing->n_processes++] = (struct wire_listed_process){
		.pid = listing->last_pid,
		.uid = status.real_uid,
		.exe = keep(listing, texts[TEXT_EXE], PROCESS_PATH_BYTES_MAX),
		.cwd = keep(listing, texts[TEXT_CWD], PROCESS_PATH_BYTES_MAX),
		.command = keep(listing, texts[TEXT_COMMAND], PROCESS_TEXT_BYTES_MAX),
		.container_id = keep(listing, cgroup_container_id(texts[TEXT_CGROUP]),
				     CONTAINER_ID_BYTES_MAX),
		.cgroup = keep(listing, texts[TEXT_CGROUP], PROCESS_TEXT_BYTES_MAX),
	};
}

static void take_answer(struct listing *listing, const struct opener_result *result)
{
	if (result->outcome == OPENER_FULL) {
		listing->is_full = true;
		return;
	}
	if (result->outcome == OPENER_DEADLINE && listing->reads_command) {
		listing->skips_command = true;
		return;
	}
	listing->last_pid = listing->pids[listing->at++];
	listing->skips_command = false;
	if (result->outcome == 0)
		add(listing, result);
	else if (result->outcome != OPENER_GONE)
		listing->n_unread++;
}

static bool wants_command(const struct listing *listing)
{
	return listing->ask.wants_commands && !listing->skips_command;
}

static void process_read(void *owner, const struct opener_result *result)
{
	struct listing *listing = owner;

	listing->is_reading = false;
	if (!listing->is_asked)
		return;
	if (!listing->needs_pids && listing->at < listing->n_pids &&
	    listing->pids[listing->at] == listing->reading_pid &&
	    listing->reads_command == wants_command(listing))
		take_answer(listing, result);
	run(listing);
}

static void ask_process(struct listing *listing)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC,
		.pid = (pid_t)listing->pids[listing->at],
		.files = OPENER_STATUS | OPENER_CGROUP | OPENER_EXE | OPENER_CWD |
			 (wants_command(listing) ? OPENER_COMMAND : 0),
		.n_bytes = PROCESS_TEXT_BYTES_MAX,
		.fd = -1,
	};

	listing->is_reading = true;
	listing->reading_pid = listing->pids[listing->at];
	listing->reads_command = wants_command(listing);
	opener_submit(listing->options.opener, &request, process_read, listing);
}

static bool is_complete(const struct listing *listing)
{
	if (listing->at == listing->n_pids || listing->is_full)
		return true;
	if (listing->n_processes == LISTING_PROCESSES_MAX ||
	    listing->n_text_bytes >= LISTING_TEXT_BYTES)
		return true;
	return listing->last_pid > listing->ask.after_pid &&
	       listing->options.clock_ns() >= listing->asked_ns + LISTING_SOME_NS;
}

/* A loop and no recursion: an opener that refuses calls back before opener_submit() returns. */
static void run(struct listing *listing)
{
	if (listing->is_running)
		return;
	listing->is_running = true;
	while (listing->is_asked && !listing->is_reading) {
		if (listing->needs_pids)
			ask_pids(listing);
		else if (is_complete(listing))
			finish(listing);
		else
			ask_process(listing);
	}
	listing->is_running = false;
}

/* A list of which nothing was told yet is as good as a new one, and its first answer may be due. */
static bool needs_pids(const struct listing *listing)
{
	if (!listing->pids || listing->ask.after_pid > 0)
		return !listing->pids;
	return listing->at > 0 || listing->asked_ns > listing->listed_ns + LISTING_PIDS_NS;
}

void listing_ask(struct listing *listing, const struct wire_processes *ask)
{
	listing->ask = *ask;
	listing->asked_ns = listing->options.clock_ns();
	listing->is_asked = true;
	listing->is_full = false;
	listing->needs_pids = needs_pids(listing);
	listing->last_pid = ask->after_pid;
	listing->n_unread = 0;
	listing->n_processes = 0;
	listing->n_text_bytes = 0;
	if (!listing->needs_pids)
		find_place(listing);
	run(listing);
}

uint64_t listing_expire(struct listing *listing, uint64_t now_ns)
{
	bool has_some = listing->last_pid > listing->ask.after_pid;
	uint64_t until_ns = listing->asked_ns + (has_some ? LISTING_SOME_NS : LISTING_NOTHING_NS);

	if (listing->is_asked && now_ns >= until_ns)
		finish(listing);
	return listing->is_asked ? until_ns : UINT64_MAX;
}
