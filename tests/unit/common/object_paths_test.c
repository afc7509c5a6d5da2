#include "wire/object_paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ID_20 "0123456789abcdef0123456789abcdef01234567"

struct path_case {
	const char *what;
	enum object_open_kind kind;
	const char *name;
	const char *mapped;
	uint32_t namespace_pid;
	int outcome;
	const char *path;
};

static const struct path_case path_cases[] = {
	{"a build id", OBJECT_OPEN_BUILD_ID, ID_20, "/bin/a", 0, 0,
	 "usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"},
	{"a build id needs no directory", OBJECT_OPEN_BUILD_ID, "01234567", "[vdso]", 0, 0,
	 "usr/lib/debug/.build-id/01/234567.debug"},
	{"beside", OBJECT_OPEN_BESIDE, "a.debug", "/opt/app/a", 0, 0, "opt/app/a.debug"},
	{"beside a deleted file", OBJECT_OPEN_BESIDE, "a.debug", "/opt/app/a (deleted)", 0, 0,
	 "opt/app/a.debug"},
	{"beside a file whose directory says deleted", OBJECT_OPEN_BESIDE, "a.debug",
	 "/opt (deleted)/a", 0, 0, "opt (deleted)/a.debug"},
	{"beside a file of the root directory", OBJECT_OPEN_BESIDE, "a.debug", "/a", 0, 0,
	 "a.debug"},
	{"a name that only begins with dots", OBJECT_OPEN_BESIDE, "..a", "/bin/a", 0, 0, "bin/..a"},
	{"in .debug", OBJECT_OPEN_BESIDE_DOT_DEBUG, "a.debug", "/opt/app/a", 0, 0,
	 "opt/app/.debug/a.debug"},
	{"in the global directory", OBJECT_OPEN_GLOBAL_DEBUG, "a.debug", "/opt/app/a", 0, 0,
	 "usr/lib/debug/opt/app/a.debug"},
	{"the host's, by build id", OBJECT_OPEN_HOST_BUILD_ID, "01234567", "/bin/a", 0, 0,
	 "usr/lib/debug/.build-id/01/234567.debug"},
	{"in the host's global directory", OBJECT_OPEN_HOST_GLOBAL_DEBUG, "a.debug", "/opt/app/a",
	 0, 0, "usr/lib/debug/opt/app/a.debug"},
	{"a perf map", OBJECT_OPEN_PERF_MAP, "", "/bin/node", 42, 0, "tmp/perf-42.map"},
	{"a perf map of the largest pid", OBJECT_OPEN_PERF_MAP, "", "", UINT32_MAX, 0,
	 "tmp/perf-4294967295.map"},

	{"up a directory", OBJECT_OPEN_BESIDE, "../x", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"the directory", OBJECT_OPEN_BESIDE, ".", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"its parent", OBJECT_OPEN_BESIDE, "..", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"its parent, below .debug", OBJECT_OPEN_BESIDE_DOT_DEBUG, "..", "/bin/a", 0,
	 OBJECT_PATH_BAD_NAME, NULL},
	{"a path of its own", OBJECT_OPEN_GLOBAL_DEBUG, "/etc/shadow", "/bin/a", 0,
	 OBJECT_PATH_BAD_NAME, NULL},
	{"a path below", OBJECT_OPEN_BESIDE, "etc/shadow", "/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"nothing", OBJECT_OPEN_BESIDE, "", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"a build id that is a path", OBJECT_OPEN_BUILD_ID, "../../../../etc/shadow", "/bin/a", 0,
	 OBJECT_PATH_BAD_NAME, NULL},
	{"no hex", OBJECT_OPEN_BUILD_ID, "0123456g", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"the host's, no hex", OBJECT_OPEN_HOST_BUILD_ID, "0123456g", "/bin/a", 0,
	 OBJECT_PATH_BAD_NAME, NULL},
	{"the host's, by path", OBJECT_OPEN_HOST_GLOBAL_DEBUG, "/etc/shadow", "/bin/a", 0,
	 OBJECT_PATH_BAD_NAME, NULL},
	{"upper-case hex", OBJECT_OPEN_BUILD_ID, "0123ABCD", "/bin/a", 0, OBJECT_PATH_BAD_NAME,
	 NULL},
	{"half a byte", OBJECT_OPEN_BUILD_ID, "012345678", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"three bytes", OBJECT_OPEN_BUILD_ID, "012345", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"no build id", OBJECT_OPEN_BUILD_ID, "", "/bin/a", 0, OBJECT_PATH_BAD_NAME, NULL},
	{"a perf map by name", OBJECT_OPEN_PERF_MAP, "shadow", "/bin/a", 42, OBJECT_PATH_BAD_NAME,
	 NULL},
	{"no such kind", (enum object_open_kind)99, "a", "/bin/a", 42, OBJECT_PATH_BAD_NAME, NULL},

	{"a perf map of nobody", OBJECT_OPEN_PERF_MAP, "", "/bin/a", 0, OBJECT_PATH_NO_PLACE, NULL},
	{"beside no file", OBJECT_OPEN_BESIDE, "a", "[vdso]", 0, OBJECT_PATH_NO_PLACE, NULL},
	{"beside no name", OBJECT_OPEN_BESIDE, "a", "", 0, OBJECT_PATH_NO_PLACE, NULL},
	{"beside a relative name", OBJECT_OPEN_BESIDE, "a", "(unreachable)/bin/a", 0,
	 OBJECT_PATH_NO_PLACE, NULL},
};

static void paths_have_fixed_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(path_cases) / sizeof(path_cases[0]); i++) {
		const struct path_case *c = &path_cases[i];
		const struct wire_object_open ask = {.kind = c->kind,
						     .name = {c->name, strlen(c->name)}};
		char path[OBJECT_PATH_BYTES] = "untouched";
		int outcome =
			object_path_build(&ask, (struct wire_bytes){c->mapped, strlen(c->mapped)},
					  c->namespace_pid, path);

		if (outcome != c->outcome)
			fail_msg("%s: outcome %d", c->what, outcome);
		if (strcmp(path, c->path ? c->path : "untouched") != 0)
			fail_msg("%s: %s", c->what, path);
	}
}

static int outcome_of(enum object_open_kind kind, const char *name, size_t n_bytes,
		      struct wire_bytes mapped)
{
	const struct wire_object_open ask = {.kind = kind, .name = {name, n_bytes}};
	char path[OBJECT_PATH_BYTES];

	return object_path_build(&ask, mapped, 0, path);
}

static void a_name_has_at_most_255_bytes(void **state)
{
	const struct wire_bytes mapped = {"/bin/a", 6};
	char name[256];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, name, 255, mapped), 0);
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, name, 256, mapped), OBJECT_PATH_BAD_NAME);
	assert_int_equal(outcome_of(OBJECT_OPEN_BUILD_ID, name, 128, mapped), 0);
	assert_int_equal(outcome_of(OBJECT_OPEN_BUILD_ID, name, 130, mapped), OBJECT_PATH_BAD_NAME);
}

static void a_nul_ends_no_name(void **state)
{
	const struct wire_bytes mapped = {"/bin/a", 6}, cut = {"/bin\0/a", 7};

	(void)state;
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, "a\0b", 3, mapped), OBJECT_PATH_BAD_NAME);
	assert_int_equal(outcome_of(OBJECT_OPEN_BUILD_ID, "0123456\0", 8, mapped),
			 OBJECT_PATH_BAD_NAME);
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, "a", 1, cut), OBJECT_PATH_NO_PLACE);
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	char mapped[OBJECT_PATH_BYTES];
	struct wire_bytes name = {mapped, sizeof(mapped)};

	(void)state;
	memset(mapped, 'a', sizeof(mapped));
	mapped[0] = '/';
	mapped[sizeof(mapped) - 2] = '/';
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, "b", 1, name), OBJECT_PATH_TOO_LONG);
	assert_int_equal(outcome_of(OBJECT_OPEN_BESIDE, "b", 1, (struct wire_bytes){"/a/b", 4}), 0);
	assert_int_equal(outcome_of(OBJECT_OPEN_GLOBAL_DEBUG, "b", 1, name), OBJECT_PATH_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_fixed_shapes),
		cmocka_unit_test(a_name_has_at_most_255_bytes),
		cmocka_unit_test(a_nul_ends_no_name),
		cmocka_unit_test(a_path_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
