#include "endpoints/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "endpoints/series.h"

#define NAME_BYTES       128
#define LABELS_BYTES_MAX (4u << 20)
#define PPROF_SUFFIX     ".pb.gz"
#define LABELS_SUFFIX    ".labels"
#define TEMPORARY_SUFFIX ".tmp"
#define FILES_MAX        (1u << 20)
#define DIRECTORY_MODE   0750
#define FILE_MODE        0640
#define ROOM_LEFT_PARTS  10 /* making room leaves a tenth of the bound free: not at each write */

struct store {
	int directory;
	uint64_t bytes_max;
	uint64_t n_bytes;
};

uint64_t store_bytes(const struct store *store)
{
	return store->n_bytes;
}

void store_free(struct store *store)
{
	if (!store)
		return;
	close_fdp(&store->directory);
	free(store);
}

static size_t span(const char **at, const char *set)
{
	size_t n = strspn(*at, set);

	*at += n;
	return n;
}

static bool skip_dash(const char **at)
{
	return *(*at)++ == '-';
}

/* The part of @name behind NAME (store.h) when it has that form, else NULL: not a file of ours. */
static const char *suffix_of(const char *name)
{
	static const char digits[] = "0123456789", hex[] = "0123456789abcdef";

	if (span(&name, digits) == 20 && skip_dash(&name) && span(&name, hex) == 16 &&
	    skip_dash(&name) && span(&name, digits) > 0 && skip_dash(&name) &&
	    span(&name, digits) > 0)
		return name;
	return NULL;
}

static bool is_temporary(const char *suffix)
{
	return strcmp(suffix, PPROF_SUFFIX TEMPORARY_SUFFIX) == 0 ||
	       strcmp(suffix, LABELS_SUFFIX TEMPORARY_SUFFIX) == 0;
}

static bool is_whole(const char *suffix)
{
	return strcmp(suffix, PPROF_SUFFIX) == 0 || strcmp(suffix, LABELS_SUFFIX) == 0;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/*
 * Looks at every file of ours: sums up the bytes, removes what a crash left, collects the names.
 * The directory may be anybody's: what is not named as we name files is not touched.
 */
static void list(struct store *store, DIR *directory, char ***ret_names, size_t *ret_n_names)
{
	char **names = NULL;
	size_t n = 0, capacity = 0;
	struct dirent *entry;
	struct stat status;

	store->n_bytes = 0;
	while ((entry = readdir(directory)) && n < FILES_MAX) {
		const char *suffix = suffix_of(entry->d_name);

		if (suffix && is_temporary(suffix))
			(void)unlinkat(store->directory, entry->d_name, 0);
		if (!suffix || !is_whole(suffix) ||
		    fstatat(store->directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (n == capacity) {
			char **grown =
				reallocarray(names, capacity ? 2 * capacity : 64, sizeof(*names));

			if (!grown)
				break;
			names = grown;
			capacity = capacity ? 2 * capacity : 64;
		}
		names[n] = strdup(entry->d_name);
		if (!names[n])
			break;
		n++;
		store->n_bytes += (uint64_t)status.st_size;
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), by_text);
	*ret_names = names;
	*ret_n_names = n;
}

/* Whether @second is the pprof of the labels in @first: they go together. */
static bool is_pair(const char *first, const char *second)
{
	size_t n = strcspn(first, ".");

	return strcmp(first + n, LABELS_SUFFIX) == 0 && strncmp(first, second, n + 1) == 0;
}

/* Reads the directory again and removes the oldest files until @n_bytes_max are left. */
static int make_room(struct store *store, uint64_t n_bytes_max)
{
	int fd = openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;
	DIR *directory;
	char **names;
	size_t n;

	if (fd < 0)
		return -errno;
	directory = fdopendir(fd);
	if (!directory) {
		close_fdp(&fd);
		return -ENOMEM; /* an open directory needs nothing else */
	}
	list(store, directory, &names, &n);
	(void)closedir(directory);
	for (size_t i = 0; i < n; i++) {
		if (store->n_bytes <= n_bytes_max && !(i > 0 && is_pair(names[i - 1], names[i])))
			break;
		if (fstatat(store->directory, names[i], &status, AT_SYMLINK_NOFOLLOW) != 0 ||
		    unlinkat(store->directory, names[i], 0) != 0)
			continue;
		store->n_bytes -= (uint64_t)status.st_size;
	}
	names_free(names, n);
	return 0;
}

int store_open(const char *path, uint64_t bytes_max, struct store **ret_store)
{
	struct store *store;
	int r;

	if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST)
		return -errno;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->bytes_max = bytes_max;
	store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = store->directory < 0 ? -errno : 0;
	if (r == 0 && faccessat(store->directory, ".", W_OK | X_OK, AT_EACCESS) != 0)
		r = -errno;
	if (r == 0)
		r = make_room(store, bytes_max);
	if (r < 0) {
		store_free(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

static int write_all(int fd, const void *data, size_t n_bytes)
{
	const char *at = data;

	while (n_bytes > 0) {
		ssize_t n = write(fd, at, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

/* Makes @name with @data appear whole or not at all. */
static int write_file(struct store *store, const char *name, const void *data, size_t n_bytes)
{
	char temporary[NAME_BYTES + sizeof(TEMPORARY_SUFFIX)];
	cleanup_with(close_fdp) int fd = -1;
	uint64_t n_replaced_bytes = 0;
	struct stat status;
	int r;

	(void)snprintf(temporary, sizeof(temporary), "%s" TEMPORARY_SUFFIX, name);
	fd = openat(store->directory, temporary,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, n_bytes);
	if (r == 0 && fdatasync(fd) != 0)
		r = -errno;
	if (fstatat(store->directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
		n_replaced_bytes = (uint64_t)status.st_size;
	if (r == 0 && renameat(store->directory, temporary, store->directory, name) != 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(store->directory, temporary, 0);
		return r;
	}
	store->n_bytes -= n_replaced_bytes < store->n_bytes ? n_replaced_bytes : store->n_bytes;
	store->n_bytes += n_bytes;
	return 0;
}

int store_write(struct store *store, const struct batch_item *item,
		const struct configuration_header *external, size_t n_external)
{
	cleanup_with(series_labels_deinit) struct series_labels labels = {0};
	cleanup_with(bytes_deinit) struct bytes text = BYTES_INIT(LABELS_BYTES_MAX);
	uint64_t n_bytes = item->part.pprof_gz.n_bytes;
	char name[NAME_BYTES];
	int n, r;

	r = series_labels_make(item->part.labels, external, n_external, &labels);
	if (r < 0)
		return r;
	series_labels_print(&labels, &text);
	if (text.error)
		return text.error;
	if (store->n_bytes + n_bytes + text.n_bytes > store->bytes_max) {
		r = make_room(store, store->bytes_max - store->bytes_max / ROOM_LEFT_PARTS);
		if (r < 0)
			return r;
	}
	n = snprintf(name, sizeof(name), "%020" PRIu64 "-%016" PRIx64 "-%" PRIu64 "-%u",
		     item->time_wall_ns, item->window.instance, item->window.sequence,
		     item->at.part);
	(void)snprintf(name + n, sizeof(name) - (size_t)n, LABELS_SUFFIX);
	r = write_file(store, name, text.data, text.n_bytes);
	if (r < 0)
		return r;
	(void)snprintf(name + n, sizeof(name) - (size_t)n, PPROF_SUFFIX);
	return write_file(store, name, item->part.pprof_gz.data, n_bytes);
}

int store_sync(struct store *store)
{
	return fsync(store->directory) != 0 ? -errno
					    : 0; /* the files were synced as they were made */
}
