#pragma once
/* Object readers for tests: bytes in memory, or a file of this machine. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/object_image.h"

/* Both count what was asked of them. */
struct memory_reader {
	const uint8_t *data;
	size_t n_bytes;
	uint64_t n_fetched_bytes;
	unsigned n_fetches;
	unsigned n_fetches_max; /* refuses from then on; 0: never */
};

struct object_reader memory_reader(struct memory_reader *memory);

struct file_reader {
	int fd; /* owned: file_reader_close() */
	struct wire_object object;
	uint64_t n_fetched_bytes;
	unsigned n_fetches;
	uint8_t buffer[OBJECT_READ_BYTES_MAX];
};

/* Opens @path and fills in the object as fstat says. Returns false when it cannot. */
bool file_reader_open(struct file_reader *file, const char *path);
struct object_reader file_reader(struct file_reader *file);
void file_reader_close(struct file_reader *file);
