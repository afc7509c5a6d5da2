/* The opener with its real helpers, on real processes and files. */
#include "opener_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct opener_request mapped_request(pid_t pid, const void *at)
{
	return (struct opener_request){.op = OPENER_OPEN_MAPPED,
				       .pid = pid,
				       .start = (uintptr_t)at,
				       .end = (uintptr_t)at + PAGE_BYTES};
}

static void check_reads_page_of(int fd, uint64_t device, char fill)
{
	const struct opener_request request = {.op = OPENER_READ_OBJECT,
					       .device = device,
					       .fd = fd,
					       .offset = 96,
					       .n_bytes = OBJECT_READ_BYTES_MAX};
	struct seen seen;

	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.n_bytes[0], PAGE_BYTES - 96);
	for (size_t i = 0; i < PAGE_BYTES - 96; i++)
		assert_int_equal(seen.text[0][i], fill);
}

static void check_mapped(bool is_deleted)
{
	const char *path = DIRECTORY "/mapped";
	struct stat st;
	unsigned char *at = map_file(path, 'm', &st);
	pid_t pid = start_target();
	struct opener_request request = mapped_request(pid, at);
	struct seen seen;

	if (is_deleted) {
		assert_int_equal(unlink(path), 0);
		(void)munmap(at, PAGE_BYTES);
	}
	request.device = st.st_dev;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.identity.device, st.st_dev);
	assert_int_equal(seen.identity.inode, st.st_ino);
	assert_int_equal(seen.identity.size_bytes, PAGE_BYTES);
	assert_int_equal(seen.identity.owner_uid, 0);
	assert_int_equal(seen.identity.is_public, (st.st_mode & S_IROTH) != 0);
	assert_int_equal(fcntl(seen.fd, F_GETFL) & O_PATH, O_PATH);
	end_process(pid);
	/* The process has gone, the object has not. */
	check_reads_page_of(seen.fd, seen.identity.device, 'm');
	(void)close(seen.fd);
	if (!is_deleted) {
		(void)munmap(at, PAGE_BYTES);
		assert_int_equal(unlink(path), 0);
	}
}

static void a_mapped_file_of_another_user_is_opened_and_read(void **state)
{
	(void)state;
	check_mapped(false);
}

static void a_deleted_mapped_file_is_opened_and_read(void **state)
{
	(void)state;
	check_mapped(true);
}

static void reading_past_the_end_gives_nothing(void **state)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	struct opener_request request = {
		.op = OPENER_READ_OBJECT, .fd = fd, .offset = UINT64_C(1) << 40, .n_bytes = 4096};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.n_bytes[0], 0);
	(void)close(fd);
}

static void all_files_of_a_process_come_together(void **state)
{
	struct stat st;
	unsigned char *at = map_file(DIRECTORY "/mapped", 'm', &st);
	pid_t pid = start_target();
	struct opener_request request = {.op = OPENER_READ_PROC,
					 .pid = pid,
					 .files = OPENER_STAT | OPENER_STATUS | OPENER_CGROUP |
						  OPENER_MAPS};
	char expected[128];
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	(void)snprintf(expected, sizeof(expected), "%d (opener_test) ", pid);
	assert_memory_equal(seen.text[0], expected, strlen(expected));
	assert_non_null(strstr(seen.text[1], "\nUid:\t1234\t1234\t"));
	assert_non_null(strchr(seen.text[2], ':'));
	assert_true(seen.n_bytes[3] > 0);
	request.files = OPENER_MAPS;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.n_bytes[0] + seen.n_bytes[1] + seen.n_bytes[2], 0);
	(void)snprintf(expected, sizeof(expected), "%lx-%lx r-xp", (unsigned long)at,
		       (unsigned long)at + PAGE_BYTES);
	assert_true(seen.n_bytes[3] > strlen(expected));
	end_process(pid);
	(void)munmap(at, PAGE_BYTES);
}

static void command_and_links_of_a_process_come_with_the_rest(void **state)
{
	pid_t pid = start_target();
	const struct opener_request request = {.op = OPENER_READ_PROC,
					       .pid = pid,
					       .files = OPENER_CGROUP | OPENER_COMMAND |
							OPENER_EXE | OPENER_CWD};
	char exe[4096], cwd[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct seen seen;

	(void)state;
	assert_true(n > 0);
	exe[n] = '\0';
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.n_bytes[0] + seen.n_bytes[1] + seen.n_bytes[3], 0);
	assert_non_null(strchr(seen.text[2], ':'));
	assert_non_null(strstr(seen.text[4], "opener_test"));
	assert_int_equal(seen.text[4][seen.n_bytes[4] - 1], '\0');
	assert_string_equal(seen.text[5], exe);
	assert_string_equal(seen.text[6], cwd);
	end_process(pid);
}

static void texts_are_cut_where_the_asker_says(void **state)
{
	pid_t pid = start_target();
	const struct opener_request request = {.op = OPENER_READ_PROC,
					       .pid = pid,
					       .files = OPENER_STATUS | OPENER_COMMAND | OPENER_CWD,
					       .n_bytes = 3};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_string_equal(seen.text[1], "Nam");
	assert_int_equal(seen.n_bytes[4], 3);
	assert_int_equal(seen.text[6][0], '/');
	end_process(pid);
}

/* kthreadd, in the namespace of pids where there is one. */
static void a_kernel_thread_has_a_place_and_no_executable(void **state)
{
	const struct opener_request request = {.op = OPENER_READ_PROC,
					       .pid = 2,
					       .files = OPENER_STAT | OPENER_COMMAND | OPENER_EXE |
							OPENER_CWD};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	if (seen.outcome == OPENER_GONE || !strstr(seen.text[0], "(kthreadd)"))
		skip();
	assert_int_equal(seen.outcome, 0);
	assert_int_equal(seen.n_bytes[4] + seen.n_bytes[5], 0);
	assert_string_equal(seen.text[6], "/");
}

/* Whether a directory's raw entries have one of @name. */
static bool has_entry(const struct seen *seen, const char *name)
{
	const struct dirent64 *entry;

	for (size_t at = 0; at < seen->n_bytes[0] && at < SEEN_TEXT_MAX - sizeof(*entry);
	     at += entry->d_reclen) {
		entry = (const void *)(seen->text[0] + at);
		if (strcmp(entry->d_name, name) == 0)
			return true;
	}
	return false;
}

static void the_processes_of_the_host_are_listed(void **state)
{
	const struct opener_request request = {.op = OPENER_LIST_PROC};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_true(has_entry(&seen, "self"));
	assert_true(has_entry(&seen, "1"));
}

static void a_process_that_has_gone_is_gone_for_every_request(void **state)
{
	static const enum opener_op ops[] = {OPENER_READ_PROC, OPENER_OPEN_MAPPED,
					     OPENER_OPEN_ROOT};
	pid_t pid = start_target();

	(void)state;
	end_process(pid);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const struct opener_request request = {.op = ops[i],
						       .pid = pid,
						       .files = OPENER_STAT,
						       .start = PAGE_BYTES,
						       .end = 2 * PAGE_BYTES};
		struct seen seen;

		run(&request, &seen);
		assert_int_equal(seen.outcome, OPENER_GONE);
		assert_int_equal(seen.fd, -1);
	}
}

static void a_mapping_that_is_not_there_is_gone(void **state)
{
	const struct opener_request request = mapped_request(getpid(), (void *)PAGE_BYTES);
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, OPENER_GONE);
}

/* What a dead process that nobody has waited for still says of itself is given. */
static void a_zombie_is_gone_but_its_cgroup_is_given(void **state)
{
	pid_t pid = fork();
	siginfo_t info;
	struct opener_request request = {.op = OPENER_READ_PROC,
					 .files = OPENER_STAT | OPENER_CGROUP | OPENER_MAPS};
	struct seen seen;

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	request.pid = pid;
	run(&request, &seen);
	assert_true(seen.outcome == 0 || seen.outcome == OPENER_GONE); /* as the kernel has it */
	assert_true(seen.n_bytes[0] > 0);
	assert_true(seen.n_bytes[2] > 0);
	assert_int_equal(seen.n_bytes[3], 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int open_root_of(pid_t pid, struct seen *seen)
{
	const struct opener_request request = {.op = OPENER_OPEN_ROOT, .pid = pid};

	run(&request, seen);
	assert_int_equal(seen->outcome, 0);
	assert_true(seen->fd >= 0);
	return seen->fd;
}

static void a_root_is_known_by_its_mount_and_inode(void **state)
{
	struct seen ours, other;
	struct stat st;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			_exit(1);
		(void)kill(getpid(), SIGSTOP);
		for (;;)
			(void)pause();
	}
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	(void)close(open_root_of(getpid(), &ours));
	(void)close(open_root_of(pid, &other));
	assert_int_equal(stat("/", &st), 0);
	assert_int_equal(ours.identity.device, st.st_dev);
	assert_int_equal(ours.identity.inode, st.st_ino);
	assert_int_equal(other.identity.inode, st.st_ino);
	assert_int_not_equal(other.mount_id, ours.mount_id);
	end_process(pid);
}

/* Maps of such a process begin all names with it. */
static void a_root_without_a_mount_namespace_says_where_it_is(void **state)
{
	struct seen ours, changed;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		if (chroot(DIRECTORY) < 0 || chdir("/") < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			_exit(1);
		(void)kill(getpid(), SIGSTOP);
		for (;;)
			(void)pause();
	}
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	(void)close(open_root_of(getpid(), &ours));
	(void)close(open_root_of(pid, &changed));
	assert_int_equal(ours.n_bytes[0], 1);
	assert_memory_equal(ours.text[0], "/", 1);
	assert_int_equal(changed.n_bytes[0], strlen(DIRECTORY));
	assert_memory_equal(changed.text[0], DIRECTORY, strlen(DIRECTORY));
	end_process(pid);
}

/* In the root of a process that has DIRECTORY as its own, whose inhabitants lay these traps. */
static const struct {
	const char *path;
	int outcome;
	bool follows_link;
} traps[] = {
	{"plain", 0, false},
	{"/plain", 0, false},
	{"../../plain", 0, false},
	{"d/../plain", 0, false},
	{"inside/plain", 0, false}, /* a symlink of the way, inside the root */
	{"fifo", OPENER_NOT_REGULAR, false},
	{"null", OPENER_NOT_REGULAR, false},
	{"d", OPENER_NOT_REGULAR, false},
	{"", OPENER_GONE, false},
	{"socket", OPENER_NOT_REGULAR, false},
	{"to-plain", OPENER_NOT_REGULAR, false},
	{"to-shadow", OPENER_NOT_REGULAR, false},
	{"outside/passwd", OPENER_GONE, false}, /* a symlink to /etc, which is not in there */
	{"up/etc/passwd", OPENER_GONE, false},  /* a symlink to ../.. */
	{"plain/x", OPENER_GONE, false},
	{"loop/x", OPENER_NOT_REGULAR, false},
	{"no-such-file", OPENER_GONE, false},
	{"proc/self/status", OPENER_NOT_REGULAR, false},
	{"proc/self/mem", OPENER_NOT_REGULAR, false},
	{"proc/self/root/etc/passwd", OPENER_NOT_REGULAR, false},
	{"plain", 0, true},
	{"to-plain", 0, true},
	{"to-shadow", OPENER_GONE, true}, /* there is no such file in this root */
	{"outside", OPENER_GONE, true},
	{"up", OPENER_NOT_REGULAR, true}, /* the root itself, a directory */
	{"loop", OPENER_NOT_REGULAR, true},
	{"fifo", OPENER_NOT_REGULAR, true},
	{"proc/self/exe", OPENER_NOT_REGULAR, true},
	{"proc/self/root/etc/passwd", OPENER_NOT_REGULAR, true},
};

#define TRAP_ROOT DIRECTORY "/root"

static void lay_traps(void)
{
	int fd;

	assert_int_equal(mkdir(TRAP_ROOT, 0755), 0);
	assert_int_equal(mkdir(TRAP_ROOT "/d", 0700), 0);
	assert_int_equal(mkdir(TRAP_ROOT "/proc", 0755), 0);
	assert_int_equal(mkfifo(TRAP_ROOT "/fifo", 0600), 0);
	assert_int_equal(mknod(TRAP_ROOT "/null", S_IFCHR | 0666, 0x103), 0);
	assert_int_equal(mknod(TRAP_ROOT "/socket", S_IFSOCK | 0666, 0), 0);
	assert_int_equal(symlink("plain", TRAP_ROOT "/to-plain"), 0);
	assert_int_equal(symlink("/etc/shadow", TRAP_ROOT "/to-shadow"), 0);
	assert_int_equal(symlink("/etc", TRAP_ROOT "/outside"), 0);
	assert_int_equal(symlink("../..", TRAP_ROOT "/up"), 0);
	assert_int_equal(symlink("/", TRAP_ROOT "/inside"), 0);
	assert_int_equal(symlink("loop", TRAP_ROOT "/loop"), 0);
	assert_int_equal(mount("proc", TRAP_ROOT "/proc", "proc", 0, NULL), 0);
	fd = open(TRAP_ROOT "/plain", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void clear_traps(void)
{
	static const char *const names[] = {"fifo",    "null", "socket", "to-plain", "to-shadow",
					    "outside", "up",   "inside", "loop",     "plain"};
	char path[256];

	assert_int_equal(umount2(TRAP_ROOT "/proc", MNT_DETACH), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), TRAP_ROOT "/%s", names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(TRAP_ROOT "/d"), 0);
	assert_int_equal(rmdir(TRAP_ROOT "/proc"), 0);
	assert_int_equal(rmdir(TRAP_ROOT), 0);
}

static void only_regular_files_inside_a_root_are_opened(void **state)
{
	int root_fd = -1;
	unsigned n_wrong = 0;

	(void)state;
	lay_traps();
	root_fd = open(TRAP_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		struct opener_request request = {.op = OPENER_OPEN_IN_ROOT,
						 .fd = root_fd,
						 .follows_link = traps[i].follows_link};
		struct seen seen;

		(void)snprintf(request.path, sizeof(request.path), "%s", traps[i].path);
		run(&request, &seen);
		if (seen.outcome != traps[i].outcome || (seen.fd >= 0) != (seen.outcome == 0)) {
			print_error("\"%s\": outcome %d\n", traps[i].path, seen.outcome);
			n_wrong++;
		}
		close_fdp(&seen.fd);
	}
	(void)close(root_fd);
	clear_traps();
	assert_int_equal(n_wrong, 0);
}

static void objects_that_are_not_files_are_not_read(void **state)
{
	static const char *const paths[] = {"/dev/null", "/tmp", DIRECTORY "/fifo"};

	(void)state;
	assert_int_equal(mkfifo(DIRECTORY "/fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct opener_request request = {.op = OPENER_READ_OBJECT, .n_bytes = 16};
		struct seen seen;

		request.fd = open(paths[i], O_PATH | O_CLOEXEC);
		assert_true(request.fd >= 0);
		run(&request, &seen);
		assert_int_equal(seen.outcome, OPENER_NOT_REGULAR);
		(void)close(request.fd);
	}
	assert_int_equal(unlink(DIRECTORY "/fifo"), 0);
}

static void requests_that_make_no_sense_fail_and_harm_no_helper(void **state)
{
	struct opener_request requests[] = {
		{.op = 0, .pid = 99},
		{.op = 99, .pid = 99},
		{.op = OPENER_READ_PROC, .pid = 0},
		{.op = OPENER_READ_PROC, .pid = -1},
		{.op = OPENER_READ_OBJECT, .fd = -1, .n_bytes = 1},
		{.op = OPENER_READ_OBJECT, .fd = 12345, .n_bytes = 1}, /* is not open */
		{.op = OPENER_READ_OBJECT, .fd = 0, .n_bytes = OBJECT_READ_BYTES_MAX + 1},
		{.op = OPENER_READ_OBJECT, .fd = 0, .n_bytes = 1, .offset = UINT64_MAX},
		{.op = OPENER_OPEN_IN_ROOT, .fd = -1},
		{.op = OPENER_OPEN_IN_ROOT, .fd = 0},
	};
	const size_t n_requests = sizeof(requests) / sizeof(requests[0]);

	(void)state;
	memset(requests[n_requests - 1].path, 'a', OPENER_PATH_BYTES); /* has no end */
	for (size_t i = 0; i < n_requests; i++) {
		struct seen seen;

		run(&requests[i], &seen);
		assert_int_equal(seen.outcome, OPENER_FAILED);
	}
	assert_int_equal(opener_n_stuck(opener), 0);
}

/* ---- large answers ---- */

/* Blocks of memory behind the areas of the opener, in bytes. */
static uint64_t area_memory(void)
{
	DIR *fds = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t n_bytes = 0;

	assert_non_null(fds);
	while ((entry = readdir(fds))) {
		char link[64] = {0};
		struct stat st;

		if (readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1) < 0 ||
		    strncmp(link, "/memfd:opener", 13) != 0)
			continue;
		assert_int_equal(fstatat(dirfd(fds), entry->d_name, &st, 0), 0);
		n_bytes += (uint64_t)st.st_blocks * 512;
	}
	(void)closedir(fds);
	return n_bytes;
}

/* Maps one page @n_times: a line of its own in maps each, as long as the path makes it. */
static pid_t start_target_with_mappings(const char *path, size_t n_times)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	size_t n_bytes = n_times * PAGE_BYTES;
	unsigned char *at;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGE_BYTES), 0);
	at = mmap(NULL, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	for (size_t i = 0; i < n_times; i++)
		assert_ptr_not_equal(mmap(at + i * PAGE_BYTES, PAGE_BYTES, PROT_READ,
					  MAP_PRIVATE | MAP_FIXED, fd, 0),
				     MAP_FAILED);
	pid = start_target();
	assert_int_equal(munmap(at, n_bytes), 0);
	(void)close(fd);
	assert_int_equal(unlink(path), 0);
	return pid;
}

#define LONG_NAME                                                                                  \
	"a-name-that-makes-each-line-of-maps-long-a-name-that-makes-each-line-of-maps-long-"       \
	"a-name-that-makes-each-line-of-maps-long-a-name-that-makes-each-line-of-maps-long-"       \
	"a-name-that-makes-each-line-of-maps-long-a-name-that"

static void a_full_table_of_fds_fails_the_request_and_harms_no_helper(void **state)
{
	struct rlimit before, none_left;
	struct stat st;
	unsigned char *at = map_file(DIRECTORY "/mapped", 'm', &st);
	pid_t pid = start_target();
	struct opener_request request = mapped_request(pid, at);
	struct seen seen;
	int lowest_free = dup(STDERR_FILENO);

	(void)state;
	assert_true(lowest_free >= 0);
	assert_int_equal(close(lowest_free), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none_left = (struct rlimit){(rlim_t)lowest_free, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
	for (unsigned i = 0; i <= OPENER_HELPERS; i++) {
		run(&request, &seen);
		assert_int_equal(seen.outcome, OPENER_FAILED);
	}
	assert_int_equal(opener_n_stuck(opener), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	(void)close(seen.fd);
	end_process(pid);
	(void)munmap(at, PAGE_BYTES);
	assert_int_equal(unlink(DIRECTORY "/mapped"), 0);
}

static void pages_of_a_large_answer_are_given_back(void **state)
{
	pid_t pid = start_target_with_mappings(DIRECTORY "/" LONG_NAME, 8000);
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = pid, .files = OPENER_STAT | OPENER_MAPS};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, 0);
	assert_true(seen.n_bytes[3] > (2u << 20));
	assert_true(area_memory() <= OPENER_HELPERS * 256u * 1024u);
	end_process(pid);
}

static void maps_longer_than_the_area_are_truncated_and_said_to_be(void **state)
{
	pid_t pid = start_target_with_mappings(DIRECTORY "/" LONG_NAME, 40000);
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = pid, .files = OPENER_STAT | OPENER_MAPS};
	struct seen seen;

	(void)state;
	run(&request, &seen);
	assert_int_equal(seen.outcome, OPENER_TRUNCATED);
	assert_int_equal(seen.n_bytes[0] + seen.n_bytes[3], OPENER_AREA_BYTES);
	assert_true(area_memory() <= OPENER_HELPERS * 256u * 1024u);
	end_process(pid);
}

/* ---- the queue ---- */

static void count(void *owner, const struct opener_result *result)
{
	unsigned *n_by_outcome = owner;

	n_by_outcome[result->outcome]++;
	assert_int_equal(result->fd, -1);
}

static void the_queue_is_bounded_and_every_request_is_answered_once(void **state)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = getpid(), .files = OPENER_STAT};
	unsigned n_by_outcome[OPENER_FAILED + 1] = {0};

	(void)state;
	/* All wait for the first: they are about one process. */
	for (size_t i = 0; i < OPENER_QUEUE_MAX + 3; i++)
		opener_submit(opener, &request, count, n_by_outcome);
	assert_int_equal(n_by_outcome[OPENER_FULL], 2);
	while (n_by_outcome[0] < OPENER_QUEUE_MAX + 1) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
	assert_int_equal(n_by_outcome[0], OPENER_QUEUE_MAX + 1);
	assert_int_equal(opener_expire(opener, 0), UINT64_MAX);
}

static void ask_again(void *owner, const struct opener_result *result)
{
	unsigned *n_left = owner;
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = getpid(), .files = OPENER_STAT};

	assert_int_equal(result->outcome, 0);
	if (--*n_left > 0)
		opener_submit(opener, &request, ask_again, owner);
}

static void a_call_back_may_ask_again(void **state)
{
	const struct opener_request request = {
		.op = OPENER_READ_PROC, .pid = getpid(), .files = OPENER_STAT};
	unsigned n_left = 10;

	(void)state;
	opener_submit(opener, &request, ask_again, &n_left);
	while (n_left > 0) {
		wait_readable(opener_fd(opener));
		opener_dispatch(opener);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		opener_test(a_mapped_file_of_another_user_is_opened_and_read),
		opener_test(a_deleted_mapped_file_is_opened_and_read),
		opener_test(reading_past_the_end_gives_nothing),
		opener_test(all_files_of_a_process_come_together),
		opener_test(command_and_links_of_a_process_come_with_the_rest),
		opener_test(texts_are_cut_where_the_asker_says),
		opener_test(a_kernel_thread_has_a_place_and_no_executable),
		opener_test(the_processes_of_the_host_are_listed),
		opener_test(a_process_that_has_gone_is_gone_for_every_request),
		opener_test(a_mapping_that_is_not_there_is_gone),
		opener_test(a_zombie_is_gone_but_its_cgroup_is_given),
		opener_test(a_root_is_known_by_its_mount_and_inode),
		opener_test(a_root_without_a_mount_namespace_says_where_it_is),
		opener_test(only_regular_files_inside_a_root_are_opened),
		opener_test(objects_that_are_not_files_are_not_read),
		opener_test(requests_that_make_no_sense_fail_and_harm_no_helper),
		opener_test(a_full_table_of_fds_fails_the_request_and_harms_no_helper),
		opener_test(pages_of_a_large_answer_are_given_back),
		opener_test(maps_longer_than_the_area_are_truncated_and_said_to_be),
		opener_test(the_queue_is_bounded_and_every_request_is_answered_once),
		opener_test(a_call_back_may_ask_again),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
