#include "nameless_objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define OTHER_NAME "[other]"
#define N_BUCKETS  1024u /* a power of two */

struct nameless {
	struct object object; /* first: an object of ours is its record */
	struct nameless *next;
};

struct nameless_objects {
	uint64_t seed;
	size_t n;
	struct nameless *other; /* with a reference of the table's own */
	struct nameless *by_name[N_BUCKETS];
};

static struct wire_bytes cut_name(struct wire_bytes name)
{
	if (name.n_bytes > OBJECT_NAME_BYTES_MAX)
		name.n_bytes = OBJECT_NAME_BYTES_MAX;
	return name.n_bytes > 0 ? name : (struct wire_bytes){"", 0};
}

bool object_init(struct object *object, enum object_kind kind, struct wire_bytes name)
{
	name = cut_name(name);
	object->name = malloc(name.n_bytes + 1);
	if (!object->name)
		return false;
	memcpy(object->name, name.data, name.n_bytes);
	object->name[name.n_bytes] = '\0';
	object->n_name_bytes = name.n_bytes;
	object->kind = kind;
	object->fd = -1;
	object->root_fd = -1;
	object->n_refs = 1;
	return true;
}

static struct nameless **name_bucket(struct nameless_objects *nameless, struct wire_bytes name)
{
	uint64_t h = hash_bytes(nameless->seed, name.data, name.n_bytes);

	return &nameless->by_name[h & (N_BUCKETS - 1)];
}

static struct nameless *record_new(struct wire_bytes name)
{
	struct nameless *record = calloc(1, sizeof(*record));

	if (!record || !object_init(&record->object, OBJECT_NAMELESS, name)) {
		free(record);
		return NULL;
	}
	return record;
}

struct object *nameless_get(struct nameless_objects *nameless, struct wire_bytes name)
{
	struct nameless **bucket, *at;

	name = cut_name(name);
	bucket = name_bucket(nameless, name);
	for (at = *bucket; at; at = at->next)
		if (at->object.n_name_bytes == name.n_bytes &&
		    memcmp(at->object.name, name.data, name.n_bytes) == 0)
			return object_retain(&at->object);
	at = nameless->n < OBJECTS_NAMELESS_MAX ? record_new(name) : NULL;
	if (!at)
		return object_retain(&nameless->other->object);
	nameless->n++;
	at->next = *bucket;
	*bucket = at;
	return &at->object;
}

static void record_free(struct nameless *record)
{
	if (record)
		free(record->object.name);
	free(record);
}

/* The table's own reference keeps "[other]" from ever coming here. */
static void forget(struct nameless_objects *nameless, struct nameless *record)
{
	struct wire_bytes name = {record->object.name, record->object.n_name_bytes};
	struct nameless **at = name_bucket(nameless, name);

	while (*at != record)
		at = &(*at)->next;
	*at = record->next;
	nameless->n--;
	record_free(record);
}

void nameless_release(struct nameless_objects *nameless, struct object *object)
{
	if (--object->n_refs == 0)
		forget(nameless, (struct nameless *)object); /* its first member */
}

struct nameless_objects *nameless_new(void)
{
	struct nameless_objects *nameless = calloc(1, sizeof(*nameless));

	if (!nameless)
		return NULL;
	nameless->seed = hash_new_seed();
	nameless->other = record_new((struct wire_bytes){OTHER_NAME, strlen(OTHER_NAME)});
	if (!nameless->other) {
		free(nameless);
		return NULL;
	}
	return nameless;
}

void nameless_free(struct nameless_objects *nameless)
{
	if (!nameless)
		return;
	for (size_t i = 0; i < N_BUCKETS; i++)
		while (nameless->by_name[i])
			forget(nameless, nameless->by_name[i]);
	record_free(nameless->other);
	free(nameless);
}
