/* The text of /proc/PID/cgroup: an id that is found is 64 lower-case hex digits of the text. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_bytes id = cgroup_container_id((struct wire_bytes){data, size});
	const uint8_t *digits = id.data;

	if (id.n_bytes == 0)
		return 0;
	assert(id.n_bytes == CONTAINER_ID_BYTES_MAX);
	assert(digits > data && digits + id.n_bytes <= data + size);
	assert(memchr("/-:", digits[-1], 3));
	for (size_t i = 0; i < id.n_bytes; i++)
		assert(memchr("0123456789abcdef", digits[i], 16));
	return 0;
}
