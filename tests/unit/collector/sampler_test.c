/* The real programs on the real kernel: needs BPF, PERFMON and a CPU to burn. */
#include "sampler.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "base/clock.h"

#define RATE_HZ       499
#define N_SAMPLES_MIN 50
#define GIVE_UP_NS    UINT64_C(20000000000)
#define MAP_BYTES_MAX (8u << 20)
#define BYTES_PER_CPU (16u << 10)

/* What the test saw of one process. */
struct seen {
	pid_t pid;
	uint64_t n_samples;
	uint64_t n_user_frames;
	uint32_t exec_count;
	unsigned n_met, n_exec, n_exit;
	struct process_image image;
	struct exec_mapping mappings[N_EXEC_MAPPINGS]; /* of its exec */
};

static void note_record(void *owner, const struct stack_record *record)
{
	struct seen *seen = owner;

	if (record->head.image.pid != (uint32_t)seen->pid)
		return;
	seen->n_samples += record->head.count;
	seen->n_user_frames += record->head.n_user;
	seen->exec_count = record->head.image.exec_count;
}

static void note_announcement(void *owner, const struct announcement *news,
			      const struct exec_mapping *mappings)
{
	struct seen *seen = owner;

	if (news->image.pid != (uint32_t)seen->pid)
		return;
	if (news->image.exec_count != seen->image.exec_count)
		seen->n_met = 0; /* that was the image before the exec */
	seen->image = news->image;
	seen->n_met += news->kind == ANNOUNCE_MET;
	seen->n_exec += news->kind == ANNOUNCE_EXEC;
	seen->n_exit += news->kind == ANNOUNCE_EXIT;
	if (mappings)
		memcpy(seen->mappings, mappings, sizeof(seen->mappings));
}

static pid_t start_burner(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (volatile unsigned long n = 0;; n++)
			;
	assert_true(pid > 0);
	return pid;
}

static void end_burner(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* Drains until @seen has enough samples. */
static void drain_until(struct sampler *sampler, struct seen *seen, uint64_t n_samples)
{
	uint64_t give_up_ns = clock_monotonic_ns() + GIVE_UP_NS;

	while (seen->n_samples < n_samples && clock_monotonic_ns() < give_up_ns) {
		(void)usleep(20000); /* lets ticks happen: there is no event to wait for */
		sampler_take_announcements(sampler, note_announcement, seen);
		assert_int_equal(sampler_drain(sampler, note_record, seen), 0);
	}
	assert_true(seen->n_samples >= n_samples);
}

/* Waits until the kernel has counted enough more of @which. */
static void wait_for_more(struct sampler *sampler, enum tick_counter which)
{
	struct sampler_counts before, now;

	assert_int_equal(sampler_count(sampler, &before), 0);
	do {
		(void)usleep(20000);
		assert_int_equal(sampler_count(sampler, &now), 0);
	} while (now.sums[which] < before.sums[which] + N_SAMPLES_MIN);
}

static int open_sampler(void **state)
{
	const struct sampler_options options = {.n_processes_max = 2048, .sample_rate_hz = RATE_HZ};
	struct sampler *sampler;
	int r = sampler_open(&options, &sampler);

	if (r != 0) {
		print_error("sampler_open: %d (root with BPF and PERFMON is needed)\n", r);
		return -1;
	}
	*state = sampler;
	return 0;
}

static int close_sampler(void **state)
{
	sampler_free(*state);
	return 0;
}

static void a_busy_process_is_met_once_and_sampled_with_its_stack(void **state)
{
	struct seen seen = {.pid = start_burner()};

	drain_until(*state, &seen, N_SAMPLES_MIN);
	end_burner(seen.pid);
	assert_int_equal(seen.n_met, 1);
	assert_true(seen.n_user_frames > 0);
}

static void a_process_decided_no_has_no_stack_walked(void **state)
{
	struct seen seen = {.pid = start_burner()}, after = {.pid = seen.pid};

	drain_until(*state, &seen, N_SAMPLES_MIN);
	sampler_decide(*state, &seen.image,
		       &(struct sampler_decision){DECISION_NO, JOBS_ALL, JOBS_ALL});
	assert_int_equal(sampler_drain(*state, note_record, &seen), 0);
	wait_for_more(*state, TICK_SKIPPED_NOT_SELECTED);
	assert_int_equal(sampler_drain(*state, note_record, &after), 0);
	end_burner(seen.pid);
	assert_int_equal(after.n_samples, 0);
}

/* A directory of the unified hierarchy, made for the test; the caller removes it. */
static void make_cgroup(char path[PATH_MAX])
{
	char line[PATH_MAX], mount[PATH_MAX] = "";
	FILE *mounts = fopen("/proc/mounts", "re");

	assert_non_null(mounts);
	while (!mount[0] && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %4000s cgroup2", mount) != 1 || !strstr(line, " cgroup2 "))
			mount[0] = '\0';
	(void)fclose(mounts);
	assert_true(mount[0]);
	assert_true(snprintf(path, PATH_MAX, "%s/sampler-test-%d", mount, getpid()) < PATH_MAX);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void move_to_cgroup(pid_t pid, const char *cgroup)
{
	char path[PATH_MAX + 16];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "%d\n", pid);
	assert_int_equal(fclose(file), 0);
}

static void
a_cgroup_decided_no_is_neither_sampled_nor_announced_until_that_is_forgotten(void **state)
{
	struct seen seen = {0};
	char cgroup[PATH_MAX];
	struct stat directory;

	make_cgroup(cgroup);
	assert_int_equal(stat(cgroup, &directory), 0); /* its inode number is its id */
	sampler_decide_cgroup(*state, directory.st_ino, DECISION_NO);
	seen.pid = start_burner();
	move_to_cgroup(seen.pid, cgroup);
	sampler_take_announcements(*state, note_announcement, &seen);
	assert_int_equal(sampler_drain(*state, note_record, &seen), 0);
	seen = (struct seen){.pid = seen.pid}; /* it may have been met before it was moved */
	wait_for_more(*state, TICK_SKIPPED_NOT_SELECTED);
	sampler_take_announcements(*state, note_announcement, &seen);
	assert_int_equal(sampler_drain(*state, note_record, &seen), 0);
	assert_int_equal(seen.n_samples, 0);
	assert_int_equal(seen.n_met, 0);

	assert_int_equal(sampler_forget_decisions(*state), 0);
	drain_until(*state, &seen, N_SAMPLES_MIN);
	assert_int_equal(seen.n_met, 1);
	end_burner(seen.pid);
	assert_int_equal(rmdir(cgroup), 0);
}

static void assert_is_text_of(const struct exec_mapping *mapping, const char *path)
{
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(mapping->inode, file.st_ino);
	assert_int_equal(makedev(mapping->device_major, mapping->device_minor), file.st_dev);
	assert_true(mapping->end > mapping->start && mapping->offset < (uint64_t)file.st_size);
}

static void an_exec_makes_a_new_image_that_is_sampled_again(void **state)
{
	struct seen seen = {0};
	int gate[2];
	char byte = 0;

	assert_int_equal(pipe(gate), 0);
	seen.pid = fork();
	if (seen.pid == 0) {
		(void)!read(gate[0], &byte, 1);
		execl("/bin/sh", "sh", "-c", "while :; do :; done", (char *)NULL);
		_exit(127);
	}
	sampler_take_announcements(*state, note_announcement, &seen);
	assert_int_equal(write(gate[1], &byte, 1), 1);
	drain_until(*state, &seen, N_SAMPLES_MIN);
	end_burner(seen.pid);
	for (unsigned i = 0; i < 100 && seen.n_exit == 0; i++) {
		sampler_take_announcements(*state, note_announcement, &seen);
		(void)usleep(10000);
	}
	assert_is_text_of(&seen.mappings[0], "/bin/sh");
	assert_is_text_of(&seen.mappings[1], "/lib64/ld-linux-x86-64.so.2");
	assert_int_equal(seen.n_exec, 1);
	assert_int_equal(seen.n_met, 1);
	assert_int_equal(seen.n_exit, 1);
	assert_int_equal(seen.exec_count, seen.image.exec_count);
	(void)close(gate[0]);
	(void)close(gate[1]);
}

#define N_EXITS 3000u /* more than the ring holds */

static void count_exits(void *owner, const struct announcement *news,
			const struct exec_mapping *mappings)
{
	(void)mappings;
	*(unsigned *)owner += news->kind == ANNOUNCE_EXIT;
}

static void exits_alone_do_not_fill_the_ring(void **state)
{
	struct pollfd ring = {.fd = sampler_fd(*state), .events = POLLIN};
	struct sampler_counts counts;
	unsigned n_exits = 0;

	for (unsigned i = 0; i < N_EXITS; i++) {
		pid_t pid = vfork(); /* thousands of forks would take long */

		if (pid == 0)
			_exit(0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		if (poll(&ring, 1, 0) > 0)
			sampler_take_announcements(*state, count_exits, &n_exits);
	}
	sampler_take_announcements(*state, count_exits, &n_exits);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_int_equal(counts.sums[TICK_EVENTS_LOST], 0);
	assert_true(n_exits >= N_EXITS);
}

static void count_samples(void *owner, const struct stack_record *record)
{
	*(uint64_t *)owner += record->head.count;
}

static void every_tick_ends_in_one_counter_and_every_sample_in_a_record(void **state)
{
	struct sampler_counts counts, before;
	struct seen seen = {.pid = start_burner()};
	uint64_t n_drained = 0;

	assert_int_equal(sampler_drain(*state, count_samples, &n_drained), 0);
	n_drained = 0;
	drain_until(*state, &seen, N_SAMPLES_MIN);
	end_burner(seen.pid);
	sampler_stop(*state);
	assert_int_equal(sampler_drain(*state, count_samples, &n_drained), 0);
	assert_int_equal(sampler_count(*state, &before), 0);
	assert_true(before.balanced);
	n_drained = 0;
	assert_int_equal(sampler_drain(*state, count_samples, &n_drained), 0);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_int_equal(n_drained, 0);
	assert_int_equal(counts.sums[TICK_TAKEN], before.sums[TICK_TAKEN]);
}

static bool batch_shall_fail;

int __real_bpf_map_lookup_and_delete_batch(int fd, void *in_batch, void *out_batch, void *keys,
					   void *values, __u32 *count,
					   const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_lookup_and_delete_batch(int fd, void *in_batch, void *out_batch, void *keys,
					   void *values, __u32 *count,
					   const struct bpf_map_batch_opts *opts);

int __wrap_bpf_map_lookup_and_delete_batch(int fd, void *in_batch, void *out_batch, void *keys,
					   void *values, __u32 *count,
					   const struct bpf_map_batch_opts *opts)
{
	if (batch_shall_fail) {
		batch_shall_fail = false;
		return -ENOMEM;
	}
	return __real_bpf_map_lookup_and_delete_batch(fd, in_batch, out_batch, keys, values, count,
						      opts);
}

static void what_a_drain_could_not_read_comes_with_the_next(void **state)
{
	pid_t burner = start_burner();
	struct sampler_counts counts;
	uint64_t n_drained = 0;

	wait_for_more(*state, TICK_TAKEN);
	batch_shall_fail = true;
	assert_int_equal(sampler_drain(*state, count_samples, &n_drained), -ENOMEM);
	end_burner(burner);
	sampler_stop(*state);
	assert_int_equal(sampler_drain(*state, count_samples, &n_drained), 0);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_true(counts.balanced);
	assert_int_equal(n_drained, counts.sums[TICK_TAKEN]);
}

/* The half of the shallow stacks that @name says, among what this process holds. */
static int find_half(const char *name)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct bpf_map_info info = {0};
		__u32 n_bytes = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &n_bytes) == 0 &&
		    info.type == BPF_MAP_TYPE_HASH && strcmp(info.name, name) == 0)
			return fd;
	}
	fail_msg("no map is called %s", name);
	return -1;
}

#define FORGED_MAX 4096u

/*
 * Makes every stack of @half another one under the same key. The keys are taken down first: an
 * update moves its element within the bucket, and a walk might never end.
 */
static void forge_stacks(int half)
{
	static uint64_t keys[FORGED_MAX];
	uint64_t record[STACK_RECORD_BYTES(STACKS_SHALLOW_FRAMES_MAX) / sizeof(uint64_t)];
	size_t n = 0;

	while (n < FORGED_MAX && bpf_map_get_next_key(half, n ? &keys[n - 1] : NULL, &keys[n]) == 0)
		n++;
	for (size_t i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(half, &keys[i], record) != 0)
			continue;
		((struct stack_record *)record)->frames[0] ^= 1;
		assert_int_equal(bpf_map_update_elem(half, &keys[i], record, BPF_EXIST), 0);
	}
}

static void two_stacks_with_one_hash_are_a_counted_collision(void **state)
{
	uint64_t give_up_ns = clock_monotonic_ns() + GIVE_UP_NS;
	int half = find_half("shallow_a");
	pid_t burner = start_burner();
	struct sampler_counts counts;

	do {
		(void)usleep(20000);
		forge_stacks(half);
		assert_int_equal(sampler_count(*state, &counts), 0);
	} while (counts.sums[TICK_DROPPED_COLLISION] < 3 && clock_monotonic_ns() < give_up_ns);
	end_burner(burner);
	sampler_stop(*state);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_in_range(counts.sums[TICK_DROPPED_COLLISION], 3, UINT32_MAX);
	assert_true(counts.balanced);
}

static void the_maps_fit_their_memory_budget(void **state)
{
	uint64_t budget = MAP_BYTES_MAX + (uint64_t)sysconf(_SC_NPROCESSORS_CONF) * BYTES_PER_CPU;

	print_message("kernel memory of all maps: %lu bytes\n", sampler_map_bytes(*state));
	assert_true(sampler_map_bytes(*state) > 0);
	assert_true(sampler_map_bytes(*state) <= budget);
}

static struct job_set *set_rates(struct sampler *sampler, const uint32_t *hz, size_t n)
{
	struct wire_job jobs[JOBS_MAX] = {{0}};
	struct job_set *set;

	for (size_t i = 0; i < n; i++)
		jobs[i] = (struct wire_job){.id = i,
					    .sample_rate_hz = hz[i],
					    .collect_interval_ms = 1000,
					    .collect_user = true,
					    .collect_kernel = true};
	assert_int_equal(job_set_new(jobs, n, &set), 0);
	assert_int_equal(sampler_set_jobs(sampler, set, STACK_RECORD_SETTINGS), 0);
	return set;
}

/* What the jobs took of one process, or of all (0), and what they could have taken. */
struct shares {
	uint32_t pid;
	uint64_t n_ticks;
	uint64_t n[JOBS_MAX];
	uint64_t n_kernel[JOBS_MAX];
};

static void share(void *owner, const struct stack_record *record)
{
	struct shares *shares = owner;

	if ((shares->pid != 0 && record->head.image.pid != shares->pid) ||
	    !(record->head.flags & STACK_RECORD_SETTINGS))
		return;
	shares->n_ticks += record->head.count;
	for (unsigned i = 0; i < JOBS_MAX; i++)
		if (record->head.jobs & 1u << i) {
			shares->n[i] += record->head.count;
			shares->n_kernel[i] += record->head.n_kernel;
		}
}

static void share_until(struct sampler *sampler, struct shares *shares, uint64_t n_ticks)
{
	uint64_t give_up_ns = clock_monotonic_ns() + GIVE_UP_NS;

	while (shares->n_ticks < n_ticks && clock_monotonic_ns() < give_up_ns) {
		(void)usleep(20000);
		assert_int_equal(sampler_drain(sampler, share, shares), 0);
	}
	assert_true(shares->n_ticks >= n_ticks);
}

/* On one CPU: there, error diffusion leaves less than one sample. */
static pid_t start_pinned_burner(void)
{
	pid_t pid = start_burner();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	assert_int_equal(sched_setaffinity(pid, sizeof(cpus), &cpus), 0);
	return pid;
}

/* Over all processes, since they share what error diffusion keeps: less than a period a CPU. */
static void a_slower_job_takes_its_fraction_of_the_ticks_to_one_sample_a_cpu(void **state)
{
	static const uint32_t hz[] = {970, 310, 970, 97, 33, 1};
	struct job_set *set = set_rates(*state, hz, 6);
	struct shares shares = {0};
	pid_t burner = start_pinned_burner();

	share_until(*state, &shares, 600);
	end_burner(burner);
	sampler_stop(*state);
	assert_int_equal(sampler_drain(*state, share, &shares), 0);
	for (size_t i = 0; i < set->n_jobs; i++) {
		uint64_t time_ns = shares.n_ticks * set->jobs[0].period_ns;
		uint64_t taken_ns = shares.n[i] * set->jobs[i].period_ns;

		if (taken_ns > time_ns ||
		    time_ns - taken_ns > sampler_n_cpus(*state) * set->jobs[i].period_ns)
			fail_msg("%u Hz: %lu of %lu ticks", hz[i], shares.n[i], shares.n_ticks);
	}
	job_set_release(set);
}

static void a_process_of_the_slow_job_alone_skips_what_is_not_due(void **state)
{
	static const uint32_t hz[] = {970, 97};
	struct job_set *set = set_rates(*state, hz, 2);
	struct seen seen = {.pid = start_pinned_burner()};
	struct shares shares = {.pid = (uint32_t)seen.pid};
	struct sampler_counts counts;

	drain_until(*state, &seen, N_SAMPLES_MIN);
	sampler_decide(*state, &seen.image, &(struct sampler_decision){DECISION_YES, 2, 0});
	wait_for_more(*state, TICK_SKIPPED_NOT_DUE);
	assert_int_equal(sampler_drain(*state, share, &shares), 0);
	shares = (struct shares){.pid = (uint32_t)seen.pid};
	share_until(*state, &shares, 20);
	end_burner(seen.pid);
	sampler_stop(*state);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_true(counts.balanced);
	assert_int_equal(shares.n[0], 0);
	assert_int_equal(shares.n[1], shares.n_ticks);
	assert_int_equal(shares.n_kernel[1], 0);
	job_set_release(set);
}

static void the_process_map_takes_no_more_than_it_is_told(void **state)
{
	struct seen seen = {.pid = start_burner()};
	struct sampler_counts counts;
	pid_t others[4];

	drain_until(*state, &seen, N_SAMPLES_MIN);
	sampler_limit_processes(*state, 1); /* there is one already, at least */
	for (unsigned i = 0; i < 4; i++)
		others[i] = start_burner();
	wait_for_more(*state, TICK_PROCESS_MAP_FULL);
	for (unsigned i = 0; i < 4; i++)
		end_burner(others[i]);
	end_burner(seen.pid);
	sampler_limit_processes(*state, 2048);
	others[0] = start_burner();
	seen = (struct seen){.pid = others[0]};
	drain_until(*state, &seen, N_SAMPLES_MIN);
	assert_int_equal(seen.n_met, 1);
	end_burner(others[0]);
	assert_int_equal(sampler_count(*state, &counts), 0);
	assert_true(counts.sums[TICK_PROCESS_MAP_FULL] >= N_SAMPLES_MIN);
}

static void a_new_rate_changes_the_period_of_the_running_events(void **state)
{
	struct sampler_counts before, after;
	uint64_t start_ns;

	job_set_release(set_rates(*state, (uint32_t[]){1000}, 1));
	assert_int_equal(sampler_period_ns(*state), 1000000);
	assert_int_equal(sampler_count(*state, &before), 0);
	start_ns = clock_monotonic_ns();
	do {
		(void)usleep(20000);
		assert_int_equal(sampler_count(*state, &after), 0);
	} while (after.sums[TICK_TICKS] < before.sums[TICK_TICKS] + 100 &&
		 clock_monotonic_ns() - start_ns < GIVE_UP_NS);
	assert_true(sampler_expected_ticks(*state, clock_monotonic_ns()) >=
		    after.sums[TICK_TICKS] - before.sums[TICK_TICKS]);
	assert_true(after.sums[TICK_TICKS] >= before.sums[TICK_TICKS] + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_busy_process_is_met_once_and_sampled_with_its_stack, open_sampler,
			close_sampler),
		cmocka_unit_test_setup_teardown(a_process_decided_no_has_no_stack_walked,
						open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(
			a_cgroup_decided_no_is_neither_sampled_nor_announced_until_that_is_forgotten,
			open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(an_exec_makes_a_new_image_that_is_sampled_again,
						open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(
			every_tick_ends_in_one_counter_and_every_sample_in_a_record, open_sampler,
			close_sampler),
		cmocka_unit_test_setup_teardown(exits_alone_do_not_fill_the_ring, open_sampler,
						close_sampler),
		cmocka_unit_test_setup_teardown(what_a_drain_could_not_read_comes_with_the_next,
						open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(two_stacks_with_one_hash_are_a_counted_collision,
						open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(the_maps_fit_their_memory_budget, open_sampler,
						close_sampler),
		cmocka_unit_test_setup_teardown(
			a_slower_job_takes_its_fraction_of_the_ticks_to_one_sample_a_cpu,
			open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(
			a_process_of_the_slow_job_alone_skips_what_is_not_due, open_sampler,
			close_sampler),
		cmocka_unit_test_setup_teardown(the_process_map_takes_no_more_than_it_is_told,
						open_sampler, close_sampler),
		cmocka_unit_test_setup_teardown(a_new_rate_changes_the_period_of_the_running_events,
						open_sampler, close_sampler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
