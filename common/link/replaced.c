/*
 * What we replace in nng before 1.7, which is linked from its archive: the linker's --wrap (see
 * CMakeLists.txt beside this folder) sends nng's own calls of these functions here.
 *
 * Threads. It starts two for tasks and one for expiry for each CPU of the host, and four that
 * resolve names, and has no knob for any of them.
 *
 * Deafness. It calls EPIPE "closed", and takes that for the closing of its own listener or dialer:
 * one peer that hangs up before the first eight bytes and nobody is served or dialled any more. The
 * releases from 1.6 on tell the two apart; "reset" is what it survives without even a pause.
 *
 * Resubmission. A pipe that closes stops its aios; one that its own callback then hands back to the
 * stream, for the rest of a frame, is dropped there without a word. The pipe's owner waits for that
 * word in the one thread that ends connections, and no connection ever ends again: a peer that
 * sends part of a frame behind a refused one does it. What the stream drops is finished here.
 *
 * Networks. No transport but ipc is ever used here: neither TCP nor TLS code becomes part of us.
 */
#include "link/threads.h"

#include <errno.h>

#include <nng/nng.h>

#include "link/replaced.h"

int replaced_n_cpus(void) REPLACES(nni_plat_ncpu);
int replaced_errno(int error) REPLACES(nni_plat_errno);
int replaced_errno_original(int error) REPLACED(nni_plat_errno);
int replaced_aio_begin(nng_aio *aio) REPLACES(nni_aio_begin);
int replaced_aio_begin_original(nng_aio *aio) REPLACED(nni_aio_begin);
void replaced_recv(nng_stream *stream, nng_aio *aio) REPLACES(nng_stream_recv);
void replaced_recv_original(nng_stream *stream, nng_aio *aio) REPLACED(nng_stream_recv);
void replaced_send(nng_stream *stream, nng_aio *aio) REPLACES(nng_stream_send);
void replaced_send_original(nng_stream *stream, nng_aio *aio) REPLACED(nng_stream_send);
void replaced_aio_finish_error(nng_aio *aio, int result) __asm__("nni_aio_finish_error");
int replaced_resolver_init(void) REPLACES(nni_posix_resolv_sysinit);
void replaced_resolver_fini(void) REPLACES(nni_posix_resolv_sysfini);
int replaced_tls_init(void) REPLACES(nni_tls_sys_init);
void replaced_tls_fini(void) REPLACES(nni_tls_sys_fini);
void replaced_inproc(void) REPLACES(nni_sp_inproc_register);
void replaced_tcp(void) REPLACES(nni_sp_tcp_register);
void replaced_tls(void) REPLACES(nni_sp_tls_register);
void replaced_ws(void) REPLACES(nni_sp_ws_register);
void replaced_wss(void) REPLACES(nni_sp_wss_register);
int replaced_tcp_dialer(void **stream, const void *url) REPLACES(nni_tcp_dialer_alloc);
int replaced_tcp_listener(void **stream, const void *url) REPLACES(nni_tcp_listener_alloc);
int replaced_tls_dialer(void **stream, const void *url) REPLACES(nni_tls_dialer_alloc);
int replaced_tls_listener(void **stream, const void *url) REPLACES(nni_tls_listener_alloc);
int replaced_ws_dialer(void **stream, const void *url) REPLACES(nni_ws_dialer_alloc);
int replaced_ws_listener(void **stream, const void *url) REPLACES(nni_ws_listener_alloc);

void threads_limit(void)
{
}

int replaced_n_cpus(void)
{
	return 1;
}

int replaced_errno(int error)
{
	return error == EPIPE ? NNG_ECONNRESET : replaced_errno_original(error);
}

/* The aio that could not begin, of the stream's operation that this thread is in. */
static _Thread_local const nng_aio *not_begun;

int replaced_aio_begin(nng_aio *aio)
{
	int r = replaced_aio_begin_original(aio);

	if (r != 0)
		not_begun = aio;
	return r;
}

/* Its callback runs once more, from nng's queue, and hears that it is closed. */
static void finish_if_dropped(nng_aio *aio)
{
	if (not_begun == aio)
		replaced_aio_finish_error(aio, NNG_ECLOSED);
	not_begun = NULL;
}

void replaced_recv(nng_stream *stream, nng_aio *aio)
{
	not_begun = NULL;
	replaced_recv_original(stream, aio);
	finish_if_dropped(aio);
}

void replaced_send(nng_stream *stream, nng_aio *aio)
{
	not_begun = NULL;
	replaced_send_original(stream, aio);
	finish_if_dropped(aio);
}

int replaced_resolver_init(void)
{
	return 0;
}

void replaced_resolver_fini(void)
{
}

int replaced_tls_init(void)
{
	return 0;
}

void replaced_tls_fini(void)
{
}

void replaced_inproc(void)
{
}

void replaced_tcp(void)
{
}

void replaced_tls(void)
{
}

void replaced_ws(void)
{
}

void replaced_wss(void)
{
}

int replaced_tcp_dialer(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}

int replaced_tcp_listener(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}

int replaced_tls_dialer(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}

int replaced_tls_listener(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}

int replaced_ws_dialer(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}

int replaced_ws_listener(void **stream, const void *url)
{
	(void)stream;
	(void)url;
	return NNG_ENOTSUP;
}
