#pragma once
/*
 * Files held open because samples point into them. The open fd is the object: a process that exits,
 * a deleted library, a removed container keep their symbols while something refers to them.
 *
 * An object is one file (device, inode, size, change time of the held fd). It is referred to by
 * mappings of living images and by windows; without any reference it is let go at once when its
 * last process is gone longer than the hold time (60 s by default), or when the table is full and
 * it is the oldest. Bounded in number. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "opener/opener.h"
#include "wire/wire.h"

#define OBJECTS_MAX_DEFAULT     1024u
#define OBJECTS_MAX_MAX         65536u
#define OBJECTS_CODE_MAX        8192u /* of all processes; what is beyond has no perf map */
#define OBJECTS_NAMELESS_MAX    4096u /* names; those beyond share "[other]" */
#define OBJECTS_HOLD_NS_DEFAULT UINT64_C(60000000000)
#define OBJECT_NAME_BYTES_MAX   4096u

struct object {
	uint64_t id; /* 1…; unique for the collector's life; 0 for OBJECT_NAMELESS */
	enum object_kind kind;
	struct file_identity identity;
	int fd;      /* owned; -1 for nameless and let-go objects */
	int root_fd; /* borrowed from the mount namespace's record; -1 when not held */
	struct wire_bytes
		root_path; /* borrowed alike: what names of files in the root begin with */
	bool is_passing;   /* nobody maps it: without references it goes at once */
	bool is_ours;      /* a memory file of the collector's own: no process's root is its */
	unsigned n_refs;
	uint64_t idle_since_ns; /* monotonic: the hold time begins here once n_refs is 0 */
	uint32_t namespace_pid; /* of OBJECT_CODE, the process's, for perf maps; 0 when unknown */
	uint32_t process_uid;   /* alike: its perf map must be its own, or root's */
	size_t n_name_bytes;
	char *name; /* owned; as /proc/PID/maps printed it */
};

struct objects;

/* Where a maps text shows a file. Different files may print the same numbers and name in different
 * containers (subvolumes, layers): the scope tells them apart, any hash of the container's id. */
struct object_key {
	uint64_t device;
	uint64_t inode;
	uint64_t scope;
};

int objects_new(size_t n_max, uint64_t hold_ns, struct objects **ret_objects) warn_unused_result;

/*
 * The object for a file just opened: an existing one of equal identity, or a new one.
 *   @fd       consumed
 *   @name     borrowed for the call
 * Returns it with one reference more, to be given back with object_release(); NULL without memory
 * or when the table is full of objects in use (counted by the caller).
 */
struct object *objects_adopt(struct objects *objects, int fd, const struct file_identity *identity,
			     struct wire_bytes name);

/*
 * An object that nothing can be read from, shared by name: [stack], [anon], an unopenable file.
 * With one reference more. Never NULL: without memory or past OBJECTS_NAMELESS_MAX it is "[other]".
 */
struct object *objects_nameless(struct objects *objects, struct wire_bytes name);

/*
 * A new object for code of its own making that a process has mapped under @name (borrowed): see
 * OBJECT_CODE. With one reference more, and gone with the last. NULL without memory or past
 * OBJECTS_CODE_MAX.
 *   @process  as OBJECT_CODE has it: device and inode count
 */
struct object *objects_new_code(struct objects *objects, const struct file_identity *process,
				struct wire_bytes name);

/*
 * The object for the collector's copy of kallsyms; @fd consumed, replaces an earlier copy, which
 * goes with its last window. Borrowed; NULL without memory, with the earlier copy still there.
 */
struct object *objects_set_kallsyms(struct objects *objects, int fd, uint64_t size_bytes,
				    uint64_t generation);

/* The current kallsyms object, borrowed, or NULL. */
struct object *objects_kallsyms(const struct objects *objects);

/* A symbolizer began to read kallsyms, or lacks a name in it: a newer copy is welcome. */
void objects_ask_kallsyms(struct objects *objects);

/* Whether that was so since the last call. */
bool objects_take_kallsyms_ask(struct objects *objects);

/*
 * A file seen in a maps text under @key and @name (borrowed) that is held already. Returns it with
 * one reference more, or NULL.
 */
struct object *objects_find_mapped(struct objects *objects, const struct object_key *key,
				   struct wire_bytes name);

/*
 * A held file of which fstat says these numbers, borrowed, or NULL. For mappings that the kernel
 * described without a name; where maps prints other numbers than fstat says (overlay, btrfs)
 * nothing is found.
 */
struct object *objects_find_file(struct objects *objects, uint64_t device, uint64_t inode);

/* Remembers that @object, which is held, was found under @key and @name (borrowed). */
void objects_note_mapped(struct objects *objects, struct object *object,
			 const struct object_key *key, struct wire_bytes name);

struct object *object_retain(struct object *object);
void object_release(struct objects *objects, struct object *object, uint64_t now_ns);

/*
 * As object_release(), by an image that mapped it until @now_ns: its hold time begins there, and
 * references of windows do not prolong it.
 */
void object_release_mapped(struct objects *objects, struct object *object, uint64_t now_ns);

/* By id; borrowed; NULL when let go or never there. */
struct object *objects_find(const struct objects *objects, uint64_t id);

/*
 * Lets go of what is idle too long. Returns when to be called next, UINT64_MAX: never; references
 * that are given back later may be due before that.
 */
uint64_t objects_expire(struct objects *objects, uint64_t now_ns);

size_t objects_n_held(const struct objects *objects); /* files, kallsyms and roots: fds */
void objects_free(struct objects *objects);
