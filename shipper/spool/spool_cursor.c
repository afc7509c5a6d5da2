#include "spool/spool_cursor.h"

#include <string.h>

#include <zlib.h>

#include "little_endian.h"

#define MAGIC "TRIPTCUR"

enum {
	AT_CRC = 8,
	AT_PART = 12,
	AT_SEQUENCE = 16,
	AT_SAMPLES = 24,
	AT_BYTES = 32,
	AT_KEY = 40, /* to the end */
};

void spool_cursor_encode(const struct spool_cursor *cursor, const char *key, struct bytes *out)
{
	unsigned char head[AT_KEY];
	uLong crc;

	memcpy(head, MAGIC, 8);
	put_le32(head + AT_PART, cursor->part);
	put_le64(head + AT_SEQUENCE, cursor->sequence);
	put_le64(head + AT_SAMPLES, cursor->n_part_samples);
	put_le64(head + AT_BYTES, cursor->n_part_bytes);
	crc = crc32(0, head + AT_PART, AT_KEY - AT_PART);
	crc = crc32(crc, (const unsigned char *)key, (uInt)strlen(key));
	put_le32(head + AT_CRC, (uint32_t)crc);
	bytes_append(out, head, sizeof(head));
	bytes_append(out, key, strlen(key));
}

int spool_cursor_decode(const unsigned char *data, size_t n_bytes, const char *key,
			struct spool_cursor *ret_cursor)
{
	if (n_bytes < AT_KEY || memcmp(data, MAGIC, 8) != 0 ||
	    (uint32_t)crc32(0, data + AT_PART, (uInt)(n_bytes - AT_PART)) !=
		    get_le32(data + AT_CRC))
		return SPOOL_CURSOR_DAMAGED;
	if (key &&
	    (strlen(key) != n_bytes - AT_KEY || memcmp(data + AT_KEY, key, n_bytes - AT_KEY) != 0))
		return SPOOL_CURSOR_DAMAGED; /* the files of two keys have one name */
	if (get_le64(data + AT_SEQUENCE) > UINT64_MAX / 2)
		return SPOOL_CURSOR_DAMAGED; /* no spool counts that far */
	*ret_cursor = (struct spool_cursor){
		.sequence = get_le64(data + AT_SEQUENCE),
		.part = get_le32(data + AT_PART),
		.n_part_samples = get_le64(data + AT_SAMPLES),
		.n_part_bytes = get_le64(data + AT_BYTES),
	};
	return 0;
}
