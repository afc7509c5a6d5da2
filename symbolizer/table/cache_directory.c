#include "table/cache_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sha2.h>
#include <zlib.h>

#include "base/hash.h"

#define HEAD_MAGIC        UINT64_C(0x314548434e595254) /* "TRYNCHE1" */
#define HEAD_VERSION      4u /* of the block's format: others are not found, and age out */
#define NAME_BYTES        (2 + 4 * 16 + 3 + 1)
#define FILES_MAX         65536u /* looked at in one sweep */
#define SWEEP_EVERY       32u    /* files written by us between two looks at the whole */
#define SWEEP_SHARE       16u /* … or of the bound in bytes: the pool goes over it by no more */
#define DRAFT_PREFIX      "new-"
#define DRAFT_SECONDS_MAX 60 /* a draft older than this has lost its writer */
#define FILE_BYTES_MAX    (1u << 30)

/* Stands before the content of both kinds of file. */
struct file_head {
	uint64_t magic;
	uint16_t version;
	uint16_t outcome;  /* of a note: 0, or why there is no table */
	uint32_t checksum; /* crc32 of all else: torn and rotten files, not malice */
	uint64_t n_bytes;  /* of the content */
	struct table_digest digest;
	uint64_t stale_wall_ns; /* of a note */
};

_Static_assert(sizeof(struct file_head) == 64, "the block behind it is aligned");
_Static_assert(sizeof(struct file_key) == 32, "no padding");

struct cache_directory {
	int fd; /* owned */
	uint64_t bytes_max;
	uint64_t n_bytes;         /* as the last sweep found, and what we wrote since */
	uint64_t n_written_bytes; /* since the last sweep, like the next */
	unsigned n_written;
	uint64_t writer; /* tells our drafts from a sibling's, who may have the same pid */
	uint64_t n_drafts;
};

void table_digest_of(const char *kind, const uint64_t words[static 2],
		     struct table_digest *ret_digest)
{
	uint8_t whole[SHA512_DIGEST_LENGTH];
	SHA2_CTX hash;

	SHA512Init(&hash);
	SHA512Update(&hash, (const uint8_t *)kind, strlen(kind) + 1);
	SHA512Update(&hash, (const uint8_t *)words, 2 * sizeof(*words));
	SHA512Final(whole, &hash);
	memcpy(ret_digest->bytes, whole, sizeof(ret_digest->bytes));
}

static void table_name(const struct table_digest *digest, char name[NAME_BYTES])
{
	size_t at = (size_t)snprintf(name, NAME_BYTES, "t-");

	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		at += (size_t)snprintf(name + at, NAME_BYTES - at, "%02x", digest->bytes[i]);
}

static void file_name(const struct file_key *file, char name[NAME_BYTES])
{
	(void)snprintf(name, NAME_BYTES, "f-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64,
		       file->device, file->inode, file->size_bytes, file->change_time_ns);
}

/* The sum over head and content, as if the head had none. */
static uint32_t checksum_of(const struct file_head *head, const void *content)
{
	struct file_head bare = *head;
	uLong sum;

	bare.checksum = 0;
	sum = crc32_z(0, (const Bytef *)&bare, sizeof(bare));
	return (uint32_t)crc32_z(sum, content ? content : (const Bytef *)"", head->n_bytes);
}

static bool is_valid(const struct file_head *head, const void *content, uint64_t n_bytes)
{
	return head->magic == HEAD_MAGIC && head->version == HEAD_VERSION &&
	       head->n_bytes == n_bytes && head->checksum == checksum_of(head, content);
}

/* The sweep spares what was used lately. No right to say so costs a file its place, no more. */
static void touch(int fd)
{
	(void)!futimens(fd, NULL);
}

int cache_directory_find(const struct cache_directory *directory, const struct file_key *file,
			 struct file_note *ret_note)
{
	cleanup_with(close_fdp) int fd = -1;
	char name[NAME_BYTES];
	struct file_head head;

	file_name(file, name);
	fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || read(fd, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
	    !is_valid(&head, NULL, 0))
		return CACHE_MISS;
	touch(fd);
	*ret_note = (struct file_note){head.digest, head.stale_wall_ns, head.outcome};
	return 0;
}

void cache_directory_touch(const struct cache_directory *directory,
			   const struct table_digest *digest)
{
	cleanup_with(close_fdp) int fd = -1;
	char name[NAME_BYTES];

	table_name(digest, name);
	fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		touch(fd);
}

int cache_directory_map(const struct cache_directory *directory, const struct table_digest *digest,
			struct cached_block *ret_block)
{
	cleanup_with(cached_block_deinit) struct cached_block block = {0};
	cleanup_with(close_fdp) int fd = -1;
	const struct file_head *head;
	char name[NAME_BYTES];
	struct stat stat;

	table_name(digest, name);
	fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &stat) < 0 || stat.st_size < (off_t)sizeof(*head) ||
	    stat.st_size > (off_t)FILE_BYTES_MAX)
		return CACHE_MISS;
	block.n_mapping_bytes = (size_t)stat.st_size;
	block.mapping = mmap(NULL, block.n_mapping_bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (block.mapping == MAP_FAILED) {
		block.mapping = NULL;
		return -ENOMEM;
	}
	head = block.mapping;
	block.block = head + 1;
	block.n_bytes = block.n_mapping_bytes - sizeof(*head);
	if (memcmp(&head->digest, digest, sizeof(*digest)) != 0 ||
	    !is_valid(head, block.block, block.n_bytes))
		return CACHE_MISS;
	touch(fd);
	*ret_block = block;
	block.mapping = NULL;
	return 0;
}

void cached_block_deinit(struct cached_block *block)
{
	if (block->mapping)
		(void)munmap(block->mapping,
			     block->n_mapping_bytes); /* our own mapping: cannot fail */
	*block = (struct cached_block){0};
}

struct found_file {
	char name[NAME_BYTES];
	struct timespec time;
	uint64_t n_bytes;
};

/* What one look at the directory gathers. */
struct sweep {
	struct found_file *files; /* owned */
	size_t n_files;
	size_t capacity;
	uint64_t n_bytes;
};

static void sweep_deinit(struct sweep *sweep)
{
	free(sweep->files);
}

static int oldest_first(const void *left, const void *right)
{
	const struct found_file *a = left, *b = right;

	if (a->time.tv_sec != b->time.tv_sec)
		return a->time.tv_sec < b->time.tv_sec ? -1 : 1;
	if (a->time.tv_nsec != b->time.tv_nsec)
		return a->time.tv_nsec < b->time.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool is_stale_draft(const char *name, const struct stat *stat)
{
	return strncmp(name, DRAFT_PREFIX, strlen(DRAFT_PREFIX)) == 0 &&
	       stat->st_mtim.tv_sec + DRAFT_SECONDS_MAX < time(NULL);
}

static bool make_room(struct sweep *sweep)
{
	size_t capacity = sweep->capacity ? 2 * sweep->capacity : 64;
	struct found_file *grown;

	if (sweep->n_files < sweep->capacity)
		return true;
	grown = realloc(sweep->files, capacity * sizeof(*grown)); /* FILES_MAX */
	if (!grown)
		return false;
	sweep->files = grown;
	sweep->capacity = capacity;
	return true;
}

static void sweep_entry(const struct cache_directory *directory, struct sweep *sweep,
			const char *name)
{
	struct found_file *file = &sweep->files[sweep->n_files];
	struct stat stat;

	if (strlen(name) >= NAME_BYTES ||
	    fstatat(directory->fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(stat.st_mode))
		return;
	if (is_stale_draft(name, &stat)) {
		(void)unlinkat(directory->fd, name, 0); /* a sibling may have been quicker */
		return;
	}
	memcpy(file->name, name, strlen(name) + 1);
	file->time = stat.st_mtim;
	file->n_bytes = (uint64_t)stat.st_blocks * 512;
	sweep->n_bytes += file->n_bytes;
	sweep->n_files++;
}

/* Removes the oldest files until the rest fits the bound. Returns 0 or a negative errno. */
static int cache_directory_sweep(struct cache_directory *directory)
{
	cleanup_with(sweep_deinit) struct sweep sweep = {0};
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool has_room = true;

	if (!listing) {
		int error = errno;

		close_fdp(&fd);
		return -error;
	}
	while (sweep.n_files < FILES_MAX && (has_room = make_room(&sweep)) &&
	       (entry = readdir(listing)))
		sweep_entry(directory, &sweep, entry->d_name);
	(void)closedir(listing); /* was only read */
	if (!has_room)
		return -ENOMEM;
	qsort(sweep.files, sweep.n_files, sizeof(*sweep.files), oldest_first);
	for (size_t i = 0; i < sweep.n_files && sweep.n_bytes > directory->bytes_max; i++)
		if (unlinkat(directory->fd, sweep.files[i].name, 0) == 0 || errno == ENOENT)
			sweep.n_bytes -= sweep.files[i].n_bytes;
	directory->n_bytes = sweep.n_bytes;
	directory->n_written_bytes = 0;
	directory->n_written = 0;
	return 0;
}

int cache_directory_open(const char *path, uint64_t bytes_max,
			 struct cache_directory **ret_directory)
{
	cleanup_with(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cache_directory *directory;
	int r;

	if (fd < 0)
		return -errno;
	directory = calloc(1, sizeof(*directory));
	if (!directory)
		return -ENOMEM;
	directory->fd = take_fd(&fd);
	directory->bytes_max = bytes_max;
	directory->writer = hash_new_seed();
	r = cache_directory_sweep(directory);
	if (r < 0) {
		cache_directory_free(directory);
		return r;
	}
	*ret_directory = directory;
	return 0;
}

static int write_whole(int fd, const struct file_head *head, const void *content, size_t n_bytes)
{
	const unsigned char *at = content;

	if (write(fd, head, sizeof(*head)) != (ssize_t)sizeof(*head))
		return errno ? -errno : -ENOSPC;
	while (n_bytes > 0) {
		ssize_t n = write(fd, at, n_bytes);

		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		at += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

/* Counts a file that was written. What siblings wrote only a look at the whole can tell. */
static bool is_sweep_due(struct cache_directory *directory, uint64_t n_bytes)
{
	n_bytes = (n_bytes + 4095) & ~UINT64_C(4095);
	directory->n_bytes += n_bytes;
	directory->n_written_bytes += n_bytes;
	directory->n_written++;
	return directory->n_bytes > directory->bytes_max ||
	       directory->n_written_bytes > directory->bytes_max / SWEEP_SHARE ||
	       directory->n_written >= SWEEP_EVERY;
}

/* Lets a file appear whole under @name. No fsync: after a crash the checksum tells. */
static int appear(struct cache_directory *directory, const char *name, const struct file_head *head,
		  const void *content, size_t n_bytes)
{
	cleanup_with(close_fdp) int fd = -1;
	char draft[NAME_BYTES];
	int r;

	if (sizeof(*head) + n_bytes > directory->bytes_max)
		return -EFBIG;
	(void)snprintf(draft, sizeof(draft), DRAFT_PREFIX "%016" PRIx64 "-%" PRIu64,
		       directory->writer, directory->n_drafts++);
	fd = openat(directory->fd, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0640);
	if (fd < 0)
		return -errno;
	errno = 0;
	r = write_whole(fd, head, content, n_bytes);
	if (r == 0 && renameat(directory->fd, draft, directory->fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(directory->fd, draft, 0); /* the sweep removes it otherwise */
		return r;
	}
	return is_sweep_due(directory, sizeof(*head) + n_bytes) ? cache_directory_sweep(directory)
								: 0;
}

int cache_directory_note(struct cache_directory *directory, const struct file_key *file,
			 const struct file_note *note)
{
	struct file_head head = {
		.magic = HEAD_MAGIC,
		.version = HEAD_VERSION,
		.outcome = (uint16_t)note->outcome,
		.digest = note->digest,
		.stale_wall_ns = note->stale_wall_ns,
	};
	char name[NAME_BYTES];

	head.checksum = checksum_of(&head, NULL);
	file_name(file, name);
	return appear(directory, name, &head, NULL, 0);
}

int cache_directory_publish(struct cache_directory *directory, const struct table_digest *digest,
			    const void *block, size_t n_bytes)
{
	struct file_head head = {
		.magic = HEAD_MAGIC,
		.version = HEAD_VERSION,
		.n_bytes = n_bytes,
		.digest = *digest,
	};
	char name[NAME_BYTES];

	if (n_bytes > FILE_BYTES_MAX - sizeof(head))
		return -EFBIG;
	head.checksum = checksum_of(&head, block);
	table_name(digest, name);
	return appear(directory, name, &head, block, n_bytes);
}

void cache_directory_free(struct cache_directory *directory)
{
	if (!directory)
		return;
	close_fdp(&directory->fd);
	free(directory);
}
