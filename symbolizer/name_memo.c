#include "name_memo.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"

#define SLOTS_AT_LEAST 1024u

struct slot {
	const char *raw; /* NULL: free */
	uint32_t at;
	uint32_t n_bytes;
};

struct name_memo {
	uint64_t seed;
	struct slot *slots; /* owned; at most half of them are used */
	size_t n_slots;     /* a power of two */
	size_t n_names;
	struct bytes text;
};

int name_memo_new(struct name_memo **ret_memo)
{
	struct name_memo *memo = calloc(1, sizeof(*memo));

	if (!memo)
		return -ENOMEM;
	memo->seed = hash_new_seed();
	memo->text = (struct bytes)BYTES_INIT(NAME_MEMO_BYTES_MAX);
	*ret_memo = memo;
	return 0;
}

static struct slot *slot_of(struct slot *slots, size_t n_slots, uint64_t seed, const char *raw)
{
	size_t i = hash_word(seed, (uint64_t)(uintptr_t)raw) & (n_slots - 1);

	while (slots[i].raw && slots[i].raw != raw)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

/* Returns whether there is a slot for one more. */
static bool make_room(struct name_memo *memo)
{
	size_t n_slots = memo->n_slots ? 2 * memo->n_slots : SLOTS_AT_LEAST;
	struct slot *slots;

	if (2 * (memo->n_names + 1) <= memo->n_slots)
		return true;
	if (memo->n_names >= NAME_MEMO_NAMES_MAX)
		return false;
	slots = calloc(n_slots, sizeof(*slots)); /* NAME_MEMO_NAMES_MAX above */
	if (!slots)
		return false;
	for (size_t i = 0; i < memo->n_slots; i++)
		if (memo->slots[i].raw)
			*slot_of(slots, n_slots, memo->seed, memo->slots[i].raw) = memo->slots[i];
	free(memo->slots);
	memo->slots = slots;
	memo->n_slots = n_slots;
	return true;
}

struct wire_bytes name_memo_find(const struct name_memo *memo, const char *raw)
{
	const struct slot *slot;

	if (memo->n_slots == 0)
		return (struct wire_bytes){0};
	slot = slot_of(memo->slots, memo->n_slots, memo->seed, raw);
	if (!slot->raw)
		return (struct wire_bytes){0};
	return (struct wire_bytes){memo->text.data + slot->at, slot->n_bytes};
}

void name_memo_keep(struct name_memo *memo, const char *raw, struct wire_bytes shown)
{
	size_t at = memo->text.n_bytes;

	if (shown.n_bytes == 0 || !make_room(memo))
		return;
	bytes_append(&memo->text, shown.data, shown.n_bytes);
	if (memo->text.error)
		return; /* full: it stays so */
	*slot_of(memo->slots, memo->n_slots, memo->seed, raw) =
		(struct slot){raw, (uint32_t)at, (uint32_t)shown.n_bytes};
	memo->n_names++;
}

void name_memo_free(struct name_memo *memo)
{
	if (!memo)
		return;
	bytes_deinit(&memo->text);
	free(memo->slots);
	free(memo);
}
