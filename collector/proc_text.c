#include "proc_text.h"

#include <stdbool.h>
#include <string.h>

#define FIELD_AFTER_NAME 3u
#define FIELD_START_TIME 22u

/* Columns of status. */
#define UID_REAL            0u
#define UID_EFFECTIVE       1u
#define NAMESPACE_INNERMOST UINT32_MAX /* the outermost comes first */

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

/*
 * Reads the numbers behind @label, each after a tab, to the end of the line: the one at @wanted, or
 * the last when there are fewer.
 */
static bool find_number(struct wire_bytes text, const char *label, unsigned wanted,
			uint32_t *ret_number)
{
	const char *end = (const char *)text.data + text.n_bytes;
	const char *at =
		text.n_bytes > 0 ? memmem(text.data, text.n_bytes, label, strlen(label)) : NULL;
	uint64_t number = UINT64_MAX;

	if (!at)
		return false;
	at += strlen(label);
	for (unsigned i = 0; i <= wanted && at < end && *at == '\t'; i++) {
		at++;
		if (!take_decimal(&at, end, &number))
			return false;
	}
	if (at == end || (*at != '\n' && *at != '\t') || number > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

int proc_status_parse(struct wire_bytes text, struct proc_status *ret_status)
{
	struct proc_status status;

	if (!find_number(text, "\nUid:", UID_REAL, &status.real_uid) ||
	    !find_number(text, "\nUid:", UID_EFFECTIVE, &status.effective_uid) ||
	    !find_number(text, "\nNSpid:", NAMESPACE_INNERMOST, &status.namespace_pid) ||
	    status.namespace_pid == 0)
		return PROC_TEXT_MALFORMED;
	*ret_status = status;
	return 0;
}
