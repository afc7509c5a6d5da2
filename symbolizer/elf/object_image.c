#include "elf/object_image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <sha2.h>

#define PAGE_BYTES     UINT64_C(4096)
#define RANGES_MAX     64u
#define SIZE_BYTES_MAX (UINT64_C(1) << 62) /* off_t, with room to round */

struct range {
	uint64_t start;
	uint64_t end;
};

struct object_image {
	int memory_fd; /* borrowed */
	uint64_t object;
	uint64_t size_bytes;
	uint64_t bytes_left;
	uint64_t n_allowed; /* n_fetched may not pass it: object_image_ration() */
	struct object_reader reader;
	uint64_t n_fetched;
	size_t n_ranges;
	struct range ranges[RANGES_MAX]; /* ascending, neither touching nor overlapping */
};

int object_image_new(int memory_fd, const struct wire_object *object,
		     const struct object_reader *reader, struct object_image **ret_image)
{
	struct object_image *image;

	if (object->size_bytes > SIZE_BYTES_MAX)
		return OBJECT_IMAGE_TOO_BIG;
	if (ftruncate(memory_fd, 0) < 0)
		return -errno;
	if (ftruncate(memory_fd, (off_t)object->size_bytes) < 0)
		return errno == EFBIG || errno == EINVAL ? OBJECT_IMAGE_TOO_BIG : -errno;
	image = calloc(1, sizeof(*image));
	if (!image)
		return -ENOMEM;
	image->memory_fd = memory_fd;
	image->object = object->id;
	image->size_bytes = object->size_bytes;
	image->bytes_left = OBJECT_IMAGE_BYTES_MAX;
	image->n_allowed = UINT64_MAX;
	image->reader = *reader;
	*ret_image = image;
	return 0;
}

int object_image_whole(int memory_fd, uint64_t n_bytes, struct object_image **ret_image)
{
	struct object_image *image;

	if (n_bytes > OBJECT_IMAGE_BYTES_MAX)
		return OBJECT_IMAGE_TOO_BIG;
	image = calloc(1, sizeof(*image));
	if (!image)
		return -ENOMEM;
	image->memory_fd = memory_fd;
	image->size_bytes = n_bytes;
	image->bytes_left = OBJECT_IMAGE_BYTES_MAX;
	image->n_ranges = n_bytes > 0;
	image->ranges[0] = (struct range){0, n_bytes}; /* whole: nothing is left to fetch */
	*ret_image = image;
	return 0;
}

uint64_t object_image_bytes_left(const struct object_image *image)
{
	return image->bytes_left;
}

void object_image_limit(struct object_image *image, uint64_t bytes_left)
{
	if (bytes_left < image->bytes_left)
		image->bytes_left = bytes_left;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

void object_image_ration(struct object_image *image, uint64_t n_bytes)
{
	image->n_allowed = sum(image->n_fetched, n_bytes);
}

void object_image_allow(struct object_image *image, uint64_t n_bytes)
{
	image->n_allowed = sum(image->n_allowed, n_bytes);
}

/* Writes one answer of the reader into the memory file. */
static int store(const struct object_image *image, uint64_t at, struct wire_bytes bytes)
{
	const unsigned char *from = bytes.data;
	size_t n_left = bytes.n_bytes;

	while (n_left > 0) {
		ssize_t n = pwrite(image->memory_fd, from, n_left, (off_t)at);

		if (n < 0)
			return -errno;
		from += n;
		at += (uint64_t)n;
		n_left -= (size_t)n;
	}
	return 0;
}

/* Fetches [start, end) into @to, or where that is NULL into the memory file. */
static int fetch(struct object_image *image, uint64_t start, uint64_t end, uint8_t *to)
{
	if (end - start > image->bytes_left || image->n_fetched > image->n_allowed ||
	    end - start > image->n_allowed - image->n_fetched)
		return OBJECT_IMAGE_TOO_BIG;
	while (start < end) {
		uint64_t n_left = end - start;
		uint32_t n_bytes =
			n_left < OBJECT_READ_BYTES_MAX ? (uint32_t)n_left : OBJECT_READ_BYTES_MAX;
		struct wire_bytes bytes;
		int r = image->reader.fetch(image->reader.owner, image->object,
					    (struct file_off){start}, n_bytes, &bytes);

		if (r < 0)
			return r;
		if (r > 0 || bytes.n_bytes == 0 || bytes.n_bytes > n_bytes)
			return OBJECT_IMAGE_UNREADABLE;
		if (to)
			to = (uint8_t *)memcpy(to, bytes.data, bytes.n_bytes) + bytes.n_bytes;
		else
			r = store(image, start, bytes);
		if (r < 0)
			return r;
		start += bytes.n_bytes;
		image->n_fetched += bytes.n_bytes;
		image->bytes_left -= bytes.n_bytes;
	}
	return 0;
}

/* The first range that ends at or behind @offset: all before it are left of @offset. */
static size_t range_at(const struct object_image *image, uint64_t offset)
{
	size_t i = 0;

	while (i < image->n_ranges && image->ranges[i].end < offset)
		i++;
	return i;
}

/* Replaces all ranges that touch [start, end) by their union with it. */
static void remember(struct object_image *image, uint64_t start, uint64_t end)
{
	size_t first = range_at(image, start), last = first;

	for (; last < image->n_ranges && image->ranges[last].start <= end; last++) {
		start = image->ranges[last].start < start ? image->ranges[last].start : start;
		end = image->ranges[last].end > end ? image->ranges[last].end : end;
	}
	memmove(&image->ranges[first + 1], &image->ranges[last],
		(image->n_ranges - last) * sizeof(image->ranges[0]));
	image->n_ranges = image->n_ranges - (last - first) + 1;
	image->ranges[first] = (struct range){start, end};
}

static bool is_inside(const struct object_image *image, struct file_off offset, uint64_t n_bytes)
{
	return offset.v <= image->size_bytes && n_bytes <= image->size_bytes - offset.v;
}

int object_image_read(struct object_image *image, struct file_off offset, uint64_t n_bytes,
		      void *to)
{
	if (!is_inside(image, offset, n_bytes))
		return OBJECT_IMAGE_BEYOND;
	return fetch(image, offset.v, offset.v + n_bytes, to);
}

int object_image_need(struct object_image *image, struct file_off offset, uint64_t n_bytes)
{
	uint64_t at, end;
	int r;

	if (!is_inside(image, offset, n_bytes))
		return OBJECT_IMAGE_BEYOND;
	if (n_bytes == 0)
		return 0;
	if (image->n_ranges + 1 >= RANGES_MAX)
		return OBJECT_IMAGE_TOO_BIG;
	end = (offset.v + n_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	if (end > image->size_bytes)
		end = image->size_bytes;
	at = offset.v & ~(PAGE_BYTES - 1);
	for (size_t i = range_at(image, at); at < end; i++) {
		bool is_last = i >= image->n_ranges || image->ranges[i].start >= end;
		uint64_t gap_end = is_last ? end : image->ranges[i].start;

		if (at < gap_end) {
			r = fetch(image, at, gap_end, NULL);
			if (r != 0)
				return r;
		}
		at = is_last ? end : image->ranges[i].end;
	}
	remember(image, offset.v & ~(PAGE_BYTES - 1), end);
	return 0;
}

int object_image_fd(const struct object_image *image)
{
	return image->memory_fd;
}

uint64_t object_image_size(const struct object_image *image)
{
	return image->size_bytes;
}

uint64_t object_image_bytes_read(const struct object_image *image)
{
	return image->n_fetched;
}

static int digest_range(const struct object_image *image, const struct range *range, SHA2_CTX *hash)
{
	uint8_t buffer[16384];

	SHA512Update(hash, (const uint8_t *)range, sizeof(*range));
	for (uint64_t at = range->start; at < range->end;) {
		uint64_t n_left = range->end - at;
		ssize_t n = pread(image->memory_fd, buffer,
				  n_left < sizeof(buffer) ? n_left : sizeof(buffer), (off_t)at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		SHA512Update(hash, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

static int digest_image(const struct object_image *image, SHA2_CTX *hash)
{
	int r = 0;

	SHA512Update(hash, (const uint8_t *)&image->size_bytes, sizeof(image->size_bytes));
	SHA512Update(hash, (const uint8_t *)&image->n_ranges, sizeof(image->n_ranges));
	for (size_t i = 0; i < image->n_ranges && r == 0; i++)
		r = digest_range(image, &image->ranges[i], hash);
	return r;
}

int object_image_digest(const struct object_image *const *images, size_t n_images,
			struct wire_bytes others, uint8_t ret_digest[OBJECT_IMAGE_DIGEST_BYTES])
{
	uint8_t whole[SHA512_DIGEST_LENGTH];
	SHA2_CTX hash;

	SHA512Init(&hash);
	for (size_t i = 0; i < n_images; i++) {
		int r = digest_image(images[i], &hash);

		if (r < 0)
			return r;
	}
	SHA512Update(&hash, (const uint8_t *)&others.n_bytes, sizeof(others.n_bytes));
	if (others.n_bytes > 0)
		SHA512Update(&hash, others.data, others.n_bytes);
	SHA512Final(whole, &hash);
	memcpy(ret_digest, whole, OBJECT_IMAGE_DIGEST_BYTES); /* a prefix of SHA-512 is as strong */
	return 0;
}

void object_image_free(struct object_image *image)
{
	if (!image)
		return;
	(void)!ftruncate(image->memory_fd, 0); /* gives the pages back; a new image does it again */
	free(image);
}
