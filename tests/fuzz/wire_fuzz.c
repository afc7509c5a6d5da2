/* Every decoder of the wire. What is accepted must encode to something that decodes to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recode.h"

#define FRAME_BYTES_MAX (64u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size,
		  int (*recode_any)(const void *frame, size_t n_bytes, struct bytes *out))
{
	struct bytes once = BYTES_INIT(FRAME_BYTES_MAX), twice = BYTES_INIT(FRAME_BYTES_MAX);

	if (recode_any(data, size, &once) == 0) {
		if (once.error || recode_any(once.data, once.n_bytes, &twice) != 0)
			abort();
		if (once.n_bytes > size || once.n_bytes != twice.n_bytes ||
		    memcmp(once.data, twice.data, once.n_bytes) != 0)
			abort();
	}
	bytes_deinit(&once);
	bytes_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size, recode);
	check(data, size, recode_labels);
	return 0;
}
