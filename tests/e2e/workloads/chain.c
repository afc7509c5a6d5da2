/*
 * Burns half a second in BURN_NAME, then becomes the program of its first argument, if any. Two
 * builds with different BURN_NAMEs, linked to the same fixed addresses, tell whether samples and
 * symbols of one image ever meet those of the other.
 */
#include <stdlib.h>
#include <unistd.h>

#include "burn.h"

noinline void BURN_NAME(void)
{
	burn_ns(UINT64_C(500000000));
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	BURN_NAME();
	if (argc > 1) {
		execv(argv[1], argv + 1);
		return 127;
	}
	return 0;
}
