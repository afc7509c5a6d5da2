/* The texts of /proc/PID/stat and /proc/PID/status. */
#include <assert.h>
#include <stdint.h>

#include "proc_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_bytes text = {data, size};
	struct proc_stat stat;
	struct proc_status status;

	if (proc_stat_parse(text, &stat) == 0)
		assert(stat.comm[COMM_BYTES - 1] == '\0');
	if (proc_status_parse(text, &status) == 0)
		assert(status.namespace_pid > 0);
	return 0;
}
