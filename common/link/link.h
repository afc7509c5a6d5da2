#pragma once
/*
 * Request/reply between our processes over ipc:// (nng REQ/REP), with the guards nng 1.5 needs.
 *
 * nng's threads only queue and wake: whoever owns a listener or a client watches its fd in its own
 * epoll loop and takes events from it; nothing is called back from another thread. A listener
 * accepts only the uids it was told, caps every message before it is allocated, checks the head of
 * each frame against messages.def, and probes itself: a deaf listener is closed and opened again.
 * What nng refuses before it is a message (a claim beyond the longest one, of which not a byte is
 * kept; no greeting, no frame, no request id) is a LINK_REFUSED as well (inside.h). nng from 1.8 on
 * keeps the last two to itself: the connections are closed all the same, but not counted.
 * A peer has one request at a time; PROBE is answered here, of the listener's own uid too.
 * A client verifies the listener's uid, and is closed and opened again when it goes unanswered.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "wire/messages.h"

/*
 * Starts nng's own threads, at most 8 of them with small stacks, and keeps the process to one heap.
 * Call once, before all else here, and after the last fork: nng cannot be forked.
 */
void link_init(void);

#define LINK_UIDS_MAX 16u
struct link_listener;

struct link_listen_options {
	const char *path;      /* of the socket file; borrowed for the call */
	enum wire_party self;  /* who listens */
	enum wire_party peer;  /* who may dial */
	size_t n_uids;	       /* 1 … LINK_UIDS_MAX */
	uid_t uids[LINK_UIDS_MAX];
	mode_t permissions;    /* of the socket file, e.g. 0660 */
	unsigned n_contexts;   /* requests that may be unanswered at once, 1 … 64 */
};

/* Takes what is waiting at a listener. */
enum link_event_kind {
	LINK_REQUEST = 1, /* a checked frame of @peer: answer it with link_reply() */
	LINK_PEER_GONE,	  /* its pipe closed: its handles are void, their frames are gone */
	LINK_REFUSED,	  /* a frame or a peer was turned away, and its pipe closed: count it */
};

struct link_event {
	enum link_event_kind kind;
	uint64_t peer;	       /* one a connection, never reused */
	uint64_t request;      /* handle for link_reply(); LINK_REQUEST only */
	enum message_id id;    /* LINK_REQUEST only */
	const void *frame;     /* borrowed until link_reply() or link_refuse() of this request */
	size_t n_bytes;
	int outcome;	       /* LINK_REFUSED: enum message_outcome; 0: foreign uid, or no room */
	uid_t uid;	       /* LINK_REFUSED with outcome 0: whose, the latest */
};

/*
 * Opens a listener.
 *   @ret_listener  set on 0 only; owned, freed with link_listener_free()
 * Returns 0 or a negative errno (-EADDRINUSE when another process listens there).
 */
int link_listen(const struct link_listen_options *options, struct link_listener **ret_listener)
	warn_unused_result;

/* An fd that polls readable while link_next() has something to do; borrowed. */
int link_listener_fd(const struct link_listener *listener);

/* Fills *@ret_event and returns true, or returns false when nothing waits. */
bool link_next(struct link_listener *listener, struct link_event *ret_event);

/* Says whether @peer holds a lease: LEASED rows of messages.def are refused without. */
void link_set_leased(struct link_listener *listener, uint64_t peer, bool leased);

/* Answers @request with @n_bytes of @frame (borrowed). A request whose peer is gone: no effect. */
void link_reply(struct link_listener *listener, uint64_t request, const void *frame,
		size_t n_bytes);

/* Closes the pipe of @request's peer instead of answering: for frames that a decoder refused. */
void link_refuse(struct link_listener *listener, uint64_t request);

/* Closes the pipe of @peer: it dials again, and its owner may be waiting to be told. */
void link_expel(struct link_listener *listener, uint64_t peer);

/*
 * Sends a probe to the listener's own address; link_next() takes its answer, or after 2 s without
 * closes the listener and all its connections and listens again. Call every 10 s or so. Returns 0,
 * or a negative errno when neither could be done: the next call tries once more.
 */
int link_listener_probe(struct link_listener *listener) warn_unused_result;

void link_listener_free(struct link_listener *listener);

struct link_client;
struct link_dial_options {
	const char *path;
	enum wire_party self;
	enum wire_party peer;
	size_t n_uids; /* whom the listener may run as; 0 accepts any (tests only) */
	uid_t uids[LINK_UIDS_MAX];
	bool tells_connections; /* link_client_connected() is asked */
};

/*
 * Opens a client, whether or not anybody listens yet: it goes on trying.
 * Returns 0 or a negative errno; *@ret_client is owned, freed with link_client_free().
 */
int link_dial(const struct link_dial_options *options, struct link_client **ret_client)
	warn_unused_result;

/* What became of an ask. */
enum link_outcome {
	LINK_UNANSWERED = 1, /* none in time, or hung up, at once perhaps: pause before the next */
	LINK_BAD_ANSWER,     /* a reply that messages.def does not allow here */
};

/* A reply. Owned: link_answer_deinit(). A zeroed one is empty. */
struct link_answer {
	enum message_id id;
	const void *frame; /* borrowed from the answer */
	size_t n_bytes;
	void *message; /* owned */
};

void link_answer_deinit(struct link_answer *answer);

/*
 * Sends @frame and waits for the reply, at most @timeout_ms. For processes that do one thing at a
 * time. Returns 0, a negative errno (-EINTR when @interrupt_fd polled readable), or a link_outcome.
 *   @interrupt_fd  -1, or an fd whose readability ends the wait (a signalfd)
 *   @ret_answer    set on 0 only
 */
int link_ask(struct link_client *client, const void *frame, size_t n_bytes, int timeout_ms,
	     int interrupt_fd, struct link_answer *ret_answer) warn_unused_result;

/*
 * The same in two halves, for event loops: one ask at a time. link_client_fd() polls readable when
 * link_ask_finish() would not return -EAGAIN.
 */
int link_ask_begin(struct link_client *client, const void *frame, size_t n_bytes, int timeout_ms)
	warn_unused_result;
int link_client_fd(const struct link_client *client);

/* Whether it connected since the last call; until then its fd is readable (tells_connections). */
bool link_client_connected(struct link_client *client);
int link_ask_finish(struct link_client *client, struct link_answer *ret_answer) warn_unused_result;

void link_client_free(struct link_client *client);
