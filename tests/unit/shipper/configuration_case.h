#pragma once
/* What the tests of configuration_load() share: a file with a text, and what came of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "configuration/configuration.h"

#define CASE_PATH "configuration_case.alloy" /* in a directory of the test's own */

struct loaded {
	struct configuration *configuration;
	struct bytes messages; /* with a NUL */
	int r;
};

static inline int enter_own_directory(void **state)
{
	char path[] = "/tmp/triptych-test-XXXXXX";

	if (!mkdtemp(path) || chdir(path) != 0)
		return -1;
	*state = strdup(path);
	return *state ? 0 : -1;
}

static inline int leave_own_directory(void **state)
{
	(void)unlink(CASE_PATH);
	if (chdir("/") != 0 || rmdir(*state) != 0)
		return -1;
	free(*state);
	return 0;
}

static inline struct loaded load_file(const char *path)
{
	struct loaded loaded = {.messages = BYTES_INIT(1 << 20)};

	loaded.r = configuration_load(path, NULL, &loaded.configuration, &loaded.messages);
	bytes_append(&loaded.messages, "", 1);
	return loaded;
}

static inline struct loaded load_bytes(const void *text, size_t n_bytes)
{
	FILE *file = fopen(CASE_PATH, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n_bytes, file), n_bytes);
	assert_int_equal(fclose(file), 0);
	return load_file(CASE_PATH);
}

static inline struct loaded load_text(const char *text)
{
	return load_bytes(text, strlen(text));
}

static inline void unload(struct loaded *loaded)
{
	configuration_free(loaded->configuration);
	bytes_deinit(&loaded->messages);
}

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Writes a label set as name=value with commas between. */
static inline void assert_labels(struct wire_bytes encoded, const char *expected)
{
	struct bytes text = BYTES_INIT(4096);
	struct wire_arena arena = {NULL};
	const struct wire_label *labels;
	size_t n_labels;

	assert_int_equal(
		wire_decode_labels(encoded.data, encoded.n_bytes, &arena, &labels, &n_labels), 0);
	for (size_t i = 0; i < n_labels; i++)
		bytes_printf(&text, "%s%.*s=%.*s", i ? "," : "", (int)labels[i].name.n_bytes,
			     (const char *)labels[i].name.data, (int)labels[i].value.n_bytes,
			     (const char *)labels[i].value.data);
	bytes_append(&text, "", 1);
	assert_string_equal((const char *)text.data, expected);
	bytes_deinit(&text);
	wire_arena_deinit(&arena);
}
