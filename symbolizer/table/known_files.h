#pragma once
/*
 * What files turned out to be: which digest a file's table has, or why it has none. So a file that
 * was looked at once is not read again, whether its table is still at hand or not. Bounded in
 * number; the least recently used goes first. Not threaded.
 */
#include <stddef.h>
#include <stdint.h>

#include "table/cache_directory.h"

#define KNOWN_FILES_MAX 4096u

struct known_file {
	struct file_key key;
	struct file_note note;
	/* Kept by known_files: indices plus one; 0 is none. */
	uint32_t next_in_bucket;
	uint32_t newer;
	uint32_t older;
};

struct known_files {
	uint64_t seed;
	uint32_t n;
	uint32_t newest;
	uint32_t oldest;
	uint32_t buckets[KNOWN_FILES_MAX];
	struct known_file files[KNOWN_FILES_MAX];
};

/* Of a zeroed one. */
void known_files_init(struct known_files *known);

/* What is known of @key, borrowed until the next call, or NULL. */
const struct known_file *known_files_find(struct known_files *known, const struct file_key *key);

/* Notes what @key is, instead of what was known before. */
void known_files_note(struct known_files *known, const struct file_key *key,
		      const struct file_note *note);
