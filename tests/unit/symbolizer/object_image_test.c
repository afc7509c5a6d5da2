#include "elf/object_image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "readers.h"

#define FILE_BYTES (3u << 20)

struct world {
	int memory_fd;
	uint8_t *data;
	struct memory_reader memory;
	struct object_reader reader;
	struct wire_object object;
	struct object_image *image;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->memory_fd = memfd_create("object", MFD_CLOEXEC);
	world->data = malloc(FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		world->data[i] = (uint8_t)(i * 2654435761u >> 13);
	world->memory = (struct memory_reader){.data = world->data, .n_bytes = FILE_BYTES};
	world->reader = memory_reader(&world->memory);
	world->object =
		(struct wire_object){.id = 7, .kind = OBJECT_FILE, .size_bytes = FILE_BYTES};
	*state = world;
	return object_image_new(world->memory_fd, &world->object, &world->reader, &world->image);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	object_image_free(world->image);
	close(world->memory_fd);
	free(world->data);
	free(world);
	return 0;
}

static int need(struct world *world, uint64_t offset, uint64_t n_bytes)
{
	return object_image_need(world->image, (struct file_off){offset}, n_bytes);
}

static void needed_ranges_are_there_and_the_rest_is_a_hole(void **state)
{
	struct world *world = *state;
	uint8_t bytes[100];
	struct stat stat;

	assert_int_equal(need(world, 5000, 100), 0);
	assert_int_equal(need(world, FILE_BYTES - 10, 10), 0);
	assert_int_equal(pread(world->memory_fd, bytes, 100, 5000), 100);
	assert_memory_equal(bytes, world->data + 5000, 100);
	assert_int_equal(pread(world->memory_fd, bytes, 100, FILE_BYTES - 10), 10);
	assert_memory_equal(bytes, world->data + FILE_BYTES - 10, 10);
	assert_int_equal(fstat(world->memory_fd, &stat), 0);
	assert_int_equal(stat.st_size, FILE_BYTES);
	assert_true(stat.st_blocks * 512 <= 16384);
	assert_int_equal(object_image_bytes_read(world->image), 8192);
}

static void nothing_is_fetched_twice(void **state)
{
	struct world *world = *state;
	uint64_t n_distinct = 0;
	uint8_t *seen = calloc(FILE_BYTES / 4096, 1);
	unsigned seed = 3;

	for (unsigned i = 0; i < 40; i++) {
		uint64_t offset = (unsigned)rand_r(&seed) % FILE_BYTES;
		uint64_t n_bytes = (unsigned)rand_r(&seed) % 200000;

		if (n_bytes > FILE_BYTES - offset)
			n_bytes = FILE_BYTES - offset;
		if (n_bytes == 0)
			continue;
		assert_int_equal(need(world, offset, n_bytes), 0);
		for (uint64_t page = offset / 4096; page <= (offset + n_bytes - 1) / 4096; page++) {
			n_distinct += !seen[page];
			seen[page] = 1;
		}
		assert_int_equal(world->memory.n_fetched_bytes, n_distinct * 4096);
	}
	for (uint64_t page = 0; page < FILE_BYTES / 4096; page++) {
		uint8_t bytes[4096];

		if (!seen[page])
			continue;
		assert_int_equal(pread(world->memory_fd, bytes, 4096, (off_t)page * 4096), 4096);
		assert_memory_equal(bytes, world->data + page * 4096, 4096);
	}
	free(seen);
}

static void a_large_range_comes_in_few_fetches(void **state)
{
	struct world *world = *state;

	assert_int_equal(need(world, 0, FILE_BYTES), 0);
	assert_int_equal(world->memory.n_fetches, FILE_BYTES / OBJECT_READ_BYTES_MAX);
}

static void ranges_outside_the_file_are_refused_without_asking(void **state)
{
	struct world *world = *state;

	assert_int_equal(need(world, FILE_BYTES, 1), OBJECT_IMAGE_BEYOND);
	assert_int_equal(need(world, 0, FILE_BYTES + 1ull), OBJECT_IMAGE_BEYOND);
	assert_int_equal(need(world, UINT64_MAX, 2), OBJECT_IMAGE_BEYOND);
	assert_int_equal(need(world, 1, UINT64_MAX), OBJECT_IMAGE_BEYOND);
	assert_int_equal(need(world, FILE_BYTES, 0), 0);
	assert_int_equal(world->memory.n_fetches, 0);
}

static void a_file_that_shrank_or_is_refused_is_unreadable(void **state)
{
	struct world *world = *state;

	world->memory.n_bytes = 100000;
	assert_int_equal(need(world, 0, 200000), OBJECT_IMAGE_UNREADABLE);
	world->memory.n_bytes = FILE_BYTES;
	world->memory.n_fetches_max = 1;
	assert_int_equal(need(world, 1u << 20, 10), OBJECT_IMAGE_UNREADABLE);
}

static void sizes_that_no_file_has_are_refused(void **state)
{
	struct world *world = *state;
	struct wire_object object = world->object;
	struct object_image *image;

	object.size_bytes = UINT64_MAX;
	assert_int_equal(object_image_new(world->memory_fd, &object, &world->reader, &image),
			 OBJECT_IMAGE_TOO_BIG);
	object.size_bytes = UINT64_C(1) << 40; /* sparse: costs nothing until it is read */
	assert_int_equal(object_image_new(world->memory_fd, &object, &world->reader, &image), 0);
	assert_int_equal(
		object_image_need(image, (struct file_off){0}, OBJECT_IMAGE_BYTES_MAX + 1u),
		OBJECT_IMAGE_TOO_BIG);
	object_image_free(image);
}

/* Whoever knows what a file is worth says so, and whatever leads a reader astray ends there. */
static void a_ration_bounds_what_is_fetched(void **state)
{
	struct world *world = *state;
	uint8_t bytes[4096];

	assert_int_equal(need(world, 0, 4096), 0);
	object_image_ration(world->image, 8192);
	assert_int_equal(need(world, 0, 4096), 0); /* is there */
	assert_int_equal(need(world, 1u << 20, 8193), OBJECT_IMAGE_TOO_BIG);
	assert_int_equal(need(world, 1u << 20, 4096), 0);
	assert_int_equal(object_image_read(world->image, (struct file_off){40000}, 4096, bytes), 0);
	assert_memory_equal(bytes, world->data + 40000, 4096);
	assert_int_equal(object_image_read(world->image, (struct file_off){40000}, 1, bytes),
			 OBJECT_IMAGE_TOO_BIG);
	assert_int_equal(object_image_bytes_read(world->image), 4096 + 8192);
	object_image_allow(world->image, 1);
	assert_int_equal(object_image_read(world->image, (struct file_off){40000}, 1, bytes), 0);
	object_image_allow(world->image, UINT64_MAX);
	assert_int_equal(need(world, 0, FILE_BYTES), 0);
	assert_int_equal(object_image_read(world->image, (struct file_off){FILE_BYTES}, 1, bytes),
			 OBJECT_IMAGE_BEYOND);
}

/* What was read and not kept is not of the digest but by what became of it. */
static void a_digest_covers_what_is_said_besides(void **state)
{
	struct world *world = *state;
	uint8_t first[OBJECT_IMAGE_DIGEST_BYTES], second[OBJECT_IMAGE_DIGEST_BYTES], bytes[100];
	const struct object_image *images[] = {world->image};

	assert_int_equal(need(world, 5000, 100), 0);
	assert_int_equal(object_image_digest(images, 1, (struct wire_bytes){"one", 3}, first), 0);
	assert_int_equal(object_image_read(world->image, (struct file_off){90000}, 100, bytes), 0);
	assert_int_equal(object_image_digest(images, 1, (struct wire_bytes){"one", 3}, second), 0);
	assert_memory_equal(first, second, sizeof(first));
	assert_int_equal(object_image_digest(images, 1, (struct wire_bytes){"two", 3}, second), 0);
	assert_memory_not_equal(first, second, sizeof(first));
}

static void digests_differ_when_a_byte_or_a_range_does(void **state)
{
	struct world *world = *state;
	uint8_t first[OBJECT_IMAGE_DIGEST_BYTES], second[OBJECT_IMAGE_DIGEST_BYTES];
	const struct object_image *images[2];

	for (unsigned changed = 0; changed < 3; changed++) {
		object_image_free(world->image);
		if (changed == 1)
			world->data[5001] ^= 1;
		assert_int_equal(object_image_new(world->memory_fd, &world->object, &world->reader,
						  &world->image),
				 0);
		assert_int_equal(need(world, 5000, 100), 0);
		if (changed == 2)
			assert_int_equal(need(world, 100000, 1), 0);
		images[0] = world->image;
		assert_int_equal(object_image_digest(images, 1, (struct wire_bytes){0},
						     changed ? second : first),
				 0);
		if (changed)
			assert_memory_not_equal(first, second, sizeof(first));
	}
	images[1] = images[0];
	assert_int_equal(object_image_digest(images, 2, (struct wire_bytes){0}, first), 0);
	assert_memory_not_equal(first, second, sizeof(first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(needed_ranges_are_there_and_the_rest_is_a_hole),
		TEST(nothing_is_fetched_twice),
		TEST(a_large_range_comes_in_few_fetches),
		TEST(ranges_outside_the_file_are_refused_without_asking),
		TEST(a_file_that_shrank_or_is_refused_is_unreadable),
		TEST(sizes_that_no_file_has_are_refused),
		TEST(a_ration_bounds_what_is_fetched),
		TEST(a_digest_covers_what_is_said_besides),
		TEST(digests_differ_when_a_byte_or_a_range_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
