/* The text of /proc/PID/status, of which authority is read. */
#include <assert.h>
#include <stdint.h>

#include "base/process_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct process_status status;

	if (process_status_parse((const char *)data, size, &status) == 0)
		assert(status.seccomp <= 2);
	return 0;
}
