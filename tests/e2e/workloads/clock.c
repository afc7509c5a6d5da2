/* Asks the clock for so many milliseconds, by way of the vDSO: nothing else takes its time. */
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	long long until_ns = argc > 1 ? atoll(argv[1]) * 1000000LL : 1000000000LL;
	struct timespec first, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &first);
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - first.tv_sec) * 1000000000LL + now.tv_nsec - first.tv_nsec < until_ns);
	return 0;
}
