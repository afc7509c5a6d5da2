/*
 * Runs a program to which the kernel refuses perf_event_open(), as kernels do whose sysctl
 * kernel.perf_event_paranoid goes beyond 2.
 *
 *	refuse_perf PROGRAM [ARGUMENT]...
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || !filter)
		return 64;
	/* The program's privileges are what the test is about: they stay as they are. */
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) != 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(perf_event_open), 0) != 0 ||
	    seccomp_load(filter) != 0) {
		(void)fputs("refuse_perf: no filter\n", stderr);
		return 71;
	}
	(void)execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 71;
}
