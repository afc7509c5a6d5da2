#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "discovery/sources.h"

/* A source that publishes what it is told, and says what was done to it. */
struct puppet {
	struct source_slot *slot;
	int pipe[2];
	uint64_t deadline_ns;
	unsigned n_runs;
};

static struct puppet *puppets[4]; /* those that run, by the number in their arguments */
static int start_result;
static unsigned n_starts;

static int puppet_start(const struct source_configuration *source, struct source_slot *slot,
			void **ret_source)
{
	struct puppet *puppet;

	n_starts++;
	if (start_result != 0)
		return start_result;
	puppet = calloc(1, sizeof(*puppet));
	assert_non_null(puppet);
	assert_int_equal(pipe(puppet->pipe), 0);
	puppet->slot = slot;
	puppet->deadline_ns = SOURCE_NO_TIME;
	puppets[*(const int *)source->arguments] = puppet;
	*ret_source = puppet;
	return 0;
}

static void puppet_stop(void *source)
{
	struct puppet *puppet = source;

	for (size_t i = 0; i < 4; i++)
		if (puppets[i] == puppet)
			puppets[i] = NULL;
	(void)close(puppet->pipe[0]);
	(void)close(puppet->pipe[1]);
	free(puppet);
}

static void puppet_run(void *source, uint64_t now_ns)
{
	struct puppet *puppet = source;
	char byte;

	if (puppet->deadline_ns > now_ns)
		assert_int_equal(read(puppet->pipe[0], &byte, 1), 1);
	puppet->deadline_ns = SOURCE_NO_TIME;
	puppet->n_runs++;
}

static uint64_t puppet_deadline_ns(const void *source)
{
	return ((const struct puppet *)source)->deadline_ns;
}

static int puppet_fd(const void *source)
{
	return ((const struct puppet *)source)->pipe[0];
}

static const struct source_class puppet_class = {
	.name = "test.puppet",
	.export_name = "targets",
	.start = puppet_start,
	.stop = puppet_stop,
	.run = puppet_run,
	.deadline_ns = puppet_deadline_ns,
	.fd = puppet_fd,
};

struct world {
	struct source_environment environment;
	struct health *health;
	struct sources *sources;
	struct source_configuration wanted[4];
	struct configuration configuration;
};

static void want(struct world *world, const char *id, int number, uint64_t fingerprint)
{
	struct source_configuration *source = &world->wanted[world->configuration.n_sources++];
	int *arguments;

	*source = (struct source_configuration){.class = &puppet_class, .fingerprint = fingerprint};
	source->memory = calloc(1, sizeof(*source->memory));
	assert_non_null(source->memory);
	source->memory->bytes_max = 4096;
	arguments = config_arena_alloc(source->memory, sizeof(*arguments));
	assert_non_null(arguments);
	*arguments = number;
	source->arguments = arguments;
	source->id = config_arena_copy(source->memory, id, strlen(id));
	assert_non_null(source->id);
}

static void adopt(struct world *world, uint64_t now_ns)
{
	sources_adopt(world->sources, &world->configuration, now_ns);
	for (size_t i = 0; i < world->configuration.n_sources; i++)
		source_configuration_deinit(&world->wanted[i]);
	world->configuration.n_sources = 0;
}

static int open_world(void **state)
{
	static const char *const ids[] = {"test.puppet.a", "test.puppet.b"};
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	world->configuration.sources = world->wanted;
	world->health = health_new();
	if (!world->health || health_reserve(world->health, ids, 2) != 0)
		return -1;
	health_adopt(world->health);
	start_result = 0;
	n_starts = 0;
	*state = world;
	return sources_new(&world->environment, world->health, &world->sources);
}

static int close_world(void **state)
{
	struct world *world = *state;

	sources_free(world->sources);
	health_free(world->health);
	free(world);
	for (size_t i = 0; i < 4; i++)
		if (puppets[i])
			return -1; /* was not stopped */
	return 0;
}

static void publish(int number, const char *text)
{
	struct config_arena arena = CONFIG_ARENA_INIT(4096);
	const char *copy = config_arena_copy(&arena, text, strlen(text));

	source_publish(puppets[number]->slot,
		       (struct config_value){.type = CONFIG_STRING, .text = {copy, strlen(text)}},
		       &arena);
	assert_null(arena.blocks);
}

static const char *published(const struct world *world, const char *id, uint64_t fingerprint)
{
	const struct source_configuration source = {
		.id = id,
		.class = &puppet_class,
		.fingerprint = fingerprint,
	};
	const struct config_value *value = sources_published(world->sources, &source);

	return value ? value->text.data : NULL;
}

static void a_source_with_the_same_arguments_goes_on(void **state)
{
	struct world *world = *state;
	const struct puppet *first;

	want(world, "test.puppet.a", 1, 77);
	adopt(world, 0);
	first = puppets[1];
	assert_non_null(first);
	want(world, "test.puppet.a", 1, 77);
	adopt(world, 0);
	assert_ptr_equal(puppets[1], first);
	assert_int_equal(n_starts, 1);
	assert_string_equal(source_id(first->slot), "test.puppet.a");
	assert_ptr_equal(source_environment(first->slot), &world->environment);
}

static void
other_arguments_start_another_and_what_was_published_stays_until_it_publishes(void **state)
{
	struct world *world = *state;

	want(world, "test.puppet.a", 1, 77);
	adopt(world, 0);
	publish(1, "old");
	want(world, "test.puppet.a", 2, 78);
	adopt(world, 0);
	assert_null(puppets[1]);
	assert_non_null(puppets[2]);
	assert_string_equal(published(world, "test.puppet.a", 78), "old");
	publish(2, "new");
	assert_string_equal(published(world, "test.puppet.a", 78), "new");
}

static void a_source_that_nobody_wants_any_more_is_stopped(void **state)
{
	struct world *world = *state;

	want(world, "test.puppet.a", 1, 1);
	want(world, "test.puppet.b", 2, 2);
	adopt(world, 0);
	want(world, "test.puppet.b", 2, 2);
	adopt(world, 0);
	assert_null(puppets[1]);
	assert_non_null(puppets[2]);
	assert_null(published(world, "test.puppet.a", 1));
}

static void only_what_differs_is_a_change(void **state)
{
	struct world *world = *state;

	want(world, "test.puppet.a", 1, 1);
	adopt(world, 0);
	assert_false(sources_take_change(world->sources));
	publish(1, "x");
	assert_true(sources_take_change(world->sources));
	assert_false(sources_take_change(world->sources));
	publish(1, "x");
	assert_false(sources_take_change(world->sources));
	publish(1, "y");
	assert_true(sources_take_change(world->sources));
}

static void a_failure_keeps_what_was_published_and_shows_until_the_next_success(void **state)
{
	struct world *world = *state;
	struct health_entry entry;

	want(world, "test.puppet.b", 1, 1);
	adopt(world, 0);
	publish(1, "x");
	source_fail(puppets[1]->slot, "connection refused");
	entry = health_at(world->health, 1);
	assert_string_equal(entry.id, "test.puppet.b");
	assert_false(entry.is_healthy);
	assert_string_equal(entry.message, "connection refused");
	assert_true(health_at(world->health, 0).is_healthy);
	assert_string_equal(published(world, "test.puppet.b", 1), "x");
	publish(1, "x");
	assert_true(health_at(world->health, 1).is_healthy);
}

static void it_runs_at_its_deadline_and_when_its_fd_has_something(void **state)
{
	struct world *world = *state;

	want(world, "test.puppet.a", 1, 1);
	want(world, "test.puppet.b", 2, 2);
	adopt(world, 0);
	assert_true(sources_deadline_ns(world->sources) == SOURCE_NO_TIME);
	puppets[1]->deadline_ns = 500;
	assert_true(sources_deadline_ns(world->sources) == 500);
	sources_run(world->sources, 499);
	assert_int_equal(puppets[1]->n_runs, 0);
	sources_run(world->sources, 500);
	assert_int_equal(puppets[1]->n_runs, 1);
	assert_int_equal(puppets[2]->n_runs, 0);
	assert_int_equal(write(puppets[2]->pipe[1], "x", 1), 1);
	sources_run(world->sources, 501);
	assert_int_equal(puppets[1]->n_runs, 1);
	assert_int_equal(puppets[2]->n_runs, 1);
}

static void one_that_cannot_be_started_is_unhealthy_and_tried_again(void **state)
{
	struct world *world = *state;
	uint64_t again_ns;

	start_result = -EMFILE;
	want(world, "test.puppet.a", 1, 1);
	adopt(world, 1000);
	assert_false(health_at(world->health, 0).is_healthy);
	again_ns = sources_deadline_ns(world->sources);
	assert_true(again_ns > 1000 && again_ns != SOURCE_NO_TIME);
	start_result = 0;
	sources_run(world->sources, again_ns);
	assert_non_null(puppets[1]);
	publish(1, "x");
	assert_true(health_at(world->health, 0).is_healthy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_with_the_same_arguments_goes_on,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(
			other_arguments_start_another_and_what_was_published_stays_until_it_publishes,
			open_world, close_world),
		cmocka_unit_test_setup_teardown(a_source_that_nobody_wants_any_more_is_stopped,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(only_what_differs_is_a_change, open_world,
						close_world),
		cmocka_unit_test_setup_teardown(
			a_failure_keeps_what_was_published_and_shows_until_the_next_success,
			open_world, close_world),
		cmocka_unit_test_setup_teardown(
			it_runs_at_its_deadline_and_when_its_fd_has_something, open_world,
			close_world),
		cmocka_unit_test_setup_teardown(
			one_that_cannot_be_started_is_unhealthy_and_tried_again, open_world,
			close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
