/*
 * Runs its first argument, and when that has ended, its second under the very same pid, by way of
 * /proc/sys/kernel/ns_last_pid. Prints the pid, or fails with 3 when others were always faster.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPTS 2000

static pid_t run(const char *program)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int set_next_pid(pid_t pid)
{
	char text[16];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", pid - 1);
	ssize_t written;

	if (fd < 0)
		return -1;
	written = write(fd, text, (size_t)n);
	close(fd);
	return written == n ? 0 : -1;
}

/* Runs @program as @wanted. A child with another pid leaves at once. */
static int run_as(const char *program, pid_t wanted)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		pid_t pid;

		if (set_next_pid(wanted) != 0)
			return 4;
		pid = fork();
		if (pid == 0) {
			if (getpid() == wanted)
				execl(program, program, (char *)NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
		if (pid == wanted)
			return 0;
	}
	return 3;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc != 3)
		return 2;
	pid = run(argv[1]);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 1;
	printf("%d\n", pid);
	return run_as(argv[2], pid);
}
