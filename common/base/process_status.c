#include "base/process_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 32

int process_status_open(pid_t pid)
{
	char path[PATH_BYTES];
	int fd;

	if (pid == 0)
		(void)snprintf(path, sizeof(path), "/proc/self/status");
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int process_status_read(int fd, struct process_status *ret_status)
{
	char text[PROCESS_STATUS_BYTES_MAX];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	return n < 0 ? -errno : process_status_parse(text, (size_t)n, ret_status);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a number of @base from *@at on, which is moved behind it. */
static bool take_number(const char **at, const char *end, unsigned base, uint64_t *ret_value)
{
	const char *start = *at;
	uint64_t value = 0;
	int digit;

	while (*at < end && (digit = digit_of(**at)) >= 0 && (unsigned)digit < base) {
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (unsigned)digit, &value))
			return false;
		(*at)++;
	}
	*ret_value = value;
	return *at > start;
}

/* The values of a line: numbers, each behind a tab, to its end. */
static bool parse_values(const char *at, const char *end, unsigned base, size_t n_values,
			 uint64_t ret_values[])
{
	for (size_t i = 0; i < n_values; i++) {
		if (at == end || *at++ != '\t' || !take_number(&at, end, base, &ret_values[i]))
			return false;
	}
	return at == end;
}

enum line { LINE_PID, LINE_UID, LINE_PERMITTED, LINE_EFFECTIVE, LINE_NO_NEW_PRIVS, LINE_SECCOMP };

#define LINES      6u
#define VALUES_MAX 4u /* uids: real, effective, saved, of the file system */

static const struct {
	const char *key;
	unsigned base;
	size_t n_values;
	uint64_t max;
} lines[LINES] = {
	[LINE_PID] = {"Pid:", 10, 1, UINT32_MAX},
	[LINE_UID] = {"Uid:", 10, VALUES_MAX, UINT32_MAX},
	[LINE_PERMITTED] = {"CapPrm:", 16, 1, UINT64_MAX},
	[LINE_EFFECTIVE] = {"CapEff:", 16, 1, UINT64_MAX},
	[LINE_NO_NEW_PRIVS] = {"NoNewPrivs:", 10, 1, 1},
	[LINE_SECCOMP] = {"Seccomp:", 10, 1, 2},
};

/* Takes a line that is sought; of others nothing. Returns whether it was as it should be. */
static bool take_line(const char *line, const char *end, uint64_t values[LINES][VALUES_MAX],
		      unsigned *seen)
{
	for (size_t i = 0; i < LINES; i++) {
		size_t n_key = strlen(lines[i].key);

		if ((size_t)(end - line) < n_key || memcmp(line, lines[i].key, n_key) != 0)
			continue;
		if (*seen & 1u << i ||
		    !parse_values(line + n_key, end, lines[i].base, lines[i].n_values, values[i]))
			return false;
		*seen |= 1u << i;
		for (size_t v = 0; v < lines[i].n_values; v++)
			if (values[i][v] > lines[i].max)
				return false;
	}
	return true;
}

int process_status_parse(const char *text, size_t n_bytes, struct process_status *ret_status)
{
	uint64_t values[LINES][VALUES_MAX] = {{0}};
	const char *end = text + n_bytes;
	unsigned seen = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (!newline) /* cut: whatever it says may go on */
			break;
		if (!take_line(text, newline, values, &seen))
			return PROCESS_STATUS_MALFORMED;
		text = newline + 1;
	}
	if (seen != (1u << LINES) - 1)
		return PROCESS_STATUS_MALFORMED;
	*ret_status = (struct process_status){
		.pid = (uint32_t)values[LINE_PID][0],
		.uid = (uint32_t)values[LINE_UID][1],
		.permitted_caps = values[LINE_PERMITTED][0],
		.effective_caps = values[LINE_EFFECTIVE][0],
		.seccomp = (uint8_t)values[LINE_SECCOMP][0],
		.no_new_privs = values[LINE_NO_NEW_PRIVS][0] == 1,
	};
	return 0;
}
