#pragma once
/*
 * A memory copy of the kernel's vDSO: code that every process has and no file holds. All 64-bit
 * processes of a kernel have the same, so that our own, which needs no authority to read, serves
 * for all; 32-bit ones have another. The bytes are not looked into.
 */
#include <stdbool.h>
#include <stdint.h>

#include "mappings.h"
#include "opener/opener.h"

#define VDSO_NAME      "[vdso]"
#define VDSO_START_MIN (UINT64_C(1) << 32) /* below lies that of a 32-bit process */
#define VDSO_BYTES_MAX (1u << 20)
#define VDSO_MAPS_PATH "/proc/self/maps"

struct vdso_copy {
	int fd; /* owned, until the objects have it; -1: there is none */
	struct file_identity identity;
};

#define VDSO_COPY_NULL                                                                             \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Finds the vDSO in a maps text of our own, and copies it into a memory file that nobody can write
 * to. @path is VDSO_MAPS_PATH but in tests. Returns 0, or a negative errno, -ENOENT when there is
 * none, with *@ret_copy untouched.
 */
int vdso_copy_make(const char *path, struct vdso_copy *ret_copy) warn_unused_result;

/*
 * Gives the copy to @objects. Returns its object with one reference, which is not given back; NULL
 * without a copy or memory: then its code goes by its module alone.
 */
struct object *vdso_copy_adopt(struct vdso_copy *copy, struct objects *objects);

/* Whether @mapping, named @name, is the whole of a vDSO like that of @vdso's bytes; NULL: none. */
bool vdso_is_at(const struct object *vdso, const struct mapping *mapping, struct wire_bytes name);
