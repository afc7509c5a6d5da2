#pragma once
/*
 * What .gnu_debuglink holds: the base name of a debug file, and the CRC-32 of all its bytes. The
 * name is somebody's word; it is only used as such. Pure.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

enum debuglink_outcome {
	DEBUGLINK_MALFORMED = 1, /* no name, or it has no end, or no room for a checksum */
};

#define DEBUGLINK_BYTES_MAX 4096u /* of the section: a name, zeros, a checksum */

struct debuglink {
	struct wire_bytes
		name; /* 1 … OBJECT_OPEN_NAME_BYTES_MAX bytes, borrowed from the section */
	uint32_t crc;
};

/* Reads a section's bytes, which are borrowed. Returns 0 or DEBUGLINK_MALFORMED. */
int debuglink_parse(struct wire_bytes section, struct debuglink *ret_link) warn_unused_result;
