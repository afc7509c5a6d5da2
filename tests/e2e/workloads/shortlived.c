/* Lives for 50 ms of CPU time, or as many milliseconds as its argument says. */
#include <stdlib.h>

#include "burn.h"

static noinline void shortlived_burn(uint64_t ms)
{
	burn_ns(ms * 1000000);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	shortlived_burn(strtoull(argc > 1 ? argv[1] : "50", NULL, 10));
	return 0;
}
