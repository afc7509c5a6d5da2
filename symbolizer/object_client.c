#include "object_client.h"

#define ANSWER_MS     8000 /* an opener helper has 2 s, and others may be before us */
#define REQUEST_BYTES 64u

void object_client_begin(struct object_client *client)
{
	client->is_lease_lost = false;
	client->is_silent = false;
}

static int take_answer(struct object_client *client, struct wire_bytes *ret_bytes)
{
	const struct link_answer *answer = &client->answer;
	enum refusal reason;

	if (answer->id == MESSAGE_OBJECT_BYTES &&
	    wire_decode_object_bytes(answer->frame, answer->n_bytes, ret_bytes) == 0)
		return 0;
	if (answer->id == MESSAGE_REFUSED &&
	    wire_decode_refused(answer->frame, answer->n_bytes, &reason) == 0 &&
	    reason == REFUSAL_STATE)
		client->is_lease_lost = true;
	return OBJECT_FETCH_REFUSED;
}

int object_client_fetch(void *owner, uint64_t object, struct file_off offset, uint32_t n_bytes,
			struct wire_bytes *ret_bytes)
{
	struct object_client *client = owner;
	const struct wire_object_read request = {object, offset.v, n_bytes};
	struct bytes frame = BYTES_INIT(REQUEST_BYTES);
	int r;

	if (client->is_lease_lost || client->is_silent)
		return OBJECT_FETCH_REFUSED;
	wire_encode_object_read(&frame, &request);
	link_answer_deinit(&client->answer);
	r = frame.error;
	if (r == 0)
		r = link_ask(client->pool, frame.data, frame.n_bytes, ANSWER_MS, -1,
			     &client->answer);
	bytes_deinit(&frame);
	if (r < 0)
		return r;
	if (r > 0) {
		client->is_silent = true; /* the window goes out with the names that are known */
		return OBJECT_FETCH_REFUSED;
	}
	return take_answer(client, ret_bytes);
}

void object_client_deinit(struct object_client *client)
{
	link_answer_deinit(&client->answer);
}
