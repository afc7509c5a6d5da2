#include "table/perf_map_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define HEAD_BYTES 1024u
#define TAIL_BYTES 4096u
#define HASH_SEED  0 /* whoever could forge it could as well write what is read */

/* A range of the file in memory. */
struct text {
	char *data; /* owned */
	size_t n_bytes;
	uint64_t offset; /* in the file */
};

/* What a read has at hand. */
struct reading {
	const struct object_reader *reader;
	struct wire_object map; /* its name borrowed until the first fetch */
	struct perf_map_made *made;
	struct text text;
};

static void reading_deinit(struct reading *reading)
{
	free(reading->text.data);
}

/* Appends [offset, offset + n_bytes) of the file to the text. */
static int fetch(struct reading *reading, uint64_t offset, uint64_t n_bytes)
{
	struct text *text = &reading->text;

	while (n_bytes > 0) {
		uint32_t n =
			n_bytes < OBJECT_READ_BYTES_MAX ? (uint32_t)n_bytes : OBJECT_READ_BYTES_MAX;
		struct wire_bytes bytes;
		int r = reading->reader->fetch(reading->reader->owner, reading->map.id,
					       (struct file_off){offset}, n, &bytes);

		if (r < 0)
			return r;
		if (r > 0 || bytes.n_bytes == 0 || bytes.n_bytes > n)
			return PERF_MAP_FILE_NONE; /* it became shorter: the next one sees how */
		memcpy(text->data + text->n_bytes, bytes.data, bytes.n_bytes);
		text->n_bytes += bytes.n_bytes;
		reading->made->n_fetched_bytes += bytes.n_bytes;
		offset += bytes.n_bytes;
		n_bytes -= bytes.n_bytes;
	}
	return 0;
}

/* Makes the text [start, end) of the file. */
static int read_range(struct reading *reading, uint64_t start, uint64_t end)
{
	struct text *text = &reading->text;

	free(text->data);
	*text = (struct text){.offset = start};
	text->data = malloc(end - start + 1); /* PERF_MAP_TEXT_BYTES_MAX, and a tail */
	return text->data ? fetch(reading, start, end - start) : -ENOMEM;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The hash of the first bytes, as far as they are in what was read. */
static int hash_head(struct reading *reading, uint64_t n_read_bytes, uint64_t *ret_hash)
{
	uint64_t n_bytes = smaller(n_read_bytes, HEAD_BYTES);
	struct text kept = reading->text;
	int r = 0;

	if (kept.offset == 0 && kept.n_bytes >= n_bytes) {
		*ret_hash = hash_bytes(HASH_SEED, kept.data, n_bytes);
		return 0;
	}
	reading->text = (struct text){.data = NULL};
	r = read_range(reading, 0, n_bytes);
	if (r == 0)
		*ret_hash = hash_bytes(HASH_SEED, reading->text.data, n_bytes);
	free(reading->text.data);
	reading->text = kept;
	return r;
}

/* Whether what @file had read is still there, with [its tail, the file's end) in the text. */
static int check_appended(struct reading *reading, const struct perf_map_file *file,
			  bool *ret_is_appended)
{
	uint64_t n_tail = smaller(file->n_read_bytes, TAIL_BYTES), head_hash = 0;
	int r = read_range(reading, file->n_read_bytes - n_tail, reading->map.size_bytes);

	if (r == 0)
		r = hash_head(reading, file->n_read_bytes, &head_hash);
	if (r != 0)
		return r;
	*ret_is_appended = head_hash == file->head_hash &&
			   hash_bytes(HASH_SEED, reading->text.data, n_tail) == file->tail_hash;
	return 0;
}

/* Passes over the first @n_bytes of the text. */
static struct wire_bytes text_behind(const struct text *text, uint64_t n_bytes)
{
	return (struct wire_bytes){text->data + n_bytes, text->n_bytes - n_bytes};
}

/* Reads the whole file, or its end from a line's beginning. */
static int read_whole(struct reading *reading, uint64_t *ret_n_passed)
{
	uint64_t size = reading->map.size_bytes;
	uint64_t start = size > PERF_MAP_TEXT_BYTES_MAX ? size - PERF_MAP_TEXT_BYTES_MAX : 0;
	const char *newline = NULL;
	int r = read_range(reading, start, size);

	*ret_n_passed = 0;
	if (r != 0 || start == 0)
		return r;
	newline = memchr(reading->text.data, '\n', reading->text.n_bytes);
	*ret_n_passed =
		newline ? (uint64_t)(newline - reading->text.data) + 1 : reading->text.n_bytes;
	return 0;
}

/* Notes that all whole lines of the text are in the table. */
static int note_read(struct reading *reading, struct perf_map_file *file)
{
	const struct text *text = &reading->text;
	size_t n_whole = perf_map_whole_lines(text->data, text->n_bytes);
	struct perf_map_file read = {
		.device = reading->map.device,
		.inode = reading->map.inode,
		.size_bytes = reading->map.size_bytes,
		.change_time_ns = reading->map.change_time_ns,
		.n_read_bytes = text->offset + n_whole,
	};
	uint64_t n_tail = smaller(read.n_read_bytes, TAIL_BYTES);
	int r = hash_head(reading, read.n_read_bytes, &read.head_hash);

	if (r != 0)
		return r;
	if (n_tail > n_whole) /* one line longer than all that was read: nothing to go on from */
		read.n_read_bytes = n_tail = 0;
	read.tail_hash = hash_bytes(HASH_SEED, text->data + n_whole - n_tail, n_tail);
	*file = read;
	return 0;
}

/* Builds the table of @text over @before, and moves @file on. */
static int build(struct reading *reading, const struct symbol_table *before, struct wire_bytes text,
		 struct perf_map_file *file)
{
	struct perf_map_made *made = reading->made;
	int r = perf_map_build(before, text, &made->block, &made->n_bytes);

	if (r != 0)
		return r < 0 ? r : PERF_MAP_FILE_TOO_BIG;
	r = note_read(reading, file);
	if (r == 0)
		return 0;
	free(made->block);
	made->block = NULL;
	return r;
}

static bool may_be_appended(const struct perf_map_file *file, const struct wire_object *map)
{
	return file->n_read_bytes > 0 && file->device == map->device && file->inode == map->inode &&
	       map->size_bytes > file->size_bytes &&
	       map->size_bytes - file->n_read_bytes <= PERF_MAP_TEXT_BYTES_MAX - TAIL_BYTES;
}

static bool is_same(const struct perf_map_file *file, const struct wire_object *map)
{
	return file->device == map->device && file->inode == map->inode &&
	       file->size_bytes == map->size_bytes && file->change_time_ns == map->change_time_ns;
}

static int open_map(const struct wire_object *object, struct reading *reading)
{
	const struct wire_object_open ask = {.object = object->id, .kind = OBJECT_OPEN_PERF_MAP};
	const struct object_reader *reader = reading->reader;
	int r;

	if (!reader->open)
		return PERF_MAP_FILE_NONE;
	r = reader->open(reader->owner, &ask, &reading->map);
	return r > 0 ? PERF_MAP_FILE_NONE : r;
}

int perf_map_file_read(const struct wire_object *object, const struct object_reader *reader,
		       const struct symbol_table *before, struct perf_map_file *file,
		       struct perf_map_made *ret_made)
{
	cleanup_with(reading_deinit) struct reading reading = {.reader = reader, .made = ret_made};
	bool is_appended = false;
	uint64_t n_passed = 0;
	int r;

	*ret_made = (struct perf_map_made){.block = NULL};
	r = open_map(object, &reading);
	if (r != 0)
		return r;
	if (before && is_same(file, &reading.map))
		return PERF_MAP_FILE_SAME;
	if (before && may_be_appended(file, &reading.map))
		r = check_appended(&reading, file, &is_appended);
	if (r != 0)
		return r;
	if (is_appended)
		return build(&reading, before,
			     text_behind(&reading.text, smaller(file->n_read_bytes, TAIL_BYTES)),
			     file);
	r = read_whole(&reading, &n_passed);
	return r != 0 ? r : build(&reading, NULL, text_behind(&reading.text, n_passed), file);
}
