#include "map_memory.h"

#include <stdio.h>

/* proc_pid_fdinfo(5), "memlock" */
uint64_t map_memory_bytes(int fd)
{
	char path[64], line[256];
	uint64_t n_bytes = 0;
	FILE *info;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (!info)
		return 0;
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "memlock: %lu", &n_bytes) == 1)
			break;
	(void)fclose(info);
	return n_bytes;
}
