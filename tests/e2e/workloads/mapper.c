/*
 * Runs the code at 0x200 of each file of its arguments, which need not be programs, for as many
 * milliseconds of CPU time as the first says: a loop that counts down, put there by whoever made
 * them. A file that cannot be mapped is passed over.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "burn.h"

#define CODE_AT    0x200
#define PAGE_BYTES 4096

static noinline void run_for(void (*code)(uint64_t), uint64_t ns)
{
	uint64_t end = burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ns;

	while (burn_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		code(100000);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	uint64_t ns = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000000 : 0;

	for (int i = 2; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		if (fd >= 0 && page != MAP_FAILED)
			run_for((void (*)(uint64_t))(uintptr_t)(page + CODE_AT), ns);
		close(fd);
	}
	return 0;
}
