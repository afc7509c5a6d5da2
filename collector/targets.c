#include "targets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct rule {
	enum target_key kind;
	uint32_t pid;
	uint8_t n_key_bytes;
	char key[CONTAINER_ID_BYTES_MAX];
	size_t rank; /* in the message: of equal keys the highest counts */
	struct target *target;
};

struct job_targets {
	struct target *default_target; /* NULL: what matches no other belongs to none */
	size_t n_rules;
	struct rule *rules; /* owned; in by_key() order, no two with one key */
};

struct targets {
	size_t n_jobs;
	struct job_targets jobs[JOBS_MAX];
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

static struct target *target_new(const struct wire_target_rule *rule)
{
	struct wire_bytes labels = rule->labels;
	struct target *target = malloc(sizeof(*target) + labels.n_bytes); /* bounded by SETTINGS */

	if (!target)
		return NULL;
	target->n_refs = 1;
	target->demangle = (uint8_t)rule->demangle;
	target->collect_kernel = rule->collect_kernel;
	target->n_labels_bytes = labels.n_bytes;
	if (labels.n_bytes > 0)
		memcpy(target->labels, labels.data, labels.n_bytes);
	return target;
}

/* Of rules with one key keeps the last, and gives the others' targets back. */
static void drop_repeated(struct job_targets *job)
{
	size_t n_kept = 0;

	for (size_t i = 0; i < job->n_rules; i++) {
		if (i + 1 < job->n_rules && compare_keys(&job->rules[i], &job->rules[i + 1]) == 0)
			target_release(job->rules[i].target);
		else
			job->rules[n_kept++] = job->rules[i];
	}
	job->n_rules = n_kept;
}

/* The first rule whose key is not before @key, or n_rules. */
static size_t lower_bound(const struct job_targets *job, const struct rule *key)
{
	size_t lo = 0, hi = job->n_rules;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_keys(&job->rules[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct target *find(const struct job_targets *job, const struct rule *key)
{
	size_t at = lower_bound(job, key);

	if (at == job->n_rules || compare_keys(&job->rules[at], key) != 0)
		return NULL;
	return job->rules[at].target;
}

static struct rule container_key(const char *id, size_t n_bytes)
{
	struct rule key = {.kind = TARGET_CONTAINER, .n_key_bytes = (uint8_t)n_bytes};

	memcpy(key.key, id, n_bytes);
	return key;
}

/* The target whose long id begins with the short one @id: of several the first in their order. */
static struct target *find_long(const struct job_targets *job, const char *id)
{
	struct rule key = container_key(id, CONTAINER_ID_SHORT_DIGITS);
	size_t at;

	key.n_key_bytes = CONTAINER_ID_DIGITS; /* the rest is zero, which is before any digit */
	at = lower_bound(job, &key);
	if (at == job->n_rules || job->rules[at].kind != TARGET_CONTAINER ||
	    job->rules[at].n_key_bytes != CONTAINER_ID_DIGITS ||
	    memcmp(job->rules[at].key, id, CONTAINER_ID_SHORT_DIGITS) != 0)
		return NULL;
	return job->rules[at].target;
}

static struct target *find_container(const struct job_targets *job, struct wire_bytes id)
{
	struct rule key;
	struct target *target;

	if (id.n_bytes == 0 || id.n_bytes > CONTAINER_ID_BYTES_MAX)
		return NULL;
	key = container_key(id.data, id.n_bytes);
	target = find(job, &key);
	if (target || !container_id_is_hex(id))
		return target;
	if (id.n_bytes == CONTAINER_ID_SHORT_DIGITS)
		return find_long(job, id.data);
	if (id.n_bytes != CONTAINER_ID_DIGITS)
		return NULL;
	key = container_key(id.data, CONTAINER_ID_SHORT_DIGITS);
	return find(job, &key);
}

static int job_targets_init(struct job_targets *job, const struct wire_job *from)
{
	job->rules = calloc(from->n_targets + 1, sizeof(*job->rules)); /* bounded by SETTINGS */
	if (!job->rules)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_targets; i++) {
		struct rule *rule = &job->rules[job->n_rules];

		if (!parse_key(&from->targets[i], rule))
			continue;
		rule->rank = i;
		rule->target = target_new(&from->targets[i]);
		if (!rule->target)
			return -ENOMEM;
		job->n_rules++;
	}
	qsort(job->rules, job->n_rules, sizeof(*job->rules), by_key_then_rank);
	drop_repeated(job);
	job->default_target = find(job, &(struct rule){.kind = TARGET_DEFAULT});
	return 0;
}

int targets_new(const struct wire_job *jobs, size_t n_jobs, struct targets **ret_targets)
{
	struct targets *targets = calloc(1, sizeof(*targets));
	int r = targets ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n_jobs; i++) {
		targets->n_jobs++;
		r = job_targets_init(&targets->jobs[i], &jobs[i]);
	}
	if (r < 0) {
		targets_free(targets);
		return r;
	}
	*ret_targets = targets;
	return 0;
}

uint8_t targets_match(const struct targets *targets, uint32_t pid, struct wire_bytes container_id,
		      struct target *ret_matched[JOBS_MAX])
{
	const struct rule pid_key = {.kind = TARGET_PID, .pid = pid};
	uint8_t mask = 0;

	for (size_t i = 0; i < JOBS_MAX; i++)
		ret_matched[i] = NULL;
	for (size_t i = 0; i < targets->n_jobs; i++) {
		const struct job_targets *job = &targets->jobs[i];
		struct target *target = find(job, &pid_key);

		if (!target)
			target = find_container(job, container_id);
		if (!target)
			target = job->default_target;
		if (!target)
			continue;
		ret_matched[i] = target_retain(target);
		mask |= (uint8_t)(1u << i);
	}
	return mask;
}

bool targets_have_pids(const struct targets *targets)
{
	for (size_t i = 0; i < targets->n_jobs; i++)
		if (targets->jobs[i].n_rules > 0 && targets->jobs[i].rules[0].kind == TARGET_PID)
			return true; /* they come first */
	return false;
}

uint8_t targets_jobs(const struct targets *targets)
{
	return (uint8_t)((1u << targets->n_jobs) - 1);
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

static void job_targets_deinit(struct job_targets *job)
{
	for (size_t i = 0; i < job->n_rules; i++)
		target_release(job->rules[i].target);
	free(job->rules);
}

void targets_free(struct targets *targets)
{
	if (!targets)
		return;
	for (size_t i = 0; i < targets->n_jobs; i++)
		job_targets_deinit(&targets->jobs[i]);
	free(targets);
}
