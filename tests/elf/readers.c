#include "readers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int memory_fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
			struct wire_bytes *ret_bytes)
{
	struct memory_reader *memory = owner;

	(void)object;
	memory->n_fetches++;
	if (memory->n_fetches_max && memory->n_fetches > memory->n_fetches_max)
		return OBJECT_FETCH_REFUSED;
	if (offset.v >= memory->n_bytes)
		n_bytes = 0;
	else if (n_bytes > memory->n_bytes - offset.v)
		n_bytes = (uint32_t)(memory->n_bytes - offset.v);
	memory->n_fetched_bytes += n_bytes;
	*ret_bytes = (struct wire_bytes){n_bytes ? memory->data + offset.v : NULL, n_bytes};
	return 0;
}

struct object_reader memory_reader(struct memory_reader *memory)
{
	return (struct object_reader){.fetch = memory_fetch, .owner = memory};
}

bool file_reader_open(struct file_reader *file, const char *path)
{
	struct stat stat;

	file->n_fetched_bytes = 0;
	file->n_fetches = 0;
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &stat) < 0)
		return false;
	file->object = (struct wire_object){
		.id = 1,
		.kind = OBJECT_FILE,
		.device = stat.st_dev,
		.inode = stat.st_ino,
		.size_bytes = (uint64_t)stat.st_size,
		.change_time_ns = (uint64_t)stat.st_ctim.tv_sec * UINT64_C(1000000000) +
				  (uint64_t)stat.st_ctim.tv_nsec,
		.name = {path, strlen(path)},
	};
	return true;
}

static int file_fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
		      struct wire_bytes *ret_bytes)
{
	struct file_reader *file = owner;
	ssize_t n = pread(file->fd, file->buffer, n_bytes, (off_t)offset.v);

	(void)object;
	if (n < 0)
		return OBJECT_FETCH_REFUSED;
	file->n_fetches++;
	file->n_fetched_bytes += (uint64_t)n;
	*ret_bytes = (struct wire_bytes){file->buffer, (size_t)n};
	return 0;
}

struct object_reader file_reader(struct file_reader *file)
{
	return (struct object_reader){.fetch = file_fetch, .owner = file};
}

void file_reader_close(struct file_reader *file)
{
	close_fdp(&file->fd);
}
