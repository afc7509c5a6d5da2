/*
 * Listener and clients stand in this one process and share its thread: pump() plays both owners.
 * What must not speak nng (a foreign uid, half-open and raw peers) is a process forked before the
 * first use of nng, or a plain socket.
 */
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "wire/wire.h"

#define PATIENCE_MS 10000
#define FOREIGN_UID 54321

static char folder[] = "/tmp/link_test.XXXXXX";
static char socket_path[64];
static int foreign_go_fd, foreign_result_fd; /* pipes to the process with the foreign uid */

struct world {
	struct link_listener *listener;
	struct link_client *client;
	bool answers; /* requests get NOTHING_YET; else they are held */
	unsigned n_requests;
	unsigned n_gone;
	unsigned n_refused[MESSAGE_GARBLED + 1];
	uid_t refused_uid;
	struct link_event last_request;
};

static void listen_again(struct world *world)
{
	struct link_listen_options options = {
		.path = socket_path,
		.self = COLLECTOR,
		.peer = SYMBOLIZER,
		.n_uids = 1,
		.uids = {geteuid()},
		.permissions = 0666,
		.n_contexts = 4,
	};

	assert_int_equal(link_listen(&options, &world->listener), 0);
}

static struct link_client *dial(enum wire_party self)
{
	struct link_dial_options options = {
		.path = socket_path,
		.self = self,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {geteuid()},
	};
	struct link_client *client;

	assert_int_equal(link_dial(&options, &client), 0);
	return client;
}

static int open_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->answers = true;
	listen_again(world);
	world->client = dial(SYMBOLIZER);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	link_client_free(world->client);
	link_listener_free(world->listener);
	free(world);
	return 0;
}

static void reply_bare(struct world *world, uint64_t request, enum message_id id)
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
				reply_bare(world, event.request, MESSAGE_NOTHING_YET);
		}
	}
}

/* Takes what waits at the listener, then waits for more of it or for @fd, at most @timeout_ms. */
static void pump(struct world *world, int fd, int timeout_ms)
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
static void pump_until(struct world *world, const unsigned *count, unsigned n)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_MS * UINT64_C(1000000);

	while (*count < n && clock_monotonic_ns() < deadline_ns)
		pump(world, -1, 100);
	assert_in_range(*count, n, UINT32_MAX);
}

static int ask_frame(struct world *world, struct link_client *client, const struct bytes *frame,
		     int timeout_ms, struct link_answer *ret_answer)
{
	int r = link_ask_begin(client, frame->data, frame->n_bytes, timeout_ms);

	if (r < 0)
		return r;
	while ((r = link_ask_finish(client, ret_answer)) == -EAGAIN)
		pump(world, link_client_fd(client), PATIENCE_MS);
	return r;
}

/* Asks and drops the answer. Returns its id, or the negative errno or outcome, negated. */
static int ask(struct world *world, struct link_client *client, const struct bytes *frame,
	       int timeout_ms)
{
	struct link_answer answer = {0};
	int r = ask_frame(world, client, frame, timeout_ms, &answer);
	int id = (int)answer.id;

	link_answer_deinit(&answer);
	return r == 0 ? id : r < 0 ? r : -r;
}

static struct bytes lease_frame(void)
{
	struct bytes frame = BYTES_INIT(256);

	wire_encode_lease(&frame, &(struct wire_lease){.protocol_version = WIRE_PROTOCOL_VERSION});
	return frame;
}

static int ask_lease(struct world *world, int timeout_ms)
{
	struct bytes frame = lease_frame();
	int r = ask(world, world->client, &frame, timeout_ms);

	bytes_deinit(&frame);
	return r;
}

static void a_request_is_answered(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_equal(world->n_requests, 20);
	assert_int_equal(world->last_request.id, MESSAGE_LEASE);
}

static void a_large_answer_arrives_whole(void **state)
{
	struct world *world = *state;
	unsigned char *data = calloc(1, OBJECT_READ_BYTES_MAX);
	struct bytes request = lease_frame(), reply = BYTES_INIT(1024 * 1024);
	struct link_answer answer = {0};
	struct wire_bytes got;

	world->answers = false;
	data[OBJECT_READ_BYTES_MAX - 1] = 7;
	wire_encode_object_bytes(&reply, data, OBJECT_READ_BYTES_MAX);
	assert_int_equal(link_ask_begin(world->client, request.data, request.n_bytes, PATIENCE_MS),
			 0);
	pump_until(world, &world->n_requests, 1);
	link_reply(world->listener, world->last_request.request, reply.data, reply.n_bytes);
	while (link_ask_finish(world->client, &answer) == -EAGAIN)
		pump(world, link_client_fd(world->client), PATIENCE_MS);
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

static void an_ask_of_nobody_ends_in_time(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	struct link_answer answer = {0};
	uint64_t start_ns = clock_monotonic_ns();

	link_listener_free(world->listener);
	world->listener = NULL;
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
	assert_int_equal(ask_lease(world, 100), -LINK_UNANSWERED);
	world->answers = true;
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

static void an_interrupt_ends_an_ask_and_the_next_is_served(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	struct link_answer answer = {0};
	int interrupt_fd = eventfd(1, EFD_CLOEXEC);

	assert_int_equal(link_ask(world->client, frame.data, frame.n_bytes, PATIENCE_MS,
				  interrupt_fd, &answer),
			 -EINTR);
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	(void)close(interrupt_fd);
	bytes_deinit(&frame);
}

static void one_ask_at_a_time(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();

	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS),
			 -EBUSY);
	bytes_deinit(&frame);
}

static void a_peer_that_goes_is_told_and_its_requests_are_void(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	uint64_t peer;

	world->answers = false;
	for (unsigned i = 1; i <= 8; i++) { /* more often than there are contexts */
		assert_int_equal(
			link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
		pump_until(world, &world->n_requests, i);
		peer = world->last_request.peer;
		link_client_free(world->client);
		pump_until(world, &world->n_gone, i);
		reply_bare(world, world->last_request.request, MESSAGE_NOTHING_YET);
		world->client = dial(SYMBOLIZER);
	}
	world->answers = true;
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_not_equal(world->last_request.peer, peer);
	bytes_deinit(&frame);
}

static void a_restarted_listener_is_found(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 5; i++) {
		uint64_t start_ns;
		int id;

		assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
		link_listener_free(world->listener);
		listen_again(world);
		start_ns = clock_monotonic_ns();
		while ((id = ask_lease(world, PATIENCE_MS)) == -LINK_UNANSWERED)
			; /* the ask that noticed the loss */
		assert_int_equal(id, MESSAGE_NOTHING_YET);
		assert_true(clock_monotonic_ns() - start_ns < 5000 * UINT64_C(1000000));
	}
}

static void a_client_may_come_before_its_listener(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	struct link_answer answer = {0};

	link_listener_free(world->listener);
	world->listener = NULL;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	pump(world, link_client_fd(world->client), 50);
	listen_again(world);
	while (link_ask_finish(world->client, &answer) == -EAGAIN)
		pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(answer.id, MESSAGE_NOTHING_YET);
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
}

static void an_address_in_use_is_an_error(void **state)
{
	struct link_listen_options options = {
		.path = socket_path,
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
	struct stat status;
	mode_t before = umask(0077);

	(void)state;
	assert_int_equal(stat(socket_path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0666);
	assert_int_equal(before, umask(before) == 0077 ? before : 0); /* the umask is as it was */
}

static void what_needs_a_lease_is_refused_without(void **state)
{
	struct world *world = *state;
	struct bytes frame = BYTES_INIT(64);

	wire_encode_object_read(&frame, &(struct wire_object_read){.object = 1, .n_bytes = 1});
	assert_int_equal(ask(world, world->client, &frame, PATIENCE_MS), -LINK_UNANSWERED);
	pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 1);
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	link_set_leased(world->listener, world->last_request.peer, true);
	assert_int_equal(ask(world, world->client, &frame, PATIENCE_MS), MESSAGE_NOTHING_YET);
	link_set_leased(world->listener, world->last_request.peer, false);
	assert_int_equal(ask(world, world->client, &frame, PATIENCE_MS), -LINK_UNANSWERED);
	pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 2);
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
		assert_int_equal(ask(world, world->client, &frame, PATIENCE_MS), -LINK_UNANSWERED);
		pump_until(world, &world->n_refused[rows[i].outcome], before + 1);
		bytes_deinit(&frame);
	}
	assert_int_equal(world->n_requests, 0);
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

static void what_a_decoder_refused_closes_the_pipe(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	struct link_answer answer = {0};
	int r;

	world->answers = false;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	pump_until(world, &world->n_requests, 1);
	link_refuse(world->listener, world->last_request.request);
	while ((r = link_ask_finish(world->client, &answer)) == -EAGAIN)
		pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(r, LINK_UNANSWERED);
	pump_until(world, &world->n_gone, 1);
	bytes_deinit(&frame);
}

static void an_answer_out_of_turn_is_a_bad_answer(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	struct link_answer answer = {0};
	int r;

	world->answers = false;
	assert_int_equal(link_ask_begin(world->client, frame.data, frame.n_bytes, PATIENCE_MS), 0);
	pump_until(world, &world->n_requests, 1);
	reply_bare(world, world->last_request.request, MESSAGE_STORED); /* the shipper's to say */
	while ((r = link_ask_finish(world->client, &answer)) == -EAGAIN)
		pump(world, link_client_fd(world->client), PATIENCE_MS);
	assert_int_equal(r, LINK_BAD_ANSWER);
	bytes_deinit(&frame);
}

static int raw_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
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

	for (int i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)(claimed_bytes >> (56 - 8 * i));
	assert_int_equal(write(fd, head, sizeof(head)), sizeof(head));
	assert_int_equal(write(fd, body, n_bytes), n_bytes);
}

static bool raw_is_closed(struct world *world, int fd)
{
	unsigned char byte;
	ssize_t n;

	for (int i = 0; i < 100; i++) {
		pump(world, fd, 100);
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
	}
	return false;
}

static void a_claim_beyond_the_cap_closes_the_connection(void **state)
{
	static const uint64_t claims[] = {64 * 1024, UINT64_C(1) << 40, UINT64_MAX};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		int fd = raw_greet();

		raw_send(fd, claims[i], "\x91\x04", 2);
		assert_true(raw_is_closed(world, fd));
		(void)close(fd);
	}
	assert_int_equal(world->n_requests, 0);
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
}

static void a_peer_that_asks_before_its_answer_is_refused(void **state)
{
	struct world *world = *state;
	struct bytes frame = lease_frame();
	int fd = raw_greet();

	world->answers = false;
	for (int i = 0; i < 2; i++)
		raw_send(fd, 4 + frame.n_bytes, frame.data, frame.n_bytes);
	pump_until(world, &world->n_refused[MESSAGE_WRONG_STATE], 1);
	assert_in_range(world->n_requests, 0, 1);
	assert_true(raw_is_closed(world, fd));
	(void)close(fd);
	bytes_deinit(&frame);
}

/* Asks over a new connection until it is answered: whoever waits long enough is served. */
static void expect_service(struct world *world)
{
	struct bytes frame = lease_frame();
	struct link_client *client = dial(SYMBOLIZER);
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_MS * UINT64_C(1000000);
	int id = -LINK_UNANSWERED;

	while (id == -LINK_UNANSWERED && clock_monotonic_ns() < deadline_ns)
		id = ask(world, client, &frame, 4000);
	assert_int_equal(id, MESSAGE_NOTHING_YET);
	link_client_free(client);
	bytes_deinit(&frame);
}

static void half_open_clients_do_no_harm(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 100; i++)
		(void)close(raw_connect());
	expect_service(world);
	for (int i = 0; i < 100; i++)
		(void)close(raw_greet());
	expect_service(world);
}

/* A socket that nobody accepts from takes the listener's place: as deaf as one can be. */
static void a_listener_that_does_not_hear_its_probe_is_opened_again(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct world *world = *state;
	int deaf_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(unlink(socket_path), 0);
	assert_int_equal(bind(deaf_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(deaf_fd, 16), 0);
	assert_int_equal(link_listener_probe(world->listener), 0);
	assert_int_equal(link_listener_probe(world->listener), 0); /* one is out: no matter */
	pump_until(world, &world->n_gone, 1);
	expect_service(world);
	(void)close(deaf_fd);
}

static void a_probe_that_is_heard_changes_nothing(void **state)
{
	struct world *world = *state;
	uint64_t peer;

	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	peer = world->last_request.peer;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(link_listener_probe(world->listener), 0);
		for (int j = 0; j < 5; j++)
			pump(world, -1, 50);
	}
	assert_int_equal(world->n_gone, 0); /* nor is the probe's own connection anybody's news */
	assert_int_equal(ask_lease(world, PATIENCE_MS), MESSAGE_NOTHING_YET);
	assert_int_equal(world->last_request.peer, peer);
}

static void an_unlisted_listener_may_only_probe_itself(void **state)
{
	struct world *world = *state;
	struct link_listen_options options = {
		.path = socket_path,
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
	world->client = dial(SYMBOLIZER);
	wire_encode_bare(&probe, MESSAGE_PROBE);
	assert_int_equal(ask(world, world->client, &probe, PATIENCE_MS), MESSAGE_PROBED);
	assert_int_equal(ask_lease(world, PATIENCE_MS), -LINK_UNANSWERED);
	assert_int_equal(world->n_refused[MESSAGE_WRONG_DIRECTION], 1);
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
	pump_until(world, &world->n_refused[0], 1);
	assert_int_equal(world->refused_uid, FOREIGN_UID);
	assert_int_equal(read(foreign_result_fd, &result, 1), 1);
	assert_int_equal(result, LINK_UNANSWERED);
	assert_int_equal(world->n_requests, 0);
}

static void a_listener_of_a_foreign_uid_hears_nothing(void **state)
{
	struct world *world = *state;
	struct link_dial_options options = {
		.path = socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {FOREIGN_UID},
	};
	struct bytes frame = lease_frame();
	struct link_client *wary;

	assert_int_equal(link_dial(&options, &wary), 0);
	assert_int_equal(ask(world, wary, &frame, 300), -LINK_UNANSWERED);
	assert_int_equal(world->n_requests, 0);
	link_client_free(wary);
	bytes_deinit(&frame);
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

/* Waits for the word, then asks as a stranger; writes what became of it. */
static void be_foreign(int go_fd, int result_fd)
{
	struct link_dial_options options = {
		.path = socket_path,
		.self = SYMBOLIZER,
		.peer = COLLECTOR,
	};
	struct bytes frame = lease_frame();
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

#define with_world(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

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
		with_world(a_client_may_come_before_its_listener),
		with_world(an_address_in_use_is_an_error),
		with_world(the_socket_file_has_the_permissions_asked_for),
		with_world(what_needs_a_lease_is_refused_without),
		with_world(frames_that_are_not_for_here_are_refused),
		with_world(what_a_decoder_refused_closes_the_pipe),
		with_world(an_answer_out_of_turn_is_a_bad_answer),
		with_world(a_claim_beyond_the_cap_closes_the_connection),
		with_world(a_peer_that_asks_before_its_answer_is_refused),
		with_world(half_open_clients_do_no_harm),
		with_world(a_listener_that_does_not_hear_its_probe_is_opened_again),
		with_world(a_probe_that_is_heard_changes_nothing),
		with_world(an_unlisted_listener_may_only_probe_itself),
		with_world(a_foreign_uid_is_refused),
		with_world(a_listener_of_a_foreign_uid_hears_nothing),
		with_world(nng_starts_at_most_8_threads),
	};
	pid_t foreign;
	int r;

	if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
		return 1;
	(void)snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	foreign = fork_foreign();
	link_init();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)close(foreign_go_fd); /* ends it, had no test asked */
	(void)waitpid(foreign, NULL, 0);
	(void)rmdir(folder);
	return r;
}
