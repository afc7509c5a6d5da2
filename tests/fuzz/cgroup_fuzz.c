/* The text of /proc/PID/cgroup: an id that is found is part of it, and of one of the shapes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "container_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_bytes id = cgroup_container_id((struct wire_bytes){data, size});
	const uint8_t *bytes = id.data;

	(void)cgroup_has_v1((struct wire_bytes){data, size});
	if (id.n_bytes == 0)
		return 0;
	assert(id.n_bytes <= CONTAINER_ID_BYTES_MAX);
	assert(bytes > data && bytes + id.n_bytes <= data + size);
	assert(memchr("/-:.", bytes[-1], 4));
	if (id.n_bytes == CONTAINER_ID_DIGITS && container_id_is_hex(id))
		return 0;
	for (size_t i = 0; i < id.n_bytes; i++)
		assert(bytes[i] > ' ' && bytes[i] != '/');
	return 0;
}
