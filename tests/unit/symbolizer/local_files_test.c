#include "local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_BYTES 512

/* A root with a program, its siblings and traps. */
static char root[64];
static char missed[8][PATH_BYTES];
static unsigned n_missed;

static void note_missed(const char *in_root, const char *path, const char *why)
{
	if (n_missed < 8)
		(void)snprintf(missed[n_missed], PATH_BYTES, "%s|%s|%s", in_root, path, why);
	n_missed++;
}

static const char *below(const char *path)
{
	static char whole[PATH_BYTES];

	(void)snprintf(whole, sizeof(whole), "%s%s", root, path);
	return whole;
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(below(path), "w");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	static const char *const directories[] = {"/bin",
						  "/bin/.debug",
						  "/usr",
						  "/usr/lib",
						  "/usr/lib/debug",
						  "/usr/lib/debug/bin",
						  "/usr/lib/debug/.build-id",
						  "/usr/lib/debug/.build-id/ab"};

	(void)state;
	(void)strcpy(root, "/tmp/local_files_test.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (mkdir(below(directories[i]), 0755) < 0)
			return -1;
	write_file("/bin/program", "program");
	write_file("/bin/.debug/program.debug", "in .debug");
	write_file("/usr/lib/debug/bin/program.debug", "global");
	write_file("/usr/lib/debug/.build-id/ab/cdef01.debug", "by build id");
	if (symlink("/bin/program", below("/bin/link")) < 0 ||
	    symlink("/../../../../etc/passwd", below("/bin/out")) < 0 ||
	    symlink("/../../../../etc/passwd", below("/usr/lib/debug/.build-id/ab/cdef0f.debug")) <
		    0 ||
	    symlink("cdef01.debug", below("/usr/lib/debug/.build-id/ab/cdef0e.debug")) < 0 ||
	    mkfifo(below("/bin/fifo"), 0600) < 0)
		return -1;
	n_missed = 0;
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command); /* a path of ours, made above */
}

static struct local_files *open_files(void)
{
	struct local_files *files;

	assert_int_equal(local_files_new(root, note_missed, &files), 0);
	return files;
}

static void assert_content(struct local_files *files, const struct wire_object *object,
			   const char *content)
{
	const struct object_reader reader = local_files_reader(files);
	struct wire_bytes bytes;

	assert_int_equal(object->kind, OBJECT_FILE);
	assert_int_equal(object->size_bytes, strlen(content));
	assert_int_equal(reader.fetch(reader.owner, object->id, (struct file_off){0}, 4096, &bytes),
			 0);
	assert_int_equal(bytes.n_bytes, strlen(content));
	assert_memory_equal(bytes.data, content, bytes.n_bytes);
}

static void a_file_is_named_as_the_target_sees_it(void **state)
{
	static const char *const asked[] = {"/bin/program", "/bin/link", "/bin/../bin/program"};
	struct local_files *files = open_files();
	struct wire_object object;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *path = i < 3 ? asked[i] : below("/bin/program");

		assert_int_equal(local_files_open(files, path, &object), 0);
		assert_content(files, &object, "program");
		assert_int_equal(object.name.n_bytes, strlen("/bin/program"));
		assert_memory_equal(object.name.data, "/bin/program", object.name.n_bytes);
	}
	local_files_free(files);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
	struct local_files *files = open_files();
	struct wire_object object;

	(void)state;
	assert_int_equal(local_files_open(files, "/bin/fifo", &object), -EINVAL);
	assert_int_equal(local_files_open(files, "/bin", &object), -EINVAL);
	assert_int_equal(local_files_open(files, "/bin/absent-anywhere", &object), -ENOENT);
	local_files_free(files);
}

static void no_link_leads_out_of_the_root(void **state)
{
	struct local_files *files = open_files();
	const struct object_reader reader = local_files_reader(files);
	struct wire_object program, sibling;
	struct wire_object_open ask = {.object = 1, .kind = OBJECT_OPEN_BESIDE, .name = {"out", 3}};

	(void)state;
	assert_int_equal(local_files_open(files, "/bin/program", &program), 0);
	assert_int_equal(reader.open(reader.owner, &ask, &sibling), REFUSAL_NOT_REGULAR);
	ask = (struct wire_object_open){
		.object = 1, .kind = OBJECT_OPEN_BUILD_ID, .name = {"abcdef0f", 8}};
	assert_int_equal(reader.open(reader.owner, &ask, &sibling), REFUSAL_NOT_FOUND);
	ask.name.data = "abcdef0e"; /* a link inside it, as distributions have them */
	assert_int_equal(reader.open(reader.owner, &ask, &sibling), 0);
	assert_content(files, &sibling, "by build id");
	local_files_free(files);
}

static void siblings_are_where_a_collector_would_open_them(void **state)
{
	static const struct {
		enum object_open_kind kind;
		const char *name;
		const char *content; /* NULL: refused */
		int refusal;
	} rows[] = {
		{OBJECT_OPEN_BESIDE, "program.debug", NULL, REFUSAL_NOT_FOUND},
		{OBJECT_OPEN_BESIDE_DOT_DEBUG, "program.debug", "in .debug", 0},
		{OBJECT_OPEN_GLOBAL_DEBUG, "program.debug", "global", 0},
		{OBJECT_OPEN_BUILD_ID, "abcdef01", "by build id", 0},
		{OBJECT_OPEN_BUILD_ID, "abcdef02", NULL, REFUSAL_NOT_FOUND},
		{OBJECT_OPEN_HOST_BUILD_ID, "abcdef01", NULL, REFUSAL_NOT_FOUND},
		{OBJECT_OPEN_BESIDE, "../bin/program", NULL, REFUSAL_BAD_NAME},
		{OBJECT_OPEN_BESIDE, "fifo", NULL, REFUSAL_NOT_REGULAR},
		{OBJECT_OPEN_PERF_MAP, "", "program", 0}, /* no process is here: itself */
	};
	struct local_files *files = open_files();
	const struct object_reader reader = local_files_reader(files);
	struct wire_object program, sibling;
	char expected[PATH_BYTES];

	(void)state;
	assert_int_equal(local_files_open(files, "/bin/program", &program), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wire_object_open ask = {
			.object = program.id,
			.kind = rows[i].kind,
			.name = {rows[i].name, strlen(rows[i].name)},
		};

		assert_int_equal(reader.open(reader.owner, &ask, &sibling), rows[i].refusal);
		if (rows[i].content)
			assert_content(files, &sibling, rows[i].content);
	}
	assert_int_equal(n_missed, 5); /* one of them in both roots */
	(void)snprintf(expected, sizeof(expected), "%s|bin/program.debug|no such file", root);
	assert_string_equal(missed[0], expected);
	assert_string_equal(missed[3], "/|usr/lib/debug/.build-id/ab/cdef01.debug|no such file");
	local_files_free(files);
}

static void more_files_than_may_be_open_are_refused(void **state)
{
	struct local_files *files = open_files();
	struct wire_object object;

	(void)state;
	for (unsigned i = 0; i < LOCAL_FILES_MAX; i++)
		assert_int_equal(local_files_open(files, "/bin/program", &object), 0);
	assert_int_equal(local_files_open(files, "/bin/program", &object), -EMFILE);
	local_files_free(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_file_is_named_as_the_target_sees_it),
		TEST(what_is_no_file_is_refused_without_waiting),
		TEST(no_link_leads_out_of_the_root),
		TEST(siblings_are_where_a_collector_would_open_them),
		TEST(more_files_than_may_be_open_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
