#include "kallsyms_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"

#define STEP_BYTES         (64u << 10) /* the kernel gives a page a read */
#define KALLSYMS_HASH_SEED 0 /* the same in every collector: the text is the kernel's own */

int kallsyms_copy_open(struct kallsyms_copy *copy)
{
	copy->source_fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	return copy->source_fd < 0 ? -errno : 0;
}

void kallsyms_copy_begin(struct kallsyms_copy *copy, uint64_t now_ns)
{
	if (copy->source_fd < 0 || copy->copy_fd >= 0)
		return;
	if (copy->generation > 0 && now_ns - copy->made_ns < copy->age_ns)
		return;
	if (lseek(copy->source_fd, 0, SEEK_SET) != 0)
		return;
	copy->copy_fd = memfd_create("kallsyms", MFD_CLOEXEC);
	copy->n_bytes = 0;
	copy->generation_so_far = KALLSYMS_HASH_SEED;
}

static void finish(struct kallsyms_copy *copy, struct objects *objects, uint64_t now_ns)
{
	uint64_t generation = copy->generation_so_far | 1; /* 0 stands for none */

	if (generation != copy->generation)
		copy->age_ns = KALLSYMS_AGE_NS;
	else if (copy->age_ns < KALLSYMS_AGE_NS_MAX)
		copy->age_ns *= 2;
	copy->generation = generation;
	copy->made_ns = now_ns;
	(void)objects_set_kallsyms(
		objects, take_fd(&copy->copy_fd), copy->n_bytes,
		copy->generation); /* without memory: kernel frames stay addresses */
}

/* Fills @piece as far as there is text. Returns how much, or -1. */
static ssize_t read_piece(int fd, char piece[STEP_BYTES])
{
	ssize_t n_bytes = 0, n;

	do {
		n = read(fd, piece + n_bytes, STEP_BYTES - (size_t)n_bytes);
		n_bytes += n > 0 ? n : 0;
	} while (n > 0 && n_bytes < (ssize_t)STEP_BYTES);
	return n < 0 ? -1 : n_bytes;
}

bool kallsyms_copy_step(struct kallsyms_copy *copy, struct objects *objects, uint64_t now_ns)
{
	static char piece[STEP_BYTES];
	ssize_t n;

	if (copy->copy_fd < 0)
		return false;
	n = read_piece(copy->source_fd, piece);
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
	copy->generation_so_far = hash_bytes(copy->generation_so_far, piece, (size_t)n);
	return true;
}

void kallsyms_copy_deinit(struct kallsyms_copy *copy)
{
	close_fdp(&copy->source_fd);
	close_fdp(&copy->copy_fd);
}
