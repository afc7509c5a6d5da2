#include "configuration_case.h"
#include "config/json.h"
#include "discovery/sources.h"
#include "process_list.h"

/* The block of discovery.process, and what its source does with the lists that it gets. */

#define MS_NS     UINT64_C(1000000)
#define SECOND_NS (1000 * MS_NS)
#define ID        "discovery.process.p"

static const char rest[] = "pyroscope.ebpf \"e\" {\n forward_to = [pyroscope.write.w.receiver]\n"
			   " targets = discovery.process.p.targets\n}\n"
			   "pyroscope.write \"w\" {\nendpoint {\nurl = \"http://h\"\n}\n}\n";

static struct loaded load_block(const char *arguments)
{
	struct bytes text = BYTES_INIT(1 << 18);
	struct loaded loaded;

	bytes_printf(&text, "discovery.process \"p\" {\n%s}\n%s", arguments, rest);
	loaded = load_bytes(text.data, text.n_bytes);
	bytes_deinit(&text);
	return loaded;
}

static const struct {
	const char *arguments, *message;
} faults[] = {
	{"refresh_interval = \"0s\"\n", ":2:20: refresh_interval"},
	{"refresh_interval = \"-1s\"\n", ":2:20: refresh_interval"},
	{"refresh_interval = 5\n", ":2:20: refresh_interval"},
	{"join = \"x\"\n", ":2:8: join is a string, expected a list of maps of labels"},
	{"join = [1]\n", ":2:8: found a number among the targets to join, expected maps of labels"},
	{"join = [{a = []}]\n", ":2:8: the value of the label a is no string, expected one"},
	{"joni = []\n", ":2:1: found the unknown argument joni, did you mean join?"},
	{"discover_config {\nexe = \"x\"\n}\n", ":3:7: exe"},
	{"discover_config {\ncomm = true\n}\n", ":3:1: found the unknown argument comm"},
	{"discover_config {\n}\ndiscover_config {\n}\n", ":4:1: "},
};

static void each_fault_is_named_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(faults); i++) {
		struct loaded loaded = load_block(faults[i].arguments);

		if (loaded.r != CONFIGURATION_INVALID ||
		    !strstr((char *)loaded.messages.data, faults[i].message))
			fail_msg("%s: %s", faults[i].arguments, (char *)loaded.messages.data);
		bytes_deinit(&loaded.messages);
	}
}

/* A source in a world whose collector the test plays. */
struct world {
	char *directory;
	struct source_environment environment;
	struct health *health;
	struct sources *sources;
	process_list_part_fn *done; /* NULL: nothing is asked */
	void *list;
	struct wire_processes ask;
	unsigned n_asks;
	uint64_t fingerprint;
	const struct source_class *class;
};

static uint64_t now_ns;

static uint64_t clock_ns(void)
{
	return now_ns;
}

static void ask(void *owner, const struct wire_processes *processes, process_list_part_fn *done,
		void *list)
{
	struct world *world = owner;

	world->ask = *processes;
	world->done = done;
	world->list = list;
	world->n_asks++;
}

static void forget(void *owner)
{
	((struct world *)owner)->done = NULL;
}

static int open_world(void **state)
{
	static const char *const ids[] = {ID};
	struct world *world = calloc(1, sizeof(*world));
	void *directory;

	if (!world || enter_own_directory(&directory) != 0)
		return -1;
	now_ns = SECOND_NS;
	world->directory = directory;
	world->health = health_new();
	if (!world->health || health_reserve(world->health, ids, 1) != 0)
		return -1;
	health_adopt(world->health);
	*state = world;
	if (process_list_new(
		    &(struct process_list_collector){
			    .ask = ask, .forget = forget, .owner = world, .clock_ns = clock_ns},
		    &world->environment.process_list) != 0)
		return -1;
	return sources_new(&world->environment, world->health, &world->sources);
}

static int close_world(void **state)
{
	struct world *world = *state;
	void *directory = world->directory;

	sources_free(world->sources);
	process_list_free(world->environment.process_list);
	health_free(world->health);
	free(world);
	return leave_own_directory(&directory);
}

/* Runs what is due until nothing is, or the collector is asked. */
static void run(struct world *world)
{
	while (!world->done && sources_deadline_ns(world->sources) <= now_ns) {
		(void)sources_take_change(world->sources);
		sources_run(world->sources, now_ns);
	}
}

static void adopt(struct world *world, const char *arguments)
{
	struct loaded loaded = load_block(arguments);

	assert_int_equal(loaded.r, 0);
	assert_int_equal(loaded.configuration->n_sources, 1);
	world->fingerprint = loaded.configuration->sources[0].fingerprint;
	world->class = loaded.configuration->sources[0].class;
	sources_adopt(world->sources, loaded.configuration, now_ns);
	unload(&loaded);
	run(world);
}

/* The collector lists one process of this executable. */
static void give(struct world *world, const char *exe)
{
	const struct wire_listed_process process = {.pid = 7,
						    .uid = 0,
						    .exe = {exe, strlen(exe)},
						    .cwd = {"/", 1},
						    .command = {"x\0y\0", 4},
						    .container_id = {"c", 1},
						    .cgroup = {"0::/c\n", 6}};
	process_list_part_fn *done = world->done;

	assert_non_null(done);
	world->done = NULL;
	done(world->list, exe[0] ? &(struct wire_process_list){7, true, 0, 1, &process} : NULL);
	run(world);
}

static void assert_published(const struct world *world, const char *expected)
{
	const struct source_configuration source = {
		.id = ID, .class = world->class, .fingerprint = world->fingerprint};
	const struct config_value *value = sources_published(world->sources, &source);
	struct bytes json = BYTES_INIT(1 << 16);

	if (!expected) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(config_json_write(value, &json), 0);
	bytes_append(&json, "", 1);
	assert_string_equal((char *)json.data, expected);
	bytes_deinit(&json);
}

#define EXE_ONLY    "discover_config {\ncwd = false\ncommandline = false\ncontainer_id = false\n}\n"
#define TARGET(exe) "{\"__meta_process_exe\":\"" exe "\",\"__process_pid__\":\"7\"}"
#define USUAL_LABELS                                                                               \
	"[{\"__container_id__\":\"c\",\"__meta_process_commandline\":\"x y\","                     \
	"\"__meta_process_cwd\":\"/\",\"__meta_process_exe\":\"/a\",\"__process_pid__\":\"7\"}]"

static void the_first_list_is_asked_for_at_once_and_the_next_when_it_is_time(void **state)
{
	struct world *world = *state;

	adopt(world, "");
	assert_true(world->ask.wants_commands);
	assert_published(world, NULL);
	give(world, "/a");
	assert_published(world, USUAL_LABELS);
	assert_int_equal(sources_deadline_ns(world->sources), now_ns + 60 * SECOND_NS);
	now_ns += 60 * SECOND_NS - 1;
	run(world);
	assert_int_equal(world->n_asks, 1);
	now_ns += 1;
	run(world);
	assert_int_equal(world->n_asks, 2);
}

static void an_interval_and_labels_are_as_the_block_says(void **state)
{
	struct world *world = *state;

	adopt(world, "refresh_interval = \"5s\"\n" EXE_ONLY);
	assert_false(world->ask.wants_commands);
	give(world, "/a");
	assert_published(world, "[" TARGET("/a") "]");
	assert_int_equal(sources_deadline_ns(world->sources), now_ns + 5 * SECOND_NS);
}

static void the_names_of_users_are_those_of_this_machine(void **state)
{
	struct world *world = *state;

	adopt(world, "discover_config {\nexe = false\ncwd = false\ncommandline = false\n"
		     "container_id = false\nusername = true\nuid = true\ncgroup_path = true\n}\n");
	give(world, "/a");
	assert_published(world, "[{\"__meta_process_cgroup_path\":\"0::/c\","
				"\"__meta_process_uid\":\"0\",\"__meta_process_username\":\"root\","
				"\"__process_pid__\":\"7\"}]");
}

static void when_no_list_comes_the_last_targets_stay_and_it_is_unhealthy(void **state)
{
	struct world *world = *state;

	adopt(world, "refresh_interval = \"1s\"\n" EXE_ONLY);
	give(world, "/a");
	assert_true(health_at(world->health, 0).is_healthy);
	now_ns += SECOND_NS;
	run(world);
	give(world, "");
	assert_false(health_at(world->health, 0).is_healthy);
	assert_string_equal(health_at(world->health, 0).message,
			    "the collector cannot list processes now");
	assert_published(world, "[" TARGET("/a") "]");
	now_ns += SECOND_NS;
	run(world);
	now_ns += 10 * SECOND_NS; /* nobody answers at all */
	world->done = NULL;
	sources_run(world->sources, now_ns);
	assert_string_equal(health_at(world->health, 0).message, "the collector does not answer");
	now_ns += SECOND_NS;
	world->done = NULL;
	run(world);
	give(world, "/b");
	assert_true(health_at(world->health, 0).is_healthy);
	assert_published(world, "[" TARGET("/b") "]");
}

static void what_is_joined_later_has_the_list_that_there_is_and_the_next(void **state)
{
	struct world *world = *state;
	const char *const join = "join = [{__container_id__ = \"c\", n = 1}]\n";

	adopt(world, "");
	give(world, "/a");
	now_ns += SECOND_NS;
	adopt(world, join);
	assert_published(world,
			 "[{\"__container_id__\":\"c\",\"__meta_process_commandline\":\"x y\","
			 "\"__meta_process_cwd\":\"/\",\"__meta_process_exe\":\"/a\","
			 "\"__process_pid__\":\"7\",\"n\":\"1\"},"
			 "{\"__container_id__\":\"c\",\"n\":\"1\"}]");
	assert_int_equal(world->n_asks, 2);
	adopt(world, join); /* the same: it goes on */
	assert_int_equal(world->n_asks, 2);
}

static void a_list_that_is_too_old_is_not_used(void **state)
{
	struct world *world = *state;

	adopt(world, "refresh_interval = \"1s\"\n" EXE_ONLY);
	give(world, "/a");
	now_ns += 1;
	adopt(world, "refresh_interval = \"2s\"\njoin = [{}]\n" EXE_ONLY);
	assert_published(world, "[{}," TARGET("/a") "]");
	world->done = NULL;
	now_ns += 3 * SECOND_NS;
	adopt(world, "refresh_interval = \"1s\"\njoin = [{}, {}]\n" EXE_ONLY);
	assert_published(world, "[{}," TARGET("/a") "]"); /* its predecessor's */
	give(world, "/b");
	assert_published(world, "[{},{}," TARGET("/b") "]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_fault_is_named_at_its_place,
						enter_own_directory, leave_own_directory),
		TEST(the_first_list_is_asked_for_at_once_and_the_next_when_it_is_time),
		TEST(an_interval_and_labels_are_as_the_block_says),
		TEST(the_names_of_users_are_those_of_this_machine),
		TEST(when_no_list_comes_the_last_targets_stay_and_it_is_unhealthy),
		TEST(what_is_joined_later_has_the_list_that_there_is_and_the_next),
		TEST(a_list_that_is_too_old_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
