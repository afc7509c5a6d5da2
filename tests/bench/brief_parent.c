/*
 * Starts BRIEF by fork and exec, 50 times a second. Usage: brief_parent BRIEF SECONDS
 * Prints how many there were, their CPU time by wait4(), and that inside their own function, in ns.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS    20000000u
#define RUNNING_MAX 16u /* a machine that has no time for them gets fewer */

struct totals {
	uint64_t n_processes;
	uint64_t cpu_ns;
	uint64_t own_ns;
};

static uint64_t ns_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static void start(const char *program, const char *fd_text)
{
	pid_t pid = fork();

	if (pid != 0)
		return;
	(void)execl(program, program, fd_text, (char *)NULL);
	_exit(127);
}

/* Takes those that ended, and waits until no more than @n_left of @n_started run. */
static void collect(struct totals *totals, int read_fd, uint64_t n_started, uint64_t n_left)
{
	struct rusage usage;
	uint64_t own_ns;

	while (wait4(-1, NULL, n_started - totals->n_processes > n_left ? 0 : WNOHANG, &usage) >
	       0) {
		totals->n_processes++;
		totals->cpu_ns += ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
	}
	while (read(read_fd, &own_ns, sizeof(own_ns)) == sizeof(own_ns))
		totals->own_ns += own_ns;
}

int main(int argc, char **argv)
{
	struct totals totals = {0};
	struct timespec next;
	char fd_text[16];
	int fds[2];

	if (argc != 3 || pipe2(fds, 0) != 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
		(void)fprintf(stderr, "usage: brief_parent BRIEF SECONDS\n");
		return 64;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(fd_text, sizeof(fd_text), "%d", fds[1]);
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t n = 1; n <= 50 * strtoull(argv[2], NULL, 10); n++) {
		start(argv[1], fd_text);
		next.tv_nsec += EVERY_NS;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) != 0)
			;
		collect(&totals, fds[0], n, RUNNING_MAX);
	}
	collect(&totals, fds[0], UINT64_MAX, 0);
	(void)printf("%llu %llu %llu\n", (unsigned long long)totals.n_processes,
		     (unsigned long long)totals.cpu_ns, (unsigned long long)totals.own_ns);
	return 0;
}
