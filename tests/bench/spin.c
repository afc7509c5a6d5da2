/*
 * Burns CPU below 20 frames, with frame pointers, until it is killed. Usage: spin PERMILLE
 *
 * PERMILLE of a CPU, in slices of a tenth of a second; 1000 is all of one. VARIANT, set by the
 * compiler, goes into every name: each variant is another binary with other functions.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b)  JOIN2(a, b)
#define NAME(name)  JOIN(JOIN(name##_v, VARIANT), _)
#define SLICE_NS    100000000ull
#define BURN_STEPS  20000u

volatile uint64_t sink;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define LEAF(n)                                                                                    \
	__attribute__((noinline)) static void JOIN(NAME(leaf), n)(void)                            \
	{                                                                                          \
		for (uint64_t i = 0; i < BURN_STEPS; i++)                                          \
			sink += i ^ n;                                                             \
	}

LEAF(0)
LEAF(1)
LEAF(2)
LEAF(3)

__attribute__((noinline)) static void NAME(choose)(uint64_t which)
{
	switch (which % 4) {
	case 0:
		JOIN(NAME(leaf), 0)();
		break;
	case 1:
		JOIN(NAME(leaf), 1)();
		break;
	case 2:
		JOIN(NAME(leaf), 2)();
		break;
	default:
		JOIN(NAME(leaf), 3)();
	}
	sink++; /* no tail calls: each frame stays */
}

#define FRAME(n, next)                                                                             \
	__attribute__((noinline)) static void JOIN(NAME(frame), n)(uint64_t which)                 \
	{                                                                                          \
		next(which);                                                                       \
		sink++;                                                                            \
	}

FRAME(16, NAME(choose))
FRAME(15, JOIN(NAME(frame), 16))
FRAME(14, JOIN(NAME(frame), 15))
FRAME(13, JOIN(NAME(frame), 14))
FRAME(12, JOIN(NAME(frame), 13))
FRAME(11, JOIN(NAME(frame), 12))
FRAME(10, JOIN(NAME(frame), 11))
FRAME(9, JOIN(NAME(frame), 10))
FRAME(8, JOIN(NAME(frame), 9))
FRAME(7, JOIN(NAME(frame), 8))
FRAME(6, JOIN(NAME(frame), 7))
FRAME(5, JOIN(NAME(frame), 6))
FRAME(4, JOIN(NAME(frame), 5))
FRAME(3, JOIN(NAME(frame), 4))
FRAME(2, JOIN(NAME(frame), 3))
FRAME(1, JOIN(NAME(frame), 2))

static void sleep_until(uint64_t until_ns)
{
	struct timespec t = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

int main(int argc, char **argv)
{
	uint64_t permille = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t which = 0, slice_ns = now_ns(CLOCK_MONOTONIC), burnt_ns = 0;

	if (permille == 0 || permille > 1000) {
		(void)fprintf(stderr, "usage: spin PERMILLE\n");
		return 64;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		burnt_ns += SLICE_NS / 1000 * permille;
		while (permille == 1000 || now_ns(CLOCK_PROCESS_CPUTIME_ID) < burnt_ns)
			JOIN(NAME(frame), 1)(which++);
		slice_ns += SLICE_NS;
		sleep_until(slice_ns);
	}
}
