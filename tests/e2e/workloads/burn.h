#pragma once
/* How the workloads use CPU: a loop that no compiler removes, and the clock that measures it. */
#include <stdint.h>
#include <time.h>

#define noinline __attribute__((noinline, noclone))

static inline uint64_t burn_clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* a CPU clock of the caller cannot fail */
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* @n rounds of arithmetic, in the caller's own frame. */
static inline __attribute__((always_inline)) void burn_rounds(uint64_t n)
{
	uint64_t x = n | 1;

	for (uint64_t i = 0; i < n; i++) {
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		__asm__ volatile("" : "+r"(x));
	}
}

/* Burns @ns of the process's CPU time in the caller's own frame. */
#define burn_ns(ns)                                                                                \
	do {                                                                                       \
		uint64_t end_ = burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) + (ns);                    \
		while (burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end_)                             \
			burn_rounds(200000);                                                       \
	} while (0)
