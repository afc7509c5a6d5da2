#include "elf/mini_debug.h"

#include <errno.h>
#include <unistd.h>

#include <lzma.h>

#define CHUNK_BYTES 65536u

static int outcome_of(lzma_ret r)
{
	switch (r) {
	case LZMA_OK:
	case LZMA_STREAM_END:
		return 0;
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return MINI_DEBUG_TOO_BIG;
	default:
		return MINI_DEBUG_MALFORMED;
	}
}

static int store(int memory_fd, const uint8_t *from, size_t n_left)
{
	while (n_left > 0) {
		ssize_t n = write(memory_fd, from, n_left);

		if (n < 0)
			return -errno;
		from += n;
		n_left -= (size_t)n;
	}
	return 0;
}

/* Each turn takes input or gives output, or liblzma ends it: hostile input cannot keep it busy. */
static int unpack(lzma_stream *stream, int memory_fd, uint64_t *inflate_left)
{
	uint8_t chunk[CHUNK_BYTES];
	lzma_ret state = LZMA_OK;
	int r = 0;

	while (r == 0 && state != LZMA_STREAM_END) {
		size_t n_bytes;

		stream->next_out = chunk;
		stream->avail_out = sizeof(chunk);
		state = lzma_code(stream, LZMA_FINISH);
		n_bytes = sizeof(chunk) - stream->avail_out;
		r = outcome_of(state);
		if (r == 0 && n_bytes > *inflate_left)
			r = MINI_DEBUG_TOO_BIG;
		if (r == 0)
			r = store(memory_fd, chunk, n_bytes);
		if (r == 0)
			*inflate_left -= n_bytes;
	}
	return r;
}

int mini_debug_unpack(struct wire_bytes packed, int memory_fd, uint64_t *inflate_left,
		      uint64_t *ret_n_bytes)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	int r = outcome_of(lzma_stream_decoder(&stream, MINI_DEBUG_MEMORY_BYTES_MAX, 0));

	if (r != 0)
		return r;
	stream.next_in = packed.data;
	stream.avail_in = packed.n_bytes;
	if (lseek(memory_fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = unpack(&stream, memory_fd, inflate_left);
	if (r == 0)
		*ret_n_bytes = stream.total_out;
	lzma_end(&stream);
	return r;
}
