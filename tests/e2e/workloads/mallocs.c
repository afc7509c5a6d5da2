/* Spends its time inside libc, in functions that its .dynsym does not name. */
#include <stdlib.h>

#include "burn.h"

int main(void)
{
	uint64_t end_ns = 0;
	struct timespec now;

	do {
		void *blocks[64];

		for (unsigned i = 0; i < 64; i++)
			blocks[i] = malloc(2000 + 32 * i);
		for (unsigned i = 0; i < 64; i++)
			free(blocks[63 - (i * 7) % 64]);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
		end_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	} while (end_ns < 1000000000u);
	return 0;
}
