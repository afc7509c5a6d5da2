#include "targets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define CONTAINER_ID_DIGITS 64u

struct rule {
	enum target_key kind;
	uint32_t pid;
	uint8_t n_key_bytes;
	char key[CONTAINER_ID_BYTES_MAX];
	size_t rank; /* in the message: of equal keys the highest counts */
	struct target *target;
};

struct targets {
	struct target *default_target; /* NULL: what matches no other belongs to none */
	size_t n_rules;
	struct rule *rules; /* in by_key() order, no two with one key */
};

static int compare_keys(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->n_key_bytes != b->n_key_bytes)
		return a->n_key_bytes < b->n_key_bytes ? -1 : 1;
	return memcmp(a->key, b->key, a->n_key_bytes);
}

static int by_key(const void *left, const void *right)
{
	return compare_keys(left, right);
}

static int by_key_then_rank(const void *left, const void *right)
{
	const struct rule *a = left, *b = right;
	int order = compare_keys(a, b);

	return order != 0 ? order : (a->rank > b->rank) - (a->rank < b->rank);
}

static bool parse_pid(struct wire_bytes key, uint32_t *ret_pid)
{
	const char *digits = key.data;
	uint64_t pid = 0;

	if (key.n_bytes == 0 || key.n_bytes > 10)
		return false;
	for (size_t i = 0; i < key.n_bytes; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		pid = 10 * pid + (uint64_t)(digits[i] - '0');
	}
	*ret_pid = (uint32_t)pid;
	return pid > 0 && pid <= UINT32_MAX;
}

/* Fills the key of *@rule; false when nothing could ever match it. */
static bool parse_key(const struct wire_target_rule *from, struct rule *rule)
{
	*rule = (struct rule){.kind = from->key_kind};
	switch (from->key_kind) {
	case TARGET_PID:
		return parse_pid(from->key, &rule->pid);
	case TARGET_CONTAINER:
		if (from->key.n_bytes == 0 || from->key.n_bytes > CONTAINER_ID_BYTES_MAX)
			return false;
		rule->n_key_bytes = (uint8_t)from->key.n_bytes;
		memcpy(rule->key, from->key.data, from->key.n_bytes);
		return true;
	case TARGET_DEFAULT:
		return true;
	}
	return false;
}

static struct target *target_new(struct wire_bytes labels)
{
	struct target *target = malloc(sizeof(*target) + labels.n_bytes); /* bounded by SETTINGS */

	if (!target)
		return NULL;
	target->n_refs = 1;
	target->n_labels_bytes = labels.n_bytes;
	if (labels.n_bytes > 0)
		memcpy(target->labels, labels.data, labels.n_bytes);
	return target;
}

/* Of rules with one key keeps the last, and gives the others' targets back. */
static void drop_repeated(struct targets *targets)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < targets->n_rules; i++) {
		if (i + 1 < targets->n_rules &&
		    compare_keys(&targets->rules[i], &targets->rules[i + 1]) == 0)
			target_release(targets->rules[i].target);
		else
			targets->rules[n_kept++] = targets->rules[i];
	}
	targets->n_rules = n_kept;
}

static struct target *find(const struct targets *targets, const struct rule *key)
{
	const struct rule *found = NULL;

	if (targets->n_rules > 0)
		found = bsearch(key, targets->rules, targets->n_rules, sizeof(*key), by_key);
	return found ? found->target : NULL;
}

int targets_new(const struct wire_target_rule *rules, size_t n_rules, struct targets **ret_targets)
{
	struct targets *targets = calloc(1, sizeof(*targets));

	if (!targets)
		return -ENOMEM;
	targets->rules = calloc(n_rules + 1, sizeof(*targets->rules)); /* bounded by SETTINGS */
	if (!targets->rules) {
		free(targets);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_rules; i++) {
		struct rule *rule = &targets->rules[targets->n_rules];

		if (!parse_key(&rules[i], rule))
			continue;
		rule->rank = i;
		rule->target = target_new(rules[i].labels);
		if (!rule->target) {
			targets_free(targets);
			return -ENOMEM;
		}
		targets->n_rules++;
	}
	qsort(targets->rules, targets->n_rules, sizeof(*targets->rules), by_key_then_rank);
	drop_repeated(targets);
	targets->default_target = find(targets, &(struct rule){.kind = TARGET_DEFAULT});
	*ret_targets = targets;
	return 0;
}

struct target *targets_match(const struct targets *targets, uint32_t pid,
			     struct wire_bytes container_id)
{
	struct rule key = {.kind = TARGET_PID, .pid = pid};
	struct target *target = find(targets, &key);

	if (!target && container_id.n_bytes > 0 && container_id.n_bytes <= CONTAINER_ID_BYTES_MAX) {
		key = (struct rule){.kind = TARGET_CONTAINER};
		key.n_key_bytes = (uint8_t)container_id.n_bytes;
		memcpy(key.key, container_id.data, container_id.n_bytes);
		target = find(targets, &key);
	}
	if (!target)
		target = targets->default_target;
	return target ? target_retain(target) : NULL;
}

struct target *target_retain(struct target *target)
{
	target->n_refs++;
	return target;
}

void target_release(struct target *target)
{
	if (target && --target->n_refs == 0)
		free(target);
}

void targets_free(struct targets *targets)
{
	if (!targets)
		return;
	for (size_t i = 0; i < targets->n_rules; i++)
		target_release(targets->rules[i].target);
	free(targets->rules);
	free(targets);
}

static bool is_id_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool ends_id(char c)
{
	return c == '.' || c == '/' || c == ' ' || c == '\t' || c == '\r';
}

/* The last id of one line. */
static struct wire_bytes find_in_line(const char *line, size_t n_bytes)
{
	struct wire_bytes id = {NULL, 0};
	bool is_below_slash = false;
	size_t i = 0;

	while (i < n_bytes) {
		bool may_begin =
			line[i] == '/' || (is_below_slash && (line[i] == '-' || line[i] == ':'));
		size_t first = ++i;

		is_below_slash |= line[first - 1] == '/';
		if (!may_begin)
			continue;
		while (i < n_bytes && is_id_digit(line[i]))
			i++;
		if (i - first == CONTAINER_ID_DIGITS && (i == n_bytes || ends_id(line[i])))
			id = (struct wire_bytes){line + first, CONTAINER_ID_DIGITS};
	}
	return id;
}

struct wire_bytes cgroup_container_id(struct wire_bytes text)
{
	struct wire_bytes id = {NULL, 0};
	const char *at = text.data;
	size_t n_left = text.n_bytes;

	while (n_left > 0 && id.n_bytes == 0) {
		const char *newline = memchr(at, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - at) : n_left;

		id = find_in_line(at, n_line);
		n_left -= newline ? n_line + 1 : n_line;
		at += newline ? n_line + 1 : n_line;
	}
	return id;
}
