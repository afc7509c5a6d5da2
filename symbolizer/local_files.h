#pragma once
/*
 * Files of this machine in place of what a collector serves: the reader of `resolve`. A root stands
 * for that of the target; siblings have the paths that the collector would open for it, there and
 * then on the host, and are opened with the authority of whoever runs this, inside their root. The
 * perf map of a file is the file itself. Not threaded.
 */
#include "elf/object_image.h"
#include "wire/wire.h"

#define LOCAL_FILES_MAX 64u /* open at a time */

struct local_files;

/* Told of each sibling that was looked for in vain; @why is a static text. */
typedef void local_files_missed_fn(const char *root, const char *path, const char *why);

/*
 *   @root    of the target; borrowed for life
 *   @missed  may be NULL
 * Returns 0 or a negative errno: the root cannot be opened.
 */
int local_files_new(const char *root, local_files_missed_fn *missed,
		    struct local_files **ret_files) warn_unused_result;

/*
 * Opens @path: as the target names it, inside the root, or as this process does.
 *   @ret_object  set on 0 only; an OBJECT_FILE, borrowed from the files
 * Returns 0, a negative errno of opening it, or -EINVAL when it is no regular file.
 */
int local_files_open(struct local_files *files, const char *path,
		     struct wire_object *ret_object) warn_unused_result;

/* Where an object was found: the root, and the path below it. Borrowed; of one that was opened. */
const char *local_files_root(const struct local_files *files, uint64_t object);
const char *local_files_path(const struct local_files *files, uint64_t object);

/* Reads what was opened, and opens siblings; borrows the files. */
struct object_reader local_files_reader(struct local_files *files);

void local_files_free(struct local_files *files); /* NULL is fine */
