/*
 * Hears what nng before 1.7 refuses by itself; like replaced.c, by what the linker's --wrap sends
 * here.
 *
 * Heads. Nothing but the ipc transport ends an operation with EMSGSIZE (a head that claims more
 * than the longest message) or EPROTO (what is no head, or no greeting). Either becomes "reset":
 * after anything else a listener takes no connection for 100 ms, and would not hear of the next.
 * A greeting that is refused while the listener waits for no connection is not heard of: its
 * connection is closed, uncounted.
 *
 * Request ids. A whole frame goes to the protocol in one call, and from there to who waits for it.
 * The protocol closes the pipe of one that has no id, and drops one that seems to have come through
 * too many relays, in silence: no listener of ours is behind a relay, so its pipe is closed too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nng/nng.h>

#include "link/inside.h"
#include "link/replaced.h"

/* The frame that the transport is handing over in this thread. */
struct frame {
	void *pipe; /* NULL: none, or one of a dialer: what answers nobody waits for is no news */
	bool reads_on; /* the protocol is done with it and has asked for the next */
};

void replaced_finish_error(nng_aio *aio, int error) REPLACES(nni_aio_finish_error);
void replaced_finish_error_original(nng_aio *aio, int error) REPLACED(nni_aio_finish_error);
void replaced_finish_sync(nng_aio *aio, int result, size_t n) REPLACES(nni_aio_finish_sync);
void replaced_finish_sync_original(nng_aio *aio, int result, size_t n)
	REPLACED(nni_aio_finish_sync);
void replaced_bump_rx(void *pipe, size_t n_bytes) REPLACES(nni_pipe_bump_rx);
void replaced_bump_rx_original(void *pipe, size_t n_bytes) REPLACED(nni_pipe_bump_rx);
void replaced_pipe_recv(void *pipe, nng_aio *aio) REPLACES(nni_pipe_recv);
void replaced_pipe_recv_original(void *pipe, nng_aio *aio) REPLACED(nni_pipe_recv);
void replaced_pipe_close(void *pipe) REPLACES(nni_pipe_close);
void replaced_pipe_close_original(void *pipe) REPLACED(nni_pipe_close);
uint32_t replaced_pipe_listener_id(void *pipe) __asm__("nni_pipe_listener_id");

static _Thread_local struct frame frame;

void inside_listen(void)
{
}

void replaced_finish_error(nng_aio *aio, int error)
{
	if (error == NNG_EMSGSIZE || error == NNG_EPROTO) {
		inside_tell(error == NNG_EMSGSIZE ? MESSAGE_TOO_LONG : MESSAGE_GARBLED);
		error = NNG_ECONNRESET;
	}
	replaced_finish_error_original(aio, error);
}

void replaced_bump_rx(void *pipe, size_t n_bytes)
{
	replaced_bump_rx_original(pipe, n_bytes);
	frame = (struct frame){replaced_pipe_listener_id(pipe) != 0 ? pipe : NULL, false};
}

void replaced_pipe_recv(void *pipe, nng_aio *aio)
{
	if (frame.pipe == pipe)
		frame.reads_on = true;
	replaced_pipe_recv_original(pipe, aio);
}

void replaced_pipe_close(void *pipe)
{
	if (frame.pipe && frame.pipe == pipe) {
		frame.pipe = NULL;
		inside_tell(MESSAGE_GARBLED);
	}
	replaced_pipe_close_original(pipe);
}

/* Called by the transport with a frame, and by the protocol, within that, for who waits for it. */
void replaced_finish_sync(nng_aio *aio, int result, size_t n)
{
	bool is_taken = frame.reads_on;
	void *dropped;

	if (is_taken)
		frame = (struct frame){NULL, false};
	replaced_finish_sync_original(aio, result, n);
	dropped = frame.reads_on ? frame.pipe : NULL;
	frame = (struct frame){NULL, false};
	if (dropped) {
		inside_tell(MESSAGE_GARBLED);
		replaced_pipe_close_original(dropped);
	}
}
