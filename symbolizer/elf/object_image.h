#pragma once
/*
 * A copy of those ranges of a file that somebody needed, in a sparse memory file of the file's
 * size.
 *
 * The bytes come through a reader, a range at a time; nothing is fetched twice, and what was never
 * needed stays a hole that costs nothing. One image at a time uses a memory file: making a new one
 * empties it.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "wire/wire.h"

#define OBJECT_IMAGE_BYTES_MAX    (192u << 20) /* fetched and inflated for one table */
#define OBJECT_IMAGE_DIGEST_BYTES 32u

enum object_fetch_outcome {
	OBJECT_FETCH_REFUSED = 1, /* not readable now: gone, denied, no lease, a hung file system */
};

/*
 * Fetches @n_bytes (1 … OBJECT_READ_BYTES_MAX) at @offset of @object; fewer come at its end.
 *   @ret_bytes  set on 0 only; borrowed until the next fetch
 * Returns 0, a negative errno (the link failed), or an enum object_fetch_outcome.
 */
typedef int object_fetch_fn(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
			    struct wire_bytes *ret_bytes);

/*
 * Opens a sibling of @ask's object, which can be fetched from then on.
 *   @ask          the kinds and names of common/wire/object_paths.h; borrowed for the call
 *   @ret_sibling  set on 0 only; an OBJECT_FILE, its name borrowed until the next fetch or open
 * Returns 0, a negative errno (the link failed), or the enum refusal that says why there is none.
 */
typedef int object_open_fn(void *owner, const struct wire_object_open *ask,
			   struct wire_object *ret_sibling);

struct object_reader {
	object_fetch_fn *fetch;
	object_open_fn *open; /* NULL: no object has siblings */
	void *owner;
};

enum object_image_outcome {
	OBJECT_IMAGE_BEYOND = 1, /* the range does not lie inside the file */
	OBJECT_IMAGE_TOO_BIG,    /* over OBJECT_IMAGE_BYTES_MAX or the ration, or too many ranges */
	OBJECT_IMAGE_UNREADABLE, /* the reader refused, or the file is shorter than it said */
};

struct object_image;

/*
 *   @memory_fd  a memfd; borrowed for the image's life, emptied now
 *   @object     borrowed for the call; its size is believed and checked when reading
 * Returns 0, a negative errno, or OBJECT_IMAGE_TOO_BIG (no file can have that size).
 */
int object_image_new(int memory_fd, const struct wire_object *object,
		     const struct object_reader *reader,
		     struct object_image **ret_image) warn_unused_result;

/*
 * An image of bytes that are all there: @n_bytes of @memory_fd, which is borrowed, and not emptied
 * before the image is freed. Returns 0, -ENOMEM, or OBJECT_IMAGE_TOO_BIG (over the bound on ranges
 * fetched, too).
 */
int object_image_whole(int memory_fd, uint64_t n_bytes,
		       struct object_image **ret_image) warn_unused_result;

/*
 * What of OBJECT_IMAGE_BYTES_MAX may be fetched of the image yet; whole images have it, too, for
 * what is inflated out of an image takes memory as if it were fetched.
 */
uint64_t object_image_bytes_left(const struct object_image *image);

/* Makes that at most @bytes_left, for what other images or inflating have taken. */
void object_image_limit(struct object_image *image, uint64_t bytes_left);

/*
 * From now on at most @n_bytes are fetched beyond what was until then, and those that are allowed
 * later: who knows what of a file is worth reading keeps a reader that was led astray within it.
 */
void object_image_ration(struct object_image *image, uint64_t n_bytes);
void object_image_allow(struct object_image *image, uint64_t n_bytes);

/* Makes sure that the range is there. Returns 0, a negative errno or an outcome. */
int object_image_need(struct object_image *image, struct file_off offset,
		      uint64_t n_bytes) warn_unused_result;

/*
 * Reads a range into @to and keeps nothing of it: the digest does not cover it. Outcomes and bounds
 * as of object_image_need().
 */
int object_image_read(struct object_image *image, struct file_off offset, uint64_t n_bytes,
		      void *to) warn_unused_result;

/* The memory file, borrowed. Only ranges that were needed may be read from it. */
int object_image_fd(const struct object_image *image);

uint64_t object_image_size(const struct object_image *image);
uint64_t object_image_bytes_read(const struct object_image *image);

/*
 * A cryptographic hash over all that was fetched of all images: ranges, their bytes, and the files'
 * sizes; and over @others, what became of bytes that were read and not kept. What is built from
 * images and others of equal digest is equal, whoever wrote them. Returns 0 or a negative errno.
 */
int object_image_digest(const struct object_image *const *images, size_t n_images,
			struct wire_bytes others,
			uint8_t ret_digest[OBJECT_IMAGE_DIGEST_BYTES]) warn_unused_result;

void object_image_free(struct object_image *image); /* NULL is fine; the memory file is emptied */
