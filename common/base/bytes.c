#include "base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_CAPACITY_MIN 256u

/* Makes room for @n_more bytes, or records why there is none. */
static bool reserve(struct bytes *b, size_t n_more)
{
	size_t capacity = b->capacity_bytes ? b->capacity_bytes : BYTES_CAPACITY_MIN;
	unsigned char *grown;

	if (b->error)
		return false;
	if (n_more > b->bytes_max - b->n_bytes) {
		b->error = -EMSGSIZE;
		return false;
	}
	if (b->n_bytes + n_more <= b->capacity_bytes)
		return true;
	while (capacity < b->n_bytes + n_more)
		capacity *= 2; /* ends: bytes_max bounds the need */
	grown = realloc(b->data, capacity);
	if (!grown) {
		b->error = -ENOMEM;
		return false;
	}
	b->data = grown;
	b->capacity_bytes = capacity;
	return true;
}

void bytes_append(struct bytes *b, const void *data, size_t n_bytes)
{
	if (n_bytes == 0 || !reserve(b, n_bytes))
		return;
	memcpy(b->data + b->n_bytes, data, n_bytes);
	b->n_bytes += n_bytes;
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n > 0 && reserve(b, (size_t)n + 1)) { /* vsnprintf writes a NUL behind the text */
		(void)vsnprintf((char *)b->data + b->n_bytes, (size_t)n + 1, format, again);
		b->n_bytes += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

void bytes_clear(struct bytes *b)
{
	b->n_bytes = 0;
	b->error = 0;
}

void bytes_deinit(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes)BYTES_INIT(b->bytes_max);
}
