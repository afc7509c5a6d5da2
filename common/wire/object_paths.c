#include "object_paths.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DELETED_SUFFIX " (deleted)"
#define DEBUG_ROOT     "usr/lib/debug"

static bool is_base_name(struct wire_bytes name)
{
	const char *text = name.data;

	if (name.n_bytes == 0 || name.n_bytes > OBJECT_OPEN_NAME_BYTES_MAX)
		return false;
	if (memchr(text, '/', name.n_bytes) || memchr(text, '\0', name.n_bytes))
		return false;
	if (text[0] != '.')
		return true;
	return !(name.n_bytes == 1 || (name.n_bytes == 2 && text[1] == '.'));
}

static bool is_build_id(struct wire_bytes name)
{
	const char *text = name.data;

	if (name.n_bytes % 2 != 0 || name.n_bytes < 2 * BUILD_ID_BYTES_MIN ||
	    name.n_bytes > 2 * BUILD_ID_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.n_bytes; i++)
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return true;
}

static bool is_name_of(enum object_open_kind kind, struct wire_bytes name)
{
	switch (kind) {
	case OBJECT_OPEN_BUILD_ID:
	case OBJECT_OPEN_HOST_BUILD_ID:
		return is_build_id(name);
	case OBJECT_OPEN_BESIDE:
	case OBJECT_OPEN_BESIDE_DOT_DEBUG:
	case OBJECT_OPEN_GLOBAL_DEBUG:
	case OBJECT_OPEN_HOST_GLOBAL_DEBUG:
		return is_base_name(name);
	case OBJECT_OPEN_PERF_MAP:
		return name.n_bytes == 0;
	}
	return false;
}

/* The directory of @mapped_name from its '/' on, without one at its end; false when it has none. */
static bool directory_of(struct wire_bytes mapped_name, struct wire_bytes *ret_directory)
{
	const size_t n_suffix = sizeof(DELETED_SUFFIX) - 1;
	const char *text = mapped_name.data;
	size_t n = mapped_name.n_bytes;
	const char *slash;

	if (n == 0 || text[0] != '/' || memchr(text, '\0', n))
		return false;
	if (n > n_suffix && memcmp(text + n - n_suffix, DELETED_SUFFIX, n_suffix) == 0)
		n -= n_suffix;
	slash = memrchr(text, '/', n); /* there is one: the first byte */
	*ret_directory = (struct wire_bytes){text, (size_t)(slash - text)};
	return true;
}

/* Writes the parts, one after another, as a path below a root. */
static int join(const struct wire_bytes *parts, size_t n_parts, char ret_path[OBJECT_PATH_BYTES])
{
	char path[OBJECT_PATH_BYTES];
	size_t n = 0, n_slashes = 0;

	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].n_bytes > sizeof(path) - 1 - n)
			return OBJECT_PATH_TOO_LONG;
		if (parts[i].n_bytes > 0)
			memcpy(path + n, parts[i].data, parts[i].n_bytes);
		n += parts[i].n_bytes;
	}
	path[n] = '\0';
	while (path[n_slashes] == '/')
		n_slashes++;
	memcpy(ret_path, path + n_slashes, n - n_slashes + 1);
	return 0;
}

#define LITERAL(text)                                                                              \
	(struct wire_bytes)                                                                        \
	{                                                                                          \
		(text), sizeof(text) - 1                                                           \
	}

static int join_build_id(struct wire_bytes name, char ret_path[OBJECT_PATH_BYTES])
{
	const char *text = name.data;
	const struct wire_bytes parts[] = {
		LITERAL(DEBUG_ROOT "/.build-id/"), {text, 2},         LITERAL("/"),
		{text + 2, name.n_bytes - 2},      LITERAL(".debug"),
	};

	return join(parts, sizeof(parts) / sizeof(parts[0]), ret_path);
}

int object_path_build(const struct wire_object_open *ask, struct wire_bytes mapped_name,
		      uint32_t namespace_pid, char ret_path[OBJECT_PATH_BYTES])
{
	struct wire_bytes parts[] = {LITERAL(""), LITERAL(""), LITERAL("/"), ask->name};

	if (!is_name_of(ask->kind, ask->name))
		return OBJECT_PATH_BAD_NAME;
	if (ask->kind == OBJECT_OPEN_BUILD_ID || ask->kind == OBJECT_OPEN_HOST_BUILD_ID)
		return join_build_id(ask->name, ret_path);
	if (ask->kind == OBJECT_OPEN_PERF_MAP) {
		if (namespace_pid == 0)
			return OBJECT_PATH_NO_PLACE;
		(void)snprintf(ret_path, OBJECT_PATH_BYTES, "tmp/perf-%u.map", namespace_pid);
		return 0; /* at most 24 bytes */
	}

	if (!directory_of(mapped_name, &parts[1]))
		return OBJECT_PATH_NO_PLACE;
	if (ask->kind == OBJECT_OPEN_GLOBAL_DEBUG || ask->kind == OBJECT_OPEN_HOST_GLOBAL_DEBUG)
		parts[0] = LITERAL(DEBUG_ROOT);
	if (ask->kind == OBJECT_OPEN_BESIDE_DOT_DEBUG)
		parts[2] = LITERAL("/.debug/");
	return join(parts, sizeof(parts) / sizeof(parts[0]), ret_path);
}
