#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By number, as linux/capability.h has them; a later kernel's are named by their number. */
static const char *const cap_names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

struct cap_sets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static int caps_get(struct cap_sets *ret_sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	ret_sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret_sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	ret_sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

/* Permitted and effective become @caps, inheritable nothing. */
static int caps_set(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	data[0].effective = data[0].permitted = (uint32_t)caps;
	data[1].effective = data[1].permitted = (uint32_t)(caps >> 32);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

uint64_t sandbox_effective_caps(void)
{
	struct cap_sets sets = {0};

	return caps_get(&sets) < 0 ? 0 : sets.effective;
}

void sandbox_caps_describe(uint64_t caps, char *text, size_t n_bytes)
{
	size_t used = 0;

	if (n_bytes == 0)
		return;
	text[0] = '\0';
	for (unsigned cap = 0; cap < 64 && used < n_bytes; cap++) {
		const char *comma = used > 0 ? ", " : "";
		int n;

		if (!(caps & SANDBOX_CAP(cap)))
			continue;
		if (cap < sizeof(cap_names) / sizeof(cap_names[0]))
			n = snprintf(text + used, n_bytes - used, "%s%s", comma, cap_names[cap]);
		else
			n = snprintf(text + used, n_bytes - used, "%s%u", comma, cap);
		used += n > 0 ? (size_t)n : 0;
	}
}

/*
 * Without SETPCAP the bounding set cannot be emptied. It only matters to execve(), which
 * no-new-privileges and the filters make powerless.
 */
static int empty_bounding_set(void)
{
	if (!(sandbox_effective_caps() & SANDBOX_CAP(CAP_SETPCAP)))
		return 0;
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

static int change_ids(uid_t uid, gid_t gid)
{
	if (getgroups(0, NULL) != 0 && setgroups(0, NULL) < 0)
		return -errno;
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* Believes nothing that was not asked back. */
static int check_became(uid_t uid, gid_t gid, uint64_t kept_caps)
{
	struct cap_sets sets;
	uid_t uids[3];
	gid_t gids[3];
	int r;

	r = caps_get(&sets);
	if (r < 0)
		return r;
	if (sets.effective != kept_caps || sets.permitted != kept_caps || sets.inheritable != 0)
		return -EPERM;
	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
	    getresgid(&gids[0], &gids[1], &gids[2]) < 0)
		return -errno;
	for (unsigned i = 0; i < 3; i++)
		if (uids[i] != uid || gids[i] != gid)
			return -EPERM;
	return getgroups(0, NULL) == 0 ? 0 : -EPERM;
}

int sandbox_become(uid_t uid, gid_t gid, uint64_t kept_caps)
{
	const struct rlimit no_core = {0, 0};
	int r;

	r = empty_bounding_set();
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_KEEPCAPS, kept_caps != 0, 0, 0, 0) < 0)
		return -errno;
	r = change_ids(uid, gid);
	if (r < 0)
		return r;
	r = caps_set(kept_caps);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	return check_became(uid, gid, kept_caps);
}

int sandbox_require_unprivileged(void)
{
	struct cap_sets sets;
	int r;

	r = caps_get(&sets);
	if (r < 0)
		return r;
	if (getuid() == 0 || geteuid() == 0 || sets.permitted != 0)
		return -EPERM;
	return 0;
}

struct sandbox_status sandbox_status(void)
{
	struct sandbox_status status = {.uid = geteuid()};
	struct cap_sets sets = {0};

	if (caps_get(&sets) == 0) {
		status.effective_caps = sets.effective;
		status.permitted_caps = sets.permitted;
	}
	status.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	/* A filter that refuses the question is an answer too. */
	status.seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
	return status;
}
