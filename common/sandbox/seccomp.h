#pragma once
/*
 * Private to common/sandbox: the tables behind the filters. What is in no table of a role is
 * refused with EPERM; a system call of another architecture ends the process.
 */
#include <seccomp.h>
#include <stddef.h>

#include "sandbox/sandbox.h"

#define SECCOMP_RULE_ARGS_MAX 2u

struct seccomp_rule {
	int syscall;
	unsigned n_args;
	struct scmp_arg_cmp args[SECCOMP_RULE_ARGS_MAX]; /* all of them must hold */
};

struct seccomp_table {
	size_t n_rules;
	const struct seccomp_rule *rules;
};

#define SECCOMP_TABLE(array)                                                                       \
	{                                                                                          \
		.n_rules = sizeof(array) / sizeof((array)[0]), .rules = (array)                    \
	}

#define ALLOW(name)                                                                                \
	{                                                                                          \
		.syscall = SCMP_SYS(name)                                                          \
	}
#define ALLOW_IF(name, condition)                                                                  \
	{                                                                                          \
		.syscall = SCMP_SYS(name), .n_args = 1, .args = { condition }                      \
	}
#define ARG_IS(index, value)                                                                       \
	{                                                                                          \
		.arg = (index), .op = SCMP_CMP_EQ, .datum_a = (value)                              \
	}
#define ARG_BITS(index, mask, value)                                                               \
	{                                                                                          \
		.arg = (index), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)    \
	}

/* Which tables make up a role's filter. */
#define SECCOMP_ROLE_TABLES_MAX 4u

extern const struct seccomp_table *const seccomp_role_tables[][SECCOMP_ROLE_TABLES_MAX];

/* What a sanitizer's run time calls beside; empty in every other build. One of two files has it. */
extern const struct seccomp_table seccomp_build_table;

/* Installs the filter of @role. Returns 0 or a negative errno. */
int seccomp_confine(enum sandbox_role role) warn_unused_result;
