#include "spool/spool_record.h"

#include <string.h>

#include <zlib.h>

#include "little_endian.h"

#define RECORD_MAGIC  UINT32_C(0x43525054) /* "TPRC" in the file */
#define SEGMENT_MAGIC "TRIPTSEG"

/* Where the fields of a record's header stand. */
enum {
	AT_MAGIC = 0,
	AT_LENGTH = 4,
	AT_SEQUENCE = 8,
	AT_FLAGS = 16,
	AT_CRC = 20,
	AT_INSTANCE = 24,
	AT_WINDOW = 32,
	AT_TIME = 40,
	AT_SAMPLES = 48,
	AT_PARTS = 56,
	AT_RESERVED = 60,
	AT_PROFILE_BYTES = 64,
};

/* Where those of a segment's do. */
enum {
	AT_SEGMENT_VERSION = 8,
	AT_SEGMENT_CRC = 12,
	AT_SEGMENT_SEQUENCE = 16,
};

/* The crc of a header but for the 4 bytes at @at_crc, continued over the payload. */
static uint32_t crc_around(const unsigned char *header, size_t n_header, size_t at_crc,
			   const void *payload, size_t n_payload)
{
	uLong crc = crc32(0, header, (uInt)at_crc);

	crc = crc32(crc, header + at_crc + 4, (uInt)(n_header - at_crc - 4));
	if (n_payload > 0)
		crc = crc32(crc, payload, (uInt)n_payload);
	return (uint32_t)crc;
}

void spool_segment_encode(uint64_t first_sequence,
			  unsigned char ret_header[SPOOL_SEGMENT_HEADER_BYTES])
{
	memcpy(ret_header, SEGMENT_MAGIC, 8);
	put_le32(ret_header + AT_SEGMENT_VERSION, SPOOL_FORMAT_VERSION);
	put_le64(ret_header + AT_SEGMENT_SEQUENCE, first_sequence);
	put_le32(ret_header + AT_SEGMENT_CRC,
		 crc_around(ret_header, SPOOL_SEGMENT_HEADER_BYTES, AT_SEGMENT_CRC, NULL, 0));
}

int spool_segment_check(const unsigned char *data, size_t n_bytes, uint64_t first_sequence)
{
	if (n_bytes < SPOOL_SEGMENT_HEADER_BYTES || memcmp(data, SEGMENT_MAGIC, 8) != 0)
		return SPOOL_RECORD_DAMAGED;
	if (crc_around(data, SPOOL_SEGMENT_HEADER_BYTES, AT_SEGMENT_CRC, NULL, 0) !=
	    get_le32(data + AT_SEGMENT_CRC))
		return SPOOL_RECORD_DAMAGED;
	if (get_le32(data + AT_SEGMENT_VERSION) > SPOOL_FORMAT_VERSION)
		return SPOOL_RECORD_NEWER;
	return get_le64(data + AT_SEGMENT_SEQUENCE) == first_sequence ? 0 : SPOOL_RECORD_DAMAGED;
}

void spool_record_encode(const struct spool_record *record, const void *payload,
			 unsigned char ret_header[SPOOL_RECORD_HEADER_BYTES])
{
	put_le32(ret_header + AT_MAGIC, RECORD_MAGIC);
	put_le32(ret_header + AT_LENGTH, record->n_payload_bytes);
	put_le64(ret_header + AT_SEQUENCE, record->sequence);
	put_le32(ret_header + AT_FLAGS, 0);
	put_le64(ret_header + AT_INSTANCE, record->window.instance);
	put_le64(ret_header + AT_WINDOW, record->window.sequence);
	put_le64(ret_header + AT_TIME, record->time_wall_ns);
	put_le64(ret_header + AT_SAMPLES, record->n_samples);
	put_le32(ret_header + AT_PARTS, record->n_parts);
	put_le32(ret_header + AT_RESERVED, 0);
	put_le64(ret_header + AT_PROFILE_BYTES, record->n_profile_bytes);
	put_le32(ret_header + AT_CRC, crc_around(ret_header, SPOOL_RECORD_HEADER_BYTES, AT_CRC,
						 payload, record->n_payload_bytes));
}

int spool_record_parse(const unsigned char *data, size_t n_bytes, struct spool_record *ret_record)
{
	uint32_t n_payload;

	if (n_bytes < SPOOL_RECORD_HEADER_BYTES || get_le32(data + AT_MAGIC) != RECORD_MAGIC)
		return SPOOL_RECORD_DAMAGED;
	n_payload = get_le32(data + AT_LENGTH);
	if (n_payload > SPOOL_PAYLOAD_BYTES_MAX || n_payload > n_bytes - SPOOL_RECORD_HEADER_BYTES)
		return SPOOL_RECORD_DAMAGED;
	if (crc_around(data, SPOOL_RECORD_HEADER_BYTES, AT_CRC, data + SPOOL_RECORD_HEADER_BYTES,
		       n_payload) != get_le32(data + AT_CRC))
		return SPOOL_RECORD_DAMAGED;
	*ret_record = (struct spool_record){
		.sequence = get_le64(data + AT_SEQUENCE),
		.window = {get_le64(data + AT_INSTANCE), get_le64(data + AT_WINDOW)},
		.time_wall_ns = get_le64(data + AT_TIME),
		.n_samples = get_le64(data + AT_SAMPLES),
		.n_profile_bytes = get_le64(data + AT_PROFILE_BYTES),
		.n_parts = get_le32(data + AT_PARTS),
		.n_payload_bytes = n_payload,
	};
	return 0;
}

/* How many bytes a parse at @data had to check, at most. */
static uint64_t parse_cost(const unsigned char *data, size_t n_bytes)
{
	uint32_t n_payload = get_le32(data + AT_LENGTH);

	if (get_le32(data + AT_MAGIC) != RECORD_MAGIC || n_payload > SPOOL_PAYLOAD_BYTES_MAX ||
	    n_payload > n_bytes - SPOOL_RECORD_HEADER_BYTES)
		return 1;
	return SPOOL_RECORD_HEADER_BYTES + n_payload;
}

/* A walk's place. Payloads are foreign: what looks like a record inside one must not mislead it. */
struct walk {
	const unsigned char *data;
	size_t n_bytes;
	size_t at;
	uint64_t first_sequence;
	uint64_t sequence_min; /* of the next record */
	uint64_t budget;       /* bytes that may still be checked in vain */
};

/* Within a segment sequences rise from the first, and no record is shorter than its header. */
static bool is_in_turn(const struct walk *walk, size_t at, uint64_t sequence)
{
	return sequence >= walk->sequence_min &&
	       sequence - walk->first_sequence <= at / SPOOL_RECORD_HEADER_BYTES;
}

/* Moves to the next good record and returns true, or returns false at the end. */
static bool find_record(struct walk *walk, struct spool_record *ret_record)
{
	const size_t n_bytes = walk->n_bytes;

	for (size_t at = walk->at; n_bytes - at >= SPOOL_RECORD_HEADER_BYTES; at++) {
		uint64_t cost = parse_cost(walk->data + at, n_bytes - at);

		if (cost > 1 &&
		    spool_record_parse(walk->data + at, n_bytes - at, ret_record) == 0 &&
		    is_in_turn(walk, at, ret_record->sequence)) {
			walk->at = at;
			return true;
		}
		if (cost > walk->budget)
			return false;
		walk->budget -= cost;
	}
	return false;
}

int spool_scan_segment(const struct spool_image *image, spool_each *each, void *argument,
		       struct spool_scan *ret_scan)
{
	struct spool_scan scan = {.good_end = SPOOL_SEGMENT_HEADER_BYTES};
	struct walk walk = {
		.data = image->data,
		.n_bytes = image->n_bytes,
		.at = SPOOL_SEGMENT_HEADER_BYTES,
		.first_sequence = image->first_sequence,
		.sequence_min = image->first_sequence,
		.budget = 4 * (uint64_t)image->n_bytes + SPOOL_PAYLOAD_BYTES_MAX,
	};
	struct spool_record record;
	int r;

	r = spool_segment_check(image->data, image->n_bytes, image->first_sequence);
	if (r == SPOOL_RECORD_NEWER)
		return r;
	if (image->n_bytes < SPOOL_SEGMENT_HEADER_BYTES) {
		*ret_scan = (struct spool_scan){0}; /* torn within the header */
		return 0;
	}
	if (r == SPOOL_RECORD_DAMAGED)
		scan.n_damaged++; /* the records may be good all the same */
	while (find_record(&walk, &record)) {
		if (walk.at != scan.good_end)
			scan.n_damaged++;
		r = each(argument, &record, walk.at);
		if (r != 0)
			return r;
		walk.at += SPOOL_RECORD_HEADER_BYTES + record.n_payload_bytes;
		walk.sequence_min = record.sequence + 1;
		scan.good_end = walk.at;
	}
	*ret_scan = scan;
	return 0;
}
