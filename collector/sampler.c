#include "sampler.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/hash.h"
#include "cpu_events.h"
#include "map_memory.h"
#include "sampler.skel.h"

#define NS_PER_S     UINT64_C(1000000000)
#define CPUS_MAX     8192u
#define BATCH_BYTES  (128u << 10)
#define PRESSURE_NUM 3u /* a map asks for an early drain at 3/4 of its entries */
#define PRESSURE_DEN 4u

static_assert(sizeof(struct process_image) == 16, "shared with the programs");
static_assert(sizeof(struct process_entry) == 40, "shared with the programs");
static_assert(sizeof(struct stack_head) == 24, "shared with the programs");
static_assert(sizeof(struct announcement) == 56, "shared with the programs");
static_assert(sizeof(struct exec_announcement) == 136, "shared with the programs");
static_assert(STACK_RECORD_BYTES(0) == sizeof(struct stack_head), "the frames follow the head");

/* One size class: the array with one slot, and the two halves that take turns in it. */
struct stack_maps {
	int outer_fd;
	int half_fds[2];
	unsigned current;           /* half that hangs in the slot */
	bool is_idle_left;          /* a drain failed: the other half is not empty */
	uint64_t n_inserted_before; /* n_inserted of the class at the last flip */
	uint32_t n_entries_max;
	size_t value_bytes;
};

struct sampler {
	struct sampler_bpf *programs; /* owned */
	struct ring_buffer *ring;     /* owned */
	struct bpf_link *links[2];    /* owned: exec, exit */
	struct stack_maps stacks[N_STACK_CLASSES];
	unsigned n_cpus_possible;
	struct cpu_events *events;     /* owned */
	size_t cpu_bytes;       /* of each in what follows, which begins with its tick_counters */
	unsigned char *per_cpu; /* owned, n_cpus_possible: where they are read into */
	uint64_t *batch;               /* owned, BATCH_BYTES */
	uint64_t *batch_keys;          /* owned */
	uint64_t map_bytes;
	sampler_announcement_fn *take;
	void *take_owner;
};

static int ignore_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0; /* what failed is said once, by the caller, in words for people */
}

static uint64_t all_map_bytes(const struct bpf_object *object)
{
	struct bpf_map *map;
	uint64_t n_bytes = 0;

	bpf_object__for_each_map(map, object) n_bytes += map_memory_bytes(bpf_map__fd(map));
	return n_bytes;
}

static int load(struct sampler *sampler, uint32_t n_processes_max)
{
	int r;

	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return SAMPLER_NO_BTF;
	sampler->programs = sampler_bpf__open();
	if (!sampler->programs)
		return -errno;
	r = bpf_map__set_max_entries(sampler->programs->maps.processes, n_processes_max);
	if (r != 0)
		return r;
	sampler->programs->rodata->hash_seed = hash_new_seed();
	r = sampler_bpf__load(sampler->programs);
	if (r == -EPERM || r == -EACCES)
		return SAMPLER_REFUSED_BPF;
	if (r == -EINVAL || r == -ENOENT || r == -ESRCH || r == -EOPNOTSUPP || r == -E2BIG)
		return SAMPLER_NO_KERNEL;
	return r;
}

static void adopt_stack_maps(struct sampler *sampler)
{
	struct sampler_bpf *p = sampler->programs;
	struct bpf_map *maps[N_STACK_CLASSES][3] = {
		[STACKS_SHALLOW] = {p->maps.stacks_shallow, p->maps.shallow_a, p->maps.shallow_b},
		[STACKS_MIDDLE] = {p->maps.stacks_middle, p->maps.middle_a, p->maps.middle_b},
		[STACKS_DEEP] = {p->maps.stacks_deep, p->maps.deep_a, p->maps.deep_b},
	};

	for (unsigned i = 0; i < N_STACK_CLASSES; i++) {
		struct stack_maps *s = &sampler->stacks[i];

		s->outer_fd = bpf_map__fd(maps[i][0]);
		s->half_fds[0] = bpf_map__fd(maps[i][1]);
		s->half_fds[1] = bpf_map__fd(maps[i][2]);
		s->n_entries_max = bpf_map__max_entries(maps[i][1]);
		s->value_bytes = bpf_map__value_size(maps[i][1]);
		assert(BATCH_BYTES / s->value_bytes >= 32); /* more than any bucket holds */
	}
}

/* The counts at which each class calls for an early drain, from now on. */
static void arm_pressure(struct sampler *sampler)
{
	struct sampler_bpf__bss *bss = sampler->programs->bss;

	for (unsigned i = 0; i < N_STACK_CLASSES; i++) {
		uint64_t room =
			(uint64_t)sampler->stacks[i].n_entries_max * PRESSURE_NUM / PRESSURE_DEN;
		uint64_t n = __atomic_load_n(&bss->n_inserted[i], __ATOMIC_RELAXED);

		__atomic_store_n(&bss->pressure_at[i], n + room, __ATOMIC_RELAXED);
	}
}

static int attach_links(struct sampler *sampler)
{
	struct bpf_program *programs[] = {sampler->programs->progs.on_exec,
					  sampler->programs->progs.on_exit};

	for (unsigned i = 0; i < 2; i++) {
		sampler->links[i] = bpf_program__attach(programs[i]);
		if (!sampler->links[i])
			return -errno;
	}
	return 0;
}

/* Only our own programs write there: a record is one of two sizes. */
static int take_one(void *owner, void *data, size_t n_bytes)
{
	struct sampler *sampler = owner;
	const struct exec_announcement *exec = data;

	if (n_bytes == sizeof(*exec))
		sampler->take(sampler->take_owner, &exec->head, exec->mappings);
	else
		sampler->take(sampler->take_owner, data, NULL);
	return 0;
}

static int allocate(struct sampler *sampler, uint32_t sample_rate_hz)
{
	int n = libbpf_num_possible_cpus();

	if (n <= 0 || (unsigned)n > CPUS_MAX)
		return n < 0 ? n : -E2BIG;
	sampler->n_cpus_possible = (unsigned)n;
	sampler->batch = malloc(BATCH_BYTES);
	sampler->batch_keys = malloc(BATCH_BYTES);
	if (!sampler->batch || !sampler->batch_keys)
		return -ENOMEM;
	return cpu_events_new((unsigned)n, NS_PER_S / sample_rate_hz, &sampler->events);
}

/* The kernel hands out every CPU's value at once, each in whole words. */
static int allocate_per_cpu(struct sampler *sampler)
{
	size_t n_bytes = bpf_map__value_size(sampler->programs->maps.scratches);

	sampler->cpu_bytes = (n_bytes + 7) / 8 * 8;
	sampler->per_cpu = calloc(sampler->n_cpus_possible, sampler->cpu_bytes);
	return sampler->per_cpu ? 0 : -ENOMEM;
}

/* One job that wants everything, until others are set. */
static void begin_with(struct sampler *sampler, uint32_t period_ns)
{
	struct tick_settings *settings = &sampler->programs->bss->settings;

	settings->period_ns = period_ns;
	settings->jobs = 1;
	settings->user_jobs = 1;
	settings->kernel_jobs = 1;
}

static int start(struct sampler *sampler, const struct sampler_options *options)
{
	int r = allocate(sampler, options->sample_rate_hz);

	if (r == 0)
		r = load(sampler, options->n_processes_max);
	if (r == 0)
		r = allocate_per_cpu(sampler);
	if (r != 0)
		return r;
	adopt_stack_maps(sampler);
	arm_pressure(sampler);
	sampler->map_bytes = all_map_bytes(sampler->programs->obj);
	sampler_limit_processes(sampler, options->n_processes_max);
	begin_with(sampler, (uint32_t)cpu_events_period_ns(sampler->events));
	sampler->ring = ring_buffer__new(bpf_map__fd(sampler->programs->maps.announcements),
					 take_one, sampler, NULL);
	if (!sampler->ring)
		return -errno;
	r = attach_links(sampler);
	if (r == 0)
		r = cpu_events_open(sampler->events,
				    bpf_program__fd(sampler->programs->progs.on_tick));
	return r == CPU_EVENTS_REFUSED ? SAMPLER_REFUSED_PERF : r;
}

int sampler_open(const struct sampler_options *options, struct sampler **ret_sampler)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int r;

	if (!sampler)
		return -ENOMEM;
	libbpf_set_print(ignore_libbpf);
	r = start(sampler, options);
	if (r != 0) {
		sampler_free(sampler);
		return r;
	}
	*ret_sampler = sampler;
	return 0;
}

int sampler_fd(const struct sampler *sampler)
{
	return ring_buffer__epoll_fd(sampler->ring);
}

void sampler_take_announcements(struct sampler *sampler, sampler_announcement_fn *take, void *owner)
{
	sampler->take = take;
	sampler->take_owner = owner;
	(void)ring_buffer__consume(sampler->ring); /* fails only when the callback does */
}

static uint64_t shortest_period_ns(const struct job_set *jobs)
{
	uint64_t period_ns = jobs->jobs[0].period_ns;

	for (size_t i = 1; i < jobs->n_jobs; i++)
		if (jobs->jobs[i].period_ns < period_ns)
			period_ns = jobs->jobs[i].period_ns;
	return period_ns;
}

/* The flag comes last: what carries it was taken for these jobs. */
static void write_jobs(struct sampler *sampler, const struct job_set *jobs, uint8_t flag)
{
	struct tick_settings *settings = &sampler->programs->bss->settings;
	uint64_t period_ns = shortest_period_ns(jobs);
	uint8_t slow = 0, user = 0, kernel = 0;

	for (size_t i = 0; i < jobs->n_jobs; i++) {
		const struct job *job = &jobs->jobs[i];

		settings->job_period_ns[i] = (uint32_t)job->period_ns;
		slow |= (uint8_t)((job->period_ns > period_ns) << i);
		user |= (uint8_t)(job->collect_user << i);
		kernel |= (uint8_t)(job->collect_kernel << i);
	}
	settings->period_ns = (uint32_t)period_ns;
	settings->slow_jobs = slow;
	settings->user_jobs = user;
	settings->kernel_jobs = kernel;
	settings->jobs = job_set_mask(jobs);
	__atomic_store_n(&settings->flag, flag, __ATOMIC_RELEASE);
}

int sampler_set_jobs(struct sampler *sampler, const struct job_set *jobs, uint8_t flag)
{
	struct tick_settings *settings = &sampler->programs->bss->settings;
	struct tick_settings before = *settings;
	int r;

	write_jobs(sampler, jobs, flag);
	r = cpu_events_set_period(sampler->events, shortest_period_ns(jobs));
	if (r < 0) {
		before.generation = settings->generation;
		*settings = before;
	}
	return r;
}

void sampler_limit_processes(struct sampler *sampler, uint32_t n_processes)
{
	__atomic_store_n(&sampler->programs->bss->settings.n_processes_max, n_processes,
			 __ATOMIC_RELAXED);
}

uint64_t sampler_period_ns(const struct sampler *sampler)
{
	return cpu_events_period_ns(sampler->events);
}

/* What was decided is written: no CPU may go on with what it knew before. */
static void end_generation(struct sampler *sampler)
{
	__atomic_add_fetch(&sampler->programs->bss->settings.generation, 1, __ATOMIC_RELEASE);
}

void sampler_decide(struct sampler *sampler, const struct process_image *image,
		    const struct sampler_decision *decision)
{
	int fd = bpf_map__fd(sampler->programs->maps.processes);
	struct process_entry entry;

	if (bpf_map_lookup_elem(fd, &image->pid, &entry) != 0 ||
	    memcmp(&entry.image, image, sizeof(*image)) != 0)
		return;
	if (entry.decision == decision->decision && entry.jobs == decision->jobs &&
	    entry.kernel_jobs == decision->kernel_jobs)
		return;
	entry.decision = (uint8_t)decision->decision;
	entry.jobs = decision->jobs;
	entry.kernel_jobs = decision->kernel_jobs;
	/* It may be gone or another image by now: the next tick sees that and announces it. */
	(void)bpf_map_update_elem(fd, &image->pid, &entry, BPF_EXIST);
	end_generation(sampler);
}

void sampler_decide_cgroup(struct sampler *sampler, uint64_t cgroup_id, enum decision decision)
{
	uint32_t value = decision;

	/* A full map costs only the shortcut: each process is still decided by itself. */
	(void)bpf_map_update_elem(bpf_map__fd(sampler->programs->maps.cgroups), &cgroup_id, &value,
				  BPF_ANY);
	end_generation(sampler);
}

static int forget_cgroups(struct sampler *sampler)
{
	int fd = bpf_map__fd(sampler->programs->maps.cgroups);
	uint64_t cgroup_id;

	while (bpf_map_get_next_key(fd, NULL, &cgroup_id) == 0)
		if (bpf_map_delete_elem(fd, &cgroup_id) != 0)
			return -errno;
	return 0;
}

/* A process of a cgroup that was decided "no" may never have been announced: now it is news. */
static void forget_decision(int fd, uint32_t pid, struct process_entry *entry)
{
	if (entry->decision != DECISION_NO && entry->jobs == JOBS_ALL &&
	    entry->kernel_jobs == JOBS_ALL)
		return;
	if (entry->decision == DECISION_NO)
		entry->announced = 0;
	entry->decision = DECISION_UNDECIDED;
	entry->jobs = JOBS_ALL;
	entry->kernel_jobs = JOBS_ALL;
	(void)bpf_map_update_elem(fd, &pid, entry, BPF_EXIST); /* gone by now: so is the decision */
}

int sampler_forget_decisions(struct sampler *sampler)
{
	int fd = bpf_map__fd(sampler->programs->maps.processes);
	struct process_entry *entries = (struct process_entry *)sampler->batch;
	uint32_t *pids = (uint32_t *)sampler->batch_keys;
	uint32_t position = 0;
	bool is_first = true;
	int r = forget_cgroups(sampler);

	while (r == 0) {
		uint32_t n = BATCH_BYTES / sizeof(*entries);

		r = bpf_map_lookup_batch(fd, is_first ? NULL : &position, &position, pids, entries,
					 &n, NULL);
		if (r != 0 && r != -ENOENT)
			break;
		for (uint32_t i = 0; i < n; i++)
			forget_decision(fd, pids[i], &entries[i]);
		is_first = false;
	}
	end_generation(sampler);
	return r == -ENOENT ? 0 : r;
}

/* Empties the half that is not in the slot into @take, a batch at a time. */
static int drain_idle(struct sampler *sampler, struct stack_maps *s, sampler_record_fn *take,
		      void *owner)
{
	uint32_t position = 0;
	bool is_first = true;
	int r = 0;

	s->is_idle_left = true;
	while (r == 0) {
		uint32_t n = (uint32_t)(BATCH_BYTES / s->value_bytes);

		r = bpf_map_lookup_and_delete_batch(s->half_fds[!s->current],
						    is_first ? NULL : &position, &position,
						    sampler->batch_keys, sampler->batch, &n, NULL);
		if (r != 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++)
			take(owner,
			     (const void *)((unsigned char *)sampler->batch + i * s->value_bytes));
		is_first = false;
	}
	s->is_idle_left = false;
	return 0;
}

/*
 * Puts the other half in the slot. Returns 1 when there is a half to drain, 0 when nothing was
 * inserted since the last flip: an update costs a grace period.
 */
static int flip(struct sampler *sampler, enum stack_class class)
{
	struct stack_maps *s = &sampler->stacks[class];
	uint64_t n_inserted =
		__atomic_load_n(&sampler->programs->bss->n_inserted[class], __ATOMIC_ACQUIRE);
	uint32_t slot = 0;

	if (n_inserted == s->n_inserted_before)
		return 0;
	/* Returns only when no program uses the half that it takes out. */
	if (bpf_map_update_elem(s->outer_fd, &slot, &s->half_fds[!s->current], BPF_ANY) != 0)
		return -errno;
	s->n_inserted_before = n_inserted;
	s->current = !s->current;
	return 1;
}

static int drain_class(struct sampler *sampler, enum stack_class class, sampler_record_fn *take,
		       void *owner)
{
	struct stack_maps *s = &sampler->stacks[class];
	int r = 0;

	if (s->is_idle_left) /* it must be empty before it comes into the slot */
		r = drain_idle(sampler, s, take, owner);
	if (r == 0)
		r = flip(sampler, class);
	return r == 1 ? drain_idle(sampler, s, take, owner) : r;
}

int sampler_drain(struct sampler *sampler, sampler_record_fn *take, void *owner)
{
	int first_error = 0;

	for (unsigned i = 0; i < N_STACK_CLASSES; i++) {
		int r = drain_class(sampler, i, take, owner);

		if (r < 0 && first_error == 0)
			first_error = r;
	}
	arm_pressure(sampler);
	return first_error;
}

static bool is_balanced(const struct tick_counters *c)
{
	uint64_t n = 0;

	for (unsigned i = TICK_TAKEN; i <= TICK_DROPPED_COLLISION; i++)
		n += c->values[i];
	return n == c->values[TICK_TICKS];
}

int sampler_count(struct sampler *sampler, struct sampler_counts *ret_counts)
{
	struct sampler_counts counts = {.balanced = true};
	uint64_t now_ns = clock_monotonic_ns();
	uint32_t slot = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(sampler->programs->maps.scratches), &slot,
				sampler->per_cpu) != 0)
		return -errno;
	for (unsigned cpu = 0; cpu < sampler->n_cpus_possible; cpu++) {
		const struct tick_counters *c =
			(const void *)(sampler->per_cpu + cpu * sampler->cpu_bytes);

		for (unsigned i = 0; i < N_TICK_COUNTERS; i++)
			counts.sums[i] += c->values[i];
		counts.balanced = counts.balanced && is_balanced(c);
		cpu_events_note_ticks(sampler->events, cpu, c->values[TICK_TICKS], now_ns);
	}
	*ret_counts = counts;
	return 0;
}

uint64_t sampler_expected_ticks(const struct sampler *sampler, uint64_t now_ns)
{
	return cpu_events_expected(sampler->events, now_ns);
}

void sampler_stop(struct sampler *sampler)
{
	cpu_events_stop(sampler->events);
}

bool sampler_has_uncovered_cpu(struct sampler *sampler)
{
	return cpu_events_has_uncovered(sampler->events);
}

unsigned sampler_n_cpus(const struct sampler *sampler)
{
	return cpu_events_n_covered(sampler->events);
}

uint64_t sampler_map_bytes(const struct sampler *sampler)
{
	return sampler->map_bytes;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	cpu_events_free(sampler->events);
	for (unsigned i = 0; i < 2; i++)
		(void)bpf_link__destroy(sampler->links[i]);
	ring_buffer__free(sampler->ring);
	sampler_bpf__destroy(sampler->programs);
	free(sampler->per_cpu);
	free(sampler->batch);
	free(sampler->batch_keys);
	free(sampler);
}
