#include "config/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/secrecy.h"

#define MESSAGE_BYTES_MAX    1024
#define SEEN_MAX             (5 * CONFIG_DIAGNOSTICS_MAX) /* finding a line walks the text */
#define SUGGESTIONS_MAX      CONFIG_DIAGNOSTICS_MAX
#define EXCERPT_BEFORE_CHARS 400u /* of a line that is longer than anybody reads */
#define EXCERPT_AFTER_CHARS  400u
#define EXCERPT_BYTES_MAX    (4u * (EXCERPT_BEFORE_CHARS + EXCERPT_AFTER_CHARS + 1u))

struct config_diagnostic {
	struct config_diagnostic *next;
	struct config_span at;
	uint32_t line_start;
	bool is_warning;
	const char *message;
};

static bool line_has_error(const struct config_diagnostics *d, uint32_t line_start)
{
	for (const struct config_diagnostic *i = d->last; i; i = i->next)
		if (!i->is_warning && i->line_start == line_start)
			return true;
	return false;
}

static void add(struct config_diagnostics *d, struct config_diagnostic diagnostic,
		const char *format, va_list args)
{
	size_t n_before = diagnostic.is_warning ? d->n_warnings : d->n_errors;
	char text[MESSAGE_BYTES_MAX];
	struct config_diagnostic *kept;

	if (n_before < CONFIG_DIAGNOSTICS_MAX && d->n_seen++ < SEEN_MAX) {
		(void)config_source_line(d->source, diagnostic.at.start, &diagnostic.line_start);
		if (!diagnostic.is_warning && line_has_error(d, diagnostic.line_start))
			return;
		(void)vsnprintf(text, sizeof(text), format, args); /* cut rather than long */
		diagnostic.message = config_arena_copy(d->arena, text, strlen(text));
		kept = config_arena_alloc(d->arena, sizeof(*kept));
		if (kept && diagnostic.message) {
			diagnostic.next = d->last;
			*kept = diagnostic;
			d->last = kept;
		}
	}
	*(diagnostic.is_warning ? &d->n_warnings : &d->n_errors) += 1;
}

void config_error(struct config_diagnostics *d, struct config_span at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, (struct config_diagnostic){.at = at}, format, args);
	va_end(args);
}

void config_warn(struct config_diagnostics *d, struct config_span at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(d, (struct config_diagnostic){.at = at, .is_warning = true}, format, args);
	va_end(args);
}

const char *config_diagnostics_last(const struct config_diagnostics *d)
{
	return d->last ? d->last->message : "";
}

bool config_may_suggest(struct config_diagnostics *d)
{
	return d->n_suggestions++ < SUGGESTIONS_MAX;
}

/* Appends one character and returns its length; what a terminal could act upon becomes "?". */
static size_t append_character(struct bytes *out, const char *text, size_t n_bytes, bool keep_tab)
{
	uint32_t character;
	size_t n = config_utf8_read(text, n_bytes, &character);

	if (n == 0 || (character < 0x20 && !(keep_tab && character == '\t')) ||
	    (character >= 0x7f && character < 0xa0)) {
		bytes_append(out, "?", 1);
		return n ? n : 1;
	}
	bytes_append(out, text, n);
	return n;
}

/* The same for one that is not shown. */
static size_t append_mask(struct bytes *out, const char *text, size_t n_bytes)
{
	uint32_t character;
	size_t n = config_utf8_read(text, n_bytes, &character);

	bytes_append(out, "*", 1);
	return n ? n : 1;
}

/* Returns the offset @n_chars characters before @at, not before @start. */
static uint32_t step_back(const char *text, uint32_t start, uint32_t at, uint32_t n_chars)
{
	while (at > start && n_chars > 0) {
		at--;
		while (at > start && ((unsigned char)text[at] & 0xc0) == 0x80)
			at--;
		n_chars--;
	}
	return at;
}

/*
 * Writes the line around @at, and below it a caret that keeps its place whatever a tab is wide.
 * Secrets are as many asterisks.
 */
static void write_excerpt(const struct config_source *source, uint32_t at, struct bytes *out)
{
	struct config_position position = config_source_position(source, at);
	const char *text = source->text.data;
	uint32_t start = step_back(text, position.line_start, at, EXCERPT_BEFORE_CHARS);
	uint32_t i = start, end = position.line_end, character;
	bool secret[EXCERPT_BYTES_MAX] = {false};

	if (end - start > EXCERPT_BYTES_MAX)
		end = start + EXCERPT_BYTES_MAX;
	config_secrets_mark(source, (struct config_span){start, end}, secret);
	for (uint32_t n = 0; i < end && n < EXCERPT_AFTER_CHARS;) {
		if (secret[i - start])
			i += (uint32_t)append_mask(out, text + i, end - i);
		else
			i += (uint32_t)append_character(out, text + i, position.line_end - i, true);
		if (i > at)
			n++;
	}
	bytes_append(out, "\n", 1);
	for (i = start; i < at && i < position.line_end;) {
		size_t n = config_utf8_read(text + i, position.line_end - i, &character);

		bytes_append(out, text[i] == '\t' ? "\t" : " ", 1);
		i += n ? (uint32_t)n : 1;
	}
	bytes_append(out, "^\n", 2);
}

static void write_one(const struct config_diagnostics *d, const struct config_diagnostic *one,
		      struct bytes *out)
{
	struct config_position position = config_source_position(d->source, one->at.start);
	size_t n = strlen(one->message);

	bytes_printf(out, "%s:%u:%u: %s", config_source_extent(d->source, one->at.start).name,
		     position.line, position.column, one->is_warning ? "warning: " : "");
	for (size_t i = 0; i < n;)
		i += append_character(out, one->message + i, n - i, false);
	bytes_append(out, "\n", 1);
	write_excerpt(d->source, one->at.start, out);
}

static int by_place(const void *left, const void *right)
{
	const struct config_diagnostic *a = *(const struct config_diagnostic *const *)left;
	const struct config_diagnostic *b = *(const struct config_diagnostic *const *)right;

	if (a->at.start != b->at.start)
		return a->at.start < b->at.start ? -1 : 1;
	return (int)a->is_warning - (int)b->is_warning;
}

static void write_rest(const struct config_diagnostics *d, size_t n, const char *what,
		       struct bytes *out)
{
	if (n > 0)
		bytes_printf(out, "%s: and %zu more %s\n", d->source->name, n, what);
}

void config_diagnostics_write(const struct config_diagnostics *d, struct bytes *out)
{
	const struct config_diagnostic *sorted[2 * CONFIG_DIAGNOSTICS_MAX];
	size_t n = 0, n_warnings = 0;

	for (const struct config_diagnostic *i = d->last; i; i = i->next) {
		sorted[n++] = i;
		n_warnings += i->is_warning;
	}
	qsort(sorted, n, sizeof(sorted[0]), by_place);
	for (size_t i = 0; i < n; i++)
		write_one(d, sorted[i], out);
	write_rest(d, d->n_errors - (n - n_warnings), "errors", out);
	write_rest(d, d->n_warnings - n_warnings, "warnings", out);
}
