#pragma once
/*
 * A growing byte buffer with a bound. Appending past the bound or without memory marks the buffer
 * as failed and keeps what it has: callers append freely and ask once, at the end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct bytes {
	unsigned char *data; /* owned */
	size_t n_bytes;
	size_t capacity_bytes;
	size_t bytes_max; /* inclusive bound of n_bytes */
	int error;        /* 0, -ENOMEM or -EMSGSIZE: the first failure, kept */
};

#define BYTES_INIT(max)                                                                            \
	{                                                                                          \
		.bytes_max = (max)                                                                 \
	}

void bytes_append(struct bytes *b, const void *data, size_t n_bytes);

/* Appends printf-formatted text without its terminating NUL. */
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties the buffer and its error, keeping the memory. */
void bytes_clear(struct bytes *b);

/* Frees the memory; the buffer is then empty and usable again with the same bound. */
void bytes_deinit(struct bytes *b);
