/* The reader of spool segments: whatever a disk may hold, it ends, within the bytes it was given.
 */
#include <assert.h>

#include "spool/spool_record.h"
#include "spool/spool_cursor.h"
#include "spool/window_ids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk_check {
	uint64_t end;
	uint64_t sequence;
	uint64_t n_bytes;
};

static int check_record(void *argument, const struct spool_record *record, uint64_t offset)
{
	struct walk_check *check = argument;

	assert(offset >= check->end);
	assert(record->sequence > check->sequence);
	check->end = offset + SPOOL_RECORD_HEADER_BYTES + record->n_payload_bytes;
	check->sequence = record->sequence;
	assert(check->end <= check->n_bytes);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_image image = {data, size, 1};
	struct walk_check check = {.n_bytes = size};
	struct spool_cursor cursor;
	struct spool_scan scan;
	struct window_ids ids = {0};

	if (spool_scan_segment(&image, check_record, &check, &scan) == 0)
		assert(scan.good_end <= size && scan.good_end >= check.end);
	(void)!spool_cursor_decode(data, size, NULL, &cursor);
	(void)!window_ids_decode(&ids, data, size);
	window_ids_deinit(&ids);
	return 0;
}
