/*
 * Makes a running process issue one system call, prints what the kernel said, and lets the process
 * go on as if nothing had been: the proof that a call is refused to the very process that runs.
 *
 *	inject PID NUMBER [ARGUMENT]…
 *
 * An argument is an integer (decimal, 0x…, negative), hex:BYTES for a structure, or else a string;
 * str:TEXT is a string that looks like one of the others. Structures and strings are put on the
 * stack of the process, below what it uses. Prints result=VALUE or result=-ENAME. Needs root, or
 * whatever else ptrace wants; only the thread PID is stopped. x86-64.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ARGS_MAX       6
#define BLOB_BYTES_MAX 4096u
#define RED_ZONE_BYTES 128u
#define VDSO_BYTES_MAX 16384u
#define ERRNO_MAX      4095

struct victim {
	pid_t pid;
	int memory_fd;
	uint64_t syscall_addr; /* of a syscall instruction */
	struct user_regs_struct saved;
	int pending_signal; /* came meanwhile; given back at the end */
};

static int fail(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	return -1;
}

/* The vDSO falls back to real system calls, so it has the instruction; and everybody has it. */
static int find_syscall(struct victim *victim)
{
	unsigned char code[VDSO_BYTES_MAX];
	unsigned long start = 0, end = 0;
	char path[64], line[512];
	ssize_t n;
	FILE *maps;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", victim->pid);
	maps = fopen(path, "re");
	if (!maps)
		return fail(path);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	(void)fclose(maps); /* was read only */
	n = pread(victim->memory_fd, code, sizeof(code) < end - start ? sizeof(code) : end - start,
		  (off_t)start);
	for (ssize_t i = 0; i + 1 < n; i++) {
		if (code[i] == 0x0f && code[i + 1] == 0x05) {
			victim->syscall_addr = start + (uint64_t)i;
			return 0;
		}
	}
	errno = ENOENT;
	return fail("no syscall instruction in its vDSO");
}

/* Waits until it stops, keeping signals that are its own. */
static int wait_for_trap(struct victim *victim)
{
	int status;

	for (;;) {
		if (waitpid(victim->pid, &status, __WALL) < 0)
			return fail("waitpid");
		if (!WIFSTOPPED(status)) {
			errno = ESRCH;
			return fail("it died");
		}
		if (WSTOPSIG(status) == SIGTRAP || status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		victim->pending_signal = WSTOPSIG(status);
		if (ptrace(PTRACE_SINGLESTEP, victim->pid, NULL, NULL) < 0)
			return fail("ptrace step");
	}
}

static int attach(struct victim *victim)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", victim->pid);
	victim->memory_fd = open(path, O_RDWR | O_CLOEXEC);
	if (victim->memory_fd < 0)
		return fail(path);
	if (find_syscall(victim) < 0)
		return -1;
	if (ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, victim->pid, NULL, NULL) < 0)
		return fail("ptrace attach");
	if (wait_for_trap(victim) < 0)
		return -1;
	if (ptrace(PTRACE_GETREGS, victim->pid, NULL, &victim->saved) < 0)
		return fail("ptrace registers");
	return 0;
}

/* Puts bytes below *@stack and returns where; 0 when they cannot be written. */
static uint64_t push(const struct victim *victim, uint64_t *stack, const void *bytes, size_t n)
{
	*stack = (*stack - n) & ~UINT64_C(15);
	if (pwrite(victim->memory_fd, bytes, n, (off_t)*stack) != (ssize_t)n)
		return 0;
	return *stack;
}

static int push_hex(const struct victim *victim, uint64_t *stack, const char *hex, uint64_t *ret)
{
	unsigned char blob[BLOB_BYTES_MAX];
	size_t n = strlen(hex) / 2;

	if (n > sizeof(blob) || strlen(hex) % 2 != 0) {
		errno = EINVAL;
		return fail(hex);
	}
	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return fail(hex);
		blob[i] = (unsigned char)byte;
	}
	*ret = push(victim, stack, blob, n);
	return *ret != 0 ? 0 : fail("write to its stack");
}

static int place_argument(const struct victim *victim, uint64_t *stack, const char *text,
			  uint64_t *ret)
{
	char *end;

	if (strncmp(text, "hex:", 4) == 0)
		return push_hex(victim, stack, text + 4, ret);
	errno = 0;
	*ret = text[0] == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (errno == 0 && end != text && *end == '\0')
		return 0;
	if (strncmp(text, "str:", 4) == 0)
		text += 4;
	*ret = push(victim, stack, text, strlen(text) + 1);
	return *ret != 0 ? 0 : fail("write to its stack");
}

static int run_call(struct victim *victim, uint64_t number, char **arguments, int n_arguments,
		    int64_t *ret_result)
{
	struct user_regs_struct regs = victim->saved;
	uint64_t stack = regs.rsp - RED_ZONE_BYTES;
	uint64_t args[ARGS_MAX] = {0};

	for (int i = 0; i < n_arguments; i++)
		if (place_argument(victim, &stack, arguments[i], &args[i]) < 0)
			return -1;
	regs.rax = number;
	regs.orig_rax = UINT64_MAX; /* not in a system call that might be restarted */
	regs.rip = victim->syscall_addr;
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.r10 = args[3];
	regs.r8 = args[4];
	regs.r9 = args[5];
	if (ptrace(PTRACE_SETREGS, victim->pid, NULL, &regs) < 0 ||
	    ptrace(PTRACE_SINGLESTEP, victim->pid, NULL, NULL) < 0)
		return fail("ptrace step");
	if (wait_for_trap(victim) < 0)
		return -1;
	if (ptrace(PTRACE_GETREGS, victim->pid, NULL, &regs) < 0)
		return fail("ptrace registers");
	*ret_result = (int64_t)regs.rax;
	return 0;
}

/* With its registers as they were, the kernel restarts the call that was interrupted. */
static int detach(struct victim *victim)
{
	if (ptrace(PTRACE_SETREGS, victim->pid, NULL, &victim->saved) < 0)
		return fail("ptrace registers");
	if (ptrace(PTRACE_DETACH, victim->pid, NULL, (void *)(intptr_t)victim->pending_signal) < 0)
		return fail("ptrace detach");
	return 0;
}

int main(int argc, char **argv)
{
	struct victim victim = {.memory_fd = -1};
	int64_t result = 0;
	int called, detached;

	if (argc < 3 || argc > 3 + ARGS_MAX) {
		fprintf(stderr, "usage: inject PID NUMBER [ARGUMENT]...\n");
		return 64;
	}
	victim.pid = atoi(argv[1]);
	if (attach(&victim) < 0)
		return 1;
	called = run_call(&victim, strtoull(argv[2], NULL, 0), argv + 3, argc - 3, &result);
	detached = detach(&victim);
	close_fdp(&victim.memory_fd);
	if (called < 0 || detached < 0)
		return 1;
	if (result < 0 && result >= -ERRNO_MAX && strerrorname_np((int)-result))
		printf("result=-%s\n", strerrorname_np((int)-result));
	else
		printf("result=%lld\n", (long long)result);
	return 0;
}
