#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

#define LINE_BYTES_MAX  4096
#define EVENTS_MAX      128 /* distinct event ids of one process; those beyond are not limited */
#define BURST_LINES_MAX 10  /* lines of one event per period; the rest are counted */
#define PERIOD_NS       UINT64_C(60000000000)

struct event_rate {
	const char *event; /* static: event ids are literals */
	uint64_t period_start_ns;
	uint32_t n_lines;
	uint32_t n_swallowed;
};

static enum log_level level_max = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;
static struct event_rate rates[EVENTS_MAX];

static const char *const level_names[] = {
	[LOG_ERR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	level_max = level;
}

void log_set_format(enum log_format format)
{
	line_format = format;
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(word, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

static struct event_rate *rate_of(const char *event)
{
	for (size_t i = 0; i < EVENTS_MAX; i++) {
		if (!rates[i].event)
			rates[i].event = event;
		if (strcmp(rates[i].event, event) == 0)
			return &rates[i];
	}
	return NULL;
}

/* Says whether a line of @event may be written now, and how many were swallowed before it. */
static bool admit(const char *event, uint32_t *ret_n_swallowed)
{
	struct event_rate *rate = rate_of(event);
	uint64_t now_ns = clock_monotonic_ns();

	if (!rate)
		return true;
	if (now_ns - rate->period_start_ns >= PERIOD_NS) {
		rate->period_start_ns = now_ns;
		rate->n_lines = 0;
	}
	if (rate->n_lines >= BURST_LINES_MAX) {
		rate->n_swallowed++;
		return false;
	}
	rate->n_lines++;
	*ret_n_swallowed = rate->n_swallowed;
	rate->n_swallowed = 0;
	return true;
}

static void write_logfmt(struct bytes *line, enum log_level level, const char *event,
			 const char *pairs)
{
	bytes_printf(line, "level=%s event=%s%s%s\n", level_names[level], event,
		     pairs[0] ? " " : "", pairs);
}

/* Pairs are ASCII but for what a caller formats into them: bytes that JSON cannot hold are "?". */
static void write_json(struct bytes *line, enum log_level level, const char *event,
		       const char *pairs)
{
	bytes_printf(line, "{\"level\":\"%s\",\"event\":\"%s\",\"msg\":\"", level_names[level],
		     event);
	for (; *pairs; pairs++) {
		unsigned char c = (unsigned char)*pairs;

		if (c == '"' || c == '\\')
			bytes_printf(line, "\\%c", c);
		else
			bytes_append(line, c >= 0x20 && c < 0x7f ? pairs : "?", 1);
	}
	bytes_printf(line, "\"}\n");
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	struct bytes line = BYTES_INIT(LINE_BYTES_MAX);
	uint32_t n_swallowed = 0;
	char pairs[LINE_BYTES_MAX / 2 - 128];
	size_t n_bytes;
	va_list args;

	if (level > level_max || !admit(event, &n_swallowed))
		return;
	va_start(args, format);
	(void)vsnprintf(pairs, sizeof(pairs), format, args); /* a cut line is still a line */
	va_end(args);

	n_bytes = strlen(pairs);
	if (n_swallowed && n_bytes < sizeof(pairs))
		(void)snprintf(pairs + n_bytes, sizeof(pairs) - n_bytes, "%sswallowed=%u",
			       n_bytes > 0 ? " " : "", n_swallowed);
	(line_format == LOG_JSON ? write_json : write_logfmt)(&line, level, event, pairs);
	if (!line.error)
		(void)!write(STDERR_FILENO, line.data,
			     line.n_bytes); /* else nobody is left to tell */
	bytes_deinit(&line);
}

/* Writes one byte of @c as it may stand between quotes; returns how many characters that took. */
static size_t quote_byte(unsigned char c, char *at)
{
	if (c == '"' || c == '\\') {
		at[0] = '\\';
		at[1] = (char)c;
		return 2;
	}
	if (c >= 0x20 && c < 0x7f) {
		at[0] = (char)c;
		return 1;
	}
	return (size_t)sprintf(at, "\\x%02x", c);
}

struct log_quoted log_quote(const void *bytes, size_t n_bytes)
{
	static const char cut_mark[] = "...\"";
	struct log_quoted quoted;
	const unsigned char *from = bytes;
	size_t n = 0;

	quoted.text[n++] = '"';
	for (size_t i = 0; i < n_bytes; i++) {
		if (n + 4 + sizeof(cut_mark) >
		    sizeof(quoted.text)) { /* room for \xNN and the mark */
			memcpy(quoted.text + n, cut_mark, sizeof(cut_mark));
			return quoted;
		}
		n += quote_byte(from[i], quoted.text + n);
	}
	quoted.text[n++] = '"';
	quoted.text[n] = '\0';
	return quoted;
}
