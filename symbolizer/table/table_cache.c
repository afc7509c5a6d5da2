#include "table/table_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "elf/file_symbols.h"
#include "table/held_tables.h"
#include "table/known_files.h"

#define TOUCH_NS UINT64_C(600000000000)

struct table_cache {
	struct table_cache_options options;
	uint64_t (*clock_wall_ns)(void);
	struct held_tables tables;
	struct known_files files;
	uint64_t round; /* of the window at hand */
};

int table_cache_new(const struct table_cache_options *options, struct table_cache **ret_cache)
{
	struct table_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->options = *options;
	cache->clock_wall_ns = options->clock_wall_ns ? options->clock_wall_ns : clock_wall_ns;
	held_tables_init(&cache->tables, options->bytes_max, options->counters);
	known_files_init(&cache->files);
	*ret_cache = cache;
	return 0;
}

static void count(struct table_cache *cache, enum counter_id id, uint64_t n)
{
	counters_add(cache->options.counters, id, n);
}

void table_cache_limit(struct table_cache *cache, const struct wire_cache_limits *limits)
{
	held_tables_limit(&cache->tables, TABLE_OF_BUILD_ID, limits->build_id_entries);
	held_tables_limit(&cache->tables, TABLE_OF_FILE, limits->same_file_entries);
	held_tables_limit(&cache->tables, TABLE_OF_PROCESS, limits->pid_entries);
}

static int view(struct held_table *table, const struct table_digest *digest, const void *block)
{
	int r = symbol_table_view(block, table->n_bytes, &table->view);

	table->digest = *digest;
	table->touched_ns = clock_monotonic_ns();
	table->class = table->view.build_id.n_bytes > 0 || table->view.build_id.has_go
			       ? TABLE_OF_BUILD_ID
			       : TABLE_OF_FILE;
	return r;
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
	table->n_bytes = table->mapped.n_bytes;
	if (view(table, digest, table->mapped.block) != 0)
		return CACHE_MISS;
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

static int build(struct table_cache *cache, struct file_symbols *symbols,
		 const struct table_digest *digest, struct held_table **ret_table)
{
	cleanup_with(held_table_freep) struct held_table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return -ENOMEM;
	r = outcome_of_elf(file_symbols_build(symbols, &table->block, &table->n_bytes));
	if (r == 0 && view(table, digest, table->block) != 0)
		r = TABLE_CACHE_MALFORMED;
	if (r != 0)
		return r;
	count(cache, COUNTER_TABLES_BUILT, 1);
	count_refused(cache, outcome_of_elf(file_symbols_flaw(symbols)));
	publish(cache, &table);
	*ret_table = take_ptr(table);
	return 0;
}

/* A table that is only ever found in memory would look unused in the directory, and be swept. */
static void keep_in_directory(const struct table_cache *cache, struct held_table *table)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!cache->options.directory || now_ns - table->touched_ns < TOUCH_NS)
		return;
	cache_directory_touch(cache->options.directory, &table->digest);
	table->touched_ns = now_ns;
}

/* The table of @digest from memory or the directory. Returns 0, CACHE_MISS or a negative errno. */
static int find(struct table_cache *cache, const struct table_digest *digest,
		struct held_table **ret_table)
{
	struct held_table *table = held_tables_find(&cache->tables, digest);
	int r = table ? 0 : load(cache, digest, &table);

	if (r != 0)
		return r;
	if (table->used_at == 0) {
		count(cache, COUNTER_TABLES_HIT_DISK, 1);
		held_tables_add(&cache->tables, table);
	} else {
		count(cache, COUNTER_TABLES_HIT_MEMORY, 1);
		keep_in_directory(cache, table);
	}
	*ret_table = table;
	return 0;
}

/* The table for bytes that were fetched: one that is held, one of the directory, or a new one. */
static int table_of(struct table_cache *cache, struct file_symbols *symbols,
		    struct held_table **ret_table)
{
	struct table_digest digest;
	int r = file_symbols_digest(symbols, digest.bytes);

	if (r < 0)
		return r;
	if (find(cache, &digest, ret_table) == 0)
		return 0;
	r = build(cache, symbols, &digest, ret_table);
	if (r == 0)
		held_tables_add(&cache->tables, *ret_table);
	return r;
}

static int read_file(struct table_cache *cache, const struct wire_object *object,
		     const struct object_reader *reader, struct file_note *ret_note,
		     struct held_table **ret_table)
{
	const struct file_symbols_options options = {
		.memory_fd = cache->options.memory_fd,
		.object = object,
		.reader = reader,
		.tell = cache->options.tell,
		.owner = cache->options.owner,
	};
	struct file_symbols *symbols = NULL;
	uint64_t n_bytes;
	int r = outcome_of_elf(file_symbols_open(&options, &symbols, &n_bytes));

	count(cache, COUNTER_IMAGE_BYTES_READ, n_bytes);
	if (r == 0)
		r = table_of(cache, symbols, ret_table);
	if (r == 0) {
		ret_note->digest = (*ret_table)->digest;
		ret_note->stale_wall_ns = file_symbols_lacks_debug_file(symbols)
						  ? cache->clock_wall_ns() + TABLE_LOOK_AGAIN_NS
						  : 0;
	}
	file_symbols_free(symbols);
	return r;
}

/* A clock that was set back must not make a note last for ever. */
static bool is_stale(const struct table_cache *cache, const struct file_note *note)
{
	uint64_t now_ns;

	if (note->stale_wall_ns == 0)
		return false;
	now_ns = cache->clock_wall_ns();
	return now_ns >= note->stale_wall_ns || note->stale_wall_ns - now_ns > TABLE_LOOK_AGAIN_NS;
}

/*
 * What is known of a file without reading it: here, or in the pool's directory. Returns false when
 * nothing is, or nothing certain any more, or when its table is at hand no longer; else
 * *@ret_outcome is 0 or the file's.
 */
static bool recall(struct table_cache *cache, const struct file_key *key, int *ret_outcome,
		   struct held_table **ret_table)
{
	const struct known_file *file = known_files_find(&cache->files, key);
	struct file_note note;

	if (file && !is_stale(cache, &file->note)) {
		*ret_outcome = file->note.outcome;
		return file->note.outcome != 0 || find(cache, &file->note.digest, ret_table) == 0;
	}
	/* What a sibling found meanwhile is as good as what we would find. */
	if (!cache->options.directory ||
	    cache_directory_find(cache->options.directory, key, &note) != 0 ||
	    is_stale(cache, &note) || note.outcome > TABLE_CACHE_UNREADABLE ||
	    (note.outcome == 0 && find(cache, &note.digest, ret_table) != 0))
		return false;
	known_files_note(&cache->files, key, &note);
	*ret_outcome = note.outcome;
	return true;
}

/* Whether the pool may be told: what is too big here may not be for one with more memory. */
static bool is_worth_a_note(const struct table_cache *cache, int outcome)
{
	return cache->options.directory && outcome != TABLE_CACHE_TOO_BIG;
}

/* Reads the file, and remembers what it is; what could not be read may be readable another time. */
static int learn(struct table_cache *cache, const struct file_key *key,
		 const struct wire_object *object, const struct object_reader *reader,
		 struct held_table **ret_table)
{
	struct file_note note = {0};
	int r = read_file(cache, object, reader, &note, ret_table);

	if (r == -ENOMEM)
		r = TABLE_CACHE_TOO_BIG; /* the memory limit is one of our bounds on files */
	count_refused(cache, r);
	if (r < 0 || r == TABLE_CACHE_UNREADABLE)
		return r;
	note.outcome = r;
	known_files_note(&cache->files, key, &note);
	if (is_worth_a_note(cache, r)) /* without one, somebody reads the file again */
		(void)!cache_directory_note(cache->options.directory, key, &note);
	return r;
}

/* The table that the file had when that was certain: better than none when it cannot be read now.
 */
static bool recall_stale(struct table_cache *cache, const struct file_key *key,
			 struct held_table **ret_table)
{
	const struct known_file *file = known_files_find(&cache->files, key);
	struct file_note note = {.outcome = TABLE_CACHE_UNREADABLE};

	if (file)
		note = file->note;
	else if (cache->options.directory)
		(void)!cache_directory_find(cache->options.directory, key, &note);
	return note.outcome == 0 && find(cache, &note.digest, ret_table) == 0;
}

/* Notes in which round, and for which file, @table is used. */
static void note_use(const struct table_cache *cache, struct held_table *table,
		     struct wire_bytes name)
{
	const struct wire_bytes shown = wire_shown_name(name);

	table->used_round = cache->round;
	table->n_name_bytes = shown.n_bytes;
	if (shown.n_bytes > 0)
		memcpy(table->name, shown.data, shown.n_bytes);
}

int table_cache_get(struct table_cache *cache, const struct wire_object *object,
		    const struct object_reader *reader, const struct symbol_table **ret_table)
{
	const struct file_key key = {object->device, object->inode, object->size_bytes,
				     object->change_time_ns};
	struct held_table *table;
	int r;

	if (!recall(cache, &key, &r, &table))
		r = learn(cache, &key, object, reader, &table);
	if (r == TABLE_CACHE_UNREADABLE && recall_stale(cache, &key, &table))
		r = 0;
	if (r != 0)
		return r;
	note_use(cache, table, object->name);
	*ret_table = &table->view;
	return 0;
}

void table_cache_begin_round(struct table_cache *cache)
{
	cache->round++;
}

static uint64_t id_of(const struct table_digest *digest)
{
	uint64_t id;

	memcpy(&id, digest->bytes, sizeof(id));
	return id;
}

static struct wire_table describe(struct held_table *table)
{
	if (!table->is_counted)
		table->count = symbol_table_count(&table->view);
	table->is_counted = true;
	return (struct wire_table){
		.id = id_of(&table->digest),
		.build_id = {table->view.build_id.bytes, table->view.build_id.n_bytes},
		.name = {table->name, table->n_name_bytes},
		.n_symbols = table->count.n_symbols,
		.n_bytes = table->n_bytes,
		.last_used_round = table->used_round,
		.has_mini_debug_info = table->count.has_mini_debug,
	};
}

static void list_class(struct table_cache *cache, enum table_class class, struct table_list *list)
{
	static const enum report_cache kinds[TABLE_CLASSES] = {
		[TABLE_OF_BUILD_ID] = REPORT_BUILD_ID,
		[TABLE_OF_FILE] = REPORT_SAME_FILE,
		[TABLE_OF_PROCESS] = REPORT_PID,
	};
	const struct table_shelf *shelf = &cache->tables.shelves[class];
	struct wire_table_cache *to = &list->caches[kinds[class]];

	*to = (struct wire_table_cache){.n = shelf->n, .n_max = shelf->n_max};
	for (struct held_table *at = shelf->newest; at && to->n_tables < REPORT_TABLES_MAX;
	     at = at->older)
		list->tables[kinds[class]][to->n_tables++] = describe(at);
}

void table_cache_list(struct table_cache *cache, struct table_list *ret_list)
{
	const struct known_files *files = &cache->files;

	ret_list->round = cache->round;
	ret_list->n_files = 0;
	for (unsigned class = 0; class < TABLE_CLASSES; class ++)
		list_class(cache, class, ret_list);
	for (uint32_t at = files->newest; at != 0 && ret_list->n_files < REPORT_FILES_MAX;
	     at = files->files[at - 1].older) {
		const struct known_file *file = &files->files[at - 1];

		if (file->note.outcome == 0 &&
		    held_tables_look_at(&cache->tables, &file->note.digest))
			ret_list->files[ret_list->n_files++] = (struct wire_table_file){
				.device = file->key.device,
				.inode = file->key.inode,
				.table = id_of(&file->note.digest),
			};
	}
}

/* Puts the block of @made (consumed) in the place of @before, or NULL. */
static int hold_process(struct table_cache *cache, const struct table_digest *digest,
			const struct perf_map_file *file, struct perf_map_made *made,
			struct held_table *before, struct held_table **ret_table)
{
	struct held_table *table = calloc(1, sizeof(*table));

	if (!table) {
		free(made->block);
		return -ENOMEM;
	}
	table->block = made->block;
	table->n_bytes = made->n_bytes;
	table->perf_map = *file;
	if (view(table, digest, made->block) != 0) {
		held_table_free(table);
		return -EIO; /* of our own making: it cannot be */
	}
	table->class = TABLE_OF_PROCESS;
	if (before)
		held_tables_remove(&cache->tables, before);
	held_tables_add(&cache->tables, table);
	count(cache, COUNTER_TABLES_BUILT, 1);
	*ret_table = table;
	return 0;
}

int table_cache_get_process(struct table_cache *cache, const struct wire_object *object,
			    const struct object_reader *reader,
			    const struct symbol_table **ret_table)
{
	struct table_digest digest;
	struct held_table *table;
	struct perf_map_file file = {0};
	struct perf_map_made made;
	char name[16];
	int r;

	/* A pid alone would be used again. */
	table_digest_of("process", (uint64_t[]){object->device, object->inode}, &digest);
	table = held_tables_find(&cache->tables, &digest);
	if (table)
		file = table->perf_map;
	r = perf_map_file_read(object, reader, table ? &table->view : NULL, &file, &made);
	count(cache, COUNTER_PERF_MAP_BYTES_READ, made.n_fetched_bytes);
	if (r == 0)
		r = hold_process(cache, &digest, &file, &made, table, &table);
	else if (r == PERF_MAP_FILE_SAME)
		count(cache, COUNTER_TABLES_HIT_MEMORY, 1);
	if (r < 0)
		return r;
	if (!table) /* what was read before is better than nothing */
		return TABLE_CACHE_UNREADABLE;
	(void)snprintf(name, sizeof(name), "pid %u", (unsigned)object->device);
	note_use(cache, table, (struct wire_bytes){name, strlen(name)});
	*ret_table = &table->view;
	return 0;
}

void table_cache_free(struct table_cache *cache)
{
	if (!cache)
		return;
	held_tables_deinit(&cache->tables);
	free(cache);
}
