#pragma once
/*
 * The next few parts that a reader of the spool has before it, decoded and ready to be sent as one
 * request. A batch may begin and end within a record.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "spool/spool.h"
#include "wire/wire.h"

#define BATCH_PARTS_MAX   512u
#define BATCH_RECORDS_MAX 64u

struct batch_item {
	struct spool_cursor at;     /* before this part */
	struct spool_cursor behind; /* and behind it: where the reader stands when it is done */
	struct window_id window;
	uint64_t time_wall_ns;
	struct wire_part part; /* borrowed from the batch */
};

/* A part on the way that is for other endpoints. */
struct batch_passed {
	struct spool_cursor at;
	struct spool_cursor behind;
	uint64_t n_samples;
	uint64_t n_bytes; /* of gzip'd pprof */
};

struct batch {
	size_t n_items;
	struct batch_item items[BATCH_PARTS_MAX];
	size_t n_passed;
	struct batch_passed passed[BATCH_PARTS_MAX];
	size_t n_records;
	struct bytes frames[BATCH_RECORDS_MAX];      /* owned */
	struct wire_arena arenas[BATCH_RECORDS_MAX]; /* owned */
};

enum batch_outcome {
	BATCH_EMPTY = 1, /* the reader has everything */
	BATCH_DAMAGED,   /* the first record cannot be used: see spool_pass_damaged() */
};

/* Empties @batch and frees what it borrowed from. A zeroed one is fine. */
void batch_clear(struct batch *batch);

struct batch_limits {
	size_t n_parts;
	size_t n_bytes;              /* of gzip'd pprof */
	uint64_t uncompressed_bytes; /* of pprof and labels: what a server's rate limit counts */
	uint64_t route;              /* of the endpoint: parts that are not for it are passed */
};

/*
 * Fills @batch (cleared first) from the cursor of @reader on: as many parts as keep within @limits,
 * and at least one unless there were only such that are passed.
 * Returns 0, a negative errno, or an enum batch_outcome; @batch is empty unless 0 is returned.
 */
int batch_gather(struct batch *batch, struct spool *spool, size_t reader,
		 const struct batch_limits *limits) warn_unused_result;

/* Whether what was @at a place in the spool was passed or dropped at @cursor. */
bool batch_is_behind(const struct spool_cursor *at, const struct spool_cursor *cursor);
