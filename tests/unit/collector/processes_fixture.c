#include "processes_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUESTS_MAX 2048u
#define PARENT_PID   1u
#define CGROUP_ID    77u

struct fixture fixture;

const char maps_of_prog[] = "1000-2000 r-xp 1000 01:02 11 /prog\n";
const char maps_of_prog_and_lib[] = "1000-2000 r-xp 1000 01:02 11 /prog\n"
				    "3000-4000 r-xp 0 01:02 12 /lib\n";
const char maps_of_other[] = "1000-2000 r-xp 0 01:02 13 /other\n";

void opener_submit(struct opener *opener, const struct opener_request *request,
		   opener_done_fn *done, void *owner)
{
	struct asked *asked = &fixture.asked[fixture.n_asked++];

	(void)opener;
	assert_true(fixture.n_asked <= REQUESTS_MAX);
	*asked = (struct asked){*request, done, owner};
	if (fixture.refuse_with)
		fail_with(asked, fixture.refuse_with);
}

static uint64_t fixture_clock_ns(void)
{
	return fixture.now_ns;
}

static void note_decided(void *owner, const struct process *process)
{
	(void)owner;
	fixture.n_decided++;
	fixture.decided_image = process->image;
	fixture.decided = process->decision;
}

int fixture_setup(void **state)
{
	struct processes_options options = {
		.counters = &fixture.counters,
		.decided = note_decided,
		.clock_ns = fixture_clock_ns,
	};

	(void)state;
	assert_int_equal(sysconf(_SC_CLK_TCK), 100);
	fixture = (struct fixture){.now_ns = UINT64_C(1000000000000)};
	fixture.asked = calloc(REQUESTS_MAX, sizeof(*fixture.asked));
	assert_non_null(fixture.asked);
	assert_int_equal(objects_new(FIXTURE_OBJECTS_MAX, FIXTURE_HOLD_NS, &fixture.objects), 0);
	options.objects = fixture.objects;
	return processes_new(&options, &fixture.processes);
}

int fixture_teardown(void **state)
{
	(void)state;
	processes_free(fixture.processes);
	objects_free(fixture.objects);
	free(fixture.asked);
	return 0;
}

struct wire_bytes bytes_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

struct process_image image_of(uint32_t pid, uint32_t exec_count)
{
	return (struct process_image){pid, exec_count, START_NS};
}

void announce_child(enum announcement_kind kind, const struct process_image *image,
		    uint32_t parent_pid, uint64_t cgroup_id)
{
	const struct announcement news = {
		.kind = kind,
		.parent_pid = parent_pid,
		.image = *image,
		.cgroup_id = cgroup_id,
		.time_ns = fixture.now_ns,
		.comm = "name",
	};

	processes_announce(fixture.processes, &news, fixture.now_ns);
	fixture.now_ns++;
}

void announce(enum announcement_kind kind, const struct process_image *image)
{
	announce_child(kind, image, PARENT_PID, CGROUP_ID);
}

size_t n_waiting(enum opener_op op)
{
	size_t n = 0;

	for (size_t i = 0; i < fixture.n_asked; i++)
		n += fixture.asked[i].done && fixture.asked[i].request.op == op;
	return n;
}

struct asked *waiting(enum opener_op op)
{
	size_t i = 0;

	assert_int_equal(n_waiting(op), 1);
	while (!fixture.asked[i].done || fixture.asked[i].request.op != op)
		i++;
	return &fixture.asked[i];
}

void answer(struct asked *asked, const struct opener_result *result)
{
	opener_done_fn *done = asked->done;

	assert_non_null(done);
	asked->done = NULL;
	done(asked->owner, result);
}

void fail_with(struct asked *asked, int outcome)
{
	answer(asked, &(struct opener_result){.outcome = outcome, .fd = -1});
}

const char *stat_text(uint64_t start_ticks)
{
	static char text[128];

	(void)snprintf(text, sizeof(text),
		       "7 (from stat) S 1 7 7 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 %lu 0 0\n",
		       start_ticks);
	return text;
}

void give_texts(const char *cgroup, const char *maps)
{
	const struct opener_result result = {
		.fd = -1,
		.bytes = {bytes_of(stat_text(START_TICKS)), bytes_of(""),
			  bytes_of(cgroup ? cgroup : "0::/user.slice\n"), bytes_of(maps)},
	};

	answer(waiting(OPENER_READ_PROC), &result);
}

int give_file(struct asked *asked, uint64_t device, uint64_t inode)
{
	struct opener_result result = {.identity = {.device = device, .inode = inode}};

	result.fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(result.fd >= 0);
	answer(asked, &result);
	return result.fd;
}

int give_root(uint64_t mount_id)
{
	struct opener_result result = {.identity = {.device = 1, .inode = 2}, .mount_id = mount_id};

	result.fd = memfd_create("root", MFD_CLOEXEC);
	assert_true(result.fd >= 0);
	answer(waiting(OPENER_OPEN_ROOT), &result);
	return result.fd;
}

bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

void set_targets(enum target_key kind, const char *key)
{
	const struct wire_target_rule rule = {kind, bytes_of(key), bytes_of("labels"), 0, true};
	const struct wire_job job = {.n_targets = 1, .targets = &rule};
	struct targets *targets;

	assert_int_equal(targets_new(&job, 1, &targets), 0);
	processes_set_targets(fixture.processes, targets, NULL, fixture.now_ns);
}

struct process *run_prog(uint32_t pid)
{
	struct process_image image = image_of(pid, 1);

	announce(ANNOUNCE_EXEC, &image);
	give_texts(NULL, maps_of_prog);
	if (n_waiting(OPENER_OPEN_MAPPED) > 0)
		(void)give_file(waiting(OPENER_OPEN_MAPPED), DEVICE, 11);
	if (n_waiting(OPENER_OPEN_ROOT) > 0)
		(void)give_root(1);
	assert_false(processes_busy(fixture.processes));
	return find(&image);
}

const char *name_at(const struct process *process, uint64_t addr)
{
	const struct mapping *m = mappings_find(&process->mappings, (struct proc_addr){addr});

	return m && m->object ? m->object->name : NULL;
}

struct process *find(const struct process_image *image)
{
	return processes_find(fixture.processes, image);
}

uint64_t counted(enum counter_id id)
{
	return counters_get(&fixture.counters, id);
}
