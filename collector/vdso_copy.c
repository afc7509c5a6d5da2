#include "vdso_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define STEP_BYTES 4096u
#define SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void mappings_drop(struct mappings *mappings)
{
	mappings_deinit(mappings, NULL, 0); /* of a text alone: no objects */
}

static int read_text(const char *path, struct bytes *text)
{
	cleanup_with(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char step[STEP_BYTES];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, step, sizeof(step))) > 0)
		bytes_append(text, step, (size_t)n);
	return n < 0 ? -errno : text->error;
}

static bool is_named(struct wire_bytes name)
{
	return name.n_bytes == strlen(VDSO_NAME) && memcmp(name.data, VDSO_NAME, name.n_bytes) == 0;
}

/* Copies @n_bytes at @from, which is mapped for as long as we live. */
static int copy_bytes(const void *from, size_t n_bytes, struct vdso_copy *ret_copy)
{
	cleanup_with(close_fdp) int fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (write(fd, from, n_bytes) != (ssize_t)n_bytes || fcntl(fd, F_ADD_SEALS, SEALS) != 0 ||
	    fstat(fd, &st) != 0)
		return errno ? -errno : -EIO;
	ret_copy->identity = (struct file_identity){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size_bytes = (uint64_t)st.st_size,
		.change_time_ns = (uint64_t)st.st_ctim.tv_sec * UINT64_C(1000000000) +
				  (uint64_t)st.st_ctim.tv_nsec,
	};
	ret_copy->fd = take_fd(&fd);
	return 0;
}

int vdso_copy_make(const char *path, struct vdso_copy *ret_copy)
{
	cleanup_with(bytes_deinit) struct bytes text = BYTES_INIT(MAPPINGS_TEXT_BYTES);
	cleanup_with(mappings_drop) struct mappings mappings = {.n_mappings = 0};
	const struct proc_addr start = {getauxval(AT_SYSINFO_EHDR)};
	const struct mapping *mapping;
	int r = read_text(path, &text);

	if (r == 0)
		r = mappings_parse((struct wire_bytes){text.data, text.n_bytes}, &mappings);
	if (r < 0)
		return r;
	mapping = mappings_find(&mappings, start);
	if (!mapping || mapping->start.v != start.v || start.v < VDSO_START_MIN ||
	    mapping->end.v - start.v > VDSO_BYTES_MAX ||
	    !is_named(mapping_name(&mappings, mapping)))
		return -ENOENT;
	/* The kernel's word for where its code is in our own address space. */
	return copy_bytes((const void *)(uintptr_t)start.v, mapping->end.v - start.v, ret_copy);
}

struct object *vdso_copy_adopt(struct vdso_copy *copy, struct objects *objects)
{
	struct object *object;

	if (copy->fd < 0)
		return NULL;
	object = objects_adopt(objects, take_fd(&copy->fd), &copy->identity,
			       (struct wire_bytes){VDSO_NAME, strlen(VDSO_NAME)});
	if (object)
		object->is_ours = true;
	return object;
}

bool vdso_is_at(const struct object *vdso, const struct mapping *mapping, struct wire_bytes name)
{
	return vdso && is_named(name) && mapping->inode == 0 && mapping->offset.v == 0 &&
	       mapping->start.v >= VDSO_START_MIN &&
	       mapping->end.v - mapping->start.v == vdso->identity.size_bytes;
}
