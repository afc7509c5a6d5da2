#pragma once
/*
 * The processes of this host, as the collector lists them: for all discovery.process together,
 * which ask for a list and are told of each that is complete.
 *
 * Lists are made one at a time, and a next one not before three times as long as the last one took
 * (at least half a second): whoever asks meanwhile shares it. The latest is kept for askers that
 * start anew. One thread; times are arguments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define PROCESS_LIST_MAX            65536u
#define PROCESS_LIST_TEXT_BYTES     512u        /* that every process may have */
#define PROCESS_LIST_TEXT_BYTES_ALL (16u << 20) /* beyond these, all together */

struct process_list;

/* Told what became of an ask: @part is borrowed for the call; NULL: not answered, or refused. */
typedef void process_list_part_fn(void *list, const struct wire_process_list *part);

/* Who lists: see control_ask_processes(). */
struct process_list_collector {
	void (*ask)(void *owner, const struct wire_processes *ask, process_list_part_fn *done,
		    void *list);
	void (*forget)(void *owner);
	void *owner;                /* borrowed for life */
	uint64_t (*clock_ns)(void); /* monotonic; NULL: the real one */
};

/* A list that is complete. */
struct process_listing {
	uint64_t began_ns; /* what ran then is in it, unless it has ended since */
	bool has_commands;
	size_t n;
	const struct wire_listed_process *processes; /* of ascending pids */
};

/* One who asks: its owner fills the first two and leaves the rest alone. */
struct process_asker {
	/* Told of every list with its command lines if it wants them, borrowed until the next one;
	 * of NULL when the one that it waits for could not be made: @why it says that, for people.
	 */
	void (*done)(void *owner, const struct process_listing *listing, const char *why);
	void *owner;
	bool wants_commands;
	bool is_waiting;
	uint64_t asked_ns;
	struct process_asker *next;
};

/* Returns 0 or -ENOMEM; *@ret_list is owned, process_list_free(). */
int process_list_new(const struct process_list_collector *collector,
		     struct process_list **ret_list) warn_unused_result;

void process_list_add(struct process_list *list, struct process_asker *asker);
void process_list_remove(struct process_list *list, struct process_asker *asker);

/* The latest list with command lines if @asker wants them, or NULL. Borrowed until the next one. */
const struct process_listing *process_list_latest(const struct process_list *list,
						  const struct process_asker *asker);

/* Asks for a list that begins from now on. */
void process_list_ask(struct process_list *list, struct process_asker *asker, uint64_t now_ns);

/* When process_list_run() must be called at the latest, or UINT64_MAX. */
uint64_t process_list_deadline_ns(const struct process_list *list);
void process_list_run(struct process_list *list, uint64_t now_ns);

void process_list_free(struct process_list *list); /* NULL is fine */
