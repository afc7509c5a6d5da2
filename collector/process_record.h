#pragma once
/*
 * What processes.c (who is known, who is decided), image_reader.c (what /proc says of them),
 * image_files.c (what they have mapped), image_kin.c (what is theirs by descent) and most_used.c
 * share. Private to the five. A record lives until nothing that is in flight refers to it.
 */
#include "container_ids.h"
#include "proc_text.h"
#include "processes.h"

#define IMAGE_CODE_MAX 4u     /* names of memory without a file; others have no perf map */
#define PID_BUCKETS    16384u /* a power of two; pids follow one another: no hash is needed */

struct file_open; /* an OPENER_OPEN_MAPPED in flight */

struct process_record {
	struct process process; /* first: a process of ours is its record */
	struct processes *processes;
	struct process_record *next_of_pid;
	struct process_record *previous; /* all, in the order they were entered */
	struct process_record *next;
	uint32_t parent_pid; /* 0: unknown */
	uint64_t exited_ns;
	unsigned n_in_flight; /* requests that hold the record, waited for or not */
	bool is_superseded;   /* the pid is a newer image's: what is read now is not its own */
	bool is_met;          /* its first sample was announced */
	bool is_execd;        /* it began by an exec: what its parent had mapped is not its own */

	struct exec_mapping exec_mappings[N_EXEC_MAPPINGS]; /* zeroed: unknown */

	bool is_reading;
	unsigned n_failures; /* reads in a row without an answer */
	uint64_t news_ns;    /* when the latest thing happened that calls for a read */
	uint64_t asked_ns;   /* when the last read was asked for; before news_ns: ask again */
	uint64_t read_ns;    /* when the last read that was used had ended; 0: none */

	bool is_placed;      /* its container is known */
	bool may_have_moved; /* to another since it was read, in a hierarchy that tells nothing */
	bool is_reread;      /* because of that */
	bool is_in_any;      /* it is in a container: */
	struct cached_container_id *container; /* owned by the cache; NULL: it must be read again */
	uint64_t container_hash;               /* of its id; 0: in none */

	bool is_opening_files; /* opener_submit() may call back at once */
	bool has_unproved_key; /* an object whose fstat differs from what maps printed */
	unsigned n_opening;
	size_t open_from; /* mappings before it have an object or are being opened */

	bool is_asking_root;
	bool is_root_refused;
	struct object_root *root; /* one image's share; NULL: not needed so far */

	struct object *code[IMAGE_CODE_MAX]; /* one reference each; those not needed so far: NULL */
	bool is_status_asked;                /* for images with code of their own making */
	struct proc_status status;           /* zeroed: not read */
};

struct processes {
	struct processes_options options;
	struct targets *targets; /* owned; NULL before the first */
	struct container_ids container_ids;
	uint64_t clock_tick_ns;
	size_t n;
	size_t n_pending; /* sum of n_reads_pending */
	size_t mappings_bytes;
	struct process_record *first;
	struct process_record *last;
	struct process_record **by_pid;
	struct file_open *opens; /* owned */
	uint64_t exec_reads_ns;  /* the token bucket: the time that reads at exec have used up */
	uint64_t n_events_lost;  /* as counted when all was last read again */
	uint64_t n_roots_lost;   /* as counted when they were last looked after */
	bool is_opener_full;     /* the last read found no place in its queue */
};

/* Where the list of all images of @pid and its like begins. */
static inline struct process_record **processes_of_pid(struct processes *processes, uint32_t pid)
{
	return &processes->by_pid[pid & (PID_BUCKETS - 1)];
}

/* Whether two images are of one process, before an exec and after it. */
static inline bool record_is_same_process(const struct process_record *a,
					  const struct process_record *b)
{
	return a->process.image.pid == b->process.image.pid &&
	       a->process.image.start_boot_ns == b->process.image.start_boot_ns;
}

/* Notes the container of @record: an empty @id for none. */
void processes_place(struct process_record *record, struct wire_bytes id);

/* Matches @record against the targets, when its container is known. */
void processes_decide(struct process_record *record, uint64_t now_ns);

/* Makes the best of an image that cannot be read: what it has from its parent, or nothing. */
void processes_lost(struct process_record *record, uint64_t now_ns);

/* Notes that the image has ended, at @exited_ns, unless that is known. */
void processes_exited(struct process_record *record, uint64_t exited_ns);

/* Bracket a request without which an address cannot be looked up. */
static inline void record_is_waiting(struct process_record *record)
{
	record->n_in_flight++;
	record->process.n_reads_pending++;
	record->processes->n_pending++;
}

static inline void record_is_answered(struct process_record *record)
{
	record->n_in_flight--;
	record->process.n_reads_pending--;
	record->processes->n_pending--;
}
