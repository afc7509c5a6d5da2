#include "wire/counters.h"

#include <assert.h>

const struct counter_row counter_rows[] = {
#define X(name, id, owner, kind, family, labels, help)                                             \
	{COUNTER_##name, owner, COUNTER_KIND_##kind, family, labels, help},
#include "wire/counters.def"
#undef X
};
const size_t n_counter_rows = sizeof(counter_rows) / sizeof(counter_rows[0]);

static_assert(sizeof(counter_rows) / sizeof(counter_rows[0]) < COUNTERS_MAX, "counters fit");

/* Where each id stands, resolved by the compiler: ids have gaps, positions do not. */
enum counter_position {
#define X(name, id, owner, kind, family, labels, help) POSITION_##name,
#include "wire/counters.def"
#undef X
};

size_t counter_index(uint64_t id)
{
	switch (id) {
#define X(name, id, owner, kind, family, labels, help)                                             \
	case id:                                                                                   \
		return POSITION_##name;
#include "wire/counters.def"
#undef X
	default:
		return n_counter_rows;
	}
}

void counters_add(struct counters *c, enum counter_id id, uint64_t n)
{
	c->values[counter_index(id)] += n;
}

void counters_set(struct counters *c, enum counter_id id, uint64_t value)
{
	c->values[counter_index(id)] = value;
}

uint64_t counters_get(const struct counters *c, enum counter_id id)
{
	return c->values[counter_index(id)];
}
