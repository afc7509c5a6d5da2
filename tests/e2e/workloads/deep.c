/* Burns CPU 400 calls deep for so many milliseconds: a stack longer than any is kept. */
#include <stdlib.h>
#include <time.h>

static volatile unsigned long sink;

static long long now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__attribute__((noinline)) static void burn_at_the_bottom(long long until_ns)
{
	while (now_ns() < until_ns)
		for (unsigned i = 0; i < 1000000; i++)
			sink += i;
}

__attribute__((noinline)) static void go_down(unsigned n_calls, long long until_ns)
{
	if (n_calls > 1)
		go_down(n_calls - 1, until_ns);
	else
		burn_at_the_bottom(until_ns);
	sink++; /* not a tail call */
}

int main(int argc, char **argv)
{
	go_down(400, now_ns() + (argc > 1 ? atoll(argv[1]) : 1000) * 1000000LL);
	return 0;
}
