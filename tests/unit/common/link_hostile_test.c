/*
 * What a link must withstand. What must not be this process (a foreign uid) was forked before the
 * first use of nng; half-open and raw peers are plain sockets.
 */
#include "link/link.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "link_world.h"

static int foreign_go_fd, foreign_result_fd; /* pipes to the process with the foreign uid */

static void what_needs_a_lease_is_refused_without(void **state)
{
	struct world *world = *state;
	struct bytes frame = BYTES_INIT(64);

	wire_encode_object_read(&frame, &(struct wire_object_read){.object = 1, .n_bytes = 1});
	assert_int_equal(world_ask(world, world->client, &frame, PATIENCE_MS), -LINK_UNANSWERED);
	world_pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 1);
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	link_set_leased(world->listener, world->last_request.peer, true);
	assert_int_equal(world_ask(world, world->client, &frame, PATIENCE_MS), MESSAGE_NOTHING_YET);
	link_set_leased(world->listener, world->last_request.peer, false);
	assert_int_equal(world_ask(world, world->client, &frame, PATIENCE_MS), -LINK_UNANSWERED);
	world_pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 2);
	bytes_deinit(&frame);
}

static void frames_that_are_not_for_here_are_refused(void **state)
{
	static const struct {
		const char *frame;
		size_t n_bytes;
		int outcome;
	} rows[] = {
		{"", 0, MESSAGE_UNKNOWN},
		{"\xc1", 1, MESSAGE_UNKNOWN},
		{"\x91\x7f", 2, MESSAGE_UNKNOWN},
		{"\x91\x0e", 2, MESSAGE_WRONG_DIRECTION}, /* PROFILE: the shipper's */
		{"\x91\x05", 2, MESSAGE_WRONG_DIRECTION}, /* WINDOW: ours to send */
		{"\x91\x02", 2, MESSAGE_WRONG_STATE},     /* PROBED: an answer */
		{NULL, 300, MESSAGE_TOO_LONG},            /* a LEASE, longer than one may be */
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes frame = BYTES_INIT(512);
		unsigned before = world->n_refused[rows[i].outcome];
		char padding[300] = "\x91\x04";

		bytes_append(&frame, rows[i].frame ? rows[i].frame : padding, rows[i].n_bytes);
		assert_int_equal(world_ask(world, world->client, &frame, PATIENCE_MS),
				 -LINK_UNANSWERED);
		world_pump_until(world, &world->n_refused[rows[i].outcome], before + 1);
		bytes_deinit(&frame);
	}
	assert_int_equal(world->n_requests, 0);
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

static void what_a_decoder_refused_closes_the_pipe(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	int r;

	world->answers = false;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	world_pump_until(world, &world->n_requests, 1);
	link_refuse(world->listener, world->last_request.request);
	while ((r = link_ask_finish(world->client, &answer)) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(r, LINK_UNANSWERED);
	world_pump_until(world, &world->n_gone, 1);
	bytes_deinit(&frame);
}

static int raw_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* A connection that says it is a REQ socket: the protocol's own eight bytes. */
static int raw_greet(void)
{
	int fd = raw_connect();

	assert_int_equal(write(fd, "\0SP\0\0\x30\0\0", 8), 8);
	return fd;
}

/* One transport frame that claims @claimed_bytes and brings a request id and @body. */
static void raw_send(int fd, uint64_t claimed_bytes, const void *body, size_t n_bytes)
{
	unsigned char head[13] = {1, [9] = 0x80};
	const struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)body, n_bytes}};

	for (int i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)(claimed_bytes >> (56 - 8 * i));
	/* At once: the listener may close the connection at the sight of the head. */
	assert_int_equal(writev(fd, parts, 2), sizeof(head) + n_bytes);
}

static bool raw_is_closed(struct world *world, int fd)
{
	unsigned char byte;
	ssize_t n;

	for (int i = 0; i < 100; i++) {
		world_pump(world, fd, 100);
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
	}
	return false;
}

static void a_claim_beyond_the_cap_is_refused(void **state)
{
	static const uint64_t claims[] = {517, 64 * 1024, UINT64_C(1) << 40, UINT64_MAX};
	struct world *world = *state;

	for (unsigned i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		int fd = raw_greet();

		raw_send(fd, claims[i], "\x91\x04", 2);
		assert_true(raw_is_closed(world, fd));
		world_pump_until(world, &world->n_refused[MESSAGE_TOO_LONG], i + 1);
		(void)close(fd);
	}
	assert_int_equal(world->n_requests, 0);
	assert_int_equal(world->n_refused[MESSAGE_TOO_LONG], sizeof(claims) / sizeof(claims[0]));
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

/* A request goes its way; nng has had time to wait for the next connection meanwhile. */
static void settle(struct world *world)
{
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

/* Later releases than 1.6 cannot be made to tell of all of it: link.h. */
static void what_is_no_message_of_nng_is_refused(void **state)
{
	static const char relayed[9 * 4 + 4]; /* request ids that never end */
	static const struct {
		const void *bytes;
		size_t n_bytes;
	} rows[] = {
		{"GET / HTTP/1.0\r\n\r\n", 18},
		{"\0SP\1\0\x30\0\0", 8},
		{"\0SP\0\0\x30\0\0"
		 "\2\0\0\0\0\0\0\0\6\x80\0\0\0\x91\x04",
		 23},
		{"\0SP\0\0\x30\0\0"
		 "\1\0\0\0\0\0\0\0\0",
		 17},
		{"\0SP\0\0\x30\0\0"
		 "\1\0\0\0\0\0\0\0\3\x80\0\0",
		 20},
		{"\0SP\0\0\x30\0\0"
		 "\1\0\0\0\0\0\0\0\6\0\0\0\1\x91\x04",
		 23},
	};
	struct world *world = *state;
	unsigned n_rows = sizeof(rows) / sizeof(rows[0]);
	int fd;

	if (!NNG_TELLS_ALL)
		skip();
	for (unsigned i = 0; i < n_rows; i++) {
		settle(world);
		fd = raw_connect();
		assert_int_equal(write(fd, rows[i].bytes, rows[i].n_bytes), rows[i].n_bytes);
		assert_true(raw_is_closed(world, fd));
		world_pump_until(world, &world->n_refused[MESSAGE_GARBLED], i + 1);
		(void)close(fd);
	}
	settle(world);
	fd = raw_greet();
	assert_int_equal(write(fd, "\1\0\0\0\0\0\0\0\x28", 9), 9);
	assert_int_equal(write(fd, relayed, sizeof(relayed)), sizeof(relayed));
	assert_true(raw_is_closed(world, fd));
	world_pump_until(world, &world->n_refused[MESSAGE_GARBLED], n_rows + 1);
	(void)close(fd);
	settle(world);
	assert_int_equal(world->n_requests, n_rows + 2); /* all of them ours */
	assert_int_equal(world->n_refused[MESSAGE_GARBLED], n_rows + 1);
}

static void a_peer_that_asks_before_its_answer_is_refused(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	int fd = raw_greet();

	world->answers = false;
	for (int i = 0; i < 2; i++)
		raw_send(fd, 4 + frame.n_bytes, frame.data, frame.n_bytes);
	world_pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 1);
	assert_in_range(world->n_requests, 0, 1);
	assert_true(raw_is_closed(world, fd));
	(void)close(fd);
	bytes_deinit(&frame);
}

static unsigned n_open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	(void)closedir(directory);
	return n;
}

/*
 * A refused frame with the head of another behind it: the connection is closed just when nng goes
 * on to read, and each one must be gone in the end, or none that closes later ever is.
 */
static void connections_that_close_in_the_middle_of_a_frame_are_let_go(void **state)
{
	static const unsigned char frames[] = {1,    0,    0, 0, 0, 0, 0, 0, 6, 0x80, 0,   0,   0,
					       0x91, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0,    200, 0x80};
	struct world *world = *state;
	unsigned before;

	world_expect_service(world);
	before = n_open_fds();
	for (int i = 0; i < 500; i++) {
		int fd = raw_greet();

		assert_int_equal(write(fd, frames, sizeof(frames)), sizeof(frames));
		assert_true(raw_is_closed(world, fd));
		(void)close(fd);
	}
	for (int i = 0; i < 100 && n_open_fds() > before; i++)
		world_pump(world, -1, 50);
	assert_in_range(n_open_fds(), 0, before);
	world_expect_service(world);
}

static void half_open_clients_do_no_harm(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 100; i++)
		(void)close(raw_connect());
	world_expect_service(world);
	for (int i = 0; i < 100; i++)
		(void)close(raw_greet());
	world_expect_service(world);
}

static void an_unlisted_listener_may_only_probe_itself(void **state)
{
	struct world *world = *state;
	struct link_listen_options options = {
		.path = world_socket_path,
		.self = COLLECTOR,
		.peer = SYMBOLIZER,
		.n_uids = 1,
		.uids = {FOREIGN_UID},
		.permissions = 0666,
		.n_contexts = 2,
	};
	struct bytes probe = BYTES_INIT(64);

	link_client_free(world->client);
	link_listener_free(world->listener);
	assert_int_equal(link_listen(&options, &world->listener), 0);
	world->client = world_dial();
	wire_encode_bare(&probe, MESSAGE_PROBE);
	assert_int_equal(world_ask(world, world->client, &probe, PATIENCE_MS), MESSAGE_PROBED);
	assert_int_equal(world_ask_lease(world, PATIENCE_MS), -LINK_UNANSWERED);
	world_pump_until(world, &world->n_refused[MESSAGE_WRONG_DIRECTION], 1);
	assert_int_equal(world->n_requests, 0);
	bytes_deinit(&probe);
}

static void a_foreign_uid_is_refused(void **state)
{
	struct world *world = *state;
	char result = 0;

	if (geteuid() != 0)
		skip();
	assert_int_equal(write(foreign_go_fd, "g", 1), 1);
	world_pump_until(world, &world->n_refused[0], 1);
	assert_int_equal(world->refused_uid, FOREIGN_UID);
	assert_int_equal(read(foreign_result_fd, &result, 1), 1);
	assert_int_equal(result, LINK_UNANSWERED);
	assert_int_equal(world->n_requests, 0);
}

static void a_listener_of_a_foreign_uid_hears_nothing(void **state)
{
	struct world *world = *state;
	struct link_dial_options options = {
		.path = world_socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {FOREIGN_UID},
	};
	struct bytes frame = world_lease_frame();
	struct link_client *wary;

	assert_int_equal(link_dial(&options, &wary), 0);
	assert_int_equal(world_ask(world, wary, &frame, 300), -LINK_UNANSWERED);
	assert_int_equal(world->n_requests, 0);
	link_client_free(wary);
	bytes_deinit(&frame);
}

/* Waits for the word, then asks as a stranger; writes what became of it. */
static void be_foreign(int go_fd, int result_fd)
{
	struct link_dial_options options = {
		.path = world_socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
	};
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	struct link_client *client;
	char word;
	int r;

	if (setgid(FOREIGN_UID) != 0 || setuid(FOREIGN_UID) != 0 || read(go_fd, &word, 1) != 1)
		_exit(1);
	link_init();
	r = link_dial(&options, &client);
	if (r == 0)
		r = link_ask(client, frame.data, frame.n_bytes, 2000, -1, &answer);
	word = (char)r;
	_exit(write(result_fd, &word, 1) != 1);
}

static pid_t fork_foreign(void)
{
	int go[2], result[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) != 0 || pipe2(result, O_CLOEXEC) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		be_foreign(go[0], result[1]);
	}
	foreign_go_fd = go[1];
	foreign_result_fd = result[0];
	return pid;
}

static void an_answer_out_of_turn_is_a_bad_answer(void **state)
{
	struct world *world = *state;
	struct bytes frame = world_lease_frame();
	struct link_answer answer = {0};
	int r;

	world->answers = false;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	world_pump_until(world, &world->n_requests, 1);
	world_reply(world, world->last_request.request, MESSAGE_STORED); /* the shipper's to say */
	while ((r = link_ask_finish(world->client, &answer)) == -EAGAIN)
		world_pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(r, LINK_BAD_ANSWER);
	bytes_deinit(&frame);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(what_needs_a_lease_is_refused_without),
		with_world(frames_that_are_not_for_here_are_refused),
		with_world(what_a_decoder_refused_closes_the_pipe),
		with_world(a_claim_beyond_the_cap_is_refused),
		with_world(what_is_no_message_of_nng_is_refused),
		with_world(a_peer_that_asks_before_its_answer_is_refused),
		with_world(connections_that_close_in_the_middle_of_a_frame_are_let_go),
		with_world(half_open_clients_do_no_harm),
		with_world(an_unlisted_listener_may_only_probe_itself),
		with_world(a_foreign_uid_is_refused),
		with_world(a_listener_of_a_foreign_uid_hears_nothing),
		with_world(an_answer_out_of_turn_is_a_bad_answer),
	};
	pid_t foreign;
	int r;

	if (world_folder_make() != 0)
		return 1;
	foreign = fork_foreign();
	link_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)close(foreign_go_fd); /* ends it, had no test asked */
	(void)waitpid(foreign, NULL, 0);
	world_folder_remove();
	return r;
}
