/*
 * The pool over the real link, with workers in this process and thread: what the fake link says of
 * leases, pipes and their ends is true.
 */
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_objects.h"
#include "fake_opener.h"
#include "link/link.h"

#define PATIENCE_MS 10000

struct world {
	char folder[32];
	char socket_path[64];
	struct counters counters;
	struct windows *windows;
	struct pool *pool;
	struct object *object;
	struct target *target;
};

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	const uid_t uid = geteuid();
	const struct windows_options windows = {
		.instance = 7, .bytes_max = 1 << 20, .counters = &world->counters};
	struct pool_options options = {
		.socket_path = world->socket_path,
		.n_uids = 1,
		.uids = &uid,
		.lease_ns = POOL_LEASE_NS_DEFAULT,
		.host_root_fd = -1,
		.counters = &world->counters,
	};

	fake_opener_reset();
	(void)snprintf(world->folder, sizeof(world->folder), "/tmp/pool_test.XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	(void)snprintf(world->socket_path, sizeof(world->socket_path), "%s/s", world->folder);
	assert_int_equal(windows_new(&windows, &world->windows), 0);
	options.windows = world->windows;
	assert_int_equal(pool_listen(&options, &world->pool), 0);
	world->object = fake_object(OBJECT_FILE, "/bin/a", -1, 100);
	world->target = fake_target("web");
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	pool_free(world->pool);
	windows_free(world->windows);
	object_release(NULL, world->object, 0);
	free(world->target);
	(void)unlink(world->socket_path);
	(void)rmdir(world->folder);
	free(world);
	return 0;
}

static void queue_window(struct world *world)
{
	const struct window_span span = {.start_wall_ns = 1};
	const struct window_frame frame = {0, world->object, 1};
	const char comm[COMM_BYTES] = "a";

	windows_begin(world->windows, 0, &span, clock_monotonic_ns());
	assert_int_equal(fake_add(world->windows, world->target, comm, &frame, 1, 0, 3), 0);
	windows_end(world->windows, 0, clock_monotonic_ns());
	pool_offer(world->pool, clock_monotonic_ns());
}

static struct link_client *dial(const struct world *world)
{
	const struct link_dial_options options = {
		.path = world->socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {geteuid()},
	};
	struct link_client *client;

	assert_int_equal(link_dial(&options, &client), 0);
	return client;
}

/* Dispatches once, when something waits at the pool or at @client (NULL: none). */
static void turn(struct world *world, struct link_client *client)
{
	struct pollfd fds[] = {
		{.fd = pool_fd(world->pool), .events = POLLIN},
		{.fd = client ? link_client_fd(client) : -1, .events = POLLIN},
	};

	assert_true(poll(fds, 2, PATIENCE_MS) > 0);
	pool_dispatch(world->pool, clock_monotonic_ns());
}

static void begin(struct link_client *client, struct bytes *frame)
{
	assert_int_equal(frame->error, 0);
	assert_int_equal(link_ask_begin(client, frame->data, frame->n_bytes, PATIENCE_MS), 0);
	bytes_deinit(frame);
}

static void begin_lease(struct link_client *client, enum lease_outcome outcome,
			struct window_id window)
{
	const struct wire_lease lease = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.worker = 5,
		.outcome = outcome,
		.window = window,
	};
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LEASE);

	wire_encode_lease(&frame, &lease);
	begin(client, &frame);
}

static enum message_id finish(struct world *world, struct link_client *client)
{
	struct link_answer answer = {0};
	enum message_id id;
	int r;

	while ((r = link_ask_finish(client, &answer)) == -EAGAIN)
		turn(world, client);
	assert_int_equal(r, 0);
	id = answer.id;
	link_answer_deinit(&answer);
	return id;
}

static void a_window_goes_out_and_its_object_is_read(void **state)
{
	struct world *world = *state;
	struct link_client *client = dial(world);
	const struct wire_object_read ask = {world->object->id, 0, 4};
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_READ);
	struct window_id id;

	begin_lease(client, LEASE_OUTCOME_NONE, (struct window_id){0});
	while (pool_n_workers(world->pool) == 0)
		turn(world, client);
	queue_window(world); /* to the parked ask */
	id = windows_first(world->windows)->id;
	assert_int_equal(finish(world, client), MESSAGE_WINDOW);

	wire_encode_object_read(&frame, &ask);
	begin(client, &frame);
	while (fake_opener_n() == 0)
		turn(world, client);
	fake_opener_give_bytes(0, "abcd", 4);
	assert_int_equal(finish(world, client), MESSAGE_OBJECT_BYTES);

	begin_lease(client, LEASE_OUTCOME_STORED, id);
	while (windows_n(world->windows) > 0)
		turn(world, client);
	assert_int_equal(counters_get(&world->counters, COUNTER_SPOOLED), 3);
	(void)pool_expire(world->pool, clock_monotonic_ns() + POOL_PARK_NS);
	assert_int_equal(finish(world, client), MESSAGE_NOTHING_YET);
	link_client_free(client);
}

static void a_window_comes_back_with_its_workers_pipe(void **state)
{
	struct world *world = *state;
	struct link_client *client = dial(world), *other = dial(world);

	begin_lease(client, LEASE_OUTCOME_NONE, (struct window_id){0});
	queue_window(world);
	assert_int_equal(finish(world, client), MESSAGE_WINDOW);
	link_client_free(client);
	while (windows_n_waiting(world->windows) == 0)
		turn(world, NULL);
	assert_int_equal(windows_first(world->windows)->n_deaths, 1);
	assert_int_equal(counters_get(&world->counters, COUNTER_LEASES_GONE), 1);
	begin_lease(other, LEASE_OUTCOME_NONE, (struct window_id){0});
	assert_int_equal(finish(world, other), MESSAGE_WINDOW);
	link_client_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_window_goes_out_and_its_object_is_read,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(a_window_comes_back_with_its_workers_pipe,
						open_world, close_world),
	};

	link_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
