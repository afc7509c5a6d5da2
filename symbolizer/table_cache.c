#include "table_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"

/* A block, wherever it lies, shared by the files that it is right for. */
struct held_table {
	struct table_digest digest;
	unsigned n_users;
	bool is_counted; /* in the cache's n_bytes */
	size_t n_bytes;
	void *block;                /* owned, or NULL when mapped */
	struct cached_block mapped; /* owned */
	struct symbol_table view;
};

struct entry {
	struct file_key file;
	uint64_t used_at; /* by the cache's count of calls */
	int outcome;      /* 0 or enum table_cache_outcome */
	struct held_table *table;
};

struct table_cache {
	struct table_cache_options options;
	uint64_t n_calls;
	uint64_t n_bytes;
	size_t n_entries;
	struct entry entries[TABLE_CACHE_ENTRIES_MAX];
};

int table_cache_new(const struct table_cache_options *options, struct table_cache **ret_cache)
{
	struct table_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->options = *options;
	*ret_cache = cache;
	return 0;
}

static void held_table_free(struct held_table *table)
{
	if (!table)
		return;
	cached_block_deinit(&table->mapped);
	free(table->block);
	free(table);
}

static void held_table_freep(struct held_table **table)
{
	held_table_free(*table);
}

static void count(struct table_cache *cache, enum counter_id id, uint64_t n)
{
	counters_add(cache->options.counters, id, n);
}

static void drop_entry(struct table_cache *cache, size_t i)
{
	struct held_table *table = cache->entries[i].table;

	if (table && --table->n_users == 0) {
		cache->n_bytes -= table->n_bytes;
		held_table_free(table);
	}
	cache->entries[i] = cache->entries[--cache->n_entries];
}

/* Lets the least recently used entries go until @n_more bytes and one entry fit. */
static void make_room(struct table_cache *cache, uint64_t n_more)
{
	while (cache->n_entries > 0 && (cache->n_entries == TABLE_CACHE_ENTRIES_MAX ||
					cache->n_bytes + n_more > cache->options.bytes_max)) {
		size_t oldest = 0;

		for (size_t i = 1; i < cache->n_entries; i++)
			if (cache->entries[i].used_at < cache->entries[oldest].used_at)
				oldest = i;
		drop_entry(cache, oldest);
	}
}

static struct entry *find_entry(struct table_cache *cache, const struct file_key *file)
{
	for (size_t i = 0; i < cache->n_entries; i++)
		if (memcmp(&cache->entries[i].file, file, sizeof(*file)) == 0)
			return &cache->entries[i];
	return NULL;
}

static struct held_table *find_digest(const struct table_cache *cache,
				      const struct table_digest *digest)
{
	for (size_t i = 0; i < cache->n_entries; i++) {
		struct held_table *table = cache->entries[i].table;

		if (table && memcmp(&table->digest, digest, sizeof(*digest)) == 0)
			return table;
	}
	return NULL;
}

/* Adds what is known of @file now; @table is borrowed, and gets one user more. */
static void remember(struct table_cache *cache, const struct file_key *file, int outcome,
		     struct held_table *table)
{
	if (table) {
		cache->n_bytes += table->is_counted ? 0 : table->n_bytes;
		table->is_counted = true;
		table->n_users++;
	}
	cache->entries[cache->n_entries++] = (struct entry){
		.file = *file,
		.used_at = cache->n_calls,
		.outcome = outcome,
		.table = table,
	};
	counters_set(cache->options.counters, COUNTER_TABLE_BYTES, cache->n_bytes);
}

/* Takes a table from the directory. Returns 0, CACHE_MISS or a negative errno. */
static int load(const struct table_cache *cache, const struct table_digest *digest,
		struct held_table **ret_table)
{
	cleanup_with(held_table_freep) struct held_table *table = NULL;
	int r;

	if (!cache->options.directory)
		return CACHE_MISS;
	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	r = cache_directory_map(cache->options.directory, digest, &table->mapped);
	if (r != 0)
		return r;
	if (symbol_table_view(table->mapped.block, table->mapped.n_bytes, &table->view) != 0)
		return CACHE_MISS;
	table->digest = *digest;
	table->n_bytes = table->mapped.n_bytes;
	*ret_table = take_ptr(table);
	return 0;
}

/* Publishes what was built; from then on its pages are the directory's, shared by the pool. */
static void publish(struct table_cache *cache, struct held_table **table)
{
	struct held_table *shared;

	if (!cache->options.directory ||
	    cache_directory_publish(cache->options.directory, &(*table)->digest, (*table)->block,
				    (*table)->n_bytes) < 0)
		return; /* a full disk costs the sharing, not the table */
	if (load(cache, &(*table)->digest, &shared) != 0)
		return;
	held_table_free(*table);
	*table = shared;
}

static int outcome_of_elf(int r)
{
	switch (r) {
	case ELF_IMAGE_NOT_ELF:
		return TABLE_CACHE_NOT_ELF;
	case ELF_IMAGE_MALFORMED:
		return TABLE_CACHE_MALFORMED;
	case ELF_IMAGE_TOO_BIG:
		return TABLE_CACHE_TOO_BIG;
	case ELF_IMAGE_UNREADABLE:
		return TABLE_CACHE_UNREADABLE;
	default:
		return r; /* 0 or a negative errno */
	}
}

static void count_refused(struct table_cache *cache, int outcome)
{
	static const enum counter_id ids[] = {
		[TABLE_CACHE_NOT_ELF] = COUNTER_IMAGES_NOT_ELF,
		[TABLE_CACHE_MALFORMED] = COUNTER_IMAGES_MALFORMED,
		[TABLE_CACHE_TOO_BIG] = COUNTER_IMAGES_TOO_BIG,
		[TABLE_CACHE_UNREADABLE] = COUNTER_IMAGES_UNREADABLE,
	};

	if (outcome > 0)
		count(cache, ids[outcome], 1);
}

static int build(struct table_cache *cache, struct elf_image *elf,
		 const struct table_digest *digest, struct held_table **ret_table)
{
	cleanup_with(held_table_freep) struct held_table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return -ENOMEM;
	r = outcome_of_elf(elf_image_build(elf, &table->block, &table->n_bytes));
	if (r == 0 && symbol_table_view(table->block, table->n_bytes, &table->view) != 0)
		r = TABLE_CACHE_MALFORMED;
	if (r != 0)
		return r;
	table->digest = *digest;
	count(cache, COUNTER_TABLES_BUILT, 1);
	count_refused(cache, outcome_of_elf(elf_image_flaw(elf)));
	publish(cache, &table);
	*ret_table = take_ptr(table);
	return 0;
}

/* The table for bytes that were fetched: one that is held, one of the directory, or a new one. */
static int table_of_image(struct table_cache *cache, struct object_image *image,
			  struct elf_image *elf, struct held_table **ret_table)
{
	struct table_digest digest;
	int r = object_image_digest(image, digest.bytes);

	if (r < 0)
		return r;
	*ret_table = find_digest(cache, &digest);
	if (*ret_table) {
		count(cache, COUNTER_TABLES_HIT_MEMORY, 1);
		return 0;
	}
	if (load(cache, &digest, ret_table) == 0) {
		count(cache, COUNTER_TABLES_HIT_DISK, 1);
		return 0;
	}
	return build(cache, elf, &digest, ret_table);
}

static int read_file(struct table_cache *cache, const struct wire_object *object,
		     const struct object_reader *reader, struct held_table **ret_table)
{
	struct object_image *image = NULL;
	struct elf_image *elf = NULL;
	int r = object_image_new(cache->options.memory_fd, object, reader, &image);

	if (r != 0)
		return r < 0 ? r : TABLE_CACHE_TOO_BIG;
	r = outcome_of_elf(elf_image_open(image, &elf));
	count(cache, COUNTER_IMAGE_BYTES_READ, object_image_bytes_read(image));
	if (r == 0)
		r = table_of_image(cache, image, elf, ret_table);
	elf_image_free(elf);
	object_image_free(image);
	return r;
}

/* Finds a table that the directory knows by the file's identity alone. */
static int recall(struct table_cache *cache, const struct file_key *file,
		  struct held_table **ret_table)
{
	struct table_digest digest;

	if (!cache->options.directory ||
	    cache_directory_find(cache->options.directory, file, &digest) != 0)
		return CACHE_MISS;
	*ret_table = find_digest(cache, &digest);
	if (*ret_table)
		return 0;
	return load(cache, &digest, ret_table) == 0 ? 0 : CACHE_MISS;
}

static int learn(struct table_cache *cache, const struct file_key *file,
		 const struct wire_object *object, const struct object_reader *reader,
		 struct held_table **ret_table)
{
	int r;

	if (recall(cache, file, ret_table) == 0) {
		count(cache, COUNTER_TABLES_HIT_DISK, 1);
		return 0;
	}
	r = read_file(cache, object, reader, ret_table);
	if (r == -ENOMEM)
		r = TABLE_CACHE_TOO_BIG; /* the memory limit is one of our bounds on files */
	count_refused(cache, r);
	if (r == 0 && cache->options.directory)
		(void)!cache_directory_note(cache->options.directory, file,
					    &(*ret_table)->digest); /* costs a reading later */
	return r;
}

int table_cache_get(struct table_cache *cache, const struct wire_object *object,
		    const struct object_reader *reader, const struct symbol_table **ret_table)
{
	const struct file_key file = {object->device, object->inode, object->size_bytes,
				      object->change_time_ns};
	struct entry *entry = find_entry(cache, &file);
	struct held_table *table = NULL;
	int r;

	cache->n_calls++;
	if (!entry) {
		r = learn(cache, &file, object, reader, &table);
		if (r < 0 || r == TABLE_CACHE_UNREADABLE)
			return r;
		if (table)
			table->n_users++; /* not let go while room is made for it */
		make_room(cache, table && !table->is_counted ? table->n_bytes : 0);
		if (table)
			table->n_users--;
		remember(cache, &file, r, table);
		entry = &cache->entries[cache->n_entries - 1];
	} else if (entry->table) {
		count(cache, COUNTER_TABLES_HIT_MEMORY, 1);
	}
	entry->used_at = cache->n_calls;
	if (entry->outcome != 0)
		return entry->outcome;
	*ret_table = &entry->table->view;
	return 0;
}

void table_cache_free(struct table_cache *cache)
{
	if (!cache)
		return;
	while (cache->n_entries > 0)
		drop_entry(cache, cache->n_entries - 1);
	free(cache);
}
