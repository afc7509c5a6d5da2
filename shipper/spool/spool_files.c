#include "spool/spool_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FILE_PERMISSIONS 0600
#define BAD_PLACE_BYTES  4096u /* what is given up where a read fails: a page */

static int directory_of(void *context)
{
	return (int)(intptr_t)context;
}

static int real_open(void *context, const char *name, int flags)
{
	int fd = openat(directory_of(context), name, flags | O_CLOEXEC | O_NOFOLLOW,
			FILE_PERMISSIONS);

	return fd < 0 ? -errno : fd;
}

static ssize_t real_read_at(void *context, int fd, void *data, size_t n_bytes, uint64_t offset)
{
	ssize_t n;

	(void)context;
	do {
		n = pread(fd, data, n_bytes, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t real_write_at(void *context, int fd, const void *data, size_t n_bytes,
			     uint64_t offset)
{
	ssize_t n;

	(void)context;
	do {
		n = pwrite(fd, data, n_bytes, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int real_size(void *context, int fd, uint64_t *ret_n_bytes)
{
	struct stat status;

	(void)context;
	if (fstat(fd, &status) != 0)
		return -errno;
	*ret_n_bytes = (uint64_t)status.st_size;
	return 0;
}

static int real_truncate(void *context, int fd, uint64_t n_bytes)
{
	(void)context;
	return ftruncate(fd, (off_t)n_bytes) != 0 ? -errno : 0;
}

static int real_sync(void *context, int fd)
{
	(void)context;
	return fdatasync(fd) != 0 ? -errno : 0;
}

static int real_sync_directory(void *context)
{
	return fsync(directory_of(context)) != 0 ? -errno : 0;
}

static int real_rename(void *context, const char *from, const char *to)
{
	int directory = directory_of(context);

	return renameat(directory, from, directory, to) != 0 ? -errno : 0;
}

static int real_unlink(void *context, const char *name)
{
	return unlinkat(directory_of(context), name, 0) != 0 ? -errno : 0;
}

static void real_close(void *context, int fd)
{
	(void)context;
	(void)close(fd); /* what had to last was synced before */
}

static int real_list(void *context, int (*each)(void *argument, const char *name), void *argument)
{
	int fd = openat(directory_of(context), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *directory;
	int r = 0;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		r = -errno;
		close_fdp(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = each(argument, entry->d_name);
	(void)closedir(directory);
	return r;
}

int spool_files_open(const char *path, struct spool_files *ret_files)
{
	cleanup_with(close_fdp) int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory < 0)
		return -errno;
	if (flock(directory, LOCK_EX | LOCK_NB) != 0)
		return -errno;
	if (faccessat(directory, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return -errno;
	*ret_files = (struct spool_files){
		.context = (void *)(intptr_t)take_fd(&directory),
		.open = real_open,
		.read_at = real_read_at,
		.write_at = real_write_at,
		.size = real_size,
		.truncate = real_truncate,
		.sync = real_sync,
		.sync_directory = real_sync_directory,
		.rename = real_rename,
		.unlink = real_unlink,
		.close = real_close,
		.list = real_list,
	};
	return 0;
}

void spool_files_close(struct spool_files *files)
{
	if (files->open)
		(void)close(directory_of(files->context)); /* which also gives up the lock */
	*files = (struct spool_files){0};
}

int spool_files_write_all(const struct spool_files *files, int fd, const void *data, size_t n_bytes,
			  uint64_t offset)
{
	const unsigned char *at = data;

	while (n_bytes > 0) {
		ssize_t n = files->write_at(files->context, fd, at, n_bytes, offset);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO; /* no file system does this; going on would be for ever */
		at += n;
		offset += (uint64_t)n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

int spool_files_replace(const struct spool_files *files, const char *name, const void *data,
			size_t n_bytes)
{
	char temporary[SPOOL_NAME_BYTES + 8];
	int fd, r;

	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);
	r = files->unlink(files->context, temporary); /* one that a crash left behind */
	if (r < 0 && r != -ENOENT)
		return r;
	fd = files->open(files->context, temporary, O_RDWR | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = spool_files_write_all(files, fd, data, n_bytes, 0);
	if (r == 0)
		r = files->sync(files->context, fd);
	files->close(files->context, fd);
	if (r == 0)
		r = files->rename(files->context, temporary, name);
	if (r == 0)
		return files->sync_directory(files->context);
	(void)files->unlink(files->context, temporary); /* only tidiness: the next one tries too */
	return r;
}

/*
 * Fills @data (zeroed) from the start of @fd; returns how many bytes there were, or a negative
 * errno. A bad place of the disk stays zeroes: its reader's crc finds it, and the rest is saved.
 */
static ssize_t read_whole(const struct spool_files *files, int fd, unsigned char *data,
			  size_t n_bytes)
{
	size_t n_read = 0;

	while (n_read < n_bytes) {
		ssize_t n =
			files->read_at(files->context, fd, data + n_read, n_bytes - n_read, n_read);

		if (n == -EIO)
			n = n_bytes - n_read < BAD_PLACE_BYTES ? (ssize_t)(n_bytes - n_read)
							       : (ssize_t)BAD_PLACE_BYTES;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		n_read += (size_t)n;
	}
	return (ssize_t)n_read;
}

int spool_files_load(const struct spool_files *files, const char *name, size_t n_bytes_max,
		     unsigned char **ret_data, size_t *ret_n_bytes)
{
	cleanup_with(free_freep) unsigned char *data = NULL;
	int fd = files->open(files->context, name, O_RDONLY);
	uint64_t n_bytes = 0;
	ssize_t n = 0;
	int r;

	if (fd < 0)
		return fd;
	r = files->size(files->context, fd, &n_bytes);
	if (n_bytes > n_bytes_max)
		n_bytes = n_bytes_max;
	if (r == 0) {
		data = calloc(1, (size_t)n_bytes + 1); /* bounded above */
		n = data ? read_whole(files, fd, data, (size_t)n_bytes) : -ENOMEM;
	}
	files->close(files->context, fd);
	if (r < 0)
		return r;
	if (n < 0)
		return (int)n;
	*ret_data = take_ptr(data);
	*ret_n_bytes = (size_t)n;
	return 0;
}
