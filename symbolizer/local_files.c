#include "local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "base/cleanup.h"
#include "wire/object_paths.h"

#define HOST_ROOT  "/"
#define FLAGS      (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) /* a FIFO does not block */
#define LINK_BYTES 64u

struct local_file {
	int fd;     /* owned */
	char *name; /* owned; as maps of the target would print it */
	bool is_on_host;
	struct wire_object object;
};

struct local_files {
	const char *root;
	local_files_missed_fn *missed;
	int root_fd; /* owned, like the next */
	int host_fd;
	bool is_root_of_host;
	size_t n_files;
	struct local_file files[LOCAL_FILES_MAX];
	uint8_t buffer[OBJECT_READ_BYTES_MAX];
};

static bool is_same(int a_fd, int b_fd)
{
	struct stat a, b;

	return fstat(a_fd, &a) == 0 && fstat(b_fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int local_files_new(const char *root, local_files_missed_fn *missed, struct local_files **ret_files)
{
	struct local_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return -ENOMEM;
	files->root = root;
	files->missed = missed;
	files->host_fd = open(HOST_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	files->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (files->host_fd < 0 || files->root_fd < 0) {
		r = -errno;
		local_files_free(files);
		return r;
	}
	files->is_root_of_host = is_same(files->root_fd, files->host_fd);
	*ret_files = files;
	return 0;
}

/* Opens @path below a root, which no link leads out of. Returns an fd or a negative errno. */
static int open_in_root(int root_fd, const char *path, uint64_t more_flags)
{
	const struct open_how how = {.flags = FLAGS | more_flags,
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* What the kernel calls @fd; empty when it does not fit. */
static void path_of(int fd, char path[OBJECT_PATH_BYTES])
{
	char link[LINK_BYTES];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, OBJECT_PATH_BYTES);
	path[n > 0 && (size_t)n < OBJECT_PATH_BYTES ? n : 0] = '\0';
}

/* The name of @fd inside the root: what follows the root's own path, or else what it was asked as.
 */
static char *name_in_root(const struct local_files *files, int fd, const char *asked)
{
	char root[OBJECT_PATH_BYTES], path[OBJECT_PATH_BYTES];
	size_t n;

	path_of(files->root_fd, root);
	path_of(fd, path);
	n = strlen(root);
	if (n > 0 && root[n - 1] == '/')
		n--;
	if (path[0] == '/' && strncmp(path, root, n) == 0 && path[n] == '/')
		return strdup(path + n);
	return strdup(asked[0] == '/' || path[0] == '\0' ? asked : path);
}

/* Takes @fd (consumed) among the files. @name is consumed, too, and may be NULL: no memory. */
static int adopt(struct local_files *files, int fd, char *name, struct wire_object *ret_object)
{
	cleanup_with(free_freep) char *kept_name = name;
	cleanup_with(close_fdp) int kept = fd;
	struct local_file *file = &files->files[files->n_files];
	struct stat stat;

	if (!name)
		return -ENOMEM;
	if (files->n_files == LOCAL_FILES_MAX)
		return -EMFILE;
	if (fstat(kept, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	*file = (struct local_file){.fd = take_fd(&kept), .name = take_ptr(kept_name)};
	file->object = (struct wire_object){
		.id = ++files->n_files,
		.kind = OBJECT_FILE,
		.device = stat.st_dev,
		.inode = stat.st_ino,
		.size_bytes = (uint64_t)stat.st_size,
		.change_time_ns = (uint64_t)stat.st_ctim.tv_sec * UINT64_C(1000000000) +
				  (uint64_t)stat.st_ctim.tv_nsec,
		.name = {file->name, strlen(file->name)},
	};
	*ret_object = file->object;
	return 0;
}

int local_files_open(struct local_files *files, const char *path, struct wire_object *ret_object)
{
	int fd = -ENOENT;

	if (path[0] == '/')
		fd = open_in_root(files->root_fd, path, 0);
	if (fd == -ENOENT || fd == -ENOTDIR) {
		fd = open(path, FLAGS);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd;
	return adopt(files, fd, name_in_root(files, fd, path), ret_object);
}

static int fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		 struct wire_bytes *ret_bytes)
{
	struct local_files *files = owner;
	ssize_t n;

	if (object == 0 || object > files->n_files || n_bytes > sizeof(files->buffer))
		return OBJECT_FETCH_REFUSED;
	n = pread(files->files[object - 1].fd, files->buffer, n_bytes, (off_t)offset.v);
	if (n < 0)
		return OBJECT_FETCH_REFUSED;
	*ret_bytes = (struct wire_bytes){files->buffer, (size_t)n};
	return 0;
}

static const struct {
	int error;
	enum refusal refusal;
	const char *why;
} refusals[] = {
	{-ENOENT, REFUSAL_NOT_FOUND, "no such file"},
	{-ENOTDIR, REFUSAL_NOT_FOUND, "no such directory"},
	{-EINVAL, REFUSAL_NOT_REGULAR, "not a regular file"},
	{-ELOOP, REFUSAL_NOT_REGULAR, "a link, where none is followed"},
	{-EACCES, REFUSAL_DENIED, "permission denied"},
	{-EMFILE, REFUSAL_BUSY, "too many files are open"},
	{0, REFUSAL_DENIED, "cannot be opened"},
};

static int refuse(const struct local_files *files, const char *root, const char *path, int error)
{
	size_t i = 0;

	while (refusals[i].error != 0 && refusals[i].error != error)
		i++;
	if (files->missed)
		files->missed(root, path, refusals[i].why);
	return (int)refusals[i].refusal;
}

static int open_below(struct local_files *files, bool is_on_host, const char *path, bool follows,
		      struct wire_object *ret_sibling)
{
	int fd = open_in_root(is_on_host ? files->host_fd : files->root_fd, path,
			      follows ? 0 : O_NOFOLLOW);
	char *name;
	int r = fd;

	if (fd >= 0) {
		name = malloc(strlen(path) + 2);
		if (name)
			(void)sprintf(name, "/%s", path);
		r = adopt(files, fd, name, ret_sibling);
	}
	if (r == 0)
		files->files[ret_sibling->id - 1].is_on_host = is_on_host;
	if (r >= 0 || r == -ENOMEM)
		return r;
	return refuse(files, is_on_host ? HOST_ROOT : files->root, path, r);
}

/* As the collector's object_requests does it. */
static int open_sibling(void *owner, const struct wire_object_open *ask,
			struct wire_object *ret_sibling)
{
	struct local_files *files = owner;
	bool is_of_host_alone = ask->kind == OBJECT_OPEN_HOST_BUILD_ID ||
				ask->kind == OBJECT_OPEN_HOST_GLOBAL_DEBUG;
	bool may_be_on_host = is_of_host_alone || ask->kind == OBJECT_OPEN_BUILD_ID ||
			      ask->kind == OBJECT_OPEN_GLOBAL_DEBUG;
	bool follows = ask->kind == OBJECT_OPEN_HOST_BUILD_ID || ask->kind == OBJECT_OPEN_BUILD_ID;
	char path[OBJECT_PATH_BYTES];
	int r = REFUSAL_NOT_FOUND;

	if (ask->object == 0 || ask->object > files->n_files)
		return REFUSAL_NO_OBJECT;
	if (ask->kind == OBJECT_OPEN_PERF_MAP) { /* no process is here: the file is its map */
		*ret_sibling = files->files[ask->object - 1].object;
		return 0;
	}
	if (object_path_build(ask, files->files[ask->object - 1].object.name, 0, path) != 0)
		return REFUSAL_BAD_NAME;
	if (!is_of_host_alone)
		r = open_below(files, false, path, follows, ret_sibling);
	if (r > 0 && may_be_on_host && (is_of_host_alone || !files->is_root_of_host))
		r = open_below(files, true, path, follows, ret_sibling);
	return r;
}

const char *local_files_root(const struct local_files *files, uint64_t object)
{
	return files->files[object - 1].is_on_host ? HOST_ROOT : files->root;
}

const char *local_files_path(const struct local_files *files, uint64_t object)
{
	return files->files[object - 1].name;
}

struct object_reader local_files_reader(struct local_files *files)
{
	return (struct object_reader){.fetch = fetch, .open = open_sibling, .owner = files};
}

void local_files_free(struct local_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->n_files; i++) {
		close_fdp(&files->files[i].fd);
		free(files->files[i].name);
	}
	close_fdp(&files->root_fd);
	close_fdp(&files->host_fd);
	free(files);
}
