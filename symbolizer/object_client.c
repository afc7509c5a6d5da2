#include "object_client.h"

#define ANSWER_MS        8000 /* an opener helper has 2 s, and others may be before us */
#define READ_FRAME_BYTES 64u

void object_client_begin(struct object_client *client)
{
	client->is_lease_lost = false;
	client->is_silent = false;
}

/* What a refusal says, also of the lease. An answer that is none says that nothing is there. */
static enum refusal refusal_of(struct object_client *client)
{
	const struct link_answer *answer = &client->answer;
	enum refusal reason = REFUSAL_NOT_FOUND;

	if (answer->id != MESSAGE_REFUSED ||
	    wire_decode_refused(answer->frame, answer->n_bytes, &reason) != 0)
		return REFUSAL_NOT_FOUND;
	client->is_lease_lost = client->is_lease_lost || reason == REFUSAL_STATE;
	return reason;
}

static bool is_at_an_end(const struct object_client *client)
{
	return client->is_lease_lost || client->is_silent;
}

/* Asks what @frame (consumed) holds. Returns 0, a negative errno, or REFUSAL_BUSY for silence. */
static int ask(struct object_client *client, struct bytes *frame)
{
	int r = frame->error;

	link_answer_deinit(&client->answer);
	if (r == 0)
		r = link_ask(client->pool, frame->data, frame->n_bytes, ANSWER_MS, -1,
			     &client->answer);
	bytes_deinit(frame);
	if (r <= 0)
		return r;
	client->is_silent = true; /* the window goes out with the names that are known */
	return REFUSAL_BUSY;
}

int object_client_fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
			struct wire_bytes *ret_bytes)
{
	struct object_client *client = owner;
	const struct wire_object_read request = {object, offset.v, n_bytes};
	struct bytes frame = BYTES_INIT(READ_FRAME_BYTES);
	int r;

	if (is_at_an_end(client))
		return OBJECT_FETCH_REFUSED;
	wire_encode_object_read(&frame, &request);
	r = ask(client, &frame);
	if (r != 0)
		return r < 0 ? r : OBJECT_FETCH_REFUSED;
	if (client->answer.id == MESSAGE_OBJECT_BYTES &&
	    wire_decode_object_bytes(client->answer.frame, client->answer.n_bytes, ret_bytes) == 0)
		return 0;
	(void)refusal_of(client); /* a read that fails is a read that fails */
	return OBJECT_FETCH_REFUSED;
}

int object_client_open(void *owner, const struct wire_object_open *request,
		       struct wire_object *ret_sibling)
{
	struct object_client *client = owner;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_OPEN);
	struct wire_object sibling;
	int r;

	if (is_at_an_end(client))
		return REFUSAL_STATE;
	wire_encode_object_open(&frame, request);
	r = ask(client, &frame);
	if (r != 0)
		return r;
	if (client->answer.id != MESSAGE_OBJECT_OPENED ||
	    wire_decode_object_opened(client->answer.frame, client->answer.n_bytes, &sibling) !=
		    0 ||
	    sibling.kind != OBJECT_FILE)
		return refusal_of(client);
	*ret_sibling = sibling;
	return 0;
}

void object_client_deinit(struct object_client *client)
{
	link_answer_deinit(&client->answer);
}
