#include "discovery/process_targets.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/json.h"

/* Processes and joined targets, and the targets that come of them as JSON with keys in order. */

#define BYTES_OF(text)                                                                             \
	{                                                                                          \
		.data = (text), .n_bytes = sizeof(text) - 1                                        \
	}
#define ID_A "7edda1de1e0d1d366351e478359cf5fa16bb8ab53063a99bb119e56971bfb7e2"
#define ID_B "47e320f795efcec1ecf2001c3a09c95e3701ed87de8256837b70b10e23818251"

#define EVERYTHING                                                                                 \
	{                                                                                          \
		true, true, true, true, true, true, true                                           \
	}
#define DEFAULTS                                                                                   \
	{                                                                                          \
		.cwd = true, .exe = true, .commandline = true, .container_id = true                \
	}
#define NOTHING                                                                                    \
	{                                                                                          \
		false                                                                              \
	}

#define PLAIN                                                                                      \
	{                                                                                          \
		.pid = 41, .uid = 1000, .exe = BYTES_OF("/bin/x"), .cwd = BYTES_OF("/tmp"),        \
		.command = BYTES_OF("x\0-v\0"), .container_id = BYTES_OF(ID_A),                    \
		.cgroup = BYTES_OF("2:cpu:/docker/" ID_A "\n0::/docker/" ID_A "\n"),               \
	}

static const struct {
	const char *name;
	struct process_rules rules;
	struct wire_listed_process process;
	const char *targets;
} cases[] = {
	{"every label", EVERYTHING, PLAIN,
	 "[{\"__container_id__\":\"" ID_A "\",\"__meta_process_cgroup_path\":\"2:cpu:/docker/" ID_A
	 "|0::/docker/" ID_A "\",\"__meta_process_commandline\":\"x -v\","
	 "\"__meta_process_cwd\":\"/tmp\",\"__meta_process_exe\":\"/bin/x\","
	 "\"__meta_process_uid\":\"1000\",\"__meta_process_username\":\"ann\","
	 "\"__process_pid__\":\"41\"}]"},
	{"the usual ones", DEFAULTS, PLAIN,
	 "[{\"__container_id__\":\"" ID_A "\",\"__meta_process_commandline\":\"x -v\","
	 "\"__meta_process_cwd\":\"/tmp\",\"__meta_process_exe\":\"/bin/x\","
	 "\"__process_pid__\":\"41\"}]"},
	{"none", NOTHING, PLAIN, "[{\"__process_pid__\":\"41\"}]"},
	{"a user without a name",
	 {.username = true, .uid = true},
	 {.pid = 1, .uid = 4294967294},
	 "[{\"__meta_process_uid\":\"4294967294\",\"__process_pid__\":\"1\"}]"},
	{"the superuser",
	 {.username = true, .uid = true},
	 {.pid = 1},
	 "[{\"__meta_process_uid\":\"0\",\"__meta_process_username\":\"root\","
	 "\"__process_pid__\":\"1\"}]"},
	{"a kernel thread", DEFAULTS, {.pid = 2, .cwd = BYTES_OF("/")}, "[]"},
	{"a kernel thread whose executable nobody asks for",
	 {.cwd = true, .commandline = true},
	 {.pid = 2, .cwd = BYTES_OF("/")},
	 "[{\"__meta_process_cwd\":\"/\",\"__process_pid__\":\"2\"}]"},
	{"without a directory", DEFAULTS, {.pid = 3, .exe = BYTES_OF("/x")}, "[]"},
	{"without a directory that anybody asks for",
	 {.exe = true},
	 {.pid = 3, .exe = BYTES_OF("/x (deleted)")},
	 "[{\"__meta_process_exe\":\"/x (deleted)\",\"__process_pid__\":\"3\"}]"},
	{"empty arguments",
	 {.commandline = true},
	 {.pid = 4, .command = BYTES_OF("\0\0a\0\0\0b\0\0")},
	 "[{\"__meta_process_commandline\":\"a b\",\"__process_pid__\":\"4\"}]"},
	{"nothing but empty arguments",
	 {.commandline = true},
	 {.pid = 4, .command = BYTES_OF("\0\0\0")},
	 "[{\"__process_pid__\":\"4\"}]"},
	{"a title that was written over the arguments",
	 {.commandline = true},
	 {.pid = 4, .command = BYTES_OF("nginx: worker")},
	 "[{\"__meta_process_commandline\":\"nginx: worker\",\"__process_pid__\":\"4\"}]"},
	{"bytes that are no text",
	 {.exe = true, .cwd = true, .commandline = true},
	 {.pid = 5,
	  .exe = BYTES_OF("/\xff\n"),
	  .cwd = BYTES_OF("/\xed\xa0\x80"),
	  .command = BYTES_OF("\xc3\xa9\xc3\0\x80 \x01")},
	 "[{\"__meta_process_commandline\":\"\xc3\xa9\xef\xbf\xbd \xef\xbf\xbd \\u0001\","
	 "\"__meta_process_cwd\":\"/\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
	 "\"__meta_process_exe\":\"/\xef\xbf\xbd\\n\",\"__process_pid__\":\"5\"}]"},
	{"a cgroup of one line",
	 {.cgroup_path = true},
	 {.pid = 6, .cgroup = BYTES_OF("0::/\n")},
	 "[{\"__meta_process_cgroup_path\":\"0::/\",\"__process_pid__\":\"6\"}]"},
	{"no cgroup", {.cgroup_path = true}, {.pid = 6}, "[{\"__process_pid__\":\"6\"}]"},
};

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "ann:x:1000:1000::/home/ann:/bin/sh\n"
			     "bob:x:1000:1000::/home/bob:/bin/sh\n";

static struct user_names names;
static char path[] = "/tmp/triptych-users-XXXXXX";

static void write_passwd(const void *text, size_t n_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n_bytes), n_bytes);
	(void)close(fd);
}

static int read_users(void **state)
{
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	if (fd < 0)
		return -1;
	(void)close(fd);
	write_passwd(passwd, sizeof(passwd) - 1);
	return user_names_read(path, &names);
}

static int forget_users(void **state)
{
	(void)state;
	user_names_deinit(&names);
	return unlink(path);
}

/* @join is JSON. */
static void assert_targets(const char *name, const struct process_listing *listing,
			   const struct process_rules *rules, const char *join,
			   const char *expected)
{
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct config_arena joined = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct bytes json = BYTES_INIT(1 << 20), why = BYTES_INIT(256);
	struct config_value list, targets;

	assert_int_equal(config_json_read((struct config_text){join, strlen(join)},
					  CONFIG_JSON_FLOATS, &joined, &list, &why),
			 0);
	assert_int_equal(
		process_targets_make(listing, rules, &names, &list.array, &arena, &targets), 0);
	config_arena_deinit(&joined); /* targets do not need it any more */
	assert_int_equal(config_json_write(&targets, &json), 0);
	bytes_append(&json, "", 1);
	if (strcmp((char *)json.data, expected) != 0)
		fail_msg("%s: %s", name, (char *)json.data);
	bytes_deinit(&json);
	bytes_deinit(&why);
	config_arena_deinit(&arena);
}

static void a_process_has_the_labels_that_are_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct process_listing listing = {.n = 1, .processes = &cases[i].process};

		assert_targets(cases[i].name, &listing, &cases[i].rules, "[]", cases[i].targets);
	}
}

static const struct wire_listed_process some[] = {
	{.pid = 239, .exe = BYTES_OF("/bin/foo"), .container_id = BYTES_OF(ID_A)},
	{.pid = 240, .exe = BYTES_OF("/bin/bar"), .container_id = BYTES_OF(ID_A)},
	{.pid = 241, .exe = BYTES_OF("/bin/bash")},
	{.pid = 242, .exe = BYTES_OF("/bin/lone"), .container_id = BYTES_OF(ID_B)},
};

#define FIELD(name, value) "\"" name "\":\"" value "\""
#define DOCKER(id)         FIELD("__meta_docker_container_id", id)
#define POD(id)            FIELD("__meta_kubernetes_pod_container_id", id)
#define OF_A               FIELD("__container_id__", ID_A)
#define OF_B               FIELD("__container_id__", ID_B)
#define EXE(name)          FIELD("__meta_process_exe", "/bin/" name)
#define PID(pid)           FIELD("__process_pid__", pid)

#define P239 "{" OF_A "," EXE("foo") "," PID("239") "}"
#define P240 "{" OF_A "," EXE("bar") "," PID("240") "}"
#define P241 "{" EXE("bash") "," PID("241") "}"
#define P242 "{" OF_B "," EXE("lone") "," PID("242") "}"

static const struct {
	const char *name, *join, *targets;
} joins[] = {
	{"nothing", "[]", "[" P239 "," P240 "," P241 "," P242 "]"},
	{"a container, one without processes, and what is none",
	 "[{" DOCKER(ID_A) ",\"foo\":\"bar\"},{" POD("docker://123") ",\"qwe\":\"asd\"},"
								     "{\"lol\":\"lol\"}]",
	 "[{\"lol\":\"lol\"},{" OF_A
	 "," DOCKER(ID_A) "," EXE("foo") "," PID("239") ",\"foo\":\"bar\"},{" OF_A "," DOCKER(
		 ID_A) "," EXE("bar") "," PID("240") ",\"foo\":\"bar\"}," P241 "," P242
						     ",{" DOCKER(ID_A) ",\"foo\":\"bar\"},{" POD(
							     "docker://123") ",\"qwe\":\"asd\"}]"},
	{"the labels of the container over those of the process",
	 "[{" FIELD("__container_id__", ID_B) "," EXE("other") "}]",
	 "[" P239 "," P240 "," P241 ",{" OF_B
	 "," EXE("other") "," PID("242") "},{" OF_B "," EXE("other") "}]"},
	{"the last of those that name one container",
	 "[{" POD("containerd://" ID_B) ",\"port\":\"1\"},{" DOCKER(ID_B) ",\"port\":\"2\"}]",
	 "[" P239 "," P240 "," P241 ",{" OF_B "," DOCKER(ID_B) "," EXE("lone") "," PID(
		 "242") ",\"port\":\"2\"},{" DOCKER(ID_B) ",\"port\":\"2\"}]"},
	{"an id of an unknown kind is none, and no other is looked for",
	 "[{" DOCKER(ID_B) "," POD("rkt://" ID_B) "}]",
	 "[{" DOCKER(ID_B) "," POD("rkt://" ID_B) "}," P239 "," P240 "," P241 "," P242 "]"},
	{"a container id before a pod's, and a pod's before Docker's",
	 "[{" FIELD("__container_id__",
		    "x") "," DOCKER(ID_B) "},"
					  "{" DOCKER(ID_B) "," POD("cri-o://y") "}]",
	 "[" P239 "," P240 "," P241 "," P242 ",{" FIELD("__container_id__", "x") "," DOCKER(
		 ID_B) "},{" DOCKER(ID_B) "," POD("cri-o://y") "}]"},
	{"empty ids",
	 "[{" FIELD("__container_id__", "") "," POD("") "," DOCKER("") "},{" POD("docker://") "}]",
	 "[{" FIELD("__container_id__", "") "," DOCKER("") "," POD("") "},{" POD(
		 "docker://") "}," P239 "," P240 "," P241 "," P242 "]"},
};

static void targets_are_joined_as_alloy_joins_them(void **state)
{
	const struct process_rules rules = {.exe = true, .container_id = true};
	const struct process_listing listing = {.n = 4, .processes = some};

	(void)state;
	for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++)
		assert_targets(joins[i].name, &listing, &rules, joins[i].join, joins[i].targets);
}

static void without_container_ids_nothing_matches(void **state)
{
	const struct process_rules rules = {.exe = true};
	const struct process_listing listing = {.n = 1, .processes = some};

	(void)state;
	assert_targets("no ids", &listing, &rules, "[{" DOCKER(ID_A) "}]",
		       "[{" EXE("foo") "," PID("239") "},{" DOCKER(ID_A) "}]");
}

static void targets_that_are_too_much_are_no_targets(void **state)
{
	const struct process_rules rules = EVERYTHING;
	const struct wire_listed_process plain = PLAIN;
	const struct process_listing listing = {.n = 1, .processes = &plain};
	const struct config_array none = {NULL, 0};
	struct config_value targets = {.type = CONFIG_BOOL};
	size_t n_failures = 0;
	int r = -EMSGSIZE;

	(void)state;
	for (size_t n_bytes = 0; r != 0; n_bytes += 25) {
		struct config_arena arena = CONFIG_ARENA_INIT(n_bytes);

		assert_int_equal(targets.type, CONFIG_BOOL);
		r = process_targets_make(&listing, &rules, &names, &none, &arena, &targets);
		assert_true(r == 0 || r == -EMSGSIZE);
		n_failures += r != 0;
		config_arena_deinit(&arena);
	}
	assert_true(n_failures > 10);
}

static void lines_that_name_nobody_are_passed_over(void **state)
{
	static const char text[] = "\n#root:x:0:\n:x:1:\nnobody\nx:y\na:x:2\n"
				   "big:x:4294967296:\nminus:x:-1:\nnis:x:+:\n"
				   "bad\xff:x:3:\ngood:x:4:0\nlast:x:4294967295:";
	struct user_names found;

	(void)state;
	write_passwd(text, sizeof(text) - 1);
	assert_int_equal(user_names_read(path, &found), 0);
	for (uint32_t uid = 0; uid < 10; uid++)
		assert_int_equal(user_names_find(&found, uid) != NULL, uid == 4);
	assert_true(config_text_equals(user_names_find(&found, 4)->name, "good"));
	assert_true(config_text_equals(user_names_find(&found, UINT32_MAX)->name, "last"));
	user_names_deinit(&found);
	assert_int_equal(user_names_read("/no/such/file", &found), -ENOENT);
	assert_null(user_names_find(&(struct user_names){.n = 0}, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_has_the_labels_that_are_asked_for),
		cmocka_unit_test(targets_are_joined_as_alloy_joins_them),
		cmocka_unit_test(without_container_ids_nothing_matches),
		cmocka_unit_test(targets_that_are_too_much_are_no_targets),
		cmocka_unit_test(lines_that_name_nobody_are_passed_over),
	};

	return cmocka_run_group_tests(tests, read_users, forget_users);
}
