#pragma once
/*
 * How the spool's bytes look, and how a segment is read back after whatever happened to it.
 *
 * A segment is a header and then records, little-endian throughout:
 *
 *   segment   "TRIPTSEG"  version:32  crc:32  first sequence:64
 *   record    magic:32  payload length:32  sequence:64  flags:32  crc:32  window instance:64
 *             window sequence:64  time:64  samples:64  parts:32  0:32  profile bytes:64  payload
 *
 * Every crc is zlib's crc32 over all other bytes of the header and the payload. A run of zeroes is
 * no record: its magic is wrong. Pure functions over memory: no files, no state.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define SPOOL_SEGMENT_HEADER_BYTES 24u
#define SPOOL_RECORD_HEADER_BYTES  72u
#define SPOOL_PAYLOAD_BYTES_MAX    (16u << 20) /* a PROFILE's bytes_max */
#define SPOOL_FORMAT_VERSION       1u

/* What a record's header says. The payload is opaque here: the frame of a PROFILE. */
struct spool_record {
	uint64_t sequence; /* of this spool: greater than that of every record before */
	struct window_id window;
	uint64_t time_wall_ns;
	uint64_t n_samples;
	uint64_t n_profile_bytes; /* sum over the parts of their gzip'd pprof */
	uint32_t n_parts;
	uint32_t n_payload_bytes;
};

enum spool_record_outcome {
	SPOOL_RECORD_DAMAGED = 1, /* not a record, not all of one, or its crc differs */
	SPOOL_RECORD_NEWER,       /* a segment of a format that this version does not know */
};

void spool_segment_encode(uint64_t first_sequence,
			  unsigned char ret_header[SPOOL_SEGMENT_HEADER_BYTES]);

/* Checks a segment's header at @data. Returns 0 or an enum spool_record_outcome. */
int spool_segment_check(const unsigned char *data, size_t n_bytes,
			uint64_t first_sequence) warn_unused_result;

/* Writes the header of @record, whose n_payload_bytes of @payload are borrowed. */
void spool_record_encode(const struct spool_record *record, const void *payload,
			 unsigned char ret_header[SPOOL_RECORD_HEADER_BYTES]);

/*
 * Reads the record at @data, which ends at most @n_bytes later; the crc is checked.
 * Returns 0 or SPOOL_RECORD_DAMAGED. The payload stands behind the header.
 */
int spool_record_parse(const unsigned char *data, size_t n_bytes,
		       struct spool_record *ret_record) warn_unused_result;

/* What a walk over a segment found beside good records. */
struct spool_scan {
	uint64_t n_damaged; /* places that were skipped: a bad header of the segment, bad records */
	uint64_t good_end;  /* offset behind the last good record: what follows is a torn tail */
};

/* What calls back for each record; 0, or a negative errno that ends the walk and is returned. */
typedef int spool_each(void *argument, const struct spool_record *record, uint64_t offset);

/* A segment in memory. */
struct spool_image {
	const unsigned char *data; /* borrowed; header included */
	size_t n_bytes;
	uint64_t first_sequence; /* as the file's name says */
};

/*
 * Walks over a segment and calls @each for every good record in order of the file. A bad place
 * costs what it covers: the walk goes on at the next good record, and gives up (as torn) only after
 * four times the segment's bytes were checked in vain. Returns 0, what @each returned, or
 * SPOOL_RECORD_NEWER.
 */
int spool_scan_segment(const struct spool_image *image, spool_each *each, void *argument,
		       struct spool_scan *ret_scan) warn_unused_result;
