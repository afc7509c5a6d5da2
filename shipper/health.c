#include "health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct patient {
	char *id; /* owned */
	bool is_set[N_HEALTH_CAUSES];
	char messages[N_HEALTH_CAUSES][HEALTH_MESSAGE_BYTES];
	uint64_t since_wall_ns;
};

struct patients {
	size_t n;
	struct patient *all; /* owned; sorted by id */
};

struct health {
	struct patients patients;
	struct patients reserved;
};

struct health *health_new(void)
{
	return calloc(1, sizeof(struct health));
}

static void patients_deinit(struct patients *patients)
{
	for (size_t i = 0; i < patients->n; i++)
		free(patients->all[i].id);
	free(patients->all);
	*patients = (struct patients){0, NULL};
}

void health_free(struct health *health)
{
	if (!health)
		return;
	patients_deinit(&health->patients);
	patients_deinit(&health->reserved);
	free(health);
}

static int by_id(const void *left, const void *right)
{
	return strcmp(((const struct patient *)left)->id, ((const struct patient *)right)->id);
}

static int find_id(const void *key, const void *patient)
{
	return strcmp(key, ((const struct patient *)patient)->id);
}

static struct patient *find(const struct patients *patients, const char *id)
{
	if (patients->n == 0)
		return NULL;
	return bsearch(id, patients->all, patients->n, sizeof(*patients->all), find_id);
}

static bool is_healthy(const struct patient *patient)
{
	for (size_t i = 0; i < N_HEALTH_CAUSES; i++)
		if (patient->is_set[i])
			return false;
	return true;
}

int health_reserve(struct health *health, const char *const *ids, size_t n_ids)
{
	struct patients *reserved = &health->reserved;

	patients_deinit(reserved);
	reserved->all = calloc(n_ids + 1, sizeof(*reserved->all)); /* bounded by components */
	if (!reserved->all)
		return -ENOMEM;
	for (; reserved->n < n_ids; reserved->n++) {
		reserved->all[reserved->n].id = strdup(ids[reserved->n]);
		if (!reserved->all[reserved->n].id)
			return -ENOMEM;
	}
	if (n_ids > 1)
		qsort(reserved->all, n_ids, sizeof(*reserved->all), by_id);
	return 0;
}

void health_adopt(struct health *health)
{
	for (size_t i = 0; i < health->reserved.n; i++) {
		struct patient *patient = &health->reserved.all[i];
		const struct patient *before = find(&health->patients, patient->id);
		char *id = patient->id;

		if (before)
			*patient = *before;
		else
			patient->since_wall_ns = clock_wall_ns();
		patient->id = id;
	}
	patients_deinit(&health->patients);
	health->patients = health->reserved;
	health->reserved = (struct patients){0, NULL};
}

static void set(struct patient *patient, enum health_cause cause, const char *message)
{
	bool was_healthy = is_healthy(patient);

	patient->is_set[cause] = message != NULL;
	(void)snprintf(patient->messages[cause], HEALTH_MESSAGE_BYTES, "%s",
		       message ? message : ""); /* cut rather than long */
	if (is_healthy(patient) != was_healthy)
		patient->since_wall_ns = clock_wall_ns();
}

void health_set(struct health *health, const char *id, enum health_cause cause, const char *message)
{
	struct patient *patient = find(&health->patients, id);

	if (patient)
		set(patient, cause, message);
}

void health_clear(struct health *health, enum health_cause cause)
{
	for (size_t i = 0; i < health->patients.n; i++)
		set(&health->patients.all[i], cause, NULL);
}

size_t health_count(const struct health *health)
{
	return health->patients.n;
}

struct health_entry health_at(const struct health *health, size_t i)
{
	const struct patient *patient = &health->patients.all[i];
	struct health_entry entry = {
		.id = patient->id,
		.is_healthy = is_healthy(patient),
		.message = "",
		.since_wall_ns = patient->since_wall_ns,
	};

	for (size_t cause = N_HEALTH_CAUSES; cause > 0; cause--)
		if (patient->is_set[cause - 1])
			entry.message = patient->messages[cause - 1];
	return entry;
}

bool health_print(const struct health *health, struct bytes *out)
{
	bool are_well = true;

	for (size_t i = 0; i < health_count(health); i++) {
		struct health_entry entry = health_at(health, i);

		if (entry.is_healthy)
			continue;
		bytes_printf(out, "unhealthy component %s: %s\n", entry.id, entry.message);
		are_well = false;
	}
	if (are_well)
		bytes_printf(out, "healthy\n");
	return are_well;
}
