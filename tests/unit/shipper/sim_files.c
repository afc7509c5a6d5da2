#include "sim_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void content_copy(struct sim_content *to, const struct sim_content *from)
{
	free(to->data);
	to->data = malloc(from->n_bytes + 1);
	if (!to->data)
		abort();
	if (from->n_bytes > 0)
		memcpy(to->data, from->data, from->n_bytes);
	to->n_bytes = from->n_bytes;
}

static void content_resize(struct sim_content *content, size_t n_bytes)
{
	content->data = realloc(content->data, n_bytes + 1);
	if (!content->data)
		abort();
	if (n_bytes > content->n_bytes)
		memset(content->data + content->n_bytes, 0, n_bytes - content->n_bytes);
	content->n_bytes = n_bytes;
}

/* Counts an operation; returns the fault that hits it. */
static enum sim_fault operation(struct sim *sim)
{
	uint64_t at = ++sim->n_operations;

	if (sim->fault_at == 0 || sim->fault == SIM_NONE)
		return SIM_NONE;
	if (sim->fault == SIM_DEAD ? at >= sim->fault_at : at == sim->fault_at)
		return sim->fault;
	return SIM_NONE;
}

static bool fails(struct sim *sim)
{
	enum sim_fault fault = operation(sim);

	return fault == SIM_DEAD || fault == SIM_EIO;
}

static struct sim_name *name_find(struct sim_name *names, const char *name)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (names[i].inode >= 0 && strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

static struct sim_name *name_free(struct sim_name *names)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (names[i].inode < 0)
			return &names[i];
	abort();
}

static void inode_release(struct sim *sim, int inode)
{
	struct sim_inode *it = &sim->inodes[inode];

	if (--it->n_links > 0)
		return;
	free(it->now.data);
	free(it->synced.data);
	*it = (struct sim_inode){0};
}

static int inode_new(struct sim *sim)
{
	for (int i = 0; i < SIM_FILES_MAX; i++)
		if (sim->inodes[i].n_links == 0)
			return i;
	abort();
}

static int sim_open(void *context, const char *name, int flags)
{
	struct sim *sim = context;
	struct sim_name *found = name_find(sim->names, name);
	int inode;

	if (fails(sim))
		return -EIO;
	if (found)
		return flags & O_CREAT ? -EEXIST : found->inode;
	if (!(flags & O_CREAT))
		return -ENOENT;
	inode = inode_new(sim);
	found = name_free(sim->names);
	(void)snprintf(found->name, sizeof(found->name), "%s", name);
	found->inode = inode;
	sim->inodes[inode].n_links = 1;
	content_resize(&sim->inodes[inode].now, 0);
	content_resize(&sim->inodes[inode].synced, 0);
	return inode;
}

static ssize_t sim_read_at(void *context, int fd, void *data, size_t n_bytes, uint64_t offset)
{
	struct sim *sim = context;
	struct sim_content *content = &sim->inodes[fd].now;

	if (fails(sim))
		return -EIO;
	if (offset >= content->n_bytes)
		return 0;
	if (n_bytes > content->n_bytes - offset)
		n_bytes = content->n_bytes - (size_t)offset;
	memcpy(data, content->data + offset, n_bytes);
	return (ssize_t)n_bytes;
}

static ssize_t sim_write_at(void *context, int fd, const void *data, size_t n_bytes,
			    uint64_t offset)
{
	struct sim *sim = context;
	struct sim_content *content = &sim->inodes[fd].now;
	enum sim_fault fault = operation(sim);
	size_t n = n_bytes;

	if (fault == SIM_EIO)
		return -EIO;
	if (sim->n_writes_left_to_disk_full > 0 && --sim->n_writes_left_to_disk_full == 0) {
		sim->n_writes_left_to_disk_full = 1;
		return -ENOSPC;
	}
	if (fault != SIM_NONE)
		n = n_bytes / 2;
	if (offset + n > content->n_bytes)
		content_resize(content, (size_t)offset + n);
	if (n > 0)
		memcpy(content->data + offset, data, n);
	if (fault == SIM_DEAD)
		return -EIO;
	if (fault == SIM_ENOSPC)
		return -ENOSPC;
	return n > 0 || n_bytes == 0 ? (ssize_t)n : -EINTR;
}

static int sim_size(void *context, int fd, uint64_t *ret_n_bytes)
{
	struct sim *sim = context;

	if (fails(sim))
		return -EIO;
	*ret_n_bytes = sim->inodes[fd].now.n_bytes;
	return 0;
}

static int sim_truncate(void *context, int fd, uint64_t n_bytes)
{
	struct sim *sim = context;

	if (fails(sim))
		return -EIO;
	content_resize(&sim->inodes[fd].now, (size_t)n_bytes);
	return 0;
}

static int sim_sync(void *context, int fd)
{
	struct sim *sim = context;
	struct sim_inode *inode = &sim->inodes[fd];

	if (fails(sim) || sim->sync_always_fails) {
		inode->sync_failed = true;
		return -EIO;
	}
	if (!inode->sync_failed)
		content_copy(&inode->synced, &inode->now);
	return 0;
}

static void names_copy(struct sim *sim, struct sim_name *to, const struct sim_name *from)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (from[i].inode >= 0)
			sim->inodes[from[i].inode].n_links++;
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (to[i].inode >= 0)
			inode_release(sim, to[i].inode);
	memcpy(to, from, sizeof(*to) * SIM_FILES_MAX);
}

static int sim_sync_directory(void *context)
{
	struct sim *sim = context;

	if (fails(sim))
		return -EIO;
	names_copy(sim, sim->synced_names, sim->names);
	return 0;
}

static int sim_rename(void *context, const char *from, const char *to)
{
	struct sim *sim = context;
	struct sim_name *source = name_find(sim->names, from);
	struct sim_name *target = name_find(sim->names, to);

	if (fails(sim))
		return -EIO;
	if (!source)
		return -ENOENT;
	if (target) {
		inode_release(sim, target->inode);
		target->inode = -1;
	}
	(void)snprintf(source->name, sizeof(source->name), "%s", to);
	return 0;
}

static int sim_unlink(void *context, const char *name)
{
	struct sim *sim = context;
	struct sim_name *found = name_find(sim->names, name);

	if (fails(sim))
		return -EIO;
	if (!found)
		return -ENOENT;
	inode_release(sim, found->inode);
	found->inode = -1;
	return 0;
}

static void sim_close(void *context, int fd)
{
	(void)context;
	(void)fd;
}

static int sim_list(void *context, int (*each)(void *argument, const char *name), void *argument)
{
	struct sim *sim = context;
	int r = 0;

	if (fails(sim))
		return -EIO;
	for (size_t i = 0; r == 0 && i < SIM_FILES_MAX; i++)
		if (sim->names[i].inode >= 0)
			r = each(argument, sim->names[i].name);
	return r;
}

void sim_init(struct sim *sim)
{
	memset(sim, 0, sizeof(*sim));
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		sim->names[i].inode = sim->synced_names[i].inode = -1;
	sim->files = (struct spool_files){
		.context = sim,
		.open = sim_open,
		.read_at = sim_read_at,
		.write_at = sim_write_at,
		.size = sim_size,
		.truncate = sim_truncate,
		.sync = sim_sync,
		.sync_directory = sim_sync_directory,
		.rename = sim_rename,
		.unlink = sim_unlink,
		.close = sim_close,
		.list = sim_list,
	};
}

void sim_deinit(struct sim *sim)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++) {
		free(sim->inodes[i].now.data);
		free(sim->inodes[i].synced.data);
	}
}

/* What is left of a file whose last bytes were not synced. */
static void inode_survive(struct sim_inode *inode, enum sim_survival survival)
{
	size_t n_synced = inode->synced.n_bytes, n_now = inode->now.n_bytes;

	if (survival == SIM_KEEP_ALL && !inode->sync_failed) {
		content_copy(&inode->synced, &inode->now);
	} else if (survival == SIM_KEEP_HALF && n_now > n_synced && !inode->sync_failed) {
		content_copy(&inode->synced, &inode->now);
		content_resize(&inode->synced, n_synced + (n_now - n_synced) / 2);
	} else if (survival == SIM_KEEP_ZEROES && n_now > n_synced) {
		content_resize(&inode->synced, n_now); /* the size arrived, the bytes did not */
	}
	content_copy(&inode->now, &inode->synced);
	inode->sync_failed = false;
}

void sim_power_cut(struct sim *sim, enum sim_survival data, bool keep_names)
{
	if (keep_names)
		names_copy(sim, sim->synced_names, sim->names);
	else
		names_copy(sim, sim->names, sim->synced_names);
	for (size_t i = 0; i < SIM_FILES_MAX; i++)
		if (sim->inodes[i].n_links > 0)
			inode_survive(&sim->inodes[i], data);
	sim->fault = SIM_NONE;
	sim->fault_at = 0;
	sim->n_operations = 0;
	sim->sync_always_fails = false;
	sim->n_writes_left_to_disk_full = 0;
}

struct sim_content *sim_content(struct sim *sim, const char *name)
{
	struct sim_name *found = name_find(sim->names, name);

	return found ? &sim->inodes[found->inode].now : NULL;
}

const char *sim_name_with(const struct sim *sim, const char *suffix)
{
	for (size_t i = 0; i < SIM_FILES_MAX; i++) {
		const char *name = sim->names[i].name;
		size_t n = strlen(name), n_suffix = strlen(suffix);

		if (sim->names[i].inode >= 0 && n >= n_suffix &&
		    strcmp(name + n - n_suffix, suffix) == 0)
			return name;
	}
	return NULL;
}
