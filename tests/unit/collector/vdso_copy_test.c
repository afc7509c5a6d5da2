/* Our own vDSO as an object, and whose mapping is given it. */
#include "vdso_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define HIGH  UINT64_C(0x7ffc00000000)
#define BYTES UINT64_C(0x2000)

static void the_copy_is_the_whole_of_it_and_cannot_be_changed(void **state)
{
	const void *own = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct vdso_copy copy = VDSO_COPY_NULL;
	struct objects *objects;
	struct object *object;
	size_t n_bytes;
	char *read;

	(void)state;
	assert_int_equal(objects_new(16, 0, &objects), 0);
	assert_null(vdso_copy_adopt(&copy, objects));
	assert_int_equal(vdso_copy_make(VDSO_MAPS_PATH, &copy), 0);
	object = vdso_copy_adopt(&copy, objects);
	assert_int_equal(copy.fd, -1);
	n_bytes = object->identity.size_bytes;
	assert_true(object->is_ours && n_bytes >= 4096 && n_bytes % 4096 == 0);
	assert_int_not_equal(object->identity.inode, 0);
	assert_int_not_equal(object->identity.change_time_ns, 0);
	read = malloc(n_bytes + 1);
	assert_int_equal(pread(object->fd, read, n_bytes + 1, 0), n_bytes);
	assert_memory_equal(read, "\177ELF", 4);
	assert_memory_equal(read, own, n_bytes);
	assert_int_equal(pwrite(object->fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(object->fd, 0), -1);
	free(read);
	objects_free(objects);
}

static void a_text_without_it_gives_none(void **state)
{
	char path[] = "/tmp/vdso_copy_test.XXXXXX";
	const uint64_t start = getauxval(AT_SYSINFO_EHDR);
	struct vdso_copy copy = VDSO_COPY_NULL;
	char line[128];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(vdso_copy_make(path, &copy), -ENOENT);
	(void)snprintf(line, sizeof(line), "%lx-%lx r-xp 00000000 00:00 0 [other]\n", start,
		       start + 4096);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	assert_int_equal(vdso_copy_make(path, &copy), -ENOENT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vdso_copy_make(path, &copy), -ENOENT);
	assert_int_equal(close(fd), 0);
}

static void only_a_whole_mapping_of_a_64_bit_process_is_given_it(void **state)
{
	static const struct {
		uint64_t start, bytes, offset, inode;
		const char *name;
		bool is_given;
	} cases[] = {
		{HIGH, BYTES, 0, 0, "[vdso]", true},
		{VDSO_START_MIN, BYTES, 0, 0, "[vdso]", true},
		{0xf7f00000, BYTES, 0, 0, "[vdso]", false}, /* of a 32-bit process */
		{HIGH, BYTES / 2, 0, 0, "[vdso]", false},
		{HIGH, BYTES, 4096, 0, "[vdso]", false},
		{HIGH, BYTES, 0, 5, "[vdso]", false}, /* a file that is called so */
		{HIGH, BYTES, 0, 0, "[vdso", false},
		{HIGH, BYTES, 0, 0, "", false},
	};
	const struct object vdso = {.identity = {.size_bytes = BYTES}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mapping mapping = {
			.start = {cases[i].start},
			.end = {cases[i].start + cases[i].bytes},
			.offset = {cases[i].offset},
			.inode = cases[i].inode,
		};
		const struct wire_bytes name = {cases[i].name, strlen(cases[i].name)};

		assert_int_equal(vdso_is_at(&vdso, &mapping, name), cases[i].is_given);
		assert_false(vdso_is_at(NULL, &mapping, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_copy_is_the_whole_of_it_and_cannot_be_changed),
		cmocka_unit_test(a_text_without_it_gives_none),
		cmocka_unit_test(only_a_whole_mapping_of_a_64_bit_process_is_given_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
