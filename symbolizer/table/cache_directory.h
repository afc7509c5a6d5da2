#pragma once
/*
 * Symbol tables in a directory that all symbolizers of a host share.
 *
 * Two kinds of file. `t-DIGEST` is a table, named by a hash over the bytes of the ELF file that it
 * was built from: whoever has the same bytes may use it. `f-IDENTITY` says which digest a file
 * (device, inode, size, change time) had, or why it has none, so that a warm cache costs no
 * reading at all. Files appear whole, by rename. Only symbolizers write here; what is found is
 * checked all the same (a checksum over every byte), and what is wrong counts as not found. Bounded
 * in bytes: the files that were not used for longest go first.
 */
#include <stddef.h>
#include <stdint.h>

#include "elf/object_image.h"

/* A file as its held fd says it is. No padding: it is hashed and compared as bytes. */
struct file_key {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t change_time_ns;
};

struct table_digest {
	uint8_t bytes[OBJECT_IMAGE_DIGEST_BYTES];
};

/*
 * The digest of what is no file: what @words identify among things of one @kind. It is no file's,
 * whose digests are over more bytes and begin with its size.
 */
void table_digest_of(const char *kind, const uint64_t words[static 2],
		     struct table_digest *ret_digest);

enum cache_outcome {
	CACHE_MISS = 1, /* not there, or not as it should be */
};

struct cache_directory;

/* Opens @path. Returns 0 or a negative errno; *@ret_directory is owned. */
int cache_directory_open(const char *path, uint64_t bytes_max,
			 struct cache_directory **ret_directory) warn_unused_result;

/* What is known of a file: which table it has, or why none, and until when that is certain. */
struct file_note {
	struct table_digest digest;
	uint64_t stale_wall_ns; /* from then on, look again; 0: never */
	int outcome;            /* 0, or the positive one of whoever looked at it */
};

/* What was noted of the file. Returns 0 or CACHE_MISS. */
int cache_directory_find(const struct cache_directory *directory, const struct file_key *file,
			 struct file_note *ret_note) warn_unused_result;

/* A block of symbol_table.h, mapped. */
struct cached_block {
	const void *block; /* borrowed from the mapping */
	size_t n_bytes;
	void *mapping; /* owned */
	size_t n_mapping_bytes;
};

/* Maps a table. Returns 0, CACHE_MISS, or -ENOMEM; on 0 *@ret_block: cached_block_deinit(). */
int cache_directory_map(const struct cache_directory *directory, const struct table_digest *digest,
			struct cached_block *ret_block) warn_unused_result;

void cached_block_deinit(struct cached_block *block);

/* Notes what @file is. Returns 0 or a negative errno: the cache is only poorer for it. */
int cache_directory_note(struct cache_directory *directory, const struct file_key *file,
			 const struct file_note *note) warn_unused_result;

/* Says that the table of @digest is in use: it was mapped by us, perhaps long ago. */
void cache_directory_touch(const struct cache_directory *directory,
			   const struct table_digest *digest);

/* Publishes a block (borrowed). Returns 0 or a negative errno, as above. */
int cache_directory_publish(struct cache_directory *directory, const struct table_digest *digest,
			    const void *block, size_t n_bytes) warn_unused_result;

void cache_directory_free(struct cache_directory *directory); /* NULL is fine */
