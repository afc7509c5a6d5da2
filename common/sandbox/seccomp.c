#include "sandbox/seccomp.h"

#include <errno.h>
#include <unistd.h>

static void release_filter(scmp_filter_ctx *filter)
{
	seccomp_release(*filter);
}

static int allow_table(scmp_filter_ctx filter, const struct seccomp_table *table)
{
	int r = 0;

	for (size_t i = 0; i < table->n_rules && r == 0; i++) {
		const struct seccomp_rule *rule = &table->rules[i];

		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->syscall, rule->n_args,
					   rule->args);
	}
	return r;
}

static int allow_role(scmp_filter_ctx filter, enum sandbox_role role)
{
	const struct scmp_arg_cmp to_self = ARG_IS(0, (scmp_datum_t)getpid());
	int r;

	for (size_t i = 0; i < SECCOMP_ROLE_TABLES_MAX; i++) {
		if (!seccomp_role_tables[role][i])
			break;
		r = allow_table(filter, seccomp_role_tables[role][i]);
		if (r < 0)
			return r;
	}
	r = allow_table(filter, &seccomp_build_table);
	if (r < 0)
		return r;
	/* abort() and pthread_kill(), of this process only */
	r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &to_self);
	if (r < 0)
		return r;
	/* Its flags cannot be looked into; told that it is not there, libc uses clone() */
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

int seccomp_confine(enum sandbox_role role)
{
	cleanup_with(release_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r < 0)
		return r;
	/* A sanitizer may have started a thread of its own already: it is confined as well */
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r < 0)
		return r;
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return r;
	r = allow_role(filter, role);
	if (r < 0)
		return r;
	return seccomp_load(filter);
}
