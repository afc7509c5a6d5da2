/*
 * A FUSE server that leaves its callers waiting for ever, by file name: hang-lookup, hang-open,
 * hang-read, hang-flush; any other name is a file of one page of 'x'. Each time somebody is left
 * waiting it writes one byte to standard output, so that a test need not guess.
 *
 *	hangfs -f -o allow_other MOUNTPOINT
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES 4096

static void hang_at(const char *path, const char *name)
{
	if (strcmp(path, name) != 0)
		return;
	if (write(STDOUT_FILENO, "h", 1) != 1)
		return;
	for (;;)
		(void)pause();
}

static int hangfs_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	(void)file;
	hang_at(path, "/hang-lookup");
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	st->st_mode = S_IFREG | 0755;
	st->st_nlink = 1;
	st->st_size = FILE_BYTES;
	return 0;
}

static int hangfs_open(const char *path, struct fuse_file_info *file)
{
	file->direct_io = strcmp(path, "/plain") != 0; /* no reading ahead of anybody */
	hang_at(path, "/hang-open");
	return 0;
}

static int hangfs_read(const char *path, char *bytes, size_t n_bytes, off_t offset,
		       struct fuse_file_info *file)
{
	size_t n_left = offset < FILE_BYTES ? (size_t)(FILE_BYTES - offset) : 0;
	size_t n = n_bytes < n_left ? n_bytes : n_left;

	(void)file;
	hang_at(path, "/hang-read");
	memset(bytes, 'x', n);
	return (int)n;
}

static int hangfs_flush(const char *path, struct fuse_file_info *file)
{
	(void)file;
	hang_at(path, "/hang-flush");
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = hangfs_getattr,
	.open = hangfs_open,
	.read = hangfs_read,
	.flush = hangfs_flush,
};

int main(int argc, char **argv)
{
	return fuse_main(argc, argv, &operations, NULL);
}
