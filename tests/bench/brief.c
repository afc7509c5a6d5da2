/*
 * One of many short-lived processes: burns 20 ms of CPU in a function of its own and exits.
 * Usage: brief FD; writes to FD how many ns of CPU time passed inside that function.
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BURN_NS 20000000u

volatile uint64_t sink;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

__attribute__((noinline)) static uint64_t brief_burn(void)
{
	uint64_t begun_ns = cpu_ns(), ns;

	do {
		for (unsigned i = 0; i < 20000; i++)
			sink += i;
		ns = cpu_ns() - begun_ns;
	} while (ns < BURN_NS);
	return ns;
}

int main(int argc, char **argv)
{
	uint64_t ns = brief_burn();

	return argc == 2 && write(atoi(argv[1]), &ns, sizeof(ns)) == sizeof(ns) ? 0 : 1;
}
