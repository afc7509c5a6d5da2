#include "elf/mini_debug.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>

#define TEXT_BYTES 300000u

struct packed {
	size_t n_bytes;
	uint8_t data[1u << 20];
};

static struct packed packed;

/* Packs @n_bytes of text that does not shrink to nothing. */
static void pack(size_t n_bytes, uint32_t preset)
{
	uint8_t *text = malloc(n_bytes ? n_bytes : 1);

	for (size_t i = 0; i < n_bytes; i++)
		text[i] = (uint8_t)(i * i >> 7);
	packed.n_bytes = 0;
	assert_int_equal(lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC64, NULL, text, n_bytes,
						 packed.data, &packed.n_bytes, sizeof(packed.data)),
			 LZMA_OK);
	free(text);
}

static int unpack(int memory_fd, uint64_t *left, uint64_t *ret_n_bytes)
{
	return mini_debug_unpack((struct wire_bytes){packed.data, packed.n_bytes}, memory_fd, left,
				 ret_n_bytes);
}

/* Unpacks with @left bytes to spare; nothing but the outcome comes of it. */
static int outcome(uint64_t left)
{
	int memory_fd = memfd_create("inner", MFD_CLOEXEC);
	uint64_t n_bytes = 4711;
	int r = unpack(memory_fd, &left, &n_bytes);

	if (r != 0)
		assert_int_equal(n_bytes, 4711);
	close(memory_fd);
	return r;
}

static void what_was_packed_is_there(void **state)
{
	int memory_fd = memfd_create("inner", MFD_CLOEXEC);
	uint64_t left = TEXT_BYTES + 5, n_bytes;
	struct stat stat;
	uint8_t byte;

	(void)state;
	pack(TEXT_BYTES, 6);
	assert_int_equal(unpack(memory_fd, &left, &n_bytes), 0);
	assert_int_equal(n_bytes, TEXT_BYTES);
	assert_int_equal(left, 5);
	assert_int_equal(fstat(memory_fd, &stat), 0);
	assert_int_equal(stat.st_size, TEXT_BYTES);
	assert_int_equal(pread(memory_fd, &byte, 1, 100000), 1);
	assert_int_equal(byte, (uint8_t)(UINT64_C(100000) * 100000 >> 7));
	close(memory_fd);
}

static void the_strongest_packer_is_understood(void **state)
{
	(void)state;
	pack(1000, 9 | LZMA_PRESET_EXTREME);
	assert_int_equal(outcome(UINT64_MAX), 0);
	pack(0, 6);
	assert_int_equal(outcome(0), 0);
}

static void more_than_may_be_inflated_is_too_big(void **state)
{
	(void)state;
	pack(TEXT_BYTES, 6);
	assert_int_equal(outcome(TEXT_BYTES), 0);
	assert_int_equal(outcome(TEXT_BYTES - 1), MINI_DEBUG_TOO_BIG);
	assert_int_equal(outcome(0), MINI_DEBUG_TOO_BIG);
}

/* A dictionary is memory before there is any output. */
static void a_dictionary_of_half_a_gigabyte_is_too_big(void **state)
{
	lzma_options_lzma options;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};

	(void)state;
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = 1u << 29;
	packed.n_bytes = 0;
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL,
						   (const uint8_t *)"text", 4, packed.data,
						   &packed.n_bytes, sizeof(packed.data)),
			 LZMA_OK);
	assert_int_equal(outcome(UINT64_MAX), MINI_DEBUG_TOO_BIG);
}

static void what_is_cut_or_torn_is_malformed(void **state)
{
	size_t n_bytes;

	(void)state;
	pack(300, 0);
	n_bytes = packed.n_bytes;
	for (packed.n_bytes = 0; packed.n_bytes < n_bytes; packed.n_bytes++)
		assert_int_equal(outcome(UINT64_MAX), MINI_DEBUG_MALFORMED);
	for (size_t i = 0; i < n_bytes; i++) {
		int r;

		packed.data[i] ^= 0x10;
		r = outcome(1u << 20);
		assert_in_range(r, MINI_DEBUG_MALFORMED, MINI_DEBUG_TOO_BIG);
		packed.data[i] ^= 0x10;
	}
	assert_int_equal(outcome(UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_there),
		cmocka_unit_test(the_strongest_packer_is_understood),
		cmocka_unit_test(more_than_may_be_inflated_is_too_big),
		cmocka_unit_test(a_dictionary_of_half_a_gigabyte_is_too_big),
		cmocka_unit_test(what_is_cut_or_torn_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
