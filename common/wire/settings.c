/* SETTINGS and its answer STATE; label sets, which SETTINGS brings and windows carry on. */
#include <errno.h>

#include "wire/arena.h"
#include "wire/parts.h"

#define TARGET_RULE_WIRE_BYTES_MIN 8u
#define JOB_WIRE_BYTES_MIN         7u
#define STRING_WIRE_BYTES_MIN      2u
#define ROUNDS_WIRE_BYTES_MIN      4u

static void pack_settings(struct bytes *out, const struct wire_settings *settings)
{
	pack_array(out, 3);
	pack_uint(out, settings->pid_map_size);
	pack_uint(out, settings->container_id_cache_size);
	pack_cache_limits(out, &settings->caches);
}

static struct wire_settings unpack_settings(struct unpacker *u)
{
	struct wire_settings settings;

	unpack_tuple(u, 3);
	settings.pid_map_size = unpack_u32(u);
	settings.container_id_cache_size = unpack_u32(u);
	settings.caches = unpack_cache_limits(u);
	return settings;
}

static void pack_target_rule(struct bytes *out, const struct wire_target_rule *rule)
{
	pack_array(out, 5);
	pack_uint(out, rule->key_kind);
	pack_bytes(out, rule->key);
	pack_bytes(out, rule->labels);
	pack_uint(out, rule->demangle);
	pack_bool(out, rule->collect_kernel);
}

static struct wire_target_rule unpack_target_rule(struct unpacker *u)
{
	struct wire_target_rule rule;

	unpack_tuple(u, 5);
	rule.key_kind = (enum target_key)unpack_uint(u, TARGET_PID, TARGET_DEFAULT);
	rule.key = unpack_bytes(u, SIZE_MAX);
	rule.labels = unpack_bytes(u, SIZE_MAX);
	rule.demangle = (enum demangle_mode)unpack_uint(u, DEMANGLE_NONE, DEMANGLE_FULL);
	rule.collect_kernel = unpack_bool(u);
	return rule;
}

static void pack_job(struct bytes *out, const struct wire_job *job)
{
	pack_array(out, 6);
	pack_uint(out, job->id);
	pack_uint(out, job->sample_rate_hz);
	pack_uint(out, job->collect_interval_ms);
	pack_bool(out, job->collect_user);
	pack_bool(out, job->collect_kernel);
	pack_array(out, job->n_targets);
	for (size_t i = 0; i < job->n_targets; i++)
		pack_target_rule(out, &job->targets[i]);
}

static struct wire_job unpack_job(struct unpacker *u, struct wire_arena *arena)
{
	struct wire_target_rule *targets;
	struct wire_job job = {0};

	unpack_tuple(u, 6);
	job.id = unpack_u64(u);
	job.sample_rate_hz = (uint32_t)unpack_uint(u, 1, UINT32_MAX);
	job.collect_interval_ms = (uint32_t)unpack_uint(u, 1, UINT32_MAX);
	job.collect_user = unpack_bool(u);
	job.collect_kernel = unpack_bool(u);
	targets = unpack_array(u, arena, TARGET_RULE_WIRE_BYTES_MIN, sizeof(*targets),
			       &job.n_targets);
	for (size_t i = 0; i < job.n_targets; i++)
		targets[i] = unpack_target_rule(u);
	job.targets = targets;
	return job;
}

static const struct wire_job *unpack_jobs(struct unpacker *u, struct wire_arena *arena,
					  size_t *ret_n_jobs)
{
	struct wire_job *jobs =
		unpack_array(u, arena, JOB_WIRE_BYTES_MIN, sizeof(*jobs), ret_n_jobs);

	if (*ret_n_jobs < 1 || *ret_n_jobs > SETTINGS_JOBS_MAX) {
		*ret_n_jobs = 0;
		unpack_fail(u);
	}
	for (size_t i = 0; i < *ret_n_jobs; i++) {
		jobs[i] = unpack_job(u, arena);
		for (size_t j = 0; j < i; j++)
			if (jobs[j].id == jobs[i].id)
				unpack_fail(u);
	}
	return jobs;
}

void wire_encode_settings(struct bytes *out, const struct wire_settings_message *m)
{
	pack_head(out, MESSAGE_SETTINGS, 5);
	pack_uint(out, m->protocol_version);
	pack_uint(out, m->generation);
	pack_bool(out, m->is_heartbeat);
	if (m->is_heartbeat) {
		pack_nil(out);
		pack_nil(out);
		return;
	}
	pack_settings(out, &m->settings);
	pack_array(out, m->n_jobs);
	for (size_t i = 0; i < m->n_jobs; i++)
		pack_job(out, &m->jobs[i]);
}

int wire_decode_settings(const void *frame, size_t n_bytes, struct wire_arena *arena,
			 struct wire_settings_message *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_SETTINGS, 5);
	struct wire_settings_message m = {0};
	int r;

	m.protocol_version = unpack_u64(&u);
	m.generation = unpack_u64(&u);
	m.is_heartbeat = unpack_bool(&u);
	if (m.is_heartbeat) {
		unpack_nil(&u);
		unpack_nil(&u);
	} else {
		m.settings = unpack_settings(&u);
		m.jobs = unpack_jobs(&u, arena, &m.n_jobs);
	}
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

static void pack_rounds(struct bytes *out, const struct wire_rounds *rounds, size_t n)
{
	pack_array(out, n);
	for (size_t i = 0; i < n; i++) {
		pack_array(out, 3);
		pack_uint(out, rounds[i].job);
		pack_uint(out, rounds[i].n_ended);
		pack_uint(out, rounds[i].n_failed);
	}
}

static const struct wire_rounds *unpack_rounds(struct unpacker *u, struct wire_arena *arena,
					       size_t *ret_n)
{
	struct wire_rounds *rounds =
		unpack_array(u, arena, ROUNDS_WIRE_BYTES_MIN, sizeof(*rounds), ret_n);

	for (size_t i = 0; i < *ret_n; i++) {
		unpack_tuple(u, 3);
		rounds[i].job = unpack_u64(u);
		rounds[i].n_ended = unpack_u64(u);
		rounds[i].n_failed = unpack_u64(u);
	}
	if (*ret_n > SETTINGS_JOBS_MAX)
		unpack_fail(u);
	return rounds;
}

void wire_encode_state(struct bytes *out, const struct wire_state *m)
{
	pack_head(out, MESSAGE_STATE, 7);
	pack_uint(out, m->instance);
	pack_uint(out, m->generation);
	pack_uint(out, m->phase);
	pack_uint(out, m->n_cpus);
	pack_bytes(out, m->version);
	pack_counters(out, m->counters, m->n_counters);
	pack_rounds(out, m->rounds, m->n_rounds);
}

int wire_decode_state(const void *frame, size_t n_bytes, struct wire_arena *arena,
		      struct wire_state *ret_m)
{
	struct unpacker u = unpack_frame(frame, n_bytes, MESSAGE_STATE, 7);
	struct wire_state m;
	int r;

	m.instance = unpack_u64(&u);
	m.generation = unpack_u64(&u);
	m.phase = (enum collector_phase)unpack_uint(&u, COLLECTOR_SAMPLING, COLLECTOR_STOPPING);
	m.n_cpus = unpack_u32(&u);
	m.version = unpack_bytes(&u, SIZE_MAX);
	m.counters = unpack_counters(&u, arena, &m.n_counters);
	m.rounds = unpack_rounds(&u, arena, &m.n_rounds);
	r = unpack_end(&u);
	if (r == 0)
		*ret_m = m;
	return r;
}

void wire_encode_labels(struct bytes *out, const struct wire_label *labels, size_t n_labels)
{
	pack_array(out, n_labels * 2);
	for (size_t i = 0; i < n_labels; i++) {
		pack_bytes(out, labels[i].name);
		pack_bytes(out, labels[i].value);
	}
}

int wire_decode_labels(const void *data, size_t n_bytes, struct wire_arena *arena,
		       const struct wire_label **ret_labels, size_t *ret_n_labels)
{
	struct unpacker u = unpack_begin(data, n_bytes);
	size_t n_strings = unpack_count(&u, STRING_WIRE_BYTES_MIN);
	struct wire_label *labels;
	int r;

	if (n_strings % 2 != 0 || n_strings / 2 > LABELS_MAX)
		return MESSAGE_GARBLED;
	labels = arena_take(arena, n_strings / 2, sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	for (size_t i = 0; i < n_strings / 2; i++) {
		labels[i].name = unpack_bytes(&u, SIZE_MAX);
		labels[i].value = unpack_bytes(&u, SIZE_MAX);
	}
	r = unpack_end(&u);
	if (r == 0) {
		*ret_labels = labels;
		*ret_n_labels = n_strings / 2;
	}
	return r;
}
