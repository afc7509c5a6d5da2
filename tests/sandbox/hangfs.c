/*
 * A FUSE server that leaves its callers waiting for ever, by file name: hang-lookup, hang-open,
 * hang-read, hang-flush; any other name is a file of one page of 'x'. Each time somebody is left
 * waiting it writes one byte to standard output, so that a test need not guess. The file "program"
 * is the one that HANGFS_PROGRAM names, until SIGUSR1: from then on whoever asks for it waits.
 *
 *	hangfs -f -o allow_other MOUNTPOINT
 */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES 4096

static int program_fd = -1;
static volatile sig_atomic_t program_hangs;

static void on_signal(int number)
{
	(void)number;
	program_hangs = 1;
	(void)!write(STDOUT_FILENO, "s", 1); /* whoever sent it may wait for that */
}

static bool is_program(const char *path)
{
	return program_fd >= 0 && strcmp(path, "/program") == 0;
}

static void hang_at(const char *path, const char *name)
{
	if (strcmp(path, name) != 0 && !(program_hangs && is_program(path)))
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
	if (is_program(path))
		return fstat(program_fd, st) < 0 ? -errno : 0;
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
	/* No reading ahead of anybody, but a program must be mapped to run. */
	file->direct_io = strcmp(path, "/plain") != 0 && !is_program(path);
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
	if (is_program(path)) {
		ssize_t n_read = pread(program_fd, bytes, n_bytes, offset);

		return n_read < 0 ? -errno : (int)n_read;
	}
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
	const char *program = getenv("HANGFS_PROGRAM");

	if (program) {
		program_fd = open(program, O_RDONLY | O_CLOEXEC);
		if (program_fd < 0)
			return 1;
	}
	(void)signal(SIGUSR1, on_signal);
	return fuse_main(argc, argv, &operations, NULL);
}
