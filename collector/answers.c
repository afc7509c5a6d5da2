#include "answers.h"

#define SHORT_BYTES_MAX 64u

void answer_bytes(struct link_listener *listener, uint64_t request, const struct bytes *out)
{
	if (out->error)
		answer_refused(listener, request, REFUSAL_BUSY);
	else
		link_reply(listener, request, out->data, out->n_bytes);
}

/* Without memory even for that, the pipe is closed: its peer dials again and asks again. */
static void answer_short(struct link_listener *listener, uint64_t request, const struct bytes *out)
{
	if (!out->error)
		link_reply(listener, request, out->data, out->n_bytes);
	else
		link_refuse(listener, request);
}

void answer_bare(struct link_listener *listener, uint64_t request, enum message_id id)
{
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(SHORT_BYTES_MAX);

	wire_encode_bare(&out, id);
	answer_short(listener, request, &out);
}

void answer_refused(struct link_listener *listener, uint64_t request, enum refusal reason)
{
	cleanup_with(bytes_deinit) struct bytes out = BYTES_INIT(SHORT_BYTES_MAX);

	wire_encode_refused(&out, reason);
	answer_short(listener, request, &out);
}
