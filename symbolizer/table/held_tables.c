#include "table/held_tables.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT UINT32_MAX /* until a window brings the configuration's */

static const struct {
	enum counter_id held;
	enum counter_id evicted;
} shelf_counters[TABLE_CLASSES] = {
	[TABLE_OF_BUILD_ID] = {COUNTER_TABLES_OF_BUILD_IDS, COUNTER_TABLES_OF_BUILD_IDS_EVICTED},
	[TABLE_OF_FILE] = {COUNTER_TABLES_OF_FILES, COUNTER_TABLES_OF_FILES_EVICTED},
	[TABLE_OF_PROCESS] = {COUNTER_TABLES_OF_PROCESSES, COUNTER_TABLES_OF_PROCESSES_EVICTED},
};

void held_tables_init(struct held_tables *tables, uint64_t bytes_max, struct counters *counters)
{
	*tables = (struct held_tables){.bytes_max = bytes_max, .counters = counters};
	for (unsigned i = 0; i < TABLE_CLASSES; i++)
		tables->shelves[i].n_max = LIMIT_DEFAULT;
}

/* The digest is one of a cryptographic hash: its first bytes are as good as any. */
static uint32_t bucket_at(const struct table_digest *digest)
{
	uint32_t bucket;

	memcpy(&bucket, digest->bytes, sizeof(bucket));
	return bucket % HELD_TABLES_BUCKETS;
}

static struct held_table **bucket_of(struct held_tables *tables, const struct table_digest *digest)
{
	return &tables->buckets[bucket_at(digest)];
}

static void put_on_shelf(struct held_tables *tables, struct held_table *table)
{
	struct table_shelf *shelf = &tables->shelves[table->class];

	table->used_at = ++tables->n_uses;
	table->newer = NULL;
	table->older = shelf->newest;
	if (shelf->newest)
		shelf->newest->newer = table;
	else
		shelf->oldest = table;
	shelf->newest = table;
	shelf->n++;
}

static void take_off_shelf(struct held_tables *tables, struct held_table *table)
{
	struct table_shelf *shelf = &tables->shelves[table->class];

	*(table->newer ? &table->newer->older : &shelf->newest) = table->older;
	*(table->older ? &table->older->newer : &shelf->oldest) = table->newer;
	shelf->n--;
}

static void say_counts(const struct held_tables *tables)
{
	for (unsigned i = 0; i < TABLE_CLASSES; i++)
		counters_set(tables->counters, shelf_counters[i].held, tables->shelves[i].n);
	counters_set(tables->counters, COUNTER_TABLE_BYTES, tables->n_bytes);
}

void held_table_free(struct held_table *table)
{
	if (!table)
		return;
	cached_block_deinit(&table->mapped);
	free(table->block);
	free(table);
}

static void drop(struct held_tables *tables, struct held_table *table)
{
	struct held_table **at = bucket_of(tables, &table->digest);

	while (*at != table)
		at = &(*at)->next_in_bucket;
	*at = table->next_in_bucket;
	take_off_shelf(tables, table);
	tables->n_bytes -= table->n_bytes;
	held_table_free(table);
}

static void evict(struct held_tables *tables, enum table_class class)
{
	counters_add(tables->counters, shelf_counters[class].evicted, 1);
	drop(tables, tables->shelves[class].oldest);
}

/* The class whose oldest table was used least recently of all; TABLE_CLASSES: there is none. */
static unsigned oldest_class(const struct held_tables *tables)
{
	uint64_t used_at = UINT64_MAX;
	unsigned oldest = TABLE_CLASSES;

	for (unsigned i = 0; i < TABLE_CLASSES; i++) {
		const struct held_table *table = tables->shelves[i].oldest;

		if (table && table->used_at < used_at) {
			used_at = table->used_at;
			oldest = i;
		}
	}
	return oldest;
}

void held_tables_limit(struct held_tables *tables, enum table_class class, uint32_t n_max)
{
	struct table_shelf *shelf = &tables->shelves[class];

	shelf->n_max = n_max ? n_max : 1;
	while (shelf->n > shelf->n_max)
		evict(tables, class);
	say_counts(tables);
}

static struct held_table *look_up(const struct held_tables *tables,
				  const struct table_digest *digest)
{
	struct held_table *table = tables->buckets[bucket_at(digest)];

	while (table && memcmp(&table->digest, digest, sizeof(*digest)) != 0)
		table = table->next_in_bucket;
	return table;
}

const struct held_table *held_tables_look_at(const struct held_tables *tables,
					     const struct table_digest *digest)
{
	return look_up(tables, digest);
}

struct held_table *held_tables_find(struct held_tables *tables, const struct table_digest *digest)
{
	struct held_table *table = look_up(tables, digest);

	if (table) {
		take_off_shelf(tables, table);
		put_on_shelf(tables, table);
	}
	return table;
}

void held_tables_add(struct held_tables *tables, struct held_table *table)
{
	struct table_shelf *shelf = &tables->shelves[table->class];
	struct held_table **bucket = bucket_of(tables, &table->digest);
	unsigned oldest;

	while (shelf->n >= shelf->n_max)
		evict(tables, table->class);
	while (tables->n_bytes + table->n_bytes > tables->bytes_max &&
	       (oldest = oldest_class(tables)) < TABLE_CLASSES)
		evict(tables, (enum table_class)oldest);
	table->next_in_bucket = *bucket;
	*bucket = table;
	put_on_shelf(tables, table);
	tables->n_bytes += table->n_bytes;
	say_counts(tables);
}

void held_tables_remove(struct held_tables *tables, struct held_table *table)
{
	drop(tables, table);
	say_counts(tables);
}

void held_tables_deinit(struct held_tables *tables)
{
	for (unsigned i = 0; i < TABLE_CLASSES; i++)
		while (tables->shelves[i].oldest)
			drop(tables, tables->shelves[i].oldest);
}
