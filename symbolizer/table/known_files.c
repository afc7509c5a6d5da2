#include "table/known_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void known_files_init(struct known_files *known)
{
	known->seed = hash_new_seed();
}

static uint32_t *bucket_of(struct known_files *known, const struct file_key *key)
{
	return &known->buckets[hash_bytes(known->seed, key, sizeof(*key)) % KNOWN_FILES_MAX];
}

static struct known_file *at(struct known_files *known, uint32_t index)
{
	return &known->files[index - 1];
}

static void link_newest(struct known_files *known, uint32_t index)
{
	struct known_file *file = at(known, index);

	file->newer = 0;
	file->older = known->newest;
	*(known->newest ? &at(known, known->newest)->newer : &known->oldest) = index;
	known->newest = index;
}

static void unlink_file(struct known_files *known, uint32_t index)
{
	struct known_file *file = at(known, index);

	*(file->newer ? &at(known, file->newer)->older : &known->newest) = file->older;
	*(file->older ? &at(known, file->older)->newer : &known->oldest) = file->newer;
}

/* Takes the oldest out of everything; returns its index. */
static uint32_t recycle(struct known_files *known)
{
	uint32_t index = known->oldest;
	uint32_t *link = bucket_of(known, &at(known, index)->key);

	while (*link != index)
		link = &at(known, *link)->next_in_bucket;
	*link = at(known, index)->next_in_bucket;
	unlink_file(known, index);
	return index;
}

static uint32_t find(struct known_files *known, const struct file_key *key)
{
	uint32_t index = *bucket_of(known, key);

	while (index && memcmp(&at(known, index)->key, key, sizeof(*key)) != 0)
		index = at(known, index)->next_in_bucket;
	return index;
}

const struct known_file *known_files_find(struct known_files *known, const struct file_key *key)
{
	uint32_t index = find(known, key);

	if (!index)
		return NULL;
	unlink_file(known, index);
	link_newest(known, index);
	return at(known, index);
}

void known_files_note(struct known_files *known, const struct file_key *key,
		      const struct file_note *note)
{
	uint32_t index = find(known, key), *bucket;

	if (index) {
		unlink_file(known, index);
	} else {
		index = known->n < KNOWN_FILES_MAX ? ++known->n : recycle(known);
		bucket = bucket_of(known, key);
		at(known, index)->key = *key;
		at(known, index)->next_in_bucket = *bucket;
		*bucket = index;
	}
	at(known, index)->note = *note;
	link_newest(known, index);
}
