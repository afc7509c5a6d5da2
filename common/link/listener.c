/*
 * The answering side. nng's threads run on_connect(), on_gone() and on_request(): they admit, queue
 * and wake the owner, who takes events in link_next(). Only a PROBE is answered where it arrives,
 * so that it tells of the listener and not of how busy its owner is.
 *
 * A request is a context of nng, in a circle: RECEIVING, QUEUED, TAKEN, ANSWERING, RECEIVING. In
 * the first and last it belongs to nng's threads, in the others to the owner; the lock guards the
 * moves.
 */
#include "link/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include "base/cleanup.h"
#include "link/inside.h"
#include "link/ipc.h"
#include "link/peers.h"
#include "link/probe.h"
#include "link/refusals.h"
#include "wire/wire.h"

#define CONTEXTS_MAX     64u
#define REPLY_TIMEOUT_MS 10000 /* for a peer that does not read what it asked for */

enum request_state { REQUEST_RECEIVING, REQUEST_QUEUED, REQUEST_TAKEN, REQUEST_ANSWERING };

/* What on_request() does once the lock is released: nng is not called with it held. */
enum request_step { STEP_STOP, STEP_RECEIVE, STEP_SEND, STEP_EXPEL };

struct request {
	struct link_listener *listener; /* borrowed: it owns this */
	nng_ctx context;
	nng_aio *aio;     /* owned */
	nng_msg *message; /* owned; the request in QUEUED and TAKEN, else NULL */
	enum request_state state;
	enum message_id id;
	uint64_t handle; /* of a TAKEN one */
	uint64_t peer;
	nng_pipe pipe;
};

struct link_listener {
	char url[IPC_URL_BYTES];
	struct link_listen_options options; /* its path is not used after link_listen() */
	int fd; /* epoll over the two that follow and inside.h's: what the owner watches */
	int wake_fd;
	struct link_client *probe; /* owned; NULL when no probe is on its way */
	nng_socket socket;
	bool is_open; /* the socket */
	nng_listener endpoint;
	bool is_listening;

	pthread_mutex_t lock; /* guards all that follows */
	struct request requests[CONTEXTS_MAX];
	unsigned n_requests;
	unsigned queue[CONTEXTS_MAX]; /* a ring of indices into requests */
	unsigned queue_head, n_queued;
	struct peers peers;
	uint64_t n_requests_ever;
	struct refusals refusals;
};

static void link_listener_freep(struct link_listener **listener)
{
	link_listener_free(*listener);
}

/* The functions up to the next such line are called with the lock held. */

static void wake(struct link_listener *listener)
{
	(void)eventfd_write(listener->wake_fd, 1); /* fails only when it is readable anyway */
}

static void note_refusal(struct link_listener *listener, int outcome)
{
	listener->refusals.n[outcome]++;
	wake(listener);
}

static bool peer_admit(struct link_listener *listener, nng_pipe pipe, uid_t uid)
{
	bool is_listed = ipc_uid_listed(listener->options.uids, listener->options.n_uids, uid);
	struct peer *peer = NULL;

	if (is_listed || uid == geteuid())
		peer = peers_add(&listener->peers, pipe.id);
	if (peer) {
		peer->may_only_probe = !is_listed;
		return true;
	}
	listener->refusals.uid = uid;
	note_refusal(listener, 0);
	return false;
}

static bool make_probed(nng_msg *message)
{
	cleanup_with(bytes_deinit) struct bytes frame = BYTES_INIT(64);

	wire_encode_bare(&frame, MESSAGE_PROBED);
	nng_msg_clear(message);
	return frame.error == 0 && nng_msg_append(message, frame.data, frame.n_bytes) == 0;
}

/* Judges what has arrived in @request's message. */
static enum request_step judge(struct link_listener *listener, struct request *request)
{
	struct peer *peer = peers_of_pipe(&listener->peers, request->pipe.id);
	int outcome;

	if (!peer)
		return STEP_EXPEL; /* it is gone already */
	/* Whether it holds a lease is asked when the owner takes it, who may be granting one. */
	outcome = message_check(nng_msg_body(request->message), nng_msg_len(request->message),
				listener->options.peer, listener->options.self, false, true,
				&request->id);
	if (outcome == 0 && request->id == MESSAGE_PROBE)
		return make_probed(request->message) ? STEP_SEND : STEP_EXPEL;
	if (outcome == 0 && peer->may_only_probe)
		outcome = MESSAGE_WRONG_DIRECTION;
	if (outcome == 0 && peer->is_asking) /* a peer waits for its answer before it asks again */
		outcome = MESSAGE_WRONG_STATE;
	if (outcome != 0) {
		note_refusal(listener, outcome);
		return STEP_EXPEL;
	}
	peer->is_asking = true;
	request->peer = peer->id;
	request->state = REQUEST_QUEUED;
	listener->queue[(listener->queue_head + listener->n_queued++) % CONTEXTS_MAX] =
		(unsigned)(request - listener->requests);
	wake(listener);
	return STEP_STOP;
}

static enum request_step request_received(struct request *request)
{
	int r = nng_aio_result(request->aio);

	if (r == NNG_ECLOSED || r == NNG_ECANCELED)
		return STEP_STOP;
	if (r != 0)
		return STEP_RECEIVE;
	request->message = nng_aio_get_msg(request->aio);
	nng_aio_set_msg(request->aio, NULL);
	request->pipe = nng_msg_get_pipe(request->message);
	return judge(request->listener, request);
}

static enum request_step request_answered(struct request *request)
{
	int r = nng_aio_result(request->aio);

	if (r == 0)
		return STEP_RECEIVE;
	request->message = nng_aio_get_msg(request->aio); /* nng hands back what it did not send */
	nng_aio_set_msg(request->aio, NULL);
	return r == NNG_ECLOSED || r == NNG_ECANCELED ? STEP_STOP : STEP_EXPEL;
}

/* Ends the owner's hold of @request. */
static void request_release(struct link_listener *listener, struct request *request)
{
	struct peer *peer = peers_find(&listener->peers, request->peer);

	if (peer)
		peer->is_asking = false;
	request->state = REQUEST_ANSWERING; /* nng's from here on */
}

/* Says what to do with the request that was QUEUED: STEP_STOP hands it to the owner. */
static enum request_step offer(struct link_listener *listener, struct request *request,
			       struct link_event *ret_event)
{
	struct peer *peer = peers_find(&listener->peers, request->peer);
	const void *frame = nng_msg_body(request->message);
	size_t n_bytes = nng_msg_len(request->message);
	int outcome;

	if (!peer || peer->is_gone) {
		request_release(listener, request);
		return STEP_EXPEL;
	}
	outcome = message_check(frame, n_bytes, listener->options.peer, listener->options.self,
				false, peer->is_leased, &request->id);
	if (outcome != 0) {
		note_refusal(listener, outcome);
		request_release(listener, request);
		return STEP_EXPEL;
	}
	peer->is_known = true;
	request->state = REQUEST_TAKEN;
	request->handle = ++listener->n_requests_ever * CONTEXTS_MAX +
			  (uint64_t)(request - listener->requests);
	*ret_event = (struct link_event){
		.kind = LINK_REQUEST,
		.peer = request->peer,
		.request = request->handle,
		.id = request->id,
		.frame = frame,
		.n_bytes = n_bytes,
	};
	return STEP_STOP;
}

/* From here on the lock is not held by the caller. */

static void request_enter(struct request *request, enum request_state state)
{
	pthread_mutex_lock(&request->listener->lock);
	request->state = state;
	pthread_mutex_unlock(&request->listener->lock);
}

static void request_do(struct request *request, enum request_step step)
{
	nng_msg *message;

	if (step == STEP_STOP)
		return; /* it may be the owner's already */
	message = request->message;
	request->message = NULL;
	if (step == STEP_SEND) {
		request_enter(request, REQUEST_ANSWERING);
		nng_aio_set_msg(request->aio, message);
		nng_aio_set_timeout(request->aio, REPLY_TIMEOUT_MS);
		nng_ctx_send(request->context, request->aio);
		return;
	}
	if (message)
		nng_msg_free(message);
	if (step == STEP_EXPEL)
		(void)nng_pipe_close(request->pipe); /* it may be closed already */
	request_enter(request, REQUEST_RECEIVING);
	nng_aio_set_timeout(request->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(request->context, request->aio);
}

static void on_request(void *arg)
{
	struct request *request = arg;
	struct link_listener *listener = request->listener;
	enum request_step step;

	pthread_mutex_lock(&listener->lock);
	step = request->state == REQUEST_RECEIVING ? request_received(request)
						   : request_answered(request);
	pthread_mutex_unlock(&listener->lock);
	request_do(request, step);
}

/* Runs before a connection is used. */
static void on_connect(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct link_listener *listener = arg;
	bool is_admitted = false;
	uint64_t uid = (uint64_t)-1;

	(void)event;
	if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0)
		uid = (uint64_t)-1; /* nobody's */
	pthread_mutex_lock(&listener->lock);
	is_admitted = peer_admit(listener, pipe, (uid_t)uid);
	pthread_mutex_unlock(&listener->lock);
	if (!is_admitted)
		(void)nng_pipe_close(pipe); /* it may be closed already */
}

static void on_gone(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct link_listener *listener = arg;

	(void)event;
	pthread_mutex_lock(&listener->lock);
	if (peers_left(&listener->peers, pipe.id))
		wake(listener);
	pthread_mutex_unlock(&listener->lock);
}

/* bind() applies the umask: the file never has other permissions, not even for an instant. */
static int endpoint_start(const struct link_listener *listener, nng_listener endpoint)
{
	mode_t before = umask(0777 & ~listener->options.permissions);
	int r = nng_listener_start(endpoint, 0);

	(void)umask(before); /* always succeeds */
	return r;
}

static int endpoint_open(struct link_listener *listener)
{
	size_t frame_bytes_max =
		message_bytes_max(listener->options.peer, listener->options.self, false);
	nng_listener endpoint;
	int r;

	r = nng_listener_create(&endpoint, listener->socket, listener->url);
	if (r != 0)
		return ipc_errno(r);
	r = nng_listener_set_size(endpoint, NNG_OPT_RECVMAXSZ, frame_bytes_max + IPC_HEADER_BYTES);
	if (r == 0)
		r = endpoint_start(listener, endpoint);
	if (r != 0) {
		(void)nng_listener_close(endpoint); /* it was never in use */
		return ipc_errno(r);
	}
	listener->endpoint = endpoint;
	listener->is_listening = true;
	return 0;
}

static int socket_open(struct link_listener *listener)
{
	int r = nng_rep0_open(&listener->socket);

	if (r != 0)
		return ipc_errno(r);
	listener->is_open = true;
	r = nng_pipe_notify(listener->socket, NNG_PIPE_EV_ADD_PRE, on_connect, listener);
	if (r == 0)
		r = nng_pipe_notify(listener->socket, NNG_PIPE_EV_REM_POST, on_gone, listener);
	return ipc_errno(r);
}

static int requests_open(struct link_listener *listener)
{
	for (unsigned i = 0; i < listener->options.n_contexts; i++) {
		struct request *request = &listener->requests[i];
		int r = nng_ctx_open(&request->context, listener->socket);

		if (r != 0)
			return ipc_errno(r);
		request->listener = listener;
		r = nng_aio_alloc(&request->aio, on_request, request);
		if (r != 0)
			return ipc_errno(r); /* the context goes with its socket */
		listener->n_requests = i + 1;
	}
	return 0;
}

static int fds_open(struct link_listener *listener)
{
	int r;

	listener->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (listener->wake_fd < 0)
		return -errno;
	listener->fd = epoll_create1(EPOLL_CLOEXEC);
	if (listener->fd < 0)
		return -errno;
	r = ipc_watch(listener->fd, listener->wake_fd);
	return r < 0 ? r : inside_watch(listener->fd);
}

int link_listen(const struct link_listen_options *options, struct link_listener **ret_listener)
{
	cleanup_with(link_listener_freep) struct link_listener *listener = NULL;
	int r;

	if (options->n_uids < 1 || options->n_uids > LINK_UIDS_MAX || options->n_contexts < 1 ||
	    options->n_contexts > CONTEXTS_MAX)
		return -EINVAL;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->fd = listener->wake_fd = -1;
	listener->options = *options;
	listener->options.path = NULL;                   /* borrowed for the call only */
	(void)pthread_mutex_init(&listener->lock, NULL); /* cannot fail with default attributes */
	r = ipc_url(options->path, listener->url);
	if (r == 0)
		r = fds_open(listener);
	if (r == 0)
		r = socket_open(listener);
	if (r == 0)
		r = requests_open(listener);
	if (r == 0)
		r = endpoint_open(listener);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < listener->n_requests; i++)
		request_do(&listener->requests[i], STEP_RECEIVE);
	*ret_listener = take_ptr(listener);
	return 0;
}

int link_listener_fd(const struct link_listener *listener)
{
	return listener->fd;
}

static bool next_request(struct link_listener *listener, struct link_event *ret_event)
{
	for (;;) {
		struct request *request;
		enum request_step step;

		pthread_mutex_lock(&listener->lock);
		if (listener->n_queued == 0) {
			pthread_mutex_unlock(&listener->lock);
			return false;
		}
		request = &listener->requests[listener->queue[listener->queue_head]];
		listener->queue_head = (listener->queue_head + 1) % CONTEXTS_MAX;
		listener->n_queued--;
		step = offer(listener, request, ret_event);
		pthread_mutex_unlock(&listener->lock);
		if (step == STEP_STOP)
			return true;
		request_do(request, step);
	}
}

/* The owner will not answer what a gone peer asked: its contexts go back to nng. */
static void requests_void(struct link_listener *listener, uint64_t peer)
{
	for (unsigned i = 0; i < listener->n_requests; i++) {
		struct request *request = &listener->requests[i];
		bool is_void;

		pthread_mutex_lock(&listener->lock);
		is_void = request->state == REQUEST_TAKEN && request->peer == peer;
		if (is_void)
			request_release(listener, request);
		pthread_mutex_unlock(&listener->lock);
		if (is_void)
			request_do(request, STEP_EXPEL);
	}
}

static bool next_gone(struct link_listener *listener, struct link_event *ret_event)
{
	uint64_t gone;

	pthread_mutex_lock(&listener->lock);
	gone = peers_gone(&listener->peers);
	pthread_mutex_unlock(&listener->lock);
	if (gone == 0)
		return false;
	requests_void(listener, gone);
	pthread_mutex_lock(&listener->lock);
	peers_forget(&listener->peers, gone);
	pthread_mutex_unlock(&listener->lock);
	*ret_event = (struct link_event){.kind = LINK_PEER_GONE, .peer = gone};
	return true;
}

static bool next_refusal(struct link_listener *listener, struct link_event *ret_event)
{
	eventfd_t ignored;
	bool found;

	pthread_mutex_lock(&listener->lock);
	inside_take(&listener->refusals);
	found = refusals_next(&listener->refusals, ret_event);
	/* What came since the looks before this one keeps the fd readable. */
	if (!found && listener->n_queued == 0 && peers_gone(&listener->peers) == 0)
		(void)eventfd_read(listener->wake_fd, &ignored); /* it may not be readable */
	pthread_mutex_unlock(&listener->lock);
	return found;
}

/* Closes every connection of the listener, which is what frees it of the one that deafened it. */
static void reopen(struct link_listener *listener)
{
	(void)nng_listener_close(listener->endpoint); /* ours alone: cannot fail */
	listener->is_listening = false;
	(void)!endpoint_open(listener); /* is_listening says; link_listener_probe() tries again */
}

static void probe_finish(struct link_listener *listener)
{
	struct link_answer answer = {0};
	int r;

	if (!listener->probe)
		return;
	r = link_ask_finish(listener->probe, &answer);
	if (r == -EAGAIN)
		return;
	link_answer_deinit(&answer);
	link_client_free(listener->probe); /* its fd leaves our epoll as it closes */
	listener->probe = NULL;
	if (r > 0)
		reopen(listener);
}

bool link_next(struct link_listener *listener, struct link_event *ret_event)
{
	probe_finish(listener);
	return next_request(listener, ret_event) || next_gone(listener, ret_event) ||
	       next_refusal(listener, ret_event);
}

void link_set_leased(struct link_listener *listener, uint64_t peer, bool leased)
{
	struct peer *found;

	pthread_mutex_lock(&listener->lock);
	found = peers_find(&listener->peers, peer);
	if (found)
		found->is_leased = leased;
	pthread_mutex_unlock(&listener->lock);
}

void link_expel(struct link_listener *listener, uint64_t peer)
{
	nng_pipe pipe;

	pthread_mutex_lock(&listener->lock);
	pipe.id = peers_pipe(&listener->peers, peer);
	pthread_mutex_unlock(&listener->lock);
	(void)nng_pipe_close(pipe); /* it may be closed already */
}

/* Takes @handle's request back from the owner; NULL when it is void. */
static struct request *request_take_back(struct link_listener *listener, uint64_t handle)
{
	struct request *request = &listener->requests[handle % CONTEXTS_MAX];
	bool is_taken;

	pthread_mutex_lock(&listener->lock);
	is_taken = request->state == REQUEST_TAKEN && request->handle == handle;
	if (is_taken)
		request_release(listener, request);
	pthread_mutex_unlock(&listener->lock);
	return is_taken ? request : NULL;
}

void link_reply(struct link_listener *listener, uint64_t handle, const void *frame, size_t n_bytes)
{
	struct request *request = request_take_back(listener, handle);
	bool is_made;

	if (!request)
		return;
	nng_msg_clear(request->message);
	is_made = nng_msg_append(request->message, frame, n_bytes) == 0;
	request_do(request, is_made ? STEP_SEND : STEP_EXPEL); /* no memory: it will ask again */
}

void link_refuse(struct link_listener *listener, uint64_t handle)
{
	struct request *request = request_take_back(listener, handle);

	if (request)
		request_do(request, STEP_EXPEL);
}

int link_listener_probe(struct link_listener *listener)
{
	int r;

	if (!listener->is_listening)
		return endpoint_open(listener);
	if (listener->probe)
		return 0;
	r = probe_begin(listener->url + strlen("ipc://"), listener->options.self, &listener->probe);
	if (r < 0)
		return r;
	r = ipc_watch(listener->fd, link_client_fd(listener->probe));
	if (r < 0) {
		link_client_free(listener->probe);
		listener->probe = NULL;
	}
	return r;
}

void link_listener_free(struct link_listener *listener)
{
	if (!listener)
		return;
	link_client_free(listener->probe);
	for (unsigned i = 0; i < listener->n_requests; i++)
		nng_aio_stop(listener->requests[i].aio);
	if (listener->is_open)
		(void)nng_close(listener->socket); /* ends when the last on_gone() has run */
	for (unsigned i = 0; i < listener->n_requests; i++) {
		nng_msg_free(nng_aio_get_msg(listener->requests[i].aio)); /* unsent, or NULL */
		nng_msg_free(listener->requests[i].message);
		nng_aio_free(listener->requests[i].aio);
	}
	close_fdp(&listener->fd);
	close_fdp(&listener->wake_fd);
	(void)pthread_mutex_destroy(&listener->lock);
	free(listener);
}
