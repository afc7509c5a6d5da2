#include "container_id.h"

#include <string.h>

#define TASK_DIGITS       32u
#define TASK_NUMBER_MAX   20u
#define UUID_GROUPS       5u
#define RUNTIME_BYTES_MAX 16u

/* One name of a cgroup's path, and the one that it is in. */
struct name {
	const char *data;
	size_t n_bytes;
	struct wire_bytes parent;
};

static bool is_id_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool container_id_is_hex(struct wire_bytes id)
{
	const char *data = id.data;

	for (size_t i = 0; i < id.n_bytes; i++)
		if (!is_id_digit(data[i]))
			return false;
	return true;
}

static size_t count_digits(const char *at, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && is_id_digit(at[n]))
		n++;
	return n;
}

static bool text_is(const char *data, size_t n_bytes, const char *text)
{
	return n_bytes == strlen(text) && memcmp(data, text, n_bytes) == 0;
}

static bool begins_with(const struct name *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return name->n_bytes >= n && memcmp(name->data, prefix, n) == 0;
}

/* conmon-ID, crio-conmon-ID, libpod-conmon-ID: not the container, but who waits for it. */
static bool is_conmon(const char *data, size_t n_before)
{
	static const char word[] = "conmon-";
	size_t n = sizeof(word) - 1;

	return n_before >= n && memcmp(data + n_before - n, word, n) == 0 &&
	       (n_before == n || data[n_before - n - 1] == '-' || data[n_before - n - 1] == ':');
}

/* 64 digits, behind nothing or a '-' or ':', before nothing or a '.' or blank: the last of them. */
static struct wire_bytes find_long(const struct name *name)
{
	struct wire_bytes id = {NULL, 0};

	for (size_t first = 0; first < name->n_bytes;) {
		size_t n = count_digits(name->data + first, name->n_bytes - first);
		size_t end = first + n;
		bool begins =
			first == 0 || name->data[first - 1] == '-' || name->data[first - 1] == ':';
		bool ends =
			end == name->n_bytes || name->data[end] == '.' || is_blank(name->data[end]);

		if (n == CONTAINER_ID_DIGITS && begins && ends && !is_conmon(name->data, first))
			id = (struct wire_bytes){name->data + first, n};
		first = end + 1;
	}
	return id;
}

/* Fargate: the task's id, and mostly the container's number in it. */
static struct wire_bytes find_task(const struct name *name)
{
	size_t n = count_digits(name->data, name->n_bytes), at = n;

	if (n != TASK_DIGITS)
		return (struct wire_bytes){NULL, 0};
	if (at < name->n_bytes && name->data[at] == '-')
		at++;
	while (at < name->n_bytes && name->data[at] >= '0' && name->data[at] <= '9')
		at++;
	if (at != name->n_bytes || at == n + 1 || at > n + 1 + TASK_NUMBER_MAX)
		return (struct wire_bytes){NULL, 0};
	return (struct wire_bytes){name->data, at};
}

static struct wire_bytes find_uuid(const struct name *name)
{
	static const size_t n_digits[UUID_GROUPS] = {8, 4, 4, 4, 4};
	size_t at = 0;

	for (size_t i = 0; i < UUID_GROUPS; i++) {
		size_t n = count_digits(name->data + at, name->n_bytes - at);
		bool is_last = i + 1 == UUID_GROUPS;

		if (n != n_digits[i] && !(is_last && n == 12))
			return (struct wire_bytes){NULL, 0};
		at += n;
		if (!is_last && (at == name->n_bytes || name->data[at++] != '-'))
			return (struct wire_bytes){NULL, 0};
	}
	return (struct wire_bytes){name->data, at == name->n_bytes ? at : 0};
}

static bool is_name_byte(char c)
{
	return is_id_digit(c) || (c >= 'g' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_' || c == '.';
}

/* LXC has no ids, only names. */
static struct wire_bytes find_lxc(const struct name *name)
{
	static const char payload[] = "lxc.payload.";
	struct wire_bytes id = {name->data, name->n_bytes};

	if (begins_with(name, payload)) {
		id.data = name->data + sizeof(payload) - 1;
		id.n_bytes -= sizeof(payload) - 1;
	} else if (!text_is(name->parent.data, name->parent.n_bytes, "lxc") &&
		   !text_is(name->parent.data, name->parent.n_bytes, "lxc.payload")) {
		return (struct wire_bytes){NULL, 0};
	}
	for (size_t i = 0; i < id.n_bytes; i++)
		if (!is_name_byte(((const char *)id.data)[i]))
			return (struct wire_bytes){NULL, 0};
	if (id.n_bytes > CONTAINER_ID_BYTES_MAX)
		id.n_bytes = 0;
	return id;
}

static bool is_runtime(const char *data, size_t n_bytes)
{
	static const char *const runtimes[] = {"docker", "containerd", "cri-containerd", "crio",
					       "libpod", "podman",     "nerdctl"};

	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (text_is(data, n_bytes, runtimes[i]))
			return true;
	return false;
}

/* Twelve digits are also words: only with a runtime's name before them are they an id. */
static struct wire_bytes find_short(const struct name *name)
{
	size_t first = 0;

	while (first < name->n_bytes && first <= RUNTIME_BYTES_MAX &&
	       !(first > 0 && name->data[first - 1] == '-' && is_runtime(name->data, first - 1)))
		first++;
	if (first >= name->n_bytes || first > RUNTIME_BYTES_MAX) {
		if (!is_runtime(name->parent.data, name->parent.n_bytes))
			return (struct wire_bytes){NULL, 0};
		first = 0;
	}
	if (count_digits(name->data + first, name->n_bytes - first) != CONTAINER_ID_SHORT_DIGITS)
		return (struct wire_bytes){NULL, 0};
	if (first + CONTAINER_ID_SHORT_DIGITS != name->n_bytes &&
	    name->data[first + CONTAINER_ID_SHORT_DIGITS] != '.')
		return (struct wire_bytes){NULL, 0};
	return (struct wire_bytes){name->data + first, CONTAINER_ID_SHORT_DIGITS};
}

static struct wire_bytes find_other(const struct name *name)
{
	static struct wire_bytes (*const finders[])(const struct name *) = {find_task, find_uuid,
									    find_lxc, find_short};
	struct wire_bytes id = {NULL, 0};

	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]) && id.n_bytes == 0; i++)
		id = finders[i](name);
	return id;
}

/* The last id that @find knows in one line. */
static struct wire_bytes find_in_line(const char *line, size_t n_bytes,
				      struct wire_bytes (*find)(const struct name *))
{
	const char *slash = memchr(line, '/', n_bytes);
	struct wire_bytes id = {NULL, 0}, parent = {"", 0};

	while (slash) {
		size_t n_left = n_bytes - (size_t)(slash + 1 - line);
		struct name name = {slash + 1, n_left, parent};
		struct wire_bytes found;

		slash = memchr(name.data, '/', n_left);
		if (slash)
			name.n_bytes = (size_t)(slash - name.data);
		found = find(&name);
		if (found.n_bytes > 0)
			id = found;
		parent = (struct wire_bytes){name.data, name.n_bytes};
	}
	return id;
}

/* Without what the kernel appends, " (deleted)": the names of runtimes have no blanks. */
static size_t without_blanks(const char *line, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && !is_blank(line[n]))
		n++;
	return n;
}

static struct wire_bytes find_in_text(struct wire_bytes text,
				      struct wire_bytes (*find)(const struct name *))
{
	struct wire_bytes id = {NULL, 0};
	const char *at = text.data;
	size_t n_left = text.n_bytes;

	while (n_left > 0 && id.n_bytes == 0) {
		const char *newline = memchr(at, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - at) : n_left;

		id = find_in_line(at, find == find_other ? without_blanks(at, n_line) : n_line,
				  find);
		n_left -= newline ? n_line + 1 : n_line;
		at += newline ? n_line + 1 : n_line;
	}
	return id;
}

struct wire_bytes cgroup_container_id(struct wire_bytes text)
{
	struct wire_bytes id = find_in_text(text, find_long);

	return id.n_bytes > 0 ? id : find_in_text(text, find_other);
}

bool cgroup_has_v1(struct wire_bytes text)
{
	const char *at = text.data;
	size_t n_left = text.n_bytes;

	while (n_left > 0) {
		const char *newline = memchr(at, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - at) + 1 : n_left;

		if (*at != '\n' && (n_line < 3 || memcmp(at, "0::", 3) != 0))
			return true;
		at += n_line;
		n_left -= n_line;
	}
	return false;
}
