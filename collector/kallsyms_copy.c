#include "kallsyms_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP_BYTES (256u << 10)

int kallsyms_copy_open(struct kallsyms_copy *copy)
{
	copy->source_fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	return copy->source_fd < 0 ? -errno : 0;
}

void kallsyms_copy_begin(struct kallsyms_copy *copy, uint64_t now_ns)
{
	if (copy->source_fd < 0 || copy->copy_fd >= 0)
		return;
	if (copy->generation > 0 && now_ns - copy->made_ns < KALLSYMS_AGE_NS)
		return;
	if (lseek(copy->source_fd, 0, SEEK_SET) != 0)
		return;
	copy->copy_fd = memfd_create("kallsyms", MFD_CLOEXEC);
	copy->n_bytes = 0;
}

static void finish(struct kallsyms_copy *copy, struct objects *objects, uint64_t now_ns)
{
	copy->generation++;
	copy->made_ns = now_ns;
	(void)objects_set_kallsyms(
		objects, take_fd(&copy->copy_fd), copy->n_bytes,
		copy->generation); /* without memory: kernel frames stay addresses */
}

bool kallsyms_copy_step(struct kallsyms_copy *copy, struct objects *objects, uint64_t now_ns)
{
	static char piece[STEP_BYTES];
	ssize_t n;

	if (copy->copy_fd < 0)
		return false;
	n = read(copy->source_fd, piece, sizeof(piece));
	if (n == 0) {
		finish(copy, objects, now_ns);
		return false;
	}
	if (n < 0 || copy->n_bytes + (uint64_t)n > KALLSYMS_BYTES_MAX ||
	    write(copy->copy_fd, piece, (size_t)n) != n) {
		close_fdp(&copy->copy_fd); /* half a table would name wrongly: keep the older one */
		return false;
	}
	copy->n_bytes += (uint64_t)n;
	return true;
}

void kallsyms_copy_deinit(struct kallsyms_copy *copy)
{
	close_fdp(&copy->source_fd);
	close_fdp(&copy->copy_fd);
}
