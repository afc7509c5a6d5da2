#pragma once
/* The ids of counters.def, and the rows themselves for whoever exports them. Pure tables. */
#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"

enum counter_id {
#define X(name, id, owner, kind, family, labels, help) COUNTER_##name = (id),
#include "wire/counters.def"
#undef X
};

enum counter_kind { COUNTER_KIND_C, COUNTER_KIND_G };

struct counter_row {
	enum counter_id id;
	enum wire_party owner;
	enum counter_kind kind;
	const char *family;
	const char *labels; /* "" or key="value", as Prometheus writes them */
	const char *help;   /* "" in every row of a family but its first */
};

extern const struct counter_row counter_rows[];
extern const size_t n_counter_rows;

/* The position of @id in counter_rows, or n_counter_rows when there is no such counter. */
size_t counter_index(uint64_t id);

/* One process's values, indexed as counter_rows. Allocated by value: a few hundred bytes. */
#define COUNTERS_MAX 128

struct counters {
	uint64_t values[COUNTERS_MAX];
};

void counters_add(struct counters *c, enum counter_id id, uint64_t n);
void counters_set(struct counters *c, enum counter_id id, uint64_t value);
uint64_t counters_get(const struct counters *c, enum counter_id id);
