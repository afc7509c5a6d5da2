#include "config/secrecy.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 64u /* no name that is looked for is as long */

/* Goes through a file from its start, as the lexer would if nothing were wrong. */
struct scan {
	const char *text;
	uint32_t at;
	uint32_t end; /* of the file, or of what is asked for */
	struct config_span range;
	bool *marks;
	unsigned depth;            /* of brackets */
	bool is_secret;            /* the value that goes on is one */
	unsigned secret_depth;     /* at which that began */
	char name[NAME_BYTES_MAX]; /* the last name or string, which an = may follow; "" none */
};

/* A name that ends in one of these says where a secret is, and is none. */
static bool names_a_place(const char *name)
{
	static const char *const ends[] = {"_file", "_url", "_path", "_type"};
	size_t n = strlen(name), n_end;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n_end = strlen(ends[i]);
		if (n >= n_end && strcasecmp(name + n - n_end, ends[i]) == 0)
			return true;
	}
	return false;
}

bool config_name_is_secret(const char *name)
{
	static const char *const words[] = {"password",   "passwd", "secret",        "token",
					    "credential", "cookie", "authorization", "api-key",
					    "api_key",    "apikey", "key_pem"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]))
			return !names_a_place(name);
	return false;
}

/* Maps whose values are all secrets. */
static bool names_secrets(const char *name)
{
	return strcmp(name, "http_headers") == 0 || strcmp(name, "proxy_connect_header") == 0;
}

static void mark(struct scan *scan, uint32_t start, uint32_t end)
{
	for (uint32_t i = start; i < end; i++)
		if (i >= scan->range.start && i < scan->range.end)
			scan->marks[i - scan->range.start] = true;
}

/* "://user:password@": to the last @, since a password may have any character in it by mistake. */
static void mark_user(struct scan *scan, uint32_t start, uint32_t end)
{
	const char *text = scan->text + start;
	const char *scheme = memmem(text, end - start, "://", 3), *user, *at;

	if (!scheme)
		return;
	user = scheme + 3;
	at = memrchr(user, '@', (size_t)(scan->text + end - user));
	if (at)
		mark(scan, (uint32_t)(user - scan->text), (uint32_t)(at - scan->text));
}

static void keep_name(struct scan *scan, uint32_t start, uint32_t end)
{
	size_t n = end - start < NAME_BYTES_MAX ? end - start : NAME_BYTES_MAX - 1;

	memcpy(scan->name, scan->text + start, n);
	scan->name[n] = '\0';
}

/* Whether an = comes next: then the string before it is a key. */
static bool is_key(const struct scan *scan)
{
	uint32_t i = scan->at;

	while (i < scan->end && (scan->text[i] == ' ' || scan->text[i] == '\t'))
		i++;
	return i < scan->end && scan->text[i] == '=';
}

/* A string, which may lack its end: of its line where it may not span more. */
static void take_string(struct scan *scan, char quote)
{
	uint32_t start = ++scan->at, end;

	while (scan->at < scan->end && scan->text[scan->at] != quote &&
	       (quote == '`' || scan->text[scan->at] != '\n'))
		scan->at += scan->text[scan->at] == '\\' && quote == '"' ? 2 : 1;
	end = scan->at < scan->end ? scan->at : scan->end;
	scan->at = end < scan->end && scan->text[end] == quote ? end + 1 : end;
	keep_name(scan, start, end);
	if (scan->is_secret && !is_key(scan))
		mark(scan, start, end);
	else
		mark_user(scan, start, end);
}

static void take_comment(struct scan *scan)
{
	const char *text = scan->text + scan->at;
	size_t n = scan->end - scan->at;
	const char *end = text[1] == '/' ? memchr(text, '\n', n) : memmem(text + 2, n - 2, "*/", 2);

	mark_user(scan, scan->at, end ? (uint32_t)(end - scan->text) : scan->end);
	scan->at = end ? (uint32_t)(end - scan->text) + (text[1] == '/' ? 0 : 2) : scan->end;
}

static void take_name(struct scan *scan)
{
	uint32_t start = scan->at;

	while (scan->at < scan->end &&
	       (isalnum((unsigned char)scan->text[scan->at]) || scan->text[scan->at] == '_'))
		scan->at++;
	keep_name(scan, start, scan->at);
}

/* An = begins a value; where a secret's goes on, all that is in it is part of it. */
static void take_assignment(struct scan *scan)
{
	if (!scan->is_secret || scan->depth <= scan->secret_depth) {
		scan->is_secret = names_secrets(scan->name) || config_name_is_secret(scan->name);
		scan->secret_depth = scan->depth;
	}
	scan->name[0] = '\0';
}

/* Brackets that close, commas and line ends end a value that began at their depth. */
static void take_other(struct scan *scan)
{
	char c = scan->text[scan->at++];

	if (strchr("{[(", c))
		scan->depth++;
	else if (strchr("}])", c) && scan->depth > 0)
		scan->depth--;
	if (scan->is_secret && (scan->depth < scan->secret_depth ||
				(scan->depth == scan->secret_depth && (c == ',' || c == '\n'))))
		scan->is_secret = false;
	if (c == '=')
		take_assignment(scan);
}

void config_secrets_mark(const struct config_source *source, struct config_span range, bool *marks)
{
	struct config_extent file = config_source_extent(source, range.start);
	struct scan scan = {
		.text = source->text.data,
		.at = file.start,
		.end = file.end,
		.range = range,
		.marks = marks,
	};

	while (scan.at < scan.end && scan.at < range.end) {
		char c = scan.text[scan.at];

		if (c == '"' || c == '`' || (c == '\'' && scan.is_secret))
			take_string(&scan, c);
		else if (c == '/' && scan.at + 1 < scan.end &&
			 (scan.text[scan.at + 1] == '/' || scan.text[scan.at + 1] == '*'))
			take_comment(&scan);
		else if (isalpha((unsigned char)c) || c == '_')
			take_name(&scan);
		else
			take_other(&scan);
	}
}
