#pragma once
/*
 * The symbol tables that one symbolizer has at hand, by the digest of what they were built from.
 *
 * Three caches under one roof, each with a bound of its own that counts tables, as the
 * configuration has them: build_id_cache_size for tables of files with a build id, GNU's or Go's,
 * same_file_cache_size for those of files without one, pid_cache_size for tables that belong to one
 * process. In each the least recently used goes first. Above them stands a bound in bytes for all
 * together. Not threaded.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table/cache_directory.h"
#include "table/perf_map_file.h"
#include "table/symbol_table.h"
#include "wire/counters.h"
#include "wire/wire.h"

#define HELD_TABLES_BUCKETS 1024u

enum table_class { TABLE_OF_BUILD_ID, TABLE_OF_FILE, TABLE_OF_PROCESS };

#define TABLE_CLASSES 3u

/* A block, wherever it lies. */
struct held_table {
	struct table_digest digest;
	enum table_class class;
	size_t n_bytes;
	void *block;                /* owned, or NULL when mapped */
	struct cached_block mapped; /* owned */
	struct symbol_table view;
	/* The owner's: */
	uint64_t touched_ns;
	uint64_t used_round;
	bool is_counted;
	struct symbol_count count;
	size_t n_name_bytes;
	char name[SHOWN_NAME_BYTES_MAX]; /* of the file that it was last used for */
	struct perf_map_file perf_map;   /* of a TABLE_OF_PROCESS: where reading it stands */
	/* Kept by held_tables. */
	uint64_t used_at;
	struct held_table *next_in_bucket;
	struct held_table *newer;
	struct held_table *older;
};

struct table_shelf {
	uint32_t n;
	uint32_t n_max;
	struct held_table *newest;
	struct held_table *oldest;
};

struct held_tables {
	uint64_t bytes_max; /* mapped blocks count, too */
	uint64_t n_bytes;
	uint64_t n_uses;
	struct counters *counters; /* borrowed */
	struct table_shelf shelves[TABLE_CLASSES];
	struct held_table *buckets[HELD_TABLES_BUCKETS];
};

void held_tables_init(struct held_tables *tables, uint64_t bytes_max, struct counters *counters);

/* Bounds one class; 0 counts as 1, for the table in use has to be somewhere. */
void held_tables_limit(struct held_tables *tables, enum table_class class, uint32_t n_max);

/* The table of @digest, from now on the most recently used one; borrowed, or NULL. */
struct held_table *held_tables_find(struct held_tables *tables, const struct table_digest *digest);

/* The same, of which nothing is changed. */
const struct held_table *held_tables_look_at(const struct held_tables *tables,
					     const struct table_digest *digest);

/*
 * Adds @table (consumed), of which all above the line is set, and lets others go until the bounds
 * hold; @table itself stays at least until the next call.
 */
void held_tables_add(struct held_tables *tables, struct held_table *table);

/* Lets @table go, which is held: another will take its place. */
void held_tables_remove(struct held_tables *tables, struct held_table *table);

void held_tables_deinit(struct held_tables *tables);

void held_table_free(struct held_table *table); /* NULL is fine; one that was not added */

static inline void held_table_freep(struct held_table **table)
{
	held_table_free(*table);
}
