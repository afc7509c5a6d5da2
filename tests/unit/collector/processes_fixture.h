#pragma once
/*
 * Processes with an opener that remembers what it is asked, a clock that stands still but for
 * announcements, and a kernel that counts what it is told. One of them at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include "processes.h"

#define FIXTURE_OBJECTS_MAX 8u
#define FIXTURE_HOLD_NS     UINT64_C(1000000)
#define START_NS            UINT64_C(123450000000)
#define START_TICKS         UINT64_C(12345) /* of 10 ms */
#define DEVICE              makedev(1, 2)
#define CONTAINER_ID        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A request; done is NULL once it was answered. */
struct asked {
	struct opener_request request;
	opener_done_fn *done;
	void *owner;
};

struct fixture {
	struct counters counters;
	struct objects *objects;
	struct processes *processes;
	uint64_t now_ns;
	int refuse_with; /* an outcome to answer at once with; 0: requests wait */
	size_t n_asked;
	struct asked *asked;
	unsigned n_decided;
	struct process_image decided_image;
	enum decision decided;
};

extern struct fixture fixture;

extern const char maps_of_prog[];         /* /prog alone, inode 11 at 0x1000 */
extern const char maps_of_prog_and_lib[]; /* and /lib, inode 12 at 0x3000 */
extern const char maps_of_other[];        /* /other alone, inode 13 at 0x1000 */

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

struct wire_bytes bytes_of(const char *text);
struct process_image image_of(uint32_t pid, uint32_t exec_count);

/* Announces @image now, as a child of pid 1 in cgroup 77. The clock goes on by 1 ns. */
void announce(enum announcement_kind kind, const struct process_image *image);
void announce_child(enum announcement_kind kind, const struct process_image *image,
		    uint32_t parent_pid, uint64_t cgroup_id);

/* The only request of @op that waits: fails the test when there is none, or another. */
struct asked *waiting(enum opener_op op);
size_t n_waiting(enum opener_op op);

void answer(struct asked *asked, const struct opener_result *result);
void fail_with(struct asked *asked, int outcome);

/* The text of stat of a process that started at @start_ticks; good until the next call. */
const char *stat_text(uint64_t start_ticks);

/* Answers the read that waits. @cgroup NULL: in no container. */
void give_texts(const char *cgroup, const char *maps);

/* Opens a file, or the root that waits, with that identity; returns the fd. */
int give_file(struct asked *asked, uint64_t device, uint64_t inode);
int give_root(uint64_t mount_id);
bool is_open(int fd);

/* Makes one rule the targets, or none at all. */
void set_targets(enum target_key kind, const char *key);

/* Announces the exec of /prog and answers what is asked. */
struct process *run_prog(uint32_t pid);

/* The name of what an address lies in; NULL: not mapped, or not opened yet. */
const char *name_at(const struct process *process, uint64_t addr);

struct process *find(const struct process_image *image);
uint64_t counted(enum counter_id id);
