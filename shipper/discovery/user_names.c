#include "discovery/user_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "file_text.h"

/* Reads "name:password:uid:" off a line. */
static bool parse(struct config_text line, struct user_name *ret_name)
{
	const char *end = line.data + line.n_bytes, *colon, *at = line.data;
	struct config_text name = {line.data, 0};
	uint64_t uid;

	colon = memchr(at, ':', (size_t)(end - at));
	if (!colon || colon == at || *at == '#')
		return false;
	name.n_bytes = (size_t)(colon - at);
	colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
	if (!colon)
		return false;
	at = colon + 1;
	colon = memchr(at, ':', (size_t)(end - at));
	if (!colon || config_parse_uint((struct config_text){at, (size_t)(colon - at)}, &uid) != 0)
		return false;
	if (uid > UINT32_MAX || !config_utf8_valid(name))
		return false;
	*ret_name = (struct user_name){(uint32_t)uid, name};
	return true;
}

/* Fills @names, or only counts when it is NULL. */
static size_t parse_all(const struct bytes *text, struct user_name *names)
{
	const char *at = (const char *)text->data;
	size_t n_left = text->n_bytes, n = 0;
	struct user_name name;

	while (n_left > 0) {
		const char *newline = memchr(at, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - at) : n_left;

		if (parse((struct config_text){at, n_line}, &name)) {
			if (names)
				names[n] = name;
			n++;
		}
		n_left -= newline ? n_line + 1 : n_line;
		at += newline ? n_line + 1 : n_line;
	}
	return n;
}

/* All names lie in one text: the earlier line first. */
static int by_uid_then_line(const void *left, const void *right)
{
	const struct user_name *a = left, *b = right;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return (a->name.data > b->name.data) - (a->name.data < b->name.data);
}

int user_names_read(const char *path, struct user_names *ret_names)
{
	struct user_names names = {.text = BYTES_INIT(USER_NAMES_BYTES_MAX)};
	int r = file_text_read(path, &names.text);

	if (r == 0) {
		names.n = parse_all(&names.text, NULL);
		names.names = calloc(names.n + 1, sizeof(*names.names)); /* a line has 5 bytes */
		r = names.names ? 0 : -ENOMEM;
	}
	if (r < 0) {
		user_names_deinit(&names);
		return r;
	}
	(void)parse_all(&names.text, names.names); /* as many as before */
	qsort(names.names, names.n, sizeof(*names.names), by_uid_then_line);
	*ret_names = names;
	return 0;
}

const struct user_name *user_names_find(const struct user_names *names, uint32_t uid)
{
	size_t lo = 0, hi = names->n;

	while (lo < hi) { /* the first that is not below */
		size_t middle = lo + (hi - lo) / 2;

		if (names->names[middle].uid < uid)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < names->n && names->names[lo].uid == uid ? &names->names[lo] : NULL;
}

void user_names_deinit(struct user_names *names)
{
	bytes_deinit(&names->text);
	free(names->names);
	*names = (struct user_names){0};
}
