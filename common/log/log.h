#pragma once
/*
 * One line an event, logfmt, on standard error: `level=warn event=image-malformed build_id=…`; or,
 * for those who collect JSON, an object with level, event, and the pairs as they are as msg.
 * No timestamps: the service manager adds them. Every event id is rate-limited; what was swallowed
 * is said in the next line of the same event. Levels: err = an operator must act; warn = we
 * degrade; info = life cycle; debug = off by default.
 *
 * Bytes from outside (paths, comms, symbols) pass through log_quote() first. Not for other threads
 * than the event loop's. common/ itself never logs.
 */
#include <stddef.h>

#include "base/cleanup.h"

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines of a less urgent level than @level are not written. The default is LOG_INFO. */
void log_set_level(enum log_level level);

enum log_format { LOG_LOGFMT, LOG_JSON };

/* The default is LOG_LOGFMT. */
void log_set_format(enum log_format format);

/* Parses "error", "warn", "info" or "debug". Returns 0 or -EINVAL. */
int log_level_parse(const char *word, enum log_level *ret_level) warn_unused_result;

/*
 * Writes one line. @event is a stable id in kebab-case, listed in the man page; @format gives the
 * key=value pairs and may be "".
 */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_err(event, ...)   log_event(LOG_ERR, (event), __VA_ARGS__)
#define log_warn(event, ...)  log_event(LOG_WARN, (event), __VA_ARGS__)
#define log_info(event, ...)  log_event(LOG_INFO, (event), __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_DEBUG, (event), __VA_ARGS__)

#define LOG_QUOTE_BYTES 256

struct log_quoted {
	char text[LOG_QUOTE_BYTES]; /* "…" with quotes, escapes as in C, cut with an ellipsis */
};

/* Quotes @n_bytes of foreign bytes for a log line. The result is a value: use `.text` at once. */
struct log_quoted log_quote(const void *bytes, size_t n_bytes);
