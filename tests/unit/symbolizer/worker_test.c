/*
 * The executable itself, confined as it always is, between a collector and a shipper played by this
 * test over real sockets. Run as root, the test becomes the symbolizer's uid first: neither side of
 * a link may be root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/identity.h"
#include "link/link.h"
#include "wire/counters.h"
#include "window_fixture.h"

#define PATIENCE_NS UINT64_C(20000000000)

/* What the played peers answer. */
struct script {
	unsigned n_windows; /* how often a LEASE is answered with the window */
	bool garble_window;
	bool refuse_objects;
	enum refusal object_refusal;
	unsigned n_refused_profiles; /* before one is stored */
};

struct world {
	char path[64];
	char cache_path[80];
	pid_t pid; /* of the executable; 0: it has ended */
	int status;
	struct link_listener *pool;
	struct link_listener *profiles;
	struct fixture fixture;
	struct script script;
	struct bytes window;
	/* What was seen. */
	unsigned n_leases;
	unsigned n_reads;
	unsigned n_profiles;
	unsigned n_stats;
	uint64_t n_windows_done; /* as STATS says */
	unsigned n_rounds;       /* as REPORT says, like the next */
	size_t n_tables;
	uint64_t n_named_samples;
	struct wire_lease lease; /* the latest */
	bool has_said_stored;
	uint64_t n_samples;
	struct bytes profile; /* the latest frame */
	bool profiles_differ;
};

extern char **environ;

/* Held open: its folder may be closed to the uid that this test becomes. */
static char executable[64];

static struct link_listener *listen_at(const char *path, const char *name, enum wire_party self)
{
	char socket_path[128];
	struct link_listener *listener;
	struct link_listen_options options = {
		.path = socket_path,
		.self = self,
		.peer = SYMBOLIZER,
		.n_uids = 1,
		.uids = {geteuid()},
		.permissions = 0666,
		.n_contexts = 8,
	};

	(void)snprintf(socket_path, sizeof(socket_path), "%s/%s", path, name);
	assert_int_equal(link_listen(&options, &listener), 0);
	return listener;
}

static pid_t start(const struct world *world)
{
	char run_dir[128], cache_dir[128], collector_uid[64], shipper_uid[64];
	char *command[] = {executable, run_dir, cache_dir, collector_uid, shipper_uid, NULL};
	pid_t pid;

	(void)snprintf(run_dir, sizeof(run_dir), "--run-dir=%s", world->path);
	(void)snprintf(cache_dir, sizeof(cache_dir), "--cache-dir=%s", world->cache_path);
	(void)snprintf(collector_uid, sizeof(collector_uid), "--collector-uid=%u", geteuid());
	(void)snprintf(shipper_uid, sizeof(shipper_uid), "--shipper-uid=%u", geteuid());
	assert_int_equal(posix_spawn(&pid, command[0], NULL, NULL, command, environ), 0);
	return pid;
}

static int set_up(void **state)
{
	static const uint32_t locations[] = {AT_KERNEL, AT_FIRST, AT_FIRST_END};
	static const struct wire_stack stack = {3, 0, 3, locations};
	struct world *world = calloc(1, sizeof(*world));

	(void)snprintf(world->path, sizeof(world->path), "/tmp/worker_test.XXXXXX");
	if (!mkdtemp(world->path) || chmod(world->path, 0755) < 0)
		return -1;
	(void)snprintf(world->cache_path, sizeof(world->cache_path), "%s/cache", world->path);
	if (mkdir(world->cache_path, 0755) < 0)
		return -1;
	world->pool = listen_at(world->path, POOL_SOCKET_NAME, COLLECTOR);
	world->profiles = listen_at(world->path, PROFILES_SOCKET_NAME, SHIPPER);
	fixture_init(&world->fixture);
	fixture_set_stacks(&world->fixture, &stack, 1);
	world->window = (struct bytes)BYTES_INIT(1 << 20);
	world->profile = (struct bytes)BYTES_INIT(1 << 20);
	world->pid = start(world);
	*state = world;
	return 0;
}

/* Removes the cache's files; returns how many names began with @prefix. */
static unsigned empty_cache(const struct world *world, const char *prefix)
{
	DIR *listing = opendir(world->cache_path);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(listing))) {
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
		(void)unlinkat(dirfd(listing), entry->d_name, 0);
	}
	(void)closedir(listing);
	return n;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	char path[128];

	if (world->pid > 0) {
		(void)kill(world->pid, SIGKILL);
		(void)waitpid(world->pid, NULL, 0);
	}
	link_listener_free(world->pool);
	link_listener_free(world->profiles);
	(void)snprintf(path, sizeof(path), "%s/%s", world->path, POOL_SOCKET_NAME);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/%s", world->path, PROFILES_SOCKET_NAME);
	(void)unlink(path);
	(void)empty_cache(world, "");
	(void)rmdir(world->cache_path);
	(void)rmdir(world->path);
	fixture_deinit(&world->fixture);
	bytes_deinit(&world->window);
	bytes_deinit(&world->profile);
	free(world);
	return 0;
}

static void reply(struct link_listener *listener, uint64_t request, struct bytes *frame)
{
	assert_int_equal(frame->error, 0);
	link_reply(listener, request, frame->data, frame->n_bytes);
	bytes_deinit(frame);
}

static void reply_bare(struct link_listener *listener, uint64_t request, enum message_id id)
{
	struct bytes frame = BYTES_INIT(64);

	wire_encode_bare(&frame, id);
	reply(listener, request, &frame);
}

static void answer_lease(struct world *world, const struct link_event *event)
{
	struct bytes frame = BYTES_INIT(1 << 20);

	assert_int_equal(wire_decode_lease(event->frame, event->n_bytes, &world->lease), 0);
	world->n_leases++;
	if (world->lease.outcome == LEASE_OUTCOME_STORED &&
	    world->lease.window.sequence == world->fixture.window.id.sequence)
		world->has_said_stored = true;
	link_set_leased(world->pool, event->peer, false);
	if (world->lease.stopping) {
		reply_bare(world->pool, event->request, MESSAGE_GO);
		return;
	}
	if (world->script.n_windows == 0)
		return; /* parked */
	world->script.n_windows--;
	link_set_leased(world->pool, event->peer, true);
	wire_encode_window(&frame, &world->fixture.window);
	if (world->script.garble_window)
		frame.n_bytes--;
	reply(world->pool, event->request, &frame);
}

static void answer_read(struct world *world, const struct link_event *event)
{
	struct bytes frame = BYTES_INIT(1 << 20);
	const struct object_reader *reader = &world->fixture.sources.reader;
	struct wire_object_read request;
	struct wire_bytes bytes;

	world->n_reads++;
	assert_int_equal(wire_decode_object_read(event->frame, event->n_bytes, &request), 0);
	if (world->script.refuse_objects)
		wire_encode_refused(&frame, world->script.object_refusal);
	else if (reader->fetch(reader->owner, request.object, (struct file_off){request.offset},
			       request.n_bytes, &bytes) != 0)
		wire_encode_refused(&frame, REFUSAL_NO_OBJECT);
	else
		wire_encode_object_bytes(&frame, bytes.data, bytes.n_bytes);
	reply(world->pool, event->request, &frame);
}

static void answer_profile(struct world *world, const struct link_event *event)
{
	struct bytes frame = BYTES_INIT(64);
	struct wire_arena arena = {0};
	struct wire_profile profile;

	assert_int_equal(wire_decode_profile(event->frame, event->n_bytes, &arena, &profile), 0);
	assert_int_equal(profile.window.sequence, world->fixture.window.id.sequence);
	assert_int_equal(profile.n_parts, 1);
	assert_int_equal(profile.parts[0].labels.n_bytes, strlen("labels"));
	world->n_samples = profile.parts[0].n_samples;
	if (world->n_profiles++ > 0 &&
	    (world->profile.n_bytes != event->n_bytes ||
	     memcmp(world->profile.data, event->frame, event->n_bytes) != 0))
		world->profiles_differ = true;
	bytes_clear(&world->profile);
	bytes_append(&world->profile, event->frame, event->n_bytes);
	if (world->script.n_refused_profiles > 0) {
		world->script.n_refused_profiles--;
		wire_encode_refused(&frame, REFUSAL_DISK);
	} else {
		wire_encode_stored(&frame, &(struct wire_stored){profile.window, false});
	}
	wire_arena_deinit(&arena);
	reply(world->profiles, event->request, &frame);
}

static void answer_stats(struct world *world, const struct link_event *event)
{
	struct wire_arena arena = {0};
	struct wire_stats stats;

	assert_int_equal(wire_decode_stats(event->frame, event->n_bytes, &arena, &stats), 0);
	world->n_stats++;
	for (size_t i = 0; i < stats.n_counters; i++)
		if (stats.counters[i].id == COUNTER_WINDOWS_DONE)
			world->n_windows_done = stats.counters[i].value;
	wire_arena_deinit(&arena);
	reply_bare(world->profiles, event->request, MESSAGE_NOTED);
}

static void answer_report(struct world *world, const struct link_event *event)
{
	struct wire_arena arena = {0};
	struct wire_report report;

	assert_int_equal(wire_decode_report(event->frame, event->n_bytes, &arena, &report), 0);
	assert_int_equal(report.status.pid, world->pid);
	assert_int_equal(report.status.uid, geteuid());
	assert_true(report.status.effective_caps == 0 && report.status.permitted_caps == 0);
	assert_int_equal(report.status.seccomp, 2);
	assert_true(report.status.no_new_privs);
	world->n_rounds = (unsigned)report.round;
	world->n_tables =
		report.caches[REPORT_BUILD_ID].n_tables + report.caches[REPORT_SAME_FILE].n_tables;
	world->n_named_samples = report.n_named > 0 ? report.named[0].n_samples : 0;
	wire_arena_deinit(&arena);
	reply_bare(world->profiles, event->request, MESSAGE_NOTED);
}

static void take(struct world *world, const struct link_event *event)
{
	if (event->kind != LINK_REQUEST)
		return;
	switch (event->id) {
	case MESSAGE_LEASE:
		answer_lease(world, event);
		break;
	case MESSAGE_OBJECT_READ:
		answer_read(world, event);
		break;
	case MESSAGE_PROFILE:
		answer_profile(world, event);
		break;
	case MESSAGE_STATS:
		answer_stats(world, event);
		break;
	case MESSAGE_REPORT:
		answer_report(world, event);
		break;
	default:
		fail_msg("unexpected %s", message_name(event->id));
	}
}

/* Plays both peers until @until is at least @n, or patience ends. */
static void play(struct world *world, const unsigned *until, unsigned n)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_NS;
	struct link_event event;

	while (*until < n && clock_monotonic_ns() < deadline_ns) {
		struct pollfd fds[2] = {
			{.fd = link_listener_fd(world->pool), .events = POLLIN},
			{.fd = link_listener_fd(world->profiles), .events = POLLIN}};

		(void)poll(fds, 2, 20);
		while (link_next(world->pool, &event))
			take(world, &event);
		while (link_next(world->profiles, &event))
			take(world, &event);
		if (waitpid(world->pid, &world->status, WNOHANG) == world->pid) {
			world->pid = 0;
			return;
		}
	}
}

/* Asks it to stop and plays on until it has ended. */
static void stop(struct world *world)
{
	const unsigned never = 0;

	assert_true(world->pid > 0); /* 0 would be this test's own process group */
	assert_int_equal(kill(world->pid, SIGTERM), 0);
	play(world, &never, 1);
	assert_int_equal(world->pid, 0);
	assert_true(WIFEXITED(world->status));
	assert_int_equal(WEXITSTATUS(world->status), 0);
}

static void a_leased_window_is_named_stored_and_said_to_be(void **state)
{
	struct world *world = *state;

	world->script.n_windows = 1;
	play(world, &world->n_leases, 2);
	assert_int_equal(world->n_leases, 2);
	assert_int_equal(world->n_profiles, 1);
	assert_int_equal(world->n_samples, 3);
	assert_true(world->n_reads > 1);
	assert_true(world->has_said_stored);
	stop(world);
	assert_true(world->lease.stopping);
}

static void a_confined_symbolizer_publishes_its_tables(void **state)
{
	struct world *world = *state;

	world->script.n_windows = 1;
	play(world, &world->n_leases, 2);
	assert_true(world->has_said_stored);
	assert_int_equal(empty_cache(world, "t-"), 2); /* of the file and of the kernel */
}

static void a_shipper_that_refuses_does_not_keep_it_for_long(void **state)
{
	struct world *world = *state;
	uint64_t start_ns;

	world->script = (struct script){.n_windows = 1, .n_refused_profiles = 1000};
	play(world, &world->n_profiles, 1);
	start_ns = clock_monotonic_ns();
	stop(world);
	assert_true(clock_monotonic_ns() - start_ns < UINT64_C(12000000000));
	assert_true(world->lease.stopping);
	assert_int_equal(world->lease.outcome, LEASE_OUTCOME_FAILED); /* somebody else's, then */
}

static void a_profile_is_sent_again_unchanged_until_it_is_stored(void **state)
{
	struct world *world = *state;

	world->script = (struct script){.n_windows = 1, .n_refused_profiles = 3};
	play(world, &world->n_leases, 2);
	assert_int_equal(world->n_profiles, 4);
	assert_false(world->profiles_differ);
	assert_true(world->has_said_stored);
}

static void objects_that_are_refused_cost_names_not_samples(void **state)
{
	struct world *world = *state;

	world->script = (struct script){
		.n_windows = 1, .refuse_objects = true, .object_refusal = REFUSAL_DEADLINE};
	play(world, &world->n_leases, 2);
	assert_int_equal(world->n_samples, 3);
	assert_true(world->has_said_stored);
}

static void a_window_that_is_somebody_elses_now_is_let_go(void **state)
{
	struct world *world = *state;

	world->script = (struct script){
		.n_windows = 1, .refuse_objects = true, .object_refusal = REFUSAL_STATE};
	play(world, &world->n_leases, 2);
	assert_int_equal(world->n_reads, 1);
	assert_int_equal(world->n_profiles, 0);
	assert_int_equal(world->lease.outcome, LEASE_OUTCOME_NONE);
}

static void a_garbled_window_is_passed_over(void **state)
{
	struct world *world = *state;

	world->script = (struct script){.n_windows = 1, .garble_window = true};
	play(world, &world->n_leases, 2);
	assert_int_equal(world->n_leases, 2);
	assert_int_equal(world->lease.outcome, LEASE_OUTCOME_NONE);
	world->script = (struct script){.n_windows = 1};
	stop(world);
}

static void what_it_has_and_who_it_is_reach_the_shipper(void **state)
{
	struct world *world = *state;

	world->script.n_windows = UINT_MAX;
	play(world, &world->n_rounds, 1); /* with the next stats */
	assert_true(world->n_rounds > 1);
	assert_int_equal(world->n_tables, 1);
	assert_int_equal(world->n_named_samples, 3);
}

static void counters_reach_the_shipper(void **state)
{
	struct world *world = *state;

	play(world, &world->n_stats, 1);
	assert_int_equal(world->n_stats, 1);
	assert_int_equal(world->n_windows_done, 0);
}

static void nobody_to_say_go_does_not_keep_it(void **state)
{
	struct world *world = *state;
	uint64_t start_ns;

	play(world, &world->n_leases, 1);
	link_listener_free(world->pool);
	link_listener_free(world->profiles);
	start_ns = clock_monotonic_ns();
	assert_true(world->pid > 0); /* 0 would be this test's own process group */
	assert_int_equal(kill(world->pid, SIGTERM), 0);
	assert_int_equal(waitpid(world->pid, &world->status, 0), world->pid);
	world->pid = 0;
	world->pool = listen_at(world->path, POOL_SOCKET_NAME, COLLECTOR);
	world->profiles = listen_at(world->path, PROFILES_SOCKET_NAME, SHIPPER);
	assert_true(WIFEXITED(world->status) && WEXITSTATUS(world->status) == 0);
	assert_true(clock_monotonic_ns() - start_ns < UINT64_C(8000000000));
}

/* Leaves the uid's privileges behind, and stays open to the leak check at the end. */
static int become_nobody_special(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 ||
	    setresgid(IDENTITY_GROUP_GID, IDENTITY_GROUP_GID, IDENTITY_GROUP_GID) < 0)
		return -1;
	if (setresuid(IDENTITY_SYMBOLIZER_UID, IDENTITY_SYMBOLIZER_UID, IDENTITY_SYMBOLIZER_UID) <
	    0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_leased_window_is_named_stored_and_said_to_be),
		TEST(a_confined_symbolizer_publishes_its_tables),
		TEST(a_profile_is_sent_again_unchanged_until_it_is_stored),
		TEST(a_shipper_that_refuses_does_not_keep_it_for_long),
		TEST(objects_that_are_refused_cost_names_not_samples),
		TEST(a_window_that_is_somebody_elses_now_is_let_go),
		TEST(a_garbled_window_is_passed_over),
		TEST(counters_reach_the_shipper),
		TEST(what_it_has_and_who_it_is_reach_the_shipper),
		TEST(nobody_to_say_go_does_not_keep_it),
	};

	(void)snprintf(executable, sizeof(executable), "/proc/self/fd/%d",
		       open(SYMBOLIZER_PATH, O_PATH));
	if (become_nobody_special() < 0)
		return 1;
	link_init();
	/* A confined process may not look into itself for leaks. */
	(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
