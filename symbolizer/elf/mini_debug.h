#pragma once
/*
 * MiniDebugInfo: .gnu_debugdata holds an ELF file with the symbols that .dynsym lacks, packed as
 * one xz stream. Here it is only unpacked; the only reader of liblzma.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/wire.h"

#define MINI_DEBUG_MEMORY_BYTES_MAX (96u << 20) /* of the decoder: what `xz -9` needs, and some */

enum mini_debug_outcome {
	MINI_DEBUG_MALFORMED = 1, /* not xz, cut off, or its check does not fit */
	MINI_DEBUG_TOO_BIG,       /* more than may be inflated, or a decoder over the bound */
};

/*
 * Unpacks @packed into @memory_fd, from its start.
 *   @memory_fd     a memfd, empty; borrowed
 *   @inflate_left  bytes that may be inflated yet; counted down by what was
 *   @ret_n_bytes   set on 0 only
 * Returns 0, a negative errno or an enum mini_debug_outcome.
 */
int mini_debug_unpack(struct wire_bytes packed, int memory_fd, uint64_t *inflate_left,
		      uint64_t *ret_n_bytes) warn_unused_result;
