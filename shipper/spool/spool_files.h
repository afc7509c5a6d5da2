#pragma once
/*
 * The file operations that the spool stands on, as a table: the real ones, and in tests ones that
 * fail, cut writes short or lose power. All names are relative to the one directory that the table
 * was opened for, and contain no '/'.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Longest name that a spool gives a file, with its NUL. */
#define SPOOL_NAME_BYTES 64

/*
 * Each returns what its system call does, or a negative errno; none is retried here but for EINTR.
 * @context is the table's own.
 */
struct spool_files {
	void *context; /* owned by whoever made the table */

	/* Flags of open(2): O_RDONLY; O_RDWR; O_RDWR | O_CREAT | O_EXCL. Returns an fd. */
	int (*open)(void *context, const char *name, int flags);
	ssize_t (*read_at)(void *context, int fd, void *data, size_t n_bytes, uint64_t offset);
	/* May write less than asked. */
	ssize_t (*write_at)(void *context, int fd, const void *data, size_t n_bytes,
			    uint64_t offset);
	int (*size)(void *context, int fd, uint64_t *ret_n_bytes);
	int (*truncate)(void *context, int fd, uint64_t n_bytes);
	int (*sync)(void *context, int fd);
	int (*sync_directory)(void *context);
	int (*rename)(void *context, const char *from, const char *to);
	int (*unlink)(void *context, const char *name);
	void (*close)(void *context, int fd);
	/* Calls @each with every name but "." and ".."; ends early when it returns non-zero. */
	int (*list)(void *context, int (*each)(void *argument, const char *name), void *argument);
};

/*
 * Opens the directory @path and locks it until spool_files_close(): a spool has one owner.
 *   @ret_files  set on 0 only; owned, freed with spool_files_close()
 * Returns 0 or a negative errno: -EWOULDBLOCK when another process holds the lock.
 */
int spool_files_open(const char *path, struct spool_files *ret_files) warn_unused_result;

void spool_files_close(struct spool_files *files); /* a zeroed one is fine */

/* Writes all of @data (borrowed) at @offset, however often that takes. 0 or a negative errno. */
int spool_files_write_all(const struct spool_files *files, int fd, const void *data, size_t n_bytes,
			  uint64_t offset) warn_unused_result;

/*
 * Replaces @name by a file with @data (borrowed), so that after any crash there is the old content
 * or the new, whole: temporary file, sync, rename, sync of the directory.
 * Returns 0 or a negative errno; after an error the old content is what counts.
 */
int spool_files_replace(const struct spool_files *files, const char *name, const void *data,
			size_t n_bytes) warn_unused_result;

/*
 * Reads @name whole, but at most @n_bytes_max of it; what the disk cannot read (EIO) is zeroes.
 *   @ret_data  set on 0 only; owned, freed with free(); one byte longer than *@ret_n_bytes, a NUL
 * Returns 0 or a negative errno (-ENOENT: no such file).
 */
int spool_files_load(const struct spool_files *files, const char *name, size_t n_bytes_max,
		     unsigned char **ret_data, size_t *ret_n_bytes) warn_unused_result;
