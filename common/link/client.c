/*
 * The asking side. nng's threads run on_step() only: it moves the ask one state further and wakes
 * the owner. Everything that can take time (closing and opening the socket) the owner does.
 *
 * To dial in vain costs nng a millisecond of CPU time: it has no socket while nobody serves the
 * file. That somebody does is told by a watch, or found out by looking now and then.
 *
 * Two guards for dialers that wedge: an ask that nobody took within REDIAL_MS goes out again over a
 * new socket, as does the next ask after one that was taken and not answered in time.
 */
#include "link/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "link/ipc.h"
#include "link/socket_watch.h"

#define REDIAL_MS        1000
#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 200
#define LOOK_MS          500
#define LOOK_UNTOLD_MS   50 /* where nobody tells */

enum ask_state {
	ASK_NONE,
	ASK_ABSENT,   /* nobody is there: it sleeps until somebody may be */
	ASK_SENDING,  /* nng looks for a connection */
	ASK_WAITING,  /* sent */
	ASK_UNSENT,   /* done: nobody took it; the request is in the aio */
	ASK_ANSWERED, /* done: the answer is in the aio */
	ASK_LATE,     /* done: sent, and no answer in time */
	ASK_LOST,     /* done: the connection closed */
};

struct link_client {
	char url[IPC_URL_BYTES];
	struct link_dial_options options; /* its path is not used after link_dial() */
	nng_socket socket;
	nng_ctx context;
	bool is_open;
	nng_aio *aio; /* owned */
	nng_aio *nap; /* owned; apart: whatever slept may take a later expiry for success */
	int wake_fd;
	int watch_fd; /* -1: none */
	int fd;       /* of epoll: readable when one of the two is */
	uint64_t deadline_ns;
	pthread_mutex_t lock; /* guards the state */
	enum ask_state state;
	int pipe; /* its id; -1: not connected */
	bool has_connected;
};

static void link_client_freep(struct link_client **client)
{
	link_client_free(*client);
}

static nng_duration left_ms(const struct link_client *client)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (now_ns >= client->deadline_ns)
		return 0;
	return (nng_duration)((client->deadline_ns - now_ns) / 1000000) + 1;
}

/* Runs before a connection is used: only a listener of a known uid may hear what we ask. */
static void on_connect(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct link_client *client = arg;
	uint64_t uid;

	(void)event;
	if (client->options.n_uids > 0 &&
	    (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) != 0 ||
	     !ipc_uid_listed(client->options.uids, client->options.n_uids, (uid_t)uid))) {
		(void)nng_pipe_close(pipe); /* it may be closed already */
		return;
	}
	pthread_mutex_lock(&client->lock);
	client->pipe = nng_pipe_id(pipe);
	client->has_connected = client->options.tells_connections;
	if (client->has_connected)
		(void)eventfd_write(client->wake_fd, 1); /* fails only when it is readable anyway */
	pthread_mutex_unlock(&client->lock);
}

static void on_gone(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct link_client *client = arg;

	(void)event;
	pthread_mutex_lock(&client->lock);
	if (client->pipe == nng_pipe_id(pipe))
		client->pipe = -1;
	pthread_mutex_unlock(&client->lock);
}

static const char *path_of(const struct link_client *client)
{
	return client->url + strlen(IPC_SCHEME);
}

static int dial(const struct link_client *client)
{
	size_t frame_bytes_max =
		message_bytes_max(client->options.peer, client->options.self, true);
	nng_dialer dialer;
	int r;

	r = nng_dialer_create(&dialer, client->socket, client->url);
	if (r == 0)
		r = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ,
					frame_bytes_max + IPC_HEADER_BYTES);
	if (r == 0)
		r = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
	if (r == 0)
		r = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	if (r == 0)
		r = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
	return r;
}

/* Leaves it closed when nobody is there. */
static int client_open(struct link_client *client)
{
	int r;

	if (!socket_is_bound(path_of(client)))
		return 0;
	r = nng_req0_open(&client->socket);
	if (r != 0)
		return ipc_errno(r);
	/* Never resent by nng: the asker decides, because only it knows what a repeat means. */
	r = nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
	if (r == 0)
		r = nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_PRE, on_connect, client);
	if (r == 0)
		r = nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_gone, client);
	if (r == 0)
		r = nng_ctx_open(&client->context, client->socket);
	if (r == 0)
		r = dial(client);
	if (r != 0) {
		(void)nng_close(client->socket); /* takes its context and dialer along */
		return ipc_errno(r);
	}
	client->is_open = true;
	return 0;
}

/* Ends an ask in whatever state, and the connection with it. */
static void client_close(struct link_client *client)
{
	eventfd_t ignored;
	nng_msg *message;

	pthread_mutex_lock(&client->lock);
	client->state = ASK_NONE;
	pthread_mutex_unlock(&client->lock);
	if (client->is_open) {
		(void)nng_ctx_close(client->context); /* ours alone: cannot fail */
		nng_aio_wait(client->aio);
		(void)nng_close(client->socket);
		client->is_open = false;
	} else {
		nng_aio_cancel(client->nap);
		nng_aio_wait(client->nap);
	}
	/* Of an ask that was done and not taken: the fd must not be readable during the next. */
	(void)eventfd_read(client->wake_fd, &ignored); /* most often it is not */
	message = nng_aio_get_msg(client->aio);
	if (message)
		nng_msg_free(message);
	nng_aio_set_msg(client->aio, NULL);
}

static void finish_step(struct link_client *client, enum ask_state state)
{
	client->state = state;
	(void)eventfd_write(client->wake_fd, 1); /* fails only when it is readable anyway */
}

static void on_step(void *arg)
{
	struct link_client *client = arg;
	int r = nng_aio_result(client->aio);
	bool receive = false;

	pthread_mutex_lock(&client->lock);
	if (client->state == ASK_SENDING && r == 0) {
		client->state = ASK_WAITING;
		receive = true;
	} else if (client->state == ASK_SENDING) {
		finish_step(client, ASK_UNSENT);
	} else if (client->state == ASK_WAITING && r == 0) {
		finish_step(client, ASK_ANSWERED);
	} else if (client->state == ASK_WAITING) {
		finish_step(client, r == NNG_ETIMEDOUT ? ASK_LATE : ASK_LOST);
	}
	pthread_mutex_unlock(&client->lock);
	if (receive) {
		nng_aio_set_timeout(client->aio, left_ms(client));
		nng_ctx_recv(client->context, client->aio);
	}
}

static void on_nap(void *arg)
{
	struct link_client *client = arg;

	pthread_mutex_lock(&client->lock);
	if (client->state == ASK_ABSENT)
		finish_step(client, ASK_UNSENT);
	pthread_mutex_unlock(&client->lock);
}

static nng_duration shorter_ms(nng_duration a, nng_duration b)
{
	return a < b ? a : b;
}

/* Sends the request that is in the aio, or sleeps until there may be somebody to send it to. */
static void ask_send(struct link_client *client)
{
	nng_duration patience_ms = left_ms(client);
	nng_duration look_ms = client->watch_fd >= 0 ? LOOK_MS : LOOK_UNTOLD_MS;

	pthread_mutex_lock(&client->lock);
	client->state = client->is_open ? ASK_SENDING : ASK_ABSENT;
	pthread_mutex_unlock(&client->lock);
	if (client->is_open) {
		nng_aio_set_timeout(client->aio, shorter_ms(patience_ms, REDIAL_MS));
		nng_ctx_send(client->context, client->aio);
	} else {
		nng_sleep_aio(shorter_ms(patience_ms, look_ms), client->nap);
	}
}

static int fds_open(struct link_client *client, const char *path)
{
	int r;

	client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->wake_fd >= 0)
		client->fd = epoll_create1(EPOLL_CLOEXEC);
	if (client->fd < 0)
		return -errno;
	r = ipc_watch(client->fd, client->wake_fd);
	if (r == 0 && socket_watch_open(path, &client->watch_fd) == 0) /* or without a watch */
		r = ipc_watch(client->fd, client->watch_fd);
	return r;
}

int link_dial(const struct link_dial_options *options, struct link_client **ret_client)
{
	cleanup_with(link_client_freep) struct link_client *client = NULL;
	int r;

	if (options->n_uids > LINK_UIDS_MAX)
		return -EINVAL;
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->wake_fd = client->watch_fd = client->fd = -1;
	client->pipe = -1;
	client->options = *options;
	client->options.path = NULL;                   /* borrowed for the call only */
	(void)pthread_mutex_init(&client->lock, NULL); /* cannot fail with default attributes */
	r = ipc_url(options->path, client->url);
	if (r < 0)
		return r;
	r = fds_open(client, options->path);
	if (r < 0)
		return r;
	r = ipc_errno(nng_aio_alloc(&client->aio, on_step, client));
	if (r == 0)
		r = ipc_errno(nng_aio_alloc(&client->nap, on_nap, client));
	if (r == 0)
		r = client_open(client);
	if (r < 0)
		return r;
	*ret_client = take_ptr(client);
	return 0;
}

/* Somebody may be there now: who has no connection dials at once. */
static void notice(struct link_client *client)
{
	bool is_idle;

	if (client->watch_fd < 0 || !socket_watch_take(client->watch_fd, path_of(client)))
		return;
	pthread_mutex_lock(&client->lock);
	is_idle = client->state == ASK_NONE && client->pipe < 0;
	/* on_step() and on_nap() run later, in a thread of nng. */
	if (client->state == ASK_ABSENT)
		nng_aio_cancel(client->nap);
	else if (client->state == ASK_SENDING && client->pipe < 0)
		nng_aio_cancel(client->aio);
	pthread_mutex_unlock(&client->lock);
	if (is_idle && client->options.tells_connections) {
		client_close(client);
		client->has_connected =
			false;              /* what came in between is closed, and no thread left */
		(void)!client_open(client); /* else the next ask opens it */
	}
}

int link_ask_begin(struct link_client *client, const void *frame, size_t n_bytes, int timeout_ms)
{
	bool is_busy, is_connected;
	nng_msg *message;
	int r = 0;

	pthread_mutex_lock(&client->lock);
	is_busy = client->state != ASK_NONE;
	is_connected = client->pipe >= 0;
	pthread_mutex_unlock(&client->lock);
	if (is_busy)
		return -EBUSY;
	if (timeout_ms <= 0)
		return -EINVAL;
	if (!is_connected && !socket_is_bound(path_of(client)))
		client_close(client);
	else if (!client->is_open)
		r = client_open(client);
	if (r < 0)
		return r;
	if (nng_msg_alloc(&message, 0) != 0)
		return -ENOMEM;
	if (nng_msg_append(message, frame, n_bytes) != 0) {
		nng_msg_free(message);
		return -ENOMEM;
	}
	client->deadline_ns = clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
	nng_aio_set_msg(client->aio, message);
	ask_send(client);
	return 0;
}

int link_client_fd(const struct link_client *client)
{
	return client->fd;
}

bool link_client_connected(struct link_client *client)
{
	eventfd_t ignored;
	bool has_connected;

	notice(client);
	pthread_mutex_lock(&client->lock);
	has_connected = client->has_connected;
	client->has_connected = false;
	if (client->state <= ASK_WAITING)
		(void)eventfd_read(client->wake_fd, &ignored); /* it may be read already */
	pthread_mutex_unlock(&client->lock);
	return has_connected;
}

/* Nobody took the request: asks over a new connection while there is time. */
static int ask_again(struct link_client *client)
{
	nng_msg *message = nng_aio_get_msg(client->aio);
	int r;

	nng_aio_set_msg(client->aio, NULL); /* the close below leaves it alone */
	client_close(client);
	r = client_open(client);
	if (r == 0 && left_ms(client) > 0 && message) {
		nng_aio_set_msg(client->aio, message);
		ask_send(client);
		return -EAGAIN;
	}
	if (message)
		nng_msg_free(message);
	return r < 0 ? r : LINK_UNANSWERED;
}

static int take_answer(struct link_client *client, struct link_answer *ret_answer)
{
	nng_msg *message = nng_aio_get_msg(client->aio);
	enum message_id id;

	nng_aio_set_msg(client->aio, NULL);
	if (message_check(nng_msg_body(message), nng_msg_len(message), client->options.peer,
			  client->options.self, true, false, &id) != 0) {
		(void)nng_pipe_close(nng_msg_get_pipe(message)); /* it may be closed already */
		nng_msg_free(message);
		return LINK_BAD_ANSWER;
	}
	*ret_answer = (struct link_answer){
		.id = id,
		.frame = nng_msg_body(message),
		.n_bytes = nng_msg_len(message),
		.message = message,
	};
	return 0;
}

int link_ask_finish(struct link_client *client, struct link_answer *ret_answer)
{
	enum ask_state state;
	eventfd_t ignored;

	notice(client);
	pthread_mutex_lock(&client->lock);
	state = client->state;
	if (state > ASK_WAITING) {
		client->state = ASK_NONE;
		(void)eventfd_read(client->wake_fd, &ignored); /* readable since that state */
	}
	pthread_mutex_unlock(&client->lock);
	switch (state) {
	case ASK_UNSENT:
		return ask_again(client);
	case ASK_ANSWERED:
		return take_answer(client, ret_answer);
	case ASK_LATE:
		client_close(client); /* the next ask opens it again */
		return LINK_UNANSWERED;
	case ASK_LOST:
		return LINK_UNANSWERED;
	default:
		return -EAGAIN;
	}
}

int link_ask(struct link_client *client, const void *frame, size_t n_bytes, int timeout_ms,
	     int interrupt_fd, struct link_answer *ret_answer)
{
	struct pollfd fds[] = {
		{.fd = client->fd, .events = POLLIN},
		{.fd = interrupt_fd, .events = POLLIN}, /* poll passes over a negative one */
	};
	int r = link_ask_begin(client, frame, n_bytes, timeout_ms);

	if (r < 0)
		return r;
	while ((r = link_ask_finish(client, ret_answer)) == -EAGAIN) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR) {
			r = -errno;
			client_close(client);
			return r;
		}
		if (fds[0].revents == 0 && fds[1].revents != 0) {
			client_close(client);
			return -EINTR;
		}
	}
	return r;
}

void link_answer_deinit(struct link_answer *answer)
{
	if (answer->message)
		nng_msg_free(answer->message);
	*answer = (struct link_answer){0};
}

void link_client_free(struct link_client *client)
{
	if (!client)
		return;
	if (client->nap) {
		client_close(client);
		nng_aio_free(client->nap);
	}
	if (client->aio)
		nng_aio_free(client->aio);
	close_fdp(&client->fd);
	close_fdp(&client->watch_fd);
	close_fdp(&client->wake_fd);
	(void)pthread_mutex_destroy(&client->lock);
	free(client);
}
