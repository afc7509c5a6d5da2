#include "fake_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#define REQUESTS_MAX 512u
#define PEERS_MAX    128u

struct fake_request {
	struct link_event event;
	unsigned char *frame; /* owned */
	bool is_answered;
	bool is_void;
	struct fake_answer answer;
	unsigned char *answer_frame; /* owned */
};

static struct {
	struct fake_request requests[REQUESTS_MAX]; /* handle: position + 1 */
	size_t n_requests;
	size_t next;
	enum wire_party peer;
	uint64_t expelled; /* the last peer whose pipe was closed unasked */
	bool leased[PEERS_MAX];
} fake;

struct link_listener {
	int unused;
};

static struct link_listener the_listener;

void fake_link_reset(void)
{
	for (size_t i = 0; i < fake.n_requests; i++) {
		free(fake.requests[i].frame);
		free(fake.requests[i].answer_frame);
	}
	memset(&fake, 0, sizeof(fake));
}

static struct fake_request *add(enum link_event_kind kind, uint64_t peer)
{
	struct fake_request *request = &fake.requests[fake.n_requests++];

	assert_true(fake.n_requests <= REQUESTS_MAX && peer < PEERS_MAX);
	request->event =
		(struct link_event){.kind = kind, .peer = peer, .request = fake.n_requests};
	return request;
}

uint64_t fake_link_send(uint64_t peer, struct bytes *frame)
{
	struct fake_request *request = add(LINK_REQUEST, peer);
	int outcome;

	assert_int_equal(frame->error, 0);
	outcome = message_check(frame->data, frame->n_bytes, fake.peer, COLLECTOR, false,
				fake.leased[peer], &request->event.id);
	if (outcome != 0) {
		request->event.kind = LINK_REFUSED;
		request->event.outcome = outcome;
		request->is_answered = true;
		request->answer.is_pipe_closed = true;
	}
	request->frame = plenty_calloc(frame->n_bytes);
	memcpy(request->frame, frame->data, frame->n_bytes);
	request->event.frame = request->frame;
	request->event.n_bytes = frame->n_bytes;
	bytes_deinit(frame);
	return request->event.request;
}

void fake_link_close(uint64_t peer)
{
	(void)add(LINK_PEER_GONE, peer);
}

void fake_link_turn_away(int outcome, uid_t uid)
{
	struct fake_request *request = add(LINK_REFUSED, 0);

	request->event.outcome = outcome;
	request->event.uid = uid;
}

const struct fake_answer *fake_link_answer(uint64_t request)
{
	struct fake_request *asked = &fake.requests[request - 1];

	return asked->is_answered ? &asked->answer : NULL;
}

bool fake_link_is_leased(uint64_t peer)
{
	return fake.leased[peer];
}

/* The frame is gone with the answer: a late look at it is for the sanitizer to find. */
static struct fake_request *answered(uint64_t handle)
{
	struct fake_request *request = &fake.requests[handle - 1];

	assert_true(handle > 0 && handle <= fake.n_requests);
	assert_false(request->is_answered);
	request->is_answered = true;
	free(request->frame);
	request->frame = NULL;
	return request;
}

int link_listen(const struct link_listen_options *options, struct link_listener **ret_listener)
{
	assert_int_equal(options->self, COLLECTOR);
	fake.peer = options->peer;
	*ret_listener = &the_listener;
	return 0;
}

int link_listener_fd(const struct link_listener *listener)
{
	(void)listener;
	return -1;
}

bool link_next(struct link_listener *listener, struct link_event *ret_event)
{
	struct fake_request *request;

	(void)listener;
	do {
		if (fake.next == fake.n_requests)
			return false;
		request = &fake.requests[fake.next++];
	} while (request->is_void);
	*ret_event = request->event;
	if (request->event.kind != LINK_PEER_GONE)
		return true;
	for (size_t i = 0; i < fake.n_requests; i++)
		if (fake.requests[i].event.peer == request->event.peer)
			fake.requests[i].is_void = true;
	return true;
}

void link_set_leased(struct link_listener *listener, uint64_t peer, bool leased)
{
	(void)listener;
	fake.leased[peer] = leased;
}

void link_reply(struct link_listener *listener, uint64_t request, const void *frame, size_t n_bytes)
{
	struct fake_request *asked = answered(request);

	(void)listener;
	if (asked->is_void) {
		asked->is_answered = false;
		return;
	}
	asked->answer_frame = plenty_calloc(n_bytes);
	memcpy(asked->answer_frame, frame, n_bytes);
	asked->answer.frame = asked->answer_frame;
	asked->answer.n_bytes = n_bytes;
	assert_int_equal(
		message_check(frame, n_bytes, COLLECTOR, fake.peer, true, false, &asked->answer.id),
		0);
}

void link_refuse(struct link_listener *listener, uint64_t request)
{
	(void)listener;
	answered(request)->answer.is_pipe_closed = true;
}

void link_expel(struct link_listener *listener, uint64_t peer)
{
	(void)listener;
	fake.expelled = peer;
}

int link_listener_probe(struct link_listener *listener)
{
	(void)listener;
	return 0;
}

void link_listener_free(struct link_listener *listener)
{
	(void)listener;
}

uint64_t fake_link_expelled(void)
{
	return fake.expelled;
}
