#include "link/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "link_world.h"

static void a_request_is_answered(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_equal(world->n_requests, 20);
	assert_int_equal(world->last_request.id, MESSAGE_LEASE);
}

static void a_large_answer_arrives_whole(void **state)
{
	struct world *world = *state;
	unsigned char *data = calloc(1, OBJECT_READ_BYTES_MAX);
	struct bytes request = world_lease_frame(), reply = BYTES_INIT(1024 * 1024);
	struct link_answer answer = {0};
	struct wire_bytes got;

	world->answers = false;
	data[OBJECT_READ_BYTES_MAX - 1] = 7;
	wire_encode_object_bytes(&reply, data, OBJECT_READ_BYTES_MAX);
	assert_int_equal(link_ask_begin(world->client, request.data, request.n_bytes, PATIENCE_MS),
			 0);
	world_pump_until(world, &world->n_requests, 1);
	link_reply(world->listener, world->last_request.request, reply.data, reply.n_bytes);
	while (link_ask_finish(world->client, &answer) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(wire_decode_object_bytes(answer.frame, answer.n_bytes, &got), 0);
	assert_int_equal(got.n_bytes, OBJECT_READ_BYTES_MAX);
	assert_memory_equal(got.data, data, OBJECT_READ_BYTES_MAX);
	link_answer_deinit(&answer);
	bytes_deinit(&request);
	bytes_deinit(&reply);
	free(data);
}

static void a_probe_is_answered_without_the_owner(void **state)
{
	struct world *world = *state;
	struct bytes frame = BYTES_INIT(64);
	struct link_answer answer = {0};

	wire_encode_bare(&frame, MESSAGE_PROBE);
	assert_int_equal(
		link_ask(world->client, frame.data, frame.n_bytes, PATIENCE_MS, -1, &answer), 0);
	assert_int_equal(answer.id, MESSAGE_PROBED);
	assert_int_equal(wire_decode_bare(answer.frame, answer.n_bytes, MESSAGE_PROBED), 0);
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
}

/* Leaves the client without a listener, and without the memory of one. */
static void alone(struct world *world)
{
	link_client_free(world->client);
	link_listener_free(world->listener);
	world->listener = NULL;
	world->client = world_dial();
}

static void an_ask_of_nobody_ends_in_time(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	uint64_t start_ns = clock_monotonic_ns();

	alone(world);
	assert_int_equal(link_ask(world->client, frame.data, frame.n_bytes, 1500, -1, &answer),
			 LINK_UNANSWERED);
	assert_in_range(clock_monotonic_ns() - start_ns, 1400 * UINT64_C(1000000),
			PATIENCE_MS * UINT64_C(1000000));
	bytes_deinit(&frame);
}

static void an_ask_that_the_owner_holds_ends_in_time_and_the_next_is_served(void **state)
{
	struct world *world = *state;

	world->answers = false;
	assert_int_equal(world_ask_lease(world, 100), -LINK_UNANSWERED);
	world->answers = true;
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

static void an_interrupt_ends_an_ask_and_the_next_is_served(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	int interrupt_fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(link_ask(world->client, frame.data, frame.n_bytes, PATIENCE_MS,
				  interrupt_fd, &answer),
			 -EINTR);
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	(void)close(interrupt_fd);
	bytes_deinit(&frame);
}

static void one_ask_at_a_time(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();

	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS),
			 -EBUSY);
	bytes_deinit(&frame);
}

static void a_peer_that_goes_is_told_and_its_requests_are_void(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	uint64_t peer;

	world->answers = false;
	for (unsigned i = 1; i <= 8; i++) { /* more often than there are contexts */
		assert_int_equal(
			link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
		world_pump_until(world, &world->n_requests, i);
		peer = world->last_request.peer;
		link_client_free(world->client);
		world_pump_until(world, &world->n_gone, i);
		world_reply(world, world->last_request.request, MESSAGE_NOTHING_YET);
		world->client = world_dial();
	}
	world->answers = true;
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_not_equal(world->last_request.peer, peer);
	bytes_deinit(&frame);
}

static void a_restarted_listener_is_found(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 5; i++) {
		uint64_t start_ns;
		int id;

		assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
		link_listener_free(world->listener);
		world_listen(world);
		start_ns = clock_monotonic_ns();
		while ((id = world_ask_lease(world, PATIENCE_MS)) == -LINK_UNANSWERED)
			; /* the ask that noticed the loss */
		assert_int_equal(id, MESSAGE_NOTHING_YET);
		assert_true(clock_monotonic_ns() - start_ns < 5000 * UINT64_C(1000000));
	}
}

static void a_client_is_told_of_each_connection_once(void **state)
{
	struct world *world = *state;
	const struct link_dial_options options = {
		.path = world_socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
		.tells_connections = true,
	};
	struct bytes frame = world_lease_frame();
	struct link_client *client;

	assert_int_equal(link_dial(&options, &client), 0);
	for (int i = 0; i < 3; i++) {
		struct pollfd fd = {.fd = link_client_fd(client), .events = POLLIN};

		while (!link_client_connected(client))
			world_pump(world, fd.fd, PATIENCE_MS);
		assert_int_equal(poll(&fd, 1, 0), 0);
		assert_int_equal(world_ask(world, client, &frame, PATIENCE_MS),
				 MESSAGE_NOTHING_YET);
		assert_false(link_client_connected(client));
		link_listener_free(world->listener);
		world_listen(world);
	}
	link_client_free(client);
	bytes_deinit(&frame);
}

static void a_peer_that_is_expelled_comes_back(void **state)
{
	struct world *world = *state;
	uint64_t before;
	int id;

	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	before = world->last_request.peer;
	link_expel(world->listener, before);
	world_pump_until(world, &world->n_gone, 1);
	while ((id = world_ask_lease(world, PATIENCE_MS)) == -LINK_UNANSWERED)
		; /* the ask that noticed */
	assert_int_equal(id, MESSAGE_NOTHING_YET);
	assert_int_not_equal(world->last_request.peer, before);
	link_expel(world->listener, before); /* it is gone: no effect */
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_equal(world->n_gone, 1);
}

static void a_client_may_come_before_its_listener(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};

	alone(world);
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	world_pump(world, link_client_fd(world->client), 50);
	world_listen(world);
	while (link_ask_finish(world->client, &answer) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(answer.id, MESSAGE_NOTHING_YET);
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
}

static void an_ask_that_waited_for_its_listener_may_go_unanswered(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	int r;

	alone(world);
	world->answers = false;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, 700), 0);
	world_pump(world, link_client_fd(world->client), 50);
	world_listen(world);
	while ((r = link_ask_finish(world->client, &answer)) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(r, LINK_UNANSWERED);
	assert_int_equal(world->n_requests, 1);
	bytes_deinit(&frame);
}

/* It would look by itself after 500 ms, then again: the listener comes just after that. */
static void a_listener_that_comes_is_found_at_once(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	uint64_t begun_ns = clock_monotonic_ns();

	alone(world);
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	while (clock_monotonic_ns() - begun_ns < 550 * UINT64_C(1000000)) {
		world_pump(world, link_client_fd(world->client), 50);
		assert_int_equal(link_ask_finish(world->client, &answer), -EAGAIN);
	}
	world_listen(world);
	begun_ns = clock_monotonic_ns();
	while (link_ask_finish(world->client, &answer) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(answer.id, MESSAGE_NOTHING_YET);
	assert_true(clock_monotonic_ns() - begun_ns < 250 * UINT64_C(1000000));
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
}

static void an_address_in_use_is_an_error(void **state)
{
	struct link_listen_options options = {
		.path = world_socket_path,
		.self = COLLECTOR,
		.peer = SYMBOLIZER,
		.n_uids = 1,
		.uids = {geteuid()},
		.permissions = 0660,
		.n_contexts = 1,
	};
	struct link_listener *second = NULL;

	(void)state;
	assert_int_equal(link_listen(&options, &second), -EADDRINUSE);
	assert_null(second);
	options.path = "/nonexistent/socket";
	assert_int_equal(link_listen(&options, &second), -ENOENT);
	options.n_uids = 0;
	assert_int_equal(link_listen(&options, &second), -EINVAL);
}

static void the_socket_file_has_the_permissions_asked_for(void **state)
{
	struct world *world = *state;
	mode_t before = umask(0077);
	struct stat status;

	link_listener_free(world->listener);
	world_listen(world);
	assert_int_equal(umask(before), 0077); /* it is as it was */
	assert_int_equal(stat(world_socket_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
}

/* A socket that nobody accepts from takes the listener's place: as deaf as one can be. */
static void a_listener_that_does_not_hear_its_probe_is_opened_again(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct world *world = *state;
	int deaf_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_socket_path);
	assert_int_equal(unlink(world_socket_path), 0);
	assert_int_equal(bind(deaf_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(deaf_fd, 16), 0);
	assert_int_equal(link_listener_probe(world->listener), 0);
	assert_int_equal(link_listener_probe(world->listener), 0); /* one is out: no matter */
	world_pump_until(world, &world->n_gone, 1);
	world_expect_service(world);
	(void)close(deaf_fd);
}

static void a_probe_that_is_heard_changes_nothing(void **state)
{
	struct world *world = *state;
	uint64_t peer;

	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	peer = world->last_request.peer;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(link_listener_probe(world->listener), 0);
		for (int j = 0; j < 5; j++)
			world_pump(world, -1, 50);
	}
	assert_int_equal(world->n_gone, 0); /* nor is the probe's own connection anybody's news */
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_equal(world->last_request.peer, peer);
}

static void nng_starts_at_most_8_threads(void **state)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned n_threads = 0;

	(void)state;
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
		char path[300], name[32] = "";
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
		    strncmp(name, "nng:", 4) == 0)
			n_threads++;
		if (fd >= 0)
			(void)close(fd);
	}
	(void)closedir(tasks);
	assert_in_range(n_threads, 1, 8);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_request_is_answered),
		with_world(a_large_answer_arrives_whole),
		with_world(a_probe_is_answered_without_the_owner),
		with_world(an_ask_of_nobody_ends_in_time),
		with_world(an_ask_that_the_owner_holds_ends_in_time_and_the_next_is_served),
		with_world(an_interrupt_ends_an_ask_and_the_next_is_served),
		with_world(one_ask_at_a_time),
		with_world(a_peer_that_goes_is_told_and_its_requests_are_void),
		with_world(a_restarted_listener_is_found),
		with_world(a_client_is_told_of_each_connection_once),
		with_world(a_peer_that_is_expelled_comes_back),
		with_world(a_client_may_come_before_its_listener),
		with_world(an_ask_that_waited_for_its_listener_may_go_unanswered),
		with_world(a_listener_that_comes_is_found_at_once),
		with_world(an_address_in_use_is_an_error),
		with_world(the_socket_file_has_the_permissions_asked_for),
		with_world(a_listener_that_does_not_hear_its_probe_is_opened_again),
		with_world(a_probe_that_is_heard_changes_nothing),
		with_world(nng_starts_at_most_8_threads),
	};
	int r;

	if (world_folder_make() != 0)
		return 1;
	link_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	world_folder_remove();
	return r;
}
