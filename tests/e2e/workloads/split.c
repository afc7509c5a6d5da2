/*
 * Three functions with a known split of CPU time, about 50 : 30 : 20, and a clock that measures
 * what each really got. usage: split CPU-SECONDS. Prints "function nanoseconds" lines.
 *
 * The rounds vary at random, so that no sampling period can beat with them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "burn.h"

static noinline void split_half(uint64_t n)
{
	burn_rounds(n);
	__asm__ volatile(""); /* no tail call, here and below: the frame stays */
}

static noinline void split_third(uint64_t n)
{
	burn_rounds(n);
	__asm__ volatile("");
}

static noinline void split_fifth(uint64_t n)
{
	burn_rounds(n);
	__asm__ volatile("");
}

struct part {
	const char *name;
	void (*run)(uint64_t n);
	uint64_t weight;
	uint64_t used_ns;
};

static noinline void split_step(struct part *part, uint64_t rounds)
{
	uint64_t begun_ns = burn_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	part->run(rounds * part->weight);
	part->used_ns += burn_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
}

int main(int argc, char **argv)
{
	struct part parts[] = {
		{"split_half", split_half, 5, 0},
		{"split_third", split_third, 3, 0},
		{"split_fifth", split_fifth, 2, 0},
	};
	uint64_t seed = 88172645463325252u, end_ns;

	end_ns = burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
		 (uint64_t)(strtod(argc > 1 ? argv[1] : "5", NULL) * 1e9);
	while (burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end_ns) {
		for (unsigned i = 0; i < 3; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			split_step(&parts[i], 40000 + seed % 80000);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		printf("%s %llu\n", parts[i].name, (unsigned long long)parts[i].used_ns);
	return 0;
}
