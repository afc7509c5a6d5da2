#include "process_list.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/arena.h"
#include "log/log.h"

#define GAP_NS_MIN  UINT64_C(500000000)
#define GAP_FACTOR  3u
#define PAUSE_NS    UINT64_C(50000000)    /* after a part that got nowhere */
#define PATIENCE_NS UINT64_C(10000000000) /* while none gets anywhere */
#define FIRST_N     256u

/* A list, complete or not. */
struct making {
	struct process_listing listing;
	struct wire_listed_process *processes; /* owned */
	size_t n_max;
	struct config_arena texts; /* owned */
	size_t n_text_bytes_left;
	size_t n_unread;
	size_t n_cut;
};

struct process_list {
	struct process_list_collector collector;
	struct process_asker *askers; /* borrowed */
	struct making latest;
	struct making next;

	bool has_latest;
	bool is_making;
	bool is_asked; /* the collector, for a part */
	uint32_t after_pid;
	uint64_t moved_ns;   /* when a part last brought the list on */
	uint64_t due_ns;     /* the next part, or the next list */
	bool was_incomplete; /* said in the log */
};

int process_list_new(const struct process_list_collector *collector, struct process_list **ret_list)
{
	struct process_list *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->collector = *collector;
	if (!list->collector.clock_ns)
		list->collector.clock_ns = clock_monotonic_ns;
	*ret_list = list;
	return 0;
}

static void making_deinit(struct making *making)
{
	free(making->processes);
	config_arena_deinit(&making->texts);
	*making = (struct making){0};
}

void process_list_free(struct process_list *list)
{
	if (!list)
		return;
	making_deinit(&list->latest);
	making_deinit(&list->next);
	free(list);
}

void process_list_add(struct process_list *list, struct process_asker *asker)
{
	asker->is_waiting = false;
	asker->next = list->askers;
	list->askers = asker;
}

void process_list_remove(struct process_list *list, struct process_asker *asker)
{
	struct process_asker **at = &list->askers;

	while (*at && *at != asker)
		at = &(*at)->next;
	if (*at)
		*at = asker->next;
}

static bool serves(const struct process_listing *listing, const struct process_asker *asker)
{
	return listing->has_commands || !asker->wants_commands;
}

const struct process_listing *process_list_latest(const struct process_list *list,
						  const struct process_asker *asker)
{
	if (!list->has_latest || !serves(&list->latest.listing, asker))
		return NULL;
	return &list->latest.listing;
}

void process_list_ask(struct process_list *list, struct process_asker *asker, uint64_t now_ns)
{
	(void)list; /* which looks at its askers when it is time for the next */
	asker->is_waiting = true;
	asker->asked_ns = now_ns;
}

static void end_making(struct process_list *list, uint64_t took_ns, uint64_t now_ns)
{
	list->is_making = list->is_asked = false;
	list->due_ns =
		now_ns + (GAP_FACTOR * took_ns > GAP_NS_MIN ? GAP_FACTOR * took_ns : GAP_NS_MIN);
}

static void fail(struct process_list *list, const char *why, uint64_t now_ns)
{
	end_making(list, 0, now_ns);
	making_deinit(&list->next);
	for (struct process_asker *i = list->askers; i; i = i->next) {
		if (!i->is_waiting)
			continue;
		i->is_waiting = false;
		i->done(i->owner, NULL, why);
	}
}

/* Says once what the targets lack, and again when they lacked nothing in between. */
static void tell_incomplete(struct process_list *list)
{
	const struct making *latest = &list->latest;
	bool is_incomplete = latest->n_unread > 0 || latest->n_cut > 0;

	if (is_incomplete && !list->was_incomplete)
		log_warn("processes-incomplete",
			 "unread=%zu cut=%zu, these are no targets or miss labels of "
			 "discovery.process",
			 latest->n_unread, latest->n_cut);
	list->was_incomplete = is_incomplete;
}

static void complete(struct process_list *list, uint64_t now_ns)
{
	uint64_t began_ns = list->next.listing.began_ns;

	making_deinit(&list->latest);
	list->latest = list->next;
	list->next = (struct making){0};
	list->latest.listing.processes = list->latest.processes;
	list->has_latest = true;
	end_making(list, now_ns - began_ns, now_ns);
	tell_incomplete(list);
	for (struct process_asker *i = list->askers; i; i = i->next) {
		if (!serves(&list->latest.listing, i))
			continue;
		if (i->asked_ns <= began_ns)
			i->is_waiting = false;
		i->done(i->owner, &list->latest.listing, NULL);
	}
}

static int make_room(struct making *making, size_t n_more)
{
	size_t n_max = making->n_max > 0 ? making->n_max : FIRST_N;
	struct wire_listed_process *grown;

	if (n_more > PROCESS_LIST_MAX - making->listing.n)
		return -EMSGSIZE;
	while (n_max < making->listing.n + n_more)
		n_max *= 2;
	if (n_max == making->n_max)
		return 0;
	grown = realloc(making->processes, n_max * sizeof(*grown)); /* below twice the maximum */
	if (!grown)
		return -ENOMEM;
	making->processes = grown;
	making->n_max = n_max;
	return 0;
}

/* What goes beyond the process's own share comes out of what all have together. */
static struct wire_bytes keep(struct making *making, struct wire_bytes text, bool may_cut,
			      size_t *n_own)
{
	size_t n_max = *n_own + making->n_text_bytes_left;
	size_t n_bytes = text.n_bytes <= n_max ? text.n_bytes : may_cut ? n_max : 0;
	size_t n_beyond = n_bytes > *n_own ? n_bytes - *n_own : 0;
	struct wire_bytes kept = {
		.data = config_arena_copy(&making->texts, text.data, n_bytes),
		.n_bytes = n_bytes,
	};

	making->n_cut += n_bytes < text.n_bytes;
	making->n_text_bytes_left -= n_beyond;
	*n_own -= n_bytes - n_beyond;
	return kept;
}

static void add(struct making *making, const struct wire_listed_process *process)
{
	struct wire_listed_process kept = {.pid = process->pid, .uid = process->uid};
	size_t n_own = PROCESS_LIST_TEXT_BYTES;

	kept.container_id = keep(making, process->container_id, false, &n_own);
	kept.exe = keep(making, process->exe, false, &n_own);
	kept.cwd = keep(making, process->cwd, false, &n_own);
	kept.cgroup = keep(making, process->cgroup, false, &n_own);
	kept.command = keep(making, process->command, true, &n_own);
	making->processes[making->listing.n++] = kept;
}

/* Whether the part goes on where the one before ended: the collector is not believed. */
static bool is_sound(const struct process_list *list, const struct wire_process_list *part)
{
	if (part->n_processes > 0 && part->processes[0].pid <= list->after_pid)
		return false;
	return part->is_last || part->next_after_pid >= list->after_pid;
}

static const char *add_part(struct process_list *list, const struct wire_process_list *part)
{
	struct making *making = &list->next;
	int r;

	if (!part)
		return "the collector cannot list processes now";
	if (!is_sound(list, part))
		return "the collector's list of processes is in no order";
	r = make_room(making, part->n_processes);
	if (r == -EMSGSIZE)
		return "there are more than 65536 processes";
	for (size_t i = 0; r == 0 && i < part->n_processes; i++)
		add(making, &part->processes[i]);
	making->n_unread += part->n_unread;
	return r < 0 || making->texts.error ? "there is no memory for the list" : NULL;
}

static void part_came(void *owner, const struct wire_process_list *part)
{
	struct process_list *list = owner;
	uint64_t now_ns = list->collector.clock_ns();
	const char *why = add_part(list, part);

	list->is_asked = false;
	if (why) {
		fail(list, why, now_ns);
	} else if (part->is_last) {
		complete(list, now_ns);
	} else {
		bool has_moved = part->next_after_pid > list->after_pid;

		list->due_ns = has_moved ? now_ns : now_ns + PAUSE_NS;
		list->moved_ns = has_moved ? now_ns : list->moved_ns;
		list->after_pid = part->next_after_pid;
	}
}

static bool somebody_waits(const struct process_list *list, bool for_commands)
{
	for (const struct process_asker *i = list->askers; i; i = i->next)
		if (i->is_waiting && (i->wants_commands || !for_commands))
			return true;
	return false;
}

static void begin(struct process_list *list, uint64_t now_ns)
{
	making_deinit(&list->next);
	list->next = (struct making){
		.listing = {.began_ns = now_ns, .has_commands = somebody_waits(list, true)},
		.texts = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX),
		.n_text_bytes_left = PROCESS_LIST_TEXT_BYTES_ALL,
	};
	list->is_making = true;
	list->after_pid = 0;
	list->moved_ns = now_ns;
}

uint64_t process_list_deadline_ns(const struct process_list *list)
{
	if (list->is_making && list->is_asked)
		return list->moved_ns + PATIENCE_NS;
	return list->is_making || somebody_waits(list, false) ? list->due_ns : UINT64_MAX;
}

void process_list_run(struct process_list *list, uint64_t now_ns)
{
	struct wire_processes ask;

	if (process_list_deadline_ns(list) > now_ns)
		return;
	if (list->is_asked && list->is_making) {
		list->collector.forget(list->collector.owner);
		fail(list, "the collector does not answer", now_ns);
		return;
	}
	/* One that nobody went on with, for want of askers, is of the past. */
	if (!list->is_making || now_ns >= list->moved_ns + PATIENCE_NS)
		begin(list, now_ns);
	ask = (struct wire_processes){list->after_pid, list->next.listing.has_commands};
	list->is_asked = true;
	list->collector.ask(list->collector.owner, &ask, part_came, list);
}
