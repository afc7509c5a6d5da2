#include "proc_text.h"

#include <stdbool.h>
#include <string.h>

#define FIELD_AFTER_NAME 3u
#define FIELD_START_TIME 22u

/* Reads decimal digits at *@at, which then stands behind them. */
static bool take_decimal(const char **at, const char *end, uint64_t *ret_number)
{
	const char *first = *at;
	uint64_t number = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		uint64_t digit = (uint64_t)(**at - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = 10 * number + digit;
	}
	*ret_number = number;
	return *at > first;
}

int proc_stat_parse(struct wire_bytes text, struct proc_stat *ret_stat)
{
	struct proc_stat stat = {.start_clock_ticks = 0};
	const char *open = NULL, *close = NULL, *end, *at;
	size_t n_comm_bytes;

	if (text.n_bytes > 0) {
		open = memchr(text.data, '(', text.n_bytes);
		close = memrchr(text.data, ')', text.n_bytes);
	}
	if (!open || !close || close < open)
		return PROC_TEXT_MALFORMED;
	n_comm_bytes = (size_t)(close - open) - 1;
	memcpy(stat.comm, open + 1, n_comm_bytes < COMM_BYTES ? n_comm_bytes : COMM_BYTES - 1);

	end = (const char *)text.data + text.n_bytes;
	at = close + 1;
	for (unsigned field = FIELD_AFTER_NAME; field <= FIELD_START_TIME; field++) {
		at = memchr(at, ' ', (size_t)(end - at));
		if (!at)
			return PROC_TEXT_MALFORMED;
		at++;
	}
	if (!take_decimal(&at, end, &stat.start_clock_ticks) || at == end || *at != ' ')
		return PROC_TEXT_MALFORMED;
	*ret_stat = stat;
	return 0;
}

int proc_status_namespace_pid(struct wire_bytes text, uint32_t *ret_pid)
{
	static const char label[] = "\nNSpid:";
	const char *end = (const char *)text.data + text.n_bytes;
	const char *at =
		text.n_bytes > 0 ? memmem(text.data, text.n_bytes, label, sizeof(label) - 1) : NULL;
	uint64_t pid = 0;

	if (!at)
		return PROC_TEXT_MALFORMED;
	at += sizeof(label) - 1;
	while (at < end && *at == '\t') { /* outermost first */
		at++;
		if (!take_decimal(&at, end, &pid))
			return PROC_TEXT_MALFORMED;
	}
	if (at == end || *at != '\n' || pid == 0 || pid > UINT32_MAX)
		return PROC_TEXT_MALFORMED;
	*ret_pid = (uint32_t)pid;
	return 0;
}
