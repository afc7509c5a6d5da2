#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <sys/mman.h>

/* For the run times of ASan, UBSan and TSan: shadow memory, a thread of their own, a report. */
static const struct seccomp_rule sanitizer_rules[] = {
	ALLOW_IF(mmap, ARG_BITS(2, PROT_EXEC, 0)),
	ALLOW_IF(mprotect, ARG_BITS(2, PROT_EXEC, 0)),
	ALLOW(munmap),
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(rseq),
	ALLOW(set_robust_list),
	ALLOW(sched_yield),
	ALLOW(sched_getaffinity),
	ALLOW(nanosleep),
	ALLOW(clock_nanosleep),
	ALLOW(clock_gettime),
	ALLOW(gettimeofday),
	ALLOW(sigaltstack),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigreturn),
	ALLOW(getpid),
	ALLOW(gettid),
	ALLOW(getrlimit),
	ALLOW_IF(prlimit64, ARG_IS(2, 0)),
	ALLOW(write),
	ALLOW(writev),
	ALLOW(lseek),
	ALLOW(fstat),
	ALLOW(readlink),
	ALLOW(exit),
};

const struct seccomp_table seccomp_build_table = SECCOMP_TABLE(sanitizer_rules);
