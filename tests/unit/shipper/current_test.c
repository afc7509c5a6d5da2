#include "configuration_case.h"

#include <errno.h>
#include <poll.h>

#include "config/graph.h"
#include "configuration/current.h"

#define TOKEN_PATH "token"

static const char text[] =
	"local.file \"url\" {\n  filename = \"" TOKEN_PATH "\"\n  poll_frequency = \"10m\"\n}\n"
	"pyroscope.write \"w\" {\n  endpoint {\n    url = local.file.url.content\n  }\n}\n"
	"pyroscope.ebpf \"e\" {\n  forward_to = [pyroscope.write.w.receiver]\n  targets = []\n}\n";

struct rig {
	struct source_environment environment;
	struct current *current;
	struct bytes messages;
};

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int open_rig(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	if (!rig)
		return -1;
	rig->messages = (struct bytes)BYTES_INIT(1 << 20);
	*state = rig;
	return current_open(CASE_PATH, &rig->environment, &rig->current);
}

static int close_rig(void **state)
{
	struct rig *rig = *state;

	current_free(rig->current);
	bytes_deinit(&rig->messages);
	free(rig);
	(void)unlink(TOKEN_PATH);
	return 0;
}

/* Loads the file and puts it in force. Returns what current_read() did. */
static int take(struct rig *rig)
{
	struct configuration *configuration;
	int r;

	bytes_clear(&rig->messages);
	r = current_read(rig->current, &configuration, &rig->messages);
	bytes_append(&rig->messages, "", 1);
	if (r != 0)
		return r;
	assert_int_equal(current_prepare(rig->current, configuration), 0);
	current_adopt(rig->current, configuration);
	return 0;
}

static int take_again(struct rig *rig, uint64_t now_ns)
{
	struct configuration *configuration;
	int r;

	bytes_clear(&rig->messages);
	r = current_reevaluate(rig->current, now_ns, &configuration, &rig->messages);
	if (r != 0)
		return r;
	assert_int_equal(current_prepare(rig->current, configuration), 0);
	current_adopt(rig->current, configuration);
	return 0;
}

static const char *url_of(const struct rig *rig)
{
	return current_configuration(rig->current)->endpoints[0].url;
}

static bool waits_for_event(const struct rig *rig)
{
	struct pollfd fd = {.fd = current_fd(rig->current), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void a_changed_file_is_read_at_once_and_the_text_evaluated_again(void **state)
{
	struct rig *rig = *state;

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	assert_string_equal(url_of(rig), "http://one:4040");
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, 1)); /* its first publication */
	assert_int_equal(take_again(rig, 1), 0);
	assert_false(waits_for_event(rig));

	write_file(TOKEN_PATH ".new", "http://two:4040");
	assert_int_equal(rename(TOKEN_PATH ".new", TOKEN_PATH), 0);
	assert_true(waits_for_event(rig));
	assert_true(current_run(rig->current, UINT64_C(1000000000)));
	assert_int_equal(take_again(rig, UINT64_C(1000000000)), 0);
	assert_string_equal(url_of(rig), "http://two:4040");
}

static void changes_that_keep_coming_are_evaluated_ten_times_a_second(void **state)
{
	const uint64_t second_ns = 1000000000;
	struct rig *rig = *state;

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, second_ns));
	assert_int_equal(take_again(rig, second_ns), 0);
	write_file(TOKEN_PATH, "http://two:4040");
	assert_false(current_run(rig->current, second_ns + 60000000));
	assert_true(current_deadline_ns(rig->current) == second_ns + 100000000);
	assert_true(current_run(rig->current, second_ns + 100000000));
}

static void a_file_that_goes_away_keeps_its_content_and_is_unhealthy(void **state)
{
	const uint64_t second_ns = 1000000000;
	struct rig *rig = *state;
	struct health_entry entry;

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, 1));
	assert_int_equal(take_again(rig, 1), 0);
	assert_int_equal(unlink(TOKEN_PATH), 0);
	assert_false(current_run(rig->current, second_ns));
	entry = health_at(current_health(rig->current), 0);
	assert_string_equal(entry.id, "local.file.url");
	assert_false(entry.is_healthy);
	assert_string_equal(entry.message, "token cannot be read: No such file or directory");
	write_file(TOKEN_PATH, "http://one:4040");
	assert_false(current_run(rig->current, 2 * second_ns));
	assert_true(health_at(current_health(rig->current), 0).is_healthy);
}

static void content_that_does_not_fit_changes_nothing_and_names_who_refuses_it(void **state)
{
	const uint64_t second_ns = 1000000000;
	struct rig *rig = *state;
	struct health_entry entry;

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, 1));
	assert_int_equal(take_again(rig, 1), 0);
	write_file(TOKEN_PATH, "no url");
	assert_true(current_run(rig->current, second_ns));
	assert_int_equal(take_again(rig, second_ns), CONFIGURATION_INVALID);
	assert_string_equal(url_of(rig), "http://one:4040");
	assert_true(current_is_news(rig->current, &rig->messages));
	assert_false(current_is_news(rig->current, &rig->messages));
	entry = health_at(current_health(rig->current), 2);
	assert_string_equal(entry.id, "pyroscope.write.w");
	assert_false(entry.is_healthy);
	assert_non_null(strstr(entry.message, "no url"));
}

/* What a look at the components saw. */
struct seen {
	unsigned n_looks;
	size_t n_components;
	size_t n_ready;
	char url[64]; /* as the endpoint's arguments have it */
};

static void see(void *context, const struct config_graph *graph)
{
	struct seen *seen = context;
	const struct config_value *content;

	seen->n_looks++;
	seen->n_components = graph->n_components;
	for (size_t i = 0; i < graph->n_components; i++) {
		const struct config_component *component = &graph->components[i];

		seen->n_ready += component->state == CONFIG_COMPONENT_READY;
		content = config_object_find(&component->exports,
					     (struct config_text)CONFIG_TEXT("content"));
		if (content)
			(void)snprintf(seen->url, sizeof(seen->url), "%s", content->text.data);
	}
}

static void a_look_at_the_components_changes_nothing_and_sees_those_that_are_ill(void **state)
{
	const uint64_t second_ns = 1000000000;
	struct rig *rig = *state;
	struct seen seen = {0};

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, 1));
	assert_int_equal(take_again(rig, 1), 0);
	write_file(CASE_PATH, "what is in the file now is not looked at");
	assert_int_equal(current_look(rig->current, see, &seen), 0);
	assert_int_equal(seen.n_components, 3);
	assert_int_equal(seen.n_ready, 3);
	assert_string_equal(seen.url, "http://one:4040");

	write_file(TOKEN_PATH, "no url");
	assert_true(current_run(rig->current, second_ns));
	assert_int_equal(take_again(rig, second_ns), CONFIGURATION_INVALID);
	seen = (struct seen){0};
	assert_int_equal(current_look(rig->current, see, &seen), 0);
	assert_int_equal(seen.n_looks, 1);
	assert_int_equal(seen.n_components, 3);
	assert_int_equal(seen.n_ready, 1); /* what refers to what is wrong has no value */
	assert_string_equal(seen.url, "no url");
	assert_string_equal(url_of(rig), "http://one:4040");
	assert_false(health_at(current_health(rig->current), 2).is_healthy);
	assert_true(health_at(current_health(rig->current), 1).is_healthy);
}

static void published_labels_that_servers_refuse_do_not_hold_up_the_others(void **state)
{
	static const char targets[] =
		"local.file \"t\" {\n  filename = \"" TOKEN_PATH "\"\n}\n"
		"pyroscope.ebpf \"e\" {\n  forward_to = []\n"
		"  targets = [{__process_pid__ = \"1\", v = local.file.t.content, w = \"1\"}]\n"
		"  default_target = {v = local.file.t.content}\n}\n";
	static char too_long[LABEL_VALUE_BYTES_MAX + 2];
	struct rig *rig = *state;
	const struct configuration *configuration;

	memset(too_long, 'v', sizeof(too_long) - 1);
	write_file(TOKEN_PATH, "short");
	write_file(CASE_PATH, targets);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	assert_true(current_run(rig->current, 1));
	assert_int_equal(take_again(rig, 1), 0);
	assert_null(current_configuration(rig->current)->losses.component_id);
	write_file(TOKEN_PATH, too_long);
	assert_true(current_run(rig->current, UINT64_C(1000000000)));
	assert_int_equal(take_again(rig, UINT64_C(1000000000)), 0);
	configuration = current_configuration(rig->current);
	assert_int_equal(configuration->losses.n_labels[LABEL_FLAW_LENGTH], 2);
	assert_int_equal(configuration->losses.n_targets, 0);
	assert_labels(configuration->jobs[0].targets[0].labels,
		      "__name__=process_cpu,service_name=unspecified,w=1");
	assert_true(health_at(current_health(rig->current), 1).is_healthy);
}

static void a_reload_that_is_refused_shows_until_one_is_taken(void **state)
{
	struct rig *rig = *state;

	write_file(TOKEN_PATH, "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	current_start(rig->current, 1);
	write_file(CASE_PATH,
		   "pyroscope.write \"w\" {\n  endpoint {\n    url = \"http://h\"\n  }\n}\n"
		   "pyroscope.ebpf \"e\" {\n  forward_to = [pyroscope.write.w.receiver]\n"
		   "  targets = []\n  sample_rate = 0\n}\n");
	assert_int_equal(take(rig), CONFIGURATION_INVALID);
	assert_false(health_at(current_health(rig->current), 1).is_healthy);
	assert_int_equal(take_again(rig, 1), 0); /* of the text before */
	assert_false(health_at(current_health(rig->current), 1).is_healthy);
	assert_string_equal(url_of(rig), "http://one:4040");
	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), 0);
	assert_true(health_at(current_health(rig->current), 1).is_healthy);
}

static void a_file_that_is_not_there_is_an_error_at_its_name(void **state)
{
	struct rig *rig = *state;

	write_file(CASE_PATH, text);
	assert_int_equal(take(rig), CONFIGURATION_INVALID);
	assert_non_null(strstr((const char *)rig->messages.data,
			       CASE_PATH ":2:14: token cannot be read: No such file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_changed_file_is_read_at_once_and_the_text_evaluated_again, open_rig,
			close_rig),
		cmocka_unit_test_setup_teardown(
			changes_that_keep_coming_are_evaluated_ten_times_a_second, open_rig,
			close_rig),
		cmocka_unit_test_setup_teardown(
			a_file_that_goes_away_keeps_its_content_and_is_unhealthy, open_rig,
			close_rig),
		cmocka_unit_test_setup_teardown(
			content_that_does_not_fit_changes_nothing_and_names_who_refuses_it,
			open_rig, close_rig),
		cmocka_unit_test_setup_teardown(
			a_look_at_the_components_changes_nothing_and_sees_those_that_are_ill,
			open_rig, close_rig),
		cmocka_unit_test_setup_teardown(
			published_labels_that_servers_refuse_do_not_hold_up_the_others, open_rig,
			close_rig),
		cmocka_unit_test_setup_teardown(a_reload_that_is_refused_shows_until_one_is_taken,
						open_rig, close_rig),
		cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_an_error_at_its_name,
						open_rig, close_rig),
	};

	return cmocka_run_group_tests(tests, enter_own_directory, leave_own_directory);
}
