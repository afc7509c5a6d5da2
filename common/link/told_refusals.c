/*
 * nng 1.8 and later: it says in its log that a head claims too much, and that what greets is no
 * peer. That a frame has no head or no request id is the one thing it keeps to itself: its pipe is
 * closed.
 */
#include <string.h>

#include <nng/nng.h>

#include "link/inside.h"

static void hear(nng_log_level level, nng_log_facility facility, const char *id, const char *text)
{
	(void)level;
	(void)facility;
	if (!id)
		return;
	if (strcmp(id, "NNG-RCVMAX") == 0)
		inside_tell(MESSAGE_TOO_LONG);
	else if (strcmp(id, "NNG-ACCEPT-FAIL") == 0 && strstr(text, nng_strerror(NNG_EPROTO)))
		inside_tell(MESSAGE_GARBLED);
}

void inside_listen(void)
{
	nng_log_set_level(NNG_LOG_WARN);
	nng_log_set_logger(hear);
}
