#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

void sandbox_close_inherited(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* the lowest that is free */
	while (fd >= 0 && fd <= STDERR_FILENO);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0); /* Linux 5.9: it cannot fail on ours */
}

/*
 * The collector needs no ruleset, it opens nothing; the opener must have none: inside one, reading
 * /proc of processes outside is refused.
 */
static bool role_has_ruleset(enum sandbox_role role)
{
	return role == SANDBOX_SYMBOLIZER || role == SANDBOX_SHIPPER;
}

int sandbox_enter(enum sandbox_role role, const struct sandbox_path *paths, size_t n_paths,
		  bool *ret_landlock)
{
	const struct rlimit no_core = {0, 0};
	bool landlock = false;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	if (role_has_ruleset(role)) {
		r = landlock_confine(paths, n_paths, &landlock);
		if (r < 0)
			return r;
	}
	r = seccomp_confine(role);
	if (r < 0)
		return r;
	if (ret_landlock)
		*ret_landlock = landlock;
	return 0;
}
