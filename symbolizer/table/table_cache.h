#pragma once
/*
 * Symbol tables by file, in memory and in the pool's cache directory.
 *
 * A table belongs to a file: device, inode, size and change time of the fd that the collector
 * holds. Files share one only when a cryptographic hash over all bytes that it was built from is
 * equal; a build id never selects a table, since whoever writes a file can forge it. What a file
 * turned out to be is remembered, too, so that one without symbols is read once. That no debug file
 * was found is only remembered for TABLE_LOOK_AGAIN_NS: somebody may install one.
 *
 * Code that a process makes itself has a table of that process, made of what the process says of
 * it. Not threaded.
 */
#include <stddef.h>
#include <stdint.h>

#include "table/cache_directory.h"
#include "elf/debug_files.h"
#include "elf/object_image.h"
#include "table/symbol_table.h"
#include "wire/counters.h"

#define TABLE_LOOK_AGAIN_NS UINT64_C(600000000000)

struct table_cache;

struct table_cache_options {
	uint64_t bytes_max; /* of tables in memory, mapped ones included */
	int memory_fd;      /* a memfd for images; borrowed for life, like the rest */
	struct cache_directory *directory; /* or NULL */
	struct counters *counters;
	uint64_t (*clock_wall_ns)(void); /* NULL: the machine's */
	debug_tell_fn *tell;             /* told each place of a debug file, or NULL */
	void *owner;                     /* of tell */
};

enum table_cache_outcome {
	TABLE_CACHE_NOT_ELF = 1,
	TABLE_CACHE_MALFORMED,
	TABLE_CACHE_TOO_BIG,
	TABLE_CACHE_UNREADABLE,
};

int table_cache_new(const struct table_cache_options *options,
		    struct table_cache **ret_cache) warn_unused_result;

/* How many tables may be held, by kind (see held_tables.h); until then bytes alone bound them. */
void table_cache_limit(struct table_cache *cache, const struct wire_cache_limits *limits);

/*
 * The table of @object, an OBJECT_FILE, read through @reader when it is not known yet.
 *   @ret_table  set on 0 only; borrowed until the next call
 * Returns 0, a negative errno, or an outcome: the file has no table.
 */
int table_cache_get(struct table_cache *cache, const struct wire_object *object,
		    const struct object_reader *reader,
		    const struct symbol_table **ret_table) warn_unused_result;

/*
 * The table of what the process of @object, an OBJECT_CODE, made itself: its perf map, of which
 * what is new is read. Not shared with the pool, which would read it as often.
 *   @ret_table  set on 0 only; borrowed until the next call
 * Returns 0, a negative errno, or TABLE_CACHE_UNREADABLE: there is no map, or none to be believed.
 */
int table_cache_get_process(struct table_cache *cache, const struct wire_object *object,
			    const struct object_reader *reader,
			    const struct symbol_table **ret_table) warn_unused_result;

/* A window begins: tables that are used from now on are so in a new round. */
void table_cache_begin_round(struct table_cache *cache);

/* What is in the cache, the most recently used first, as REPORT has it. */
struct table_list {
	uint64_t round;
	struct wire_table_cache caches[REPORT_CACHES]; /* their tables are those below */
	struct wire_table tables[REPORT_CACHES][REPORT_TABLES_MAX];
	size_t n_files;
	struct wire_table_file files[REPORT_FILES_MAX];
};

/* Fills in *@ret_list, which borrows from @cache until anything else here is called. */
void table_cache_list(struct table_cache *cache, struct table_list *ret_list);

void table_cache_free(struct table_cache *cache); /* NULL is fine */
