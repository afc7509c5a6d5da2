/*
 * Forks children that end at once, again and again: with much memory to copy and to give back, most
 * of their time is in the kernel, before their exec or in their exit.
 * Usage: forks SECONDS [PROGRAM], which the children exec; prints "all" and its CPU time in ns.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_BYTES (64u << 20)

static uint64_t cpu_ns(int who)
{
	struct rusage usage;

	(void)getrusage(who, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

int main(int argc, char **argv)
{
	void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);

	if (memory == MAP_FAILED)
		return 1;
	(void)madvise(memory, MEMORY_BYTES, MADV_NOHUGEPAGE);
	memset(memory, 1, MEMORY_BYTES);
	while (time(NULL) < end) {
		pid_t pid = fork();

		if (pid == 0) {
			if (argc > 2)
				(void)execl(argv[2], argv[2], (char *)NULL);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
	(void)printf("all %llu\n",
		     (unsigned long long)(cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)));
	return 0;
}
