#include "link_world.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static char folder[] = "/tmp/link_test.XXXXXX";
char world_socket_path[64];

int world_folder_make(void)
{
	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		return 1;
	(void)snprintf(world_socket_path, sizeof(world_socket_path), "%s/socket", folder);
	return 0;
}

void world_folder_remove(void)
{
	(void)rmdir(folder);
}

void world_listen(struct world *world)
{
	struct link_listen_options options = {
		.path = world_socket_path,
		.self = COLLECTOR,
		.peer = SYMBOLIZER,
		.n_uids = 1,
		.uids = {geteuid()},
		.permissions = 0666,
		.n_contexts = 4,
	};

	assert_int_equal(link_listen(&options, &world->listener), 0);
}

struct link_client *world_dial(void)
{
	struct link_dial_options options = {
		.path = world_socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {geteuid()},
	};
	struct link_client *client;

	assert_int_equal(link_dial(&options, &client), 0);
	return client;
}

int world_open(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->answers = true;
	world_listen(world);
	world->client = world_dial();
	*state = world;
	return 0;
}

int world_close(void **state)
{
	struct world *world = *state;

	link_client_free(world->client);
	link_listener_free(world->listener);
	free(world);
	return 0;
}

void world_reply(struct world *world, uint64_t request, enum message_id id)
{
	struct bytes frame = BYTES_INIT(64);

	wire_encode_bare(&frame, id);
	link_reply(world->listener, request, frame.data, frame.n_bytes);
	bytes_deinit(&frame);
}

static void take_events(struct world *world)
{
	struct link_event event;

	while (link_next(world->listener, &event)) {
		if (event.kind == LINK_PEER_GONE) {
			world->n_gone++;
		} else if (event.kind == LINK_REFUSED) {
			world->n_refused[event.outcome]++;
			world->refused_uid = event.uid;
		} else {
			world->n_requests++;
			world->last_request = event;
			if (world->answers)
				world_reply(world, event.request, MESSAGE_NOTHING_YET);
		}
	}
}

/* Takes what waits at the listener, then waits for more of it or for @fd, at most @timeout_ms. */
void world_pump(struct world *world, int fd, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = world->listener ? link_listener_fd(world->listener) : -1, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	(void)poll(fds, 2, timeout_ms);
	if (world->listener)
		take_events(world);
}

/* Pumps until @count is at least @n. */
void world_pump_until(struct world *world, const unsigned *count, unsigned n)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_MS * UINT64_C(1000000);

	while (*count < n && clock_monotonic_ns() < deadline_ns)
		world_pump(world, -1, 100);
	assert_in_range(*count, n, UINT32_MAX);
}

static int ask_frame(struct world *world, struct link_client *client, const struct bytes *frame,
		     int timeout_ms, struct link_answer *ret_answer)
{
	int r = link_ask_begin(client, frame->data, frame->n_bytes, timeout_ms);

	if (r < 0)
		return r;
	while ((r = link_ask_finish(client, ret_answer)) == -EAGAIN)
		world_pump(world, link_client_fd(client), PATIENCE_MS);
	return r;
}

/* Asks and drops the answer. Returns its id, or the negative errno or outcome, negated. */
int world_ask(struct world *world, struct link_client *client, const struct bytes *frame,
	      int timeout_ms)
{
	struct link_answer answer = {0};
	int r = ask_frame(world, client, frame, timeout_ms, &answer);
	int id = (int)answer.id;

	link_answer_deinit(&answer);
	return r == 0 ? id : r < 0 ? r : -r;
}

struct bytes world_lease_frame(void)
{
	struct bytes frame = BYTES_INIT(256);

	wire_encode_lease(&frame, &(struct wire_lease){.protocol_version = WIRE_PROTOCOL_VERSION});
	return frame;
}

int world_ask_lease(struct world *world, int timeout_ms)
{
	struct bytes frame = world_lease_frame();
	int r = world_ask(world, world->client, &frame, timeout_ms);

	bytes_deinit(&frame);
	return r;
}

/* Asks over a new connection until it is answered: whoever waits long enough is served. */
void world_expect_service(struct world *world)
{
	struct bytes frame = world_lease_frame();
	struct link_client *client = world_dial();
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_MS * UINT64_C(1000000);
	int id = -LINK_UNANSWERED;

	while (id == -LINK_UNANSWERED && clock_monotonic_ns() < deadline_ns)
		id = world_ask(world, client, &frame, 4000);
	assert_int_equal(id, MESSAGE_NOTHING_YET);
	link_client_free(client);
	bytes_deinit(&frame);
}
