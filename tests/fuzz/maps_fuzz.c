/*
 * Maps text: two texts, cut at the first NUL, as an image is read twice. Whatever they hold, the
 * sets are ascending and disjoint, names are inside, and references balance.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mappings.h"

static void check(const struct mappings *set)
{
	uint64_t end = 0;

	assert(set->n_mappings <= MAPPINGS_MAX);
	for (size_t i = 0; i < set->n_mappings; i++) {
		const struct mapping *m = &set->mappings[i];

		assert(m->start.v >= end && m->end.v > m->start.v);
		assert(m->n_name_bytes <= OBJECT_NAME_BYTES_MAX);
		assert((size_t)m->name_at + m->n_name_bytes <= set->n_names_bytes);
		assert(mappings_find(set, m->start) == m);
		assert(mappings_find(set, (struct proc_addr){m->end.v - 1}) == m);
		end = m->end.v;
	}
}

static void name_all(struct mappings *set, struct objects *objects)
{
	for (size_t i = 0; i < set->n_mappings; i++)
		set->mappings[i].object =
			objects_nameless(objects, mapping_name(set, &set->mappings[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t n_first = nul ? (size_t)(nul - data) : size;
	struct wire_bytes first = {data, n_first};
	struct wire_bytes second = {data + n_first, size - n_first};
	struct mappings set, fresh, copy;
	struct objects *objects;

	if (objects_new(1, 0, &objects) != 0 || mappings_parse(first, &set) != 0 ||
	    mappings_parse(second, &fresh) != 0)
		abort();
	check(&set);
	check(&fresh);
	name_all(&set, objects);
	mappings_replace(&set, &fresh, objects, 0);
	check(&set);
	if (mappings_copy(&set, &copy) != 0)
		abort();
	check(&copy);
	mappings_prune(&set, objects, 0);
	check(&set);
	mappings_deinit(&copy, objects, 0);
	mappings_deinit(&set, objects, 0);
	objects_free(objects);
	return 0;
}
