/*
 * Walks every path of a binary tree of calls, LEVELS deep: each leaf is a stack that no other leaf
 * has. usage: many_stacks CPU-SECONDS. Prints how many leaves it visited.
 */
#include <stdio.h>
#include <stdlib.h>

#include "burn.h"

#define LEVELS 14 /* 16384 stacks */

static noinline void many_left(unsigned path, unsigned level);
static noinline void many_right(unsigned path, unsigned level);

static noinline void many_leaf(void)
{
	burn_rounds(30000);
	__asm__ volatile("");
}

static inline __attribute__((always_inline)) void many_branch(unsigned path, unsigned level)
{
	if (level == LEVELS)
		many_leaf();
	else if (path >> level & 1)
		many_right(path, level + 1);
	else
		many_left(path, level + 1);
	__asm__ volatile("");
}

static noinline void many_left(unsigned path, unsigned level)
{
	many_branch(path, level);
}

static noinline void many_right(unsigned path, unsigned level)
{
	many_branch(path, level);
}

int main(int argc, char **argv)
{
	uint64_t end_ns = burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
			  (uint64_t)(strtod(argc > 1 ? argv[1] : "3", NULL) * 1e9);
	unsigned long n = 0;

	while (burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end_ns) {
		many_branch((unsigned)(n * 7919), 0);
		n++;
	}
	printf("%lu\n", n);
	return 0;
}
