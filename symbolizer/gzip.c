#include "gzip.h"

#include <errno.h>

#include <zlib.h>

#define WINDOW_BITS_GZIP (15 + 16) /* the largest window, with gzip's head and tail */
#define MEMORY_LEVEL     8         /* zlib's default */
#define LEVEL            5         /* 1 % more bytes than 6, for two thirds of its time */

int gzip_append(struct bytes *out, const void *data, size_t n_bytes)
{
	z_stream stream = {0};
	unsigned char buffer[16384];
	int r;

	if (n_bytes > UINT32_MAX)
		return -EMSGSIZE;
	if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	stream.next_in = (Bytef *)data; /* zlib 1.2 has no const here; it only reads */
	stream.avail_in = (uInt)n_bytes;
	do {
		stream.next_out = buffer;
		stream.avail_out = sizeof(buffer);
		r = deflate(&stream, Z_FINISH);
		bytes_append(out, buffer, sizeof(buffer) - stream.avail_out);
	} while (r == Z_OK || r == Z_BUF_ERROR);
	(void)deflateEnd(&stream); /* frees only */
	return out->error;
}
