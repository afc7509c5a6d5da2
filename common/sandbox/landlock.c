#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel's interface as of its sixth version, spelled out because the headers of the machine
 * that builds may be older than the kernel of the machine that runs.
 */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

enum access {
	ACCESS_WRITE_FILE = 1 << 1,
	ACCESS_READ_FILE = 1 << 2,
	ACCESS_READ_DIR = 1 << 3,
	ACCESS_REMOVE_DIR = 1 << 4,
	ACCESS_REMOVE_FILE = 1 << 5,
	ACCESS_MAKE_DIR = 1 << 7,
	ACCESS_MAKE_REG = 1 << 8,
	ACCESS_MAKE_SOCK = 1 << 9,
	ACCESS_REFER = 1 << 13,
	ACCESS_TRUNCATE = 1 << 14,
};

/* What each version of the interface handles: 13 rights, then one more with 2, 3 and 5. */
static const uint64_t handled_by_version[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};

#define HANDLED_VERSIONS (sizeof(handled_by_version) / sizeof(handled_by_version[0]))
#define SCOPED_VERSION   6 /* abstract Unix sockets and signals stay inside */
#define SCOPED_ALL       0x3u

#define FILE_RIGHTS (ACCESS_READ_FILE | ACCESS_WRITE_FILE | ACCESS_TRUNCATE)
#define READ_RIGHTS (ACCESS_READ_FILE | ACCESS_READ_DIR)
#define WRITE_RIGHTS                                                                               \
	(READ_RIGHTS | ACCESS_WRITE_FILE | ACCESS_REMOVE_DIR | ACCESS_REMOVE_FILE |                \
	 ACCESS_MAKE_DIR | ACCESS_MAKE_REG | ACCESS_MAKE_SOCK | ACCESS_REFER | ACCESS_TRUNCATE)

static int create_ruleset(long version, uint64_t *ret_handled)
{
	size_t known = (size_t)version < HANDLED_VERSIONS ? (size_t)version : HANDLED_VERSIONS - 1;
	struct ruleset_attr attr = {.handled_access_fs = handled_by_version[known]};
	size_t n_bytes = sizeof(attr.handled_access_fs);
	long fd;

	if (version >= SCOPED_VERSION) {
		attr.scoped = SCOPED_ALL;
		n_bytes = sizeof(attr);
	}
	fd = syscall(SYS_landlock_create_ruleset, &attr, n_bytes, 0);
	if (fd < 0)
		return -errno;
	*ret_handled = attr.handled_access_fs;
	return (int)fd;
}

/* A path to read that does not exist needs no right; one to write must be there. */
static int allow_path(int ruleset_fd, const struct sandbox_path *path, uint64_t handled)
{
	cleanup_with(close_fdp) int fd = open(path->path, O_PATH | O_CLOEXEC);
	struct path_beneath_attr attr = {.parent_fd = fd};
	struct stat st;

	if (fd < 0 && errno == ENOENT && !path->writable)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	attr.allowed_access = handled & (path->writable ? WRITE_RIGHTS : READ_RIGHTS);
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= FILE_RIGHTS;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PATH_BENEATH, &attr, 0) < 0)
		return -errno;
	return 0;
}

int landlock_confine(const struct sandbox_path *paths, size_t n_paths, bool *ret_landlock)
{
	cleanup_with(close_fdp) int ruleset_fd = -1;
	uint64_t handled = 0;
	long version;
	int r;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	if (version <= 0) { /* ENOSYS: not built in; EOPNOTSUPP: not enabled at boot */
		*ret_landlock = false;
		return 0;
	}
	ruleset_fd = create_ruleset(version, &handled);
	if (ruleset_fd < 0)
		return ruleset_fd;
	for (size_t i = 0; i < n_paths; i++) {
		r = allow_path(ruleset_fd, &paths[i], handled);
		if (r < 0)
			return r;
	}
	if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
		return -errno;
	*ret_landlock = true;
	return 0;
}
