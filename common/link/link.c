#include "link/link.h"

#include <malloc.h>
#include <pthread.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include "link/inside.h"
#include "link/threads.h"

/* nng's threads need little; the default of 8 MiB each would dwarf everything else we map. */
#define THREAD_STACK_BYTES (256u * 1024u)
#define LARGE_BYTES        (256 * 1024)

/* nng makes its threads with its first socket: in between, the default stack is ours to choose. */
static void start_threads(void)
{
	nng_socket first = NNG_SOCKET_INITIALIZER;

	threads_limit();
	inside_listen();
	if (nng_req0_open(&first) == 0)
		(void)nng_close(first); /* a failure to open will show again where it matters */
}

void link_init(void)
{
	pthread_attr_t before, small;

	/*
	 * One heap: an arena a thread would reserve 64 MiB each and keep what it once held. What
	 * is large goes back when it is freed: left alone, the bound for that grows to 32 MiB with
	 * the first large block that is freed. A failure costs memory, nothing else.
	 */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, LARGE_BYTES);

	if (pthread_getattr_default_np(&before) != 0) {
		start_threads();
		return;
	}
	(void)pthread_attr_init(&small); /* neither can fail on Linux */
	(void)pthread_attr_setstacksize(&small, THREAD_STACK_BYTES);
	(void)pthread_setattr_default_np(&small); /* a failure costs address space only */
	start_threads();
	(void)pthread_setattr_default_np(&before);
	(void)pthread_attr_destroy(&small);
	(void)pthread_attr_destroy(&before);
}
