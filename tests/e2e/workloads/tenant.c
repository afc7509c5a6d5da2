/*
 * Says that it is ready, waits for a line, then burns CPU until it is ended: itself and a child,
 * which is a new process with mappings of its own.
 */
#include <stdio.h>
#include <unistd.h>

#include "burn.h"

static noinline void tenant_burn(uint64_t n)
{
	burn_rounds(n);
	__asm__ volatile("");
}

int main(void)
{
	tenant_burn(1000); /* its code is in memory from now on */
	(void)puts("ready");
	(void)fflush(stdout);
	if (getchar() == EOF || fork() < 0)
		return 1;
	for (;;)
		tenant_burn(1000000);
}
