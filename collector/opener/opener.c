/*
 * The main process's side: a queue, and a seat for each helper with the job it is at. What may not
 * be at work at the same time is opener_touch.h's business.
 */
#include "opener/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "opener/opener_helper.h"
#include "opener/opener_protocol.h"
#include "opener/opener_touch.h"

#define AREA_KEPT_BYTES (256u * 1024u)
#define NS_PER_S        UINT64_C(1000000000)

struct job {
	struct job *next; /* in the queue */
	struct opener_order order;
	struct opener_touch touch;
	int fd; /* borrowed from the asker; -1: none */
	opener_done_fn *done;
	void *owner;
	uint64_t deadline_ns; /* of the wait in the queue, then of the work */
	size_t n_path_bytes;
	char path[];
};

enum seat_state {
	SEAT_DEAD, /* not started, or its socket closed */
	SEAT_FREE,
	SEAT_BUSY,
	SEAT_STUCK, /* its job is answered for already */
};

struct seat {
	enum seat_state state;
	pid_t pid;                      /* 0 before the fork */
	int socket_fd;                  /* -1 when dead */
	int area_fd;                    /* to give pages back */
	const struct opener_area *area; /* mapped; NULL before it is made */
	struct job *job;                /* owned; NULL unless busy or stuck */
};

struct opener {
	int epoll_fd;
	uint64_t n_calls;
	struct seat seats[OPENER_HELPERS];
	struct opener_refused refused;
	size_t n_queued;
	struct job *first;
	struct job **end; /* where the next one goes */
	bool is_walking;  /* a link of the queue is held: a call back may only append */
};

static bool is_refused(const struct opener *opener, const struct opener_touch *touch)
{
	if (opener_refused_has(&opener->refused, touch))
		return true;
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		if (opener->seats[i].state == SEAT_STUCK &&
		    opener_touch_shares(&opener->seats[i].job->touch, touch))
			return true;
	return false;
}

static bool must_wait(const struct opener *opener, const struct opener_touch *touch)
{
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		if (opener->seats[i].job &&
		    opener_touch_shares(&opener->seats[i].job->touch, touch))
			return true;
	return false;
}

static void call_back(const struct job *job, int outcome)
{
	const struct opener_result result = {.outcome = outcome, .fd = -1};

	job->done(job->owner, &result);
}

/* Takes the job at @link out of the queue. */
static struct job *unqueue(struct opener *opener, struct job **link)
{
	struct job *job = *link;

	*link = job->next;
	if (opener->end == &job->next)
		opener->end = link;
	opener->n_queued--;
	return job;
}

static void conclude_queued(struct opener *opener, struct job **link, int outcome)
{
	cleanup_with(free_freep) struct job *job = unqueue(opener, link);

	call_back(job, outcome);
}

static void conclude_refused(struct opener *opener)
{
	struct job **link = &opener->first;

	opener->is_walking = true;
	while (*link) {
		if (is_refused(opener, &(*link)->touch))
			conclude_queued(opener, link, OPENER_DEADLINE);
		else
			link = &(*link)->next;
	}
	opener->is_walking = false;
}

/* Ends the helper, even if some child of ours has inherited the socket. */
static void seat_hang_up(struct seat *seat)
{
	if (seat->socket_fd >= 0)
		(void)shutdown(seat->socket_fd, SHUT_RDWR); /* fails when the helper is gone */
	close_fdp(&seat->socket_fd);
}

static void seat_die(struct seat *seat)
{
	cleanup_with(free_freep) struct job *job = take_ptr(seat->job);
	bool is_answered_for = seat->state == SEAT_STUCK;

	log_warn("opener-helper-lost", "helper_pid=%d, the others go on without it", seat->pid);
	seat_hang_up(seat);
	seat->state = SEAT_DEAD;
	if (job && !is_answered_for)
		call_back(job, OPENER_FAILED);
}

static int send_job(const struct seat *seat, const struct job *job)
{
	struct opener_call call = {.order = job->order};

	memcpy(call.path, job->path, job->n_path_bytes);
	return opener_send(seat->socket_fd, &call, sizeof(call), job->fd);
}

static struct seat *find_free_seat(struct opener *opener)
{
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		if (opener->seats[i].state == SEAT_FREE)
			return &opener->seats[i];
	return NULL;
}

static void hand_out(struct opener *opener, struct seat *seat, struct job **link)
{
	struct job *job = *link;
	int r;

	job->order.sequence = ++opener->n_calls;
	r = send_job(seat, job);
	if (r == -EPIPE || r == -ECONNRESET) {
		seat_die(seat); /* the job stays queued, for another helper */
	} else if (r < 0) {
		conclude_queued(opener, link, OPENER_FAILED); /* its fd cannot be passed */
	} else {
		job->deadline_ns = clock_monotonic_ns() + OPENER_DEADLINE_NS;
		seat->job = unqueue(opener, link);
		seat->state = SEAT_BUSY;
	}
}

/* Gives free helpers the oldest jobs that need not wait for one at work. */
static void hand_out_all(struct opener *opener)
{
	struct job **link = &opener->first;
	struct seat *seat;

	if (opener->is_walking)
		return;
	opener->is_walking = true;
	while (*link && (seat = find_free_seat(opener))) {
		if (must_wait(opener, &(*link)->touch))
			link = &(*link)->next;
		else
			hand_out(opener, seat, link);
	}
	opener->is_walking = false;
}

static void give_pages_back(const struct seat *seat, size_t n_bytes)
{
	if (n_bytes > AREA_KEPT_BYTES) /* failing only keeps memory that is bounded */
		(void)fallocate(seat->area_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)n_bytes);
}

static size_t answer_n_bytes(const struct opener_answer *answer)
{
	size_t n_bytes = 0;

	for (size_t i = 0; i < OPENER_PROC_FILES; i++)
		n_bytes += answer->n_bytes[i];
	return n_bytes;
}

static bool answer_is_sound(const struct job *job, const struct opener_answer *answer, int fd)
{
	bool opens = job->order.op != OPENER_READ_PROC && job->order.op != OPENER_READ_OBJECT &&
		     job->order.op != OPENER_LIST_PROC;
	size_t n_bytes = answer_n_bytes(answer);

	if (answer->sequence != job->order.sequence)
		return false;
	if (answer->outcome < 0 || answer->outcome > OPENER_FAILED)
		return false;
	if (job->order.op == OPENER_READ_OBJECT && n_bytes > job->order.n_bytes)
		return false;
	return (fd >= 0) == (opens && answer->outcome == 0) && n_bytes <= OPENER_AREA_BYTES;
}

/* The seat stays busy during the call back: the bytes are borrowed from its area. */
static void seat_finish(struct seat *seat, const struct opener_answer *answer, int passed_fd)
{
	cleanup_with(close_fdp) int fd = passed_fd;
	struct opener_result result = {.outcome = answer->outcome, .fd = -1};
	size_t offset = 0;

	for (size_t i = 0; i < OPENER_PROC_FILES; i++) {
		result.bytes[i].data = seat->area->bytes + offset;
		result.bytes[i].n_bytes = answer->n_bytes[i];
		offset += answer->n_bytes[i];
	}
	result.identity = answer->identity;
	result.mount_id = answer->mount_id;
	if (seat->state == SEAT_BUSY) {
		result.fd = take_fd(&fd);
		seat->job->done(seat->job->owner, &result);
	}
	give_pages_back(seat, offset);
	free(take_ptr(seat->job));
	seat->state = SEAT_FREE;
}

static void seat_take_answer(struct seat *seat)
{
	cleanup_with(close_fdp) int fd = -1;
	struct opener_answer answer;
	int r;

	r = opener_receive(seat->socket_fd, MSG_DONTWAIT, &answer, sizeof(answer), &fd);
	if (r == -EAGAIN || r == -EINTR)
		return;
	if (r == -EMFILE) { /* the helper did its work: it is we who have no room */
		answer.outcome = OPENER_FAILED;
		r = 0;
	}
	if (r < 0 || !seat->job || !answer_is_sound(seat->job, &answer, fd))
		seat_die(seat);
	else
		seat_finish(seat, &answer, take_fd(&fd));
}

void opener_dispatch(struct opener *opener)
{
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		if (opener->seats[i].state != SEAT_DEAD)
			seat_take_answer(&opener->seats[i]);
	hand_out_all(opener);
}

static int job_new(const struct opener_request *request, struct job **ret_job)
{
	size_t n_path_bytes = 0;
	struct job *job;

	if (request->op == OPENER_OPEN_IN_ROOT)
		n_path_bytes = strnlen(request->path, sizeof(request->path)) + 1;
	if (n_path_bytes > sizeof(request->path))
		return -ENAMETOOLONG;
	job = malloc(sizeof(*job) + n_path_bytes); /* at most OPENER_PATH_BYTES */
	if (!job)
		return -ENOMEM;
	*job = (struct job){
		.order = {.op = request->op,
			  .pid = request->pid,
			  .files = request->files,
			  .n_bytes = request->n_bytes,
			  .follows_link = request->follows_link,
			  .start = request->start,
			  .end = request->end,
			  .offset = request->offset},
		.touch = opener_touch_of(request),
		.fd = -1,
		.n_path_bytes = n_path_bytes,
	};
	if (request->op == OPENER_OPEN_IN_ROOT || request->op == OPENER_READ_OBJECT)
		job->fd = request->fd;
	memcpy(job->path, request->path, n_path_bytes);
	*ret_job = job;
	return 0;
}

/* Whether a helper would understand it; if not, it would go away. */
static bool request_is_sound(const struct opener_request *request)
{
	if (request->op == OPENER_READ_OBJECT)
		return request->fd >= 0 && request->n_bytes <= OBJECT_READ_BYTES_MAX &&
		       request->offset <= INT64_MAX - OBJECT_READ_BYTES_MAX;
	if (request->op == OPENER_OPEN_IN_ROOT)
		return request->fd >= 0;
	return request->pid > 0 || request->op == OPENER_LIST_PROC;
}

void opener_submit(struct opener *opener, const struct opener_request *request,
		   opener_done_fn *done, void *owner)
{
	const struct job unqueued = {.done = done, .owner = owner};
	const struct opener_touch touch = opener_touch_of(request);
	struct job *job;

	if (is_refused(opener, &touch)) {
		call_back(&unqueued, OPENER_DEADLINE);
		return;
	}
	if (opener->n_queued >= OPENER_QUEUE_MAX) {
		call_back(&unqueued, OPENER_FULL);
		return;
	}
	if (!request_is_sound(request) || job_new(request, &job) < 0) {
		call_back(&unqueued, OPENER_FAILED);
		return;
	}
	job->done = done;
	job->owner = owner;
	job->deadline_ns = clock_monotonic_ns() + OPENER_DEADLINE_NS;
	*opener->end = job;
	opener->end = &job->next;
	opener->n_queued++;
	hand_out_all(opener);
}

int opener_fd(const struct opener *opener)
{
	return opener->epoll_fd;
}

/* An answer that has come meanwhile was in time: it is we who look late. */
static void seat_expire(struct opener *opener, struct seat *seat, uint64_t now_ns)
{
	uint64_t device;

	if (seat->state == SEAT_BUSY && seat->job->deadline_ns <= now_ns)
		seat_take_answer(seat);
	if (seat->state != SEAT_BUSY || seat->job->deadline_ns > now_ns)
		return;
	seat->state = SEAT_STUCK;
	device = atomic_load(&seat->area->device);
	log_warn("opener-helper-stuck",
		 "device=%u:%u pid=%d, no answer in %lu s, asking it nothing for %lu s",
		 major(device), minor(device), seat->job->order.pid, OPENER_DEADLINE_NS / NS_PER_S,
		 OPENER_DEVICE_REFUSED_NS / NS_PER_S);
	opener_refused_add(&opener->refused, seat->job->order.op, &seat->job->touch, device,
			   now_ns);
	if (device != 0)
		seat->job->touch.pid = 0; /* it is past the locks of the process */
	call_back(seat->job, OPENER_DEADLINE);
}

/* When the next job is late: those in the queue stand in the order of their deadlines. */
static uint64_t next_deadline(const struct opener *opener)
{
	uint64_t next_ns = opener->first ? opener->first->deadline_ns : UINT64_MAX;

	for (size_t i = 0; i < OPENER_HELPERS; i++) {
		const struct seat *seat = &opener->seats[i];

		if (seat->state == SEAT_BUSY && seat->job->deadline_ns < next_ns)
			next_ns = seat->job->deadline_ns;
	}
	return next_ns;
}

uint64_t opener_expire(struct opener *opener, uint64_t now_ns)
{
	uint64_t refused_ns, deadline_ns;

	for (size_t i = 0; i < OPENER_HELPERS; i++)
		seat_expire(opener, &opener->seats[i], now_ns);
	refused_ns = opener_refused_expire(&opener->refused, now_ns);
	conclude_refused(opener);
	while (opener->first && opener->first->deadline_ns <= now_ns)
		conclude_queued(opener, &opener->first, OPENER_DEADLINE);
	hand_out_all(opener);
	deadline_ns = next_deadline(opener);
	return deadline_ns < refused_ns ? deadline_ns : refused_ns;
}

unsigned opener_n_stuck(const struct opener *opener)
{
	unsigned n_stuck = 0;

	for (size_t i = 0; i < OPENER_HELPERS; i++) {
		enum seat_state state = opener->seats[i].state;

		n_stuck += state == SEAT_STUCK || state == SEAT_DEAD;
	}
	return n_stuck;
}

void opener_pids(const struct opener *opener, pid_t ret_pids[OPENER_HELPERS])
{
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		ret_pids[i] = opener->seats[i].pid;
}

/* Makes the shared area of one seat; its memory appears as it is used. */
static int seat_make_area(struct seat *seat, struct opener_area **ret_area)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	void *area;

	seat->area_fd = memfd_create("opener", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (seat->area_fd < 0 || ftruncate(seat->area_fd, sizeof(struct opener_area)) < 0 ||
	    fcntl(seat->area_fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	area = mmap(NULL, sizeof(struct opener_area), PROT_READ | PROT_WRITE, MAP_SHARED,
		    seat->area_fd, 0);
	if (area == MAP_FAILED)
		return -errno;
	seat->area = *ret_area = area;
	return 0;
}

/* Returns in the main process only. */
static int seat_fork(struct seat *seat, struct opener_area *area, uid_t uid, gid_t gid)
{
	struct opener_helper_seat helper = {.area = area, .uid = uid, .gid = gid};
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	seat->socket_fd = sockets[0];
	helper.socket_fd = sockets[1];
	seat->pid = fork();
	if (seat->pid == 0)
		opener_helper_run(&helper);
	if (seat->pid < 0) {
		int r = -errno;

		seat->pid = 0;
		close_fdp(&sockets[1]);
		return r;
	}
	close_fdp(&sockets[1]);
	/* Ours to read from here on, and nothing that the helpers to come should see. */
	if (mprotect(area, sizeof(*area), PROT_READ) < 0 ||
	    madvise(area, sizeof(*area), MADV_DONTFORK) < 0)
		return -errno;
	return 0;
}

/* Waits for the helper's greeting: after it, the helper is confined. */
static int seat_greet(const struct opener *opener, struct seat *seat)
{
	cleanup_with(close_fdp) int fd = -1;
	struct epoll_event event = {.events = EPOLLIN};
	struct opener_answer greeting;
	int r;

	do
		r = opener_receive(seat->socket_fd, 0, &greeting, sizeof(greeting), &fd);
	while (r == -EINTR);
	if (r < 0)
		return r;
	if (greeting.sequence != 0 || greeting.outcome > 0)
		return -EPROTO;
	if (greeting.outcome < 0)
		return greeting.outcome;
	if (epoll_ctl(opener->epoll_fd, EPOLL_CTL_ADD, seat->socket_fd, &event) < 0)
		return -errno;
	seat->state = SEAT_FREE;
	return 0;
}

static void opener_freep(struct opener **opener)
{
	opener_free(*opener);
}

int opener_start(uid_t uid, gid_t gid, struct opener **ret_opener)
{
	cleanup_with(opener_freep) struct opener *opener = calloc(1, sizeof(*opener));
	struct opener_area *area = NULL;
	int r = 0;

	if (!opener)
		return -ENOMEM;
	opener->end = &opener->first;
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		opener->seats[i].socket_fd = opener->seats[i].area_fd = -1;
	opener->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (opener->epoll_fd < 0)
		return -errno;
	for (size_t i = 0; i < OPENER_HELPERS && r == 0; i++) {
		r = seat_make_area(&opener->seats[i], &area);
		if (r == 0)
			r = seat_fork(&opener->seats[i], area, uid, gid);
	}
	for (size_t i = 0; i < OPENER_HELPERS && r == 0; i++)
		r = seat_greet(opener, &opener->seats[i]);
	if (r < 0)
		return r;
	*ret_opener = take_ptr(opener);
	return 0;
}

/* Only a helper without work is sure to end at once; another is left to whoever waits next. */
static void seat_deinit(struct seat *seat)
{
	int wait_flags = seat->state == SEAT_FREE ? 0 : WNOHANG;

	seat_hang_up(seat);
	if (seat->pid > 0)
		(void)waitpid(seat->pid, NULL, wait_flags); /* a zombie is all that it can leave */
	if (seat->area)
		(void)munmap((void *)seat->area,
			     sizeof(*seat->area)); /* mapped by us: cannot fail */
	close_fdp(&seat->area_fd);
	free(seat->job);
}

void opener_free(struct opener *opener)
{
	if (!opener)
		return;
	for (size_t i = 0; i < OPENER_HELPERS; i++)
		seat_deinit(&opener->seats[i]);
	while (opener->first)
		free(unqueue(opener, &opener->first));
	close_fdp(&opener->epoll_fd);
	free(opener);
}
