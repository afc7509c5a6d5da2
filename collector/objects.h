#pragma once
/*
 * Files held open because samples point into them. The open fd is the object: a process that exits,
 * a deleted library, a removed container keep their symbols while something refers to them.
 *
 * An object is one file (device, inode, size, change time of the held fd). It is referred to by
 * mappings of living images and by windows; without any reference it is let go at once when its
 * last process is gone longer than the hold time (60 s by default), or when the table is full and
 * it is the oldest. Bounded in number. Not threaded.
 *
 * Beside them stand the roots: an O_PATH fd of a process's root, one a mount namespace, in which
 * siblings of an object are looked for. A root is held for the images that opened it; when they are
 * gone for the hold time it is closed, and objects that had it have none. Whoever lends an object's
 * root_fd to a request duplicates it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/counters.h"
#include "opener.h"
#include "wire/wire.h"

#define OBJECTS_MAX_DEFAULT     1024u
#define OBJECTS_MAX_MAX         65536u
#define OBJECTS_NAMELESS_MAX    4096u /* names; those beyond share "[other]" */
#define OBJECTS_ROOTS_MAX       256u
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
	unsigned n_refs;
	uint64_t idle_since_ns; /* monotonic: the hold time begins here once n_refs is 0 */
	uint32_t namespace_pid; /* of a process that maps it, for perf maps; 0 when unknown */
	uint32_t process_uid;   /* of the same process: its perf map must be its own, or root's */
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
 * An object that nothing can be read from, shared by name: [vdso], [anon], an unopenable file. With
 * one reference more. Never NULL: without memory or past OBJECTS_NAMELESS_MAX it is "[other]".
 */
struct object *objects_nameless(struct objects *objects, struct wire_bytes name);

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

struct object_root;

/*
 * The root that was just opened: the one that is held of the same directory and @mount_id, which
 * tells mount namespaces apart, or a new one.
 *   @fd    consumed
 *   @path  of the root, borrowed for the call: other than "/" where a process was given a root
 *          without a mount namespace of its own
 * Returns it for one image more, to be given back with object_root_release(); NULL without memory
 * or when OBJECTS_ROOTS_MAX are in use.
 */
struct object_root *objects_adopt_root(struct objects *objects, int fd,
				       const struct file_identity *identity, uint64_t mount_id,
				       struct wire_bytes path);
void object_root_release(struct objects *objects, struct object_root *root, uint64_t now_ns);

/* Gives @object that root, unless it is no file or has one. */
void object_set_root(struct object *object, struct object_root *root);

/* Counts up whenever objects lost their root: images that are still there may open their own. */
uint64_t objects_roots_lost(const struct objects *objects);

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
