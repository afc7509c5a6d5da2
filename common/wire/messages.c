#include "wire/messages.h"

#include "wire/unpack.h"

struct message_row {
	enum message_id id;
	enum wire_party from;
	enum wire_party to;
	size_t bytes_max;
	enum wire_when when;
};

static const struct message_row message_rows[] = {
#define X(name, id, from, to, bytes_max, when) {MESSAGE_##name, from, to, bytes_max, when},
#include "wire/messages.def"
#undef X
};

#define N_MESSAGE_ROWS (sizeof(message_rows) / sizeof(message_rows[0]))

const char *message_name(uint64_t id)
{
	switch (id) { /* also the proof that no id is used twice */
#define X(name, id, from, to, bytes_max, when)                                                     \
	case id:                                                                                   \
		return #name;
#include "wire/messages.def"
#undef X
	default:
		return "unknown";
	}
}

static bool party_is(enum wire_party listed, enum wire_party party)
{
	return listed == ANYONE || listed == party;
}

static const struct message_row *row_of(const void *frame, size_t n_bytes)
{
	struct unpacker u = unpack_begin(frame, n_bytes);
	uint64_t id;

	(void)unpack_count(&u, 1); /* how many fields is the decoder's question */
	id = unpack_uint(&u, 1, UINT32_MAX);
	for (size_t i = 0; i < N_MESSAGE_ROWS; i++)
		if (message_rows[i].id == id)
			return &message_rows[i];
	return NULL;
}

int message_check(const void *frame, size_t n_bytes, enum wire_party from, enum wire_party to,
		  bool is_answer, bool leased, enum message_id *ret_id)
{
	const struct message_row *row = row_of(frame, n_bytes);

	if (!row)
		return MESSAGE_UNKNOWN;
	if (!party_is(row->from, from) || !party_is(row->to, to))
		return MESSAGE_WRONG_DIRECTION;
	if (n_bytes > row->bytes_max)
		return MESSAGE_TOO_LONG;
	if ((row->when == ANSWER) != is_answer || (row->when == LEASED && !leased))
		return MESSAGE_WRONG_STATE;
	*ret_id = row->id;
	return 0;
}

size_t message_bytes_max(enum wire_party from, enum wire_party to, bool is_answer)
{
	size_t largest = 0;

	for (size_t i = 0; i < N_MESSAGE_ROWS; i++) {
		const struct message_row *row = &message_rows[i];

		if (party_is(row->from, from) && party_is(row->to, to) &&
		    (row->when == ANSWER) == is_answer && row->bytes_max > largest)
			largest = row->bytes_max;
	}
	return largest;
}
