/* LEASE, and the answers that are an id and little else. */
#include "wire/parts.h"

void wire_encode_lease(struct bytes *out, const struct wire_lease *m)
{
	pack_head(out, MESSAGE_LEASE, 5);
	pack_uint(out, m->protocol_version);
	pack_uint(out, m->worker);
	pack_bool(out, m->stopping);
	pack_uint(out, m->outcome);
	pack_window_id(out, &m->window);
}

int wire_decode_lease(const void *frame, size_t n_bytes, struct wire_lease *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_LEASE, 5);
	struct wire_lease m;
	int r;

	m.protocol_version = unpack_u64(&u);
	m.worker = unpack_u64(&u);
	m.stopping = unpack_bool(&u);
	m.outcome = (enum lease_outcome)unpack_uint(&u, LEASE_OUTCOME_NONE, LEASE_OUTCOME_FAILED);
	m.window = unpack_window_id(&u);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

const char *refusal_name(enum refusal reason)
{
	static const char *const names[] = {
		[REFUSAL_VERSION] = "version",
		[REFUSAL_STATE] = "state",
		[REFUSAL_NO_OBJECT] = "no_object",
		[REFUSAL_NOT_FOUND] = "not_found",
		[REFUSAL_NOT_REGULAR] = "not_regular",
		[REFUSAL_BAD_NAME] = "bad_name",
		[REFUSAL_DENIED] = "denied",
		[REFUSAL_DEADLINE] = "deadline",
		[REFUSAL_BUSY] = "busy",
		[REFUSAL_DISK] = "disk",
	};

	if (reason < REFUSAL_VERSION || reason > REFUSAL_DISK)
		return "unknown";
	return names[reason];
}

void wire_encode_refused(struct bytes *out, enum refusal reason)
{
	pack_head(out, MESSAGE_REFUSED, 1);
	pack_uint(out, reason);
}

int wire_decode_refused(const void *frame, size_t n_bytes, enum refusal *ret_reason)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_REFUSED, 1);
	enum refusal reason = (enum refusal)unpack_uint(&u, REFUSAL_VERSION, REFUSAL_DISK);
	int r = unpack_end(&u);

	if (r == 0)
		*ret_reason = reason;
	return r;
}

void wire_encode_bare(struct bytes *out, enum message_id id)
{
	pack_head(out, id, 0);
}

int wire_decode_bare(const void *frame, size_t n_bytes, enum message_id id)
{
	struct unpacker u = unpack_frame(frame, n_bytes, id, 0);

	return unpack_end(&u);
}
