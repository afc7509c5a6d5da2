#include "object_requests.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fake_objects.h"
#include "fake_opener.h"
#include "pool_fixture.h"

#define BUILD_ID       "0123456789abcdef"
#define BUILD_ID_PATH  "usr/lib/debug/.build-id/01/23456789abcdef.debug"
#define BYTES_OF(text) ((struct wire_bytes){(text), strlen(text)})
#define WORKER         1u
#define OTHER_WORKER   2u

static uint64_t send_read(struct pool_fixture *f, uint64_t peer, const struct wire_object_read *ask)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_READ);
	uint64_t request;

	wire_encode_object_read(&frame, ask);
	request = fake_link_send(peer, &frame);
	pool_dispatch(f->pool, f->now_ns);
	return request;
}

static uint64_t read_object(struct pool_fixture *f, uint64_t peer, uint64_t offset,
			    uint32_t n_bytes)
{
	const struct wire_object_read ask = {f->object->id, offset, n_bytes};

	return send_read(f, peer, &ask);
}

static uint64_t send_open(struct pool_fixture *f, uint64_t object, enum object_open_kind kind,
			  struct wire_bytes name)
{
	const struct wire_object_open ask = {object, kind, name};
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_OPEN);
	uint64_t request;

	wire_encode_object_open(&frame, &ask);
	request = fake_link_send(WORKER, &frame);
	pool_dispatch(f->pool, f->now_ns);
	return request;
}

static uint64_t open_object(struct pool_fixture *f, enum object_open_kind kind, const char *name)
{
	return send_open(f, f->object->id, kind, BYTES_OF(name));
}

static struct window_id lease(struct pool_fixture *f)
{
	struct window_id id = pool_fixture_queue(f, 3);

	(void)pool_fixture_window(pool_fixture_ask(f, WORKER), NULL);
	return id;
}

static void assert_bytes(uint64_t request, const char *data, size_t n_bytes)
{
	const struct fake_answer *answer = fake_link_answer(request);
	struct wire_bytes got;

	assert_non_null(answer);
	assert_int_equal(wire_decode_object_bytes(answer->frame, answer->n_bytes, &got), 0);
	assert_int_equal(got.n_bytes, n_bytes);
	if (n_bytes > 0)
		assert_memory_equal(got.data, data, n_bytes);
}

/* The object that @request was answered with; its name is borrowed from the answer. */
static struct wire_object opened(uint64_t request)
{
	const struct fake_answer *answer = fake_link_answer(request);
	struct wire_object object;

	assert_non_null(answer);
	assert_int_equal(wire_decode_object_opened(answer->frame, answer->n_bytes, &object), 0);
	return object;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void bytes_of_a_named_object_come_through_the_opener(void **state)
{
	struct pool_fixture *f = *state;
	const struct opener_request *asked;
	uint64_t request;

	(void)lease(f);
	request = read_object(f, WORKER, 100, 4);
	assert_int_equal(pool_fixture_answer(request), 0);
	asked = fake_opener_request(0);
	assert_int_equal(asked->op, OPENER_READ_OBJECT);
	assert_int_equal(asked->fd, f->object->fd);
	assert_int_equal(asked->device, f->object->identity.device);
	assert_int_equal(asked->offset, 100);
	assert_int_equal(asked->n_bytes, 4);
	fake_opener_give_bytes(0, "\177ELFmore", 8); /* more than asked is cut */
	assert_bytes(request, "\177ELF", 4);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECT_BYTES_READ), 4);
	assert_int_equal(f->object->n_refs, 2); /* the test's and the window's */
}

static void reads_end_at_the_end_of_the_file(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	(void)read_object(f, WORKER, 990, 100);
	assert_int_equal(fake_opener_request(0)->n_bytes, 10);
	fake_opener_give_bytes(0, "", 0);
	assert_bytes(read_object(f, WORKER, 1000, 1), "", 0);
	assert_bytes(read_object(f, WORKER, INT64_MAX / 2, 1), "", 0);
	assert_int_equal(fake_opener_n(), 1);
}

static void kallsyms_is_read_at_once(void **state)
{
	struct pool_fixture *f = *state;
	struct wire_object_read ask = {f->kallsyms->id, 2, 100},
				from_start = {f->kallsyms->id, 0, 1};
	unsigned n_asks = fake_objects_n_kallsyms_asks();

	f->kallsyms->fd = memfd_create("kallsyms", MFD_CLOEXEC);
	assert_int_equal(write(f->kallsyms->fd, "abcdef", 6), 6);
	f->kallsyms->identity.size_bytes = 6;
	(void)lease(f);
	assert_bytes(send_read(f, WORKER, &ask), "cdef", 4);
	assert_int_equal(fake_opener_n(), 0);
	assert_int_equal(fake_objects_n_kallsyms_asks(), n_asks);
	assert_bytes(send_read(f, WORKER, &from_start), "a", 1);
	assert_int_equal(fake_objects_n_kallsyms_asks(), n_asks + 1); /* for a newer copy */
	close_fdp(&f->kallsyms->fd);
	assert_int_equal(pool_fixture_refusal(send_read(f, WORKER, &ask)), REFUSAL_DENIED);
}

static void only_objects_of_the_leased_window_are_read(void **state)
{
	struct pool_fixture *f = *state;
	struct object *foreign = fake_object(OBJECT_FILE, "/etc/shadow", -1, 10);
	struct wire_object_read ask = {foreign->id, 0, 10};

	(void)lease(f);
	assert_int_equal(pool_fixture_refusal(send_read(f, WORKER, &ask)), REFUSAL_NO_OBJECT);
	ask.object = 0;
	assert_int_equal(pool_fixture_refusal(send_read(f, WORKER, &ask)), REFUSAL_NO_OBJECT);
	assert_int_equal(pool_fixture_refusal(
				 send_open(f, foreign->id, OBJECT_OPEN_BESIDE, BYTES_OF("shadow"))),
			 REFUSAL_NO_OBJECT);
	assert_int_equal(fake_opener_n(), 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 3);
	object_release(NULL, foreign, 0);
}

static void without_a_lease_the_pipe_is_closed(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = lease(f);

	assert_true(fake_link_answer(read_object(f, OTHER_WORKER, 0, 1))->is_pipe_closed);
	(void)pool_fixture_tell(f, WORKER, LEASE_OUTCOME_STORED, id);
	assert_true(fake_link_answer(read_object(f, WORKER, 0, 1))->is_pipe_closed);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 2);
}

static void a_garbled_request_costs_the_pipe(void **state)
{
	struct pool_fixture *f = *state;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_OBJECT_READ);
	uint64_t request;

	(void)lease(f);
	wire_encode_bare(&frame, MESSAGE_OBJECT_READ);
	request = fake_link_send(WORKER, &frame);
	pool_dispatch(f->pool, f->now_ns);
	assert_true(fake_link_answer(request)->is_pipe_closed);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 1);
}

static void a_late_worker_reads_on_until_another_has_its_window(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	f->now_ns += POOL_LEASE_NS;
	(void)pool_expire(f->pool, f->now_ns);
	(void)read_object(f, WORKER, 0, 1);
	assert_int_equal(fake_opener_n(), 1);
	fake_opener_give_bytes(0, "x", 1);
	(void)pool_fixture_window(pool_fixture_ask(f, OTHER_WORKER), NULL);
	assert_int_equal(pool_fixture_refusal(read_object(f, WORKER, 0, 1)), REFUSAL_STATE);
	(void)read_object(f, OTHER_WORKER, 0, 1);
	assert_int_equal(fake_opener_n(), 2);
}

struct outcome_case {
	int outcome;
	enum refusal reason;
	enum counter_id counter;
};

static const struct outcome_case outcome_cases[] = {
	{OPENER_GONE, REFUSAL_NOT_FOUND, COUNTER_OBJECTS_REFUSED_GONE},
	{OPENER_NOT_REGULAR, REFUSAL_NOT_REGULAR, COUNTER_OBJECTS_REFUSED},
	{OPENER_DENIED, REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
	{OPENER_DEADLINE, REFUSAL_DEADLINE, COUNTER_OBJECTS_REFUSED_DEADLINE},
	{OPENER_FULL, REFUSAL_BUSY, COUNTER_OBJECTS_REFUSED_FULL},
	{OPENER_FAILED, REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
	{99, REFUSAL_DENIED, COUNTER_OBJECTS_REFUSED_DENIED},
};

static void every_outcome_is_a_refusal_and_a_count(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	for (size_t i = 0; i < sizeof(outcome_cases) / sizeof(outcome_cases[0]); i++) {
		const struct outcome_case *c = &outcome_cases[i];
		uint64_t request = read_object(f, WORKER, 0, 1);

		f->counters = (struct counters){0};
		fake_opener_fail(2 * i, c->outcome);
		assert_int_equal(pool_fixture_refusal(request), c->reason);
		assert_int_equal(pool_fixture_count(f, c->counter), 1);

		request = open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
		fake_opener_fail(2 * i + 1, c->outcome);
		assert_int_equal(pool_fixture_refusal(request), c->reason);
		assert_int_equal(pool_fixture_count(f, c->counter), 2);
	}
	assert_int_equal(f->object->n_refs, 2);
}

static void what_is_refused_before_it_is_queued_is_answered(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	fake_opener_refuse(OPENER_DEADLINE);
	assert_int_equal(pool_fixture_refusal(read_object(f, WORKER, 0, 1)), REFUSAL_DEADLINE);
	fake_opener_refuse(OPENER_GONE); /* in the target's root, then in the host's */
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID)),
			 REFUSAL_NOT_FOUND);
	assert_int_equal(fake_opener_n(), 3);
	assert_int_equal(f->object->n_refs, 2);
}

static void one_request_a_worker_is_under_way(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	(void)read_object(f, WORKER, 0, 1);
	assert_int_equal(pool_fixture_refusal(read_object(f, WORKER, 0, 1)), REFUSAL_BUSY);
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_BESIDE, "b")),
			 REFUSAL_BUSY);
	fake_opener_give_bytes(0, "x", 1);
	(void)read_object(f, WORKER, 0, 1);
	assert_int_equal(fake_opener_n(), 2);
}

static void a_worker_may_die_while_its_read_is_under_way(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = lease(f);
	uint64_t request = read_object(f, WORKER, 0, 1);

	pool_fixture_close(f, WORKER);
	(void)pool_fixture_ask(f, OTHER_WORKER); /* the slot of the dead one */
	(void)pool_fixture_tell(f, OTHER_WORKER, LEASE_OUTCOME_STORED, id);
	assert_int_equal(windows_n(f->windows), 0);
	assert_int_equal(f->object->n_refs, 2); /* the test's and the request's */
	fake_opener_give_bytes(0, "x", 1);
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(f->object->n_refs, 1);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECT_BYTES_READ), 0);
}

static void a_worker_may_die_while_its_open_is_under_way(void **state)
{
	static const struct file_identity identity = {
		.device = 1, .size_bytes = 5, .is_public = true};
	struct pool_fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)lease(f);
	(void)open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID);
	pool_fixture_close(f, WORKER);
	fake_opener_give_fd(0, fd, &identity);
	assert_false(is_open(fd));
	assert_int_equal(fake_objects_n(), 2);
	assert_int_equal(f->object->n_refs, 2);
}

static void requests_of_the_dead_are_bounded(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t request = 0;
	size_t n_before;

	(void)pool_fixture_queue(f, 3);
	for (uint64_t peer = 1; peer <= 70; peer++) {
		(void)pool_fixture_ask(f, peer);
		request = read_object(f, peer, 0, 1);
		if (peer < 70)
			pool_fixture_close(f, peer);
	}
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_BUSY);
	n_before = fake_opener_n();
	assert_int_equal(n_before, 64);
	fake_opener_give_bytes(0, "x", 1);
	(void)read_object(f, 70, 0, 1);
	assert_int_equal(fake_opener_n(), n_before + 1);
}

static void an_opened_file_becomes_an_object_of_the_window(void **state)
{
	static const struct file_identity identity = {
		.device = 1, .inode = 2, .size_bytes = 500, .change_time_ns = 4, .is_public = true};
	struct pool_fixture *f = *state;
	struct window_id id = lease(f);
	uint64_t request = open_object(f, OBJECT_OPEN_BESIDE_DOT_DEBUG, "a.debug");
	struct wire_object_read ask = {.n_bytes = 500};
	struct stat root, asked_in;
	struct wire_object object;

	assert_int_equal(fake_opener_request(0)->op, OPENER_OPEN_IN_ROOT);
	assert_string_equal(fake_opener_request(0)->path, "opt/app/.debug/a.debug");
	assert_int_not_equal(fake_opener_request(0)->fd, f->object->root_fd); /* a duplicate */
	assert_int_equal(fstat(fake_opener_request(0)->fd, &asked_in), 0);
	assert_int_equal(fstat(f->object->root_fd, &root), 0);
	assert_int_equal(asked_in.st_ino, root.st_ino);

	fake_opener_give_fd(0, open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
	assert_false(is_open(fake_opener_request(0)->fd));
	object = opened(request);
	assert_int_equal(object.kind, OBJECT_FILE);
	assert_int_equal(object.size_bytes, 500);
	assert_memory_equal(object.name.data, "/opt/app/.debug/a.debug", object.name.n_bytes);

	ask.object = object.id;
	(void)send_read(f, WORKER, &ask);
	assert_int_equal(fake_opener_n(), 2);
	fake_opener_give_bytes(1, "x", 1);
	assert_int_equal(fake_objects_n(), 3);
	(void)pool_fixture_tell(f, WORKER, LEASE_OUTCOME_STORED, id);
	assert_int_equal(fake_objects_n(), 2);
}

static void a_build_id_is_looked_for_in_the_target_then_on_the_host(void **state)
{
	static const struct file_identity identity = {
		.device = 1, .size_bytes = 5, .is_public = true};
	struct pool_fixture *f = *state;
	uint64_t request;

	(void)lease(f);
	request = open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID);
	fake_opener_fail(0, OPENER_GONE);
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(fake_opener_n(), 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(fake_opener_request(i)->path, BUILD_ID_PATH);
	fake_opener_give_fd(1, open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
	assert_int_equal(opened(request).size_bytes, 5);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_GONE), 0);

	request = open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
	fake_opener_fail(2, OPENER_GONE);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_NOT_FOUND);
}

static void what_a_target_puts_in_the_way_hides_nothing_of_the_hosts(void **state)
{
	static const struct file_identity secret = {.device = 1, .size_bytes = 4},
					  public = {
						  .device = 1, .size_bytes = 5, .is_public = true};
	struct pool_fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint64_t request;

	(void)lease(f);
	request = open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID);
	fake_opener_fail(0, OPENER_NOT_REGULAR);
	fake_opener_give_fd(1, open("/dev/null", O_RDONLY | O_CLOEXEC), &public);
	assert_int_equal(opened(request).size_bytes, 5);

	request = open_object(f, OBJECT_OPEN_GLOBAL_DEBUG, "a.debug");
	fake_opener_give_fd(2, fd, &secret);
	assert_false(is_open(fd));
	assert_string_equal(fake_opener_request(3)->path, "usr/lib/debug/opt/app/a.debug");
	fake_opener_fail(3, OPENER_GONE);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_NOT_FOUND);
}

/* Of what @fd is open on, to tell roots apart. */
static ino_t inode_of(int fd)
{
	struct stat stat;

	assert_int_equal(fstat(fd, &stat), 0);
	return stat.st_ino;
}

static void the_hosts_debug_files_can_be_asked_for_alone(void **state)
{
	struct pool_fixture *f = *state;
	ino_t host_root = inode_of(f->host_root_fd);

	close_fdp(&f->object->root_fd);
	f->object->root_fd = open("/proc", O_PATH | O_CLOEXEC);
	(void)lease(f);
	(void)open_object(f, OBJECT_OPEN_HOST_BUILD_ID, BUILD_ID);
	assert_string_equal(fake_opener_request(0)->path, BUILD_ID_PATH);
	assert_int_equal(inode_of(fake_opener_request(0)->fd), host_root);
	fake_opener_fail(0, OPENER_GONE);
	(void)open_object(f, OBJECT_OPEN_HOST_GLOBAL_DEBUG, "a.debug");
	assert_string_equal(fake_opener_request(1)->path, "usr/lib/debug/opt/app/a.debug");
	assert_int_equal(inode_of(fake_opener_request(1)->fd), host_root);
	fake_opener_fail(1, OPENER_GONE);
	assert_int_equal(fake_opener_n(), 2); /* and nowhere else */
}

static void a_root_without_a_mount_namespace_is_cut_off_the_name(void **state)
{
	static const struct {
		struct wire_bytes root;
		const char *path;
	} roots[] = {
		{{"/opt", 4}, "app/a.debug"},
		{{"/opt/app", 8}, "a.debug"},
		{{"/op", 3}, "opt/app/a.debug"},
		{{"/srv", 4}, "opt/app/a.debug"},
	};
	struct pool_fixture *f = *state;

	(void)lease(f);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		f->object->root_path = roots[i].root;
		(void)open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
		assert_string_equal(fake_opener_request(i)->path, roots[i].path);
		fake_opener_fail(i, OPENER_GONE);
	}
}

static void only_build_ids_are_sought_through_links(void **state)
{
	static const struct {
		enum object_open_kind kind;
		const char *name;
		bool follows_link;
	} asks[] = {
		{OBJECT_OPEN_HOST_BUILD_ID, BUILD_ID, true},
		{OBJECT_OPEN_BESIDE, "a.debug", false},
		{OBJECT_OPEN_BESIDE_DOT_DEBUG, "a.debug", false},
		{OBJECT_OPEN_HOST_GLOBAL_DEBUG, "a.debug", false},
		{OBJECT_OPEN_PERF_MAP, "", false},
	};
	struct pool_fixture *f = *state;

	(void)lease(f);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		(void)open_object(f, asks[i].kind, asks[i].name);
		assert_int_equal(fake_opener_request(i)->follows_link, asks[i].follows_link);
		fake_opener_fail(i, OPENER_GONE);
	}
}

static void without_the_targets_root_only_the_host_is_asked(void **state)
{
	struct pool_fixture *f = *state;

	close_fdp(&f->object->root_fd);
	(void)lease(f);
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_BESIDE, "a.debug")),
			 REFUSAL_NOT_FOUND);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_GONE), 1);
	(void)open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID);
	assert_int_equal(fake_opener_n(), 1);
	fake_opener_fail(0, OPENER_GONE);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_GONE), 2);
}

static void bad_names_never_reach_the_opener(void **state)
{
	struct pool_fixture *f = *state;
	static const struct {
		enum object_open_kind kind;
		const char *name;
	} bad[] = {
		{OBJECT_OPEN_BESIDE, "../x"},    {OBJECT_OPEN_BESIDE, "/etc/shadow"},
		{OBJECT_OPEN_BESIDE, ".."},      {OBJECT_OPEN_GLOBAL_DEBUG, "."},
		{OBJECT_OPEN_BESIDE, ""},        {OBJECT_OPEN_BUILD_ID, "not-hexadecimal"},
		{OBJECT_OPEN_PERF_MAP, "1.map"},
	};
	const size_t n_bad = sizeof(bad) / sizeof(bad[0]);

	(void)lease(f);
	for (size_t i = 0; i < n_bad; i++) {
		uint64_t request = open_object(f, bad[i].kind, bad[i].name);

		assert_int_equal(pool_fixture_refusal(request), REFUSAL_BAD_NAME);
	}
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_NAME), n_bad);
	assert_int_equal(fake_opener_n(), 0);
}

static void a_name_of_256_bytes_is_refused(void **state)
{
	struct pool_fixture *f = *state;
	char name[256];
	uint64_t request;

	memset(name, 'a', sizeof(name));
	(void)lease(f);
	request = send_open(f, f->object->id, OBJECT_OPEN_BESIDE,
			    (struct wire_bytes){name, sizeof(name)});
	assert_true(fake_link_answer(request)->is_pipe_closed); /* no decoder takes it */
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 1);
	assert_int_equal(fake_opener_n(), 0);
}

static void a_perf_map_is_believed_of_its_process_or_of_root(void **state)
{
	static const struct {
		uint32_t owner_uid;
		bool is_believed;
	} owners[] = {{1000, true}, {0, true}, {1001, false}};
	struct pool_fixture *f = *state;

	(void)lease(f);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		const struct file_identity identity = {
			.inode = i, .size_bytes = 5, .owner_uid = owners[i].owner_uid};
		uint64_t request = open_object(f, OBJECT_OPEN_PERF_MAP, "");
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		assert_string_equal(fake_opener_request(i)->path, "tmp/perf-42.map");
		fake_opener_give_fd(i, fd, &identity);
		assert_int_equal(is_open(fd), owners[i].is_believed);
		if (owners[i].is_believed)
			(void)opened(request);
		else
			assert_int_equal(pool_fixture_refusal(request), REFUSAL_DENIED);
	}
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_DENIED), 1);
	f->object->namespace_pid = 0;
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_PERF_MAP, "")),
			 REFUSAL_NOT_FOUND);
}

static void of_code_without_a_file_the_perf_map_alone_is_opened(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	f->object->kind = OBJECT_CODE;
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_BESIDE, "passwd")),
			 REFUSAL_NOT_FOUND);
	assert_int_equal(pool_fixture_refusal(open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID)),
			 REFUSAL_NOT_FOUND);
	assert_int_equal(fake_opener_n(), 0);
	(void)open_object(f, OBJECT_OPEN_PERF_MAP, "");
	assert_string_equal(fake_opener_request(0)->path, "tmp/perf-42.map");
	fake_opener_fail(0, OPENER_GONE);
	f->object->kind = OBJECT_FILE;
}

static void a_file_that_not_everybody_may_read_is_no_debug_file(void **state)
{
	static const struct file_identity identity = {.size_bytes = 5, .owner_uid = 1000};
	static const struct {
		enum object_open_kind kind;
		const char *name;
	} asks[] = {{OBJECT_OPEN_BESIDE, "shadow"},
		    {OBJECT_OPEN_BESIDE_DOT_DEBUG, "shadow"},
		    {OBJECT_OPEN_HOST_GLOBAL_DEBUG, "shadow"},
		    {OBJECT_OPEN_HOST_BUILD_ID, "00112233445566778899"}};
	struct pool_fixture *f = *state;

	(void)lease(f);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		uint64_t request = open_object(f, asks[i].kind, asks[i].name);
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		fake_opener_give_fd(i, fd, &identity);
		assert_false(is_open(fd));
		assert_int_equal(pool_fixture_refusal(request), REFUSAL_DENIED);
		assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_DENIED), i + 1);
	}
}

static void a_full_table_is_said_to_be_full(void **state)
{
	static const struct file_identity identity = {.size_bytes = 5, .is_public = true};
	struct pool_fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint64_t request;

	(void)lease(f);
	fake_objects_set_full(true);
	request = open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
	fake_opener_give_fd(0, fd, &identity);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_BUSY);
	assert_int_equal(pool_fixture_count(f, COUNTER_OBJECTS_REFUSED_FULL), 1);
	assert_false(is_open(fd));
}

static void a_window_does_not_open_files_without_end(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t request;
	size_t n_opened = 0;

	(void)lease(f);
	do {
		const struct file_identity identity = {
			.inode = n_opened, .size_bytes = 5, .is_public = true};

		request = open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
		fake_opener_give_fd(n_opened++, -1, &identity);
	} while (pool_fixture_answer(request) == MESSAGE_OBJECT_OPENED);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_BUSY);
	assert_int_equal(n_opened, 1 + 2 + WINDOW_OPENED_SPARE); /* it names two */
}

static void what_was_opened_for_a_window_that_is_done_is_closed(void **state)
{
	static const struct file_identity identity = {.size_bytes = 5, .is_public = true};
	struct pool_fixture *f = *state;
	struct window_id id = lease(f);
	uint64_t request = open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	windows_done(f->windows, windows_find(f->windows, id), f->now_ns);
	fake_opener_give_fd(0, fd, &identity);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_STATE);
	assert_false(is_open(fd));
}

static void walks_are_told_apart_by_their_root_alone(void **state)
{
	struct pool_fixture *f = *state;

	(void)lease(f);
	(void)open_object(f, OBJECT_OPEN_BESIDE, "a.debug");
	fake_opener_fail(0, OPENER_GONE);
	(void)open_object(f, OBJECT_OPEN_BUILD_ID, BUILD_ID);
	fake_opener_fail(1, OPENER_GONE);
	assert_int_equal(fake_opener_request(0)->device, fake_opener_request(1)->device);
	assert_int_not_equal(fake_opener_request(1)->device, fake_opener_request(2)->device);
	assert_int_not_equal(fake_opener_request(0)->device, f->object->identity.device);
}

static uint64_t send_frame(struct pool_fixture *f, struct bytes *frame)
{
	uint64_t request = fake_link_send(WORKER, frame);

	pool_dispatch(f->pool, f->now_ns);
	return request;
}

/* A read, an open and a read of kallsyms, with memory that fails once, behind @n allocations. */
static bool serve_all(struct pool_fixture *f, size_t n, uint64_t ret_requests[3])
{
	static const struct file_identity identity = {
		.inode = 77, .size_bytes = 5, .is_public = true};
	const struct wire_object_read read = {f->object->id, 0, 4},
				      symbols = {f->kallsyms->id, 0, 4};
	const struct wire_object_open beside = {f->object->id, OBJECT_OPEN_BESIDE, {"b", 1}};
	struct bytes frames[] = {BYTES_INIT(64), BYTES_INIT(64), BYTES_INIT(64)};
	size_t n_asked = fake_opener_n();

	wire_encode_object_read(&frames[0], &read);
	wire_encode_object_open(&frames[1], &beside);
	wire_encode_object_read(&frames[2], &symbols);

	failing_memory_begin(n, false);
	ret_requests[0] = send_frame(f, &frames[0]);
	if (fake_opener_n() > n_asked)
		fake_opener_give_bytes(n_asked++, "abcd", 4);
	ret_requests[1] = send_frame(f, &frames[1]);
	if (fake_opener_n() > n_asked)
		fake_opener_give_fd(n_asked, open("/dev/null", O_RDONLY | O_CLOEXEC), &identity);
	ret_requests[2] = send_frame(f, &frames[2]);
	return failing_memory_end();
}

static void without_memory_every_request_ends(void **state)
{
	struct pool_fixture *f = *state;
	bool has_failed;
	size_t n = 0;

	f->kallsyms->fd = memfd_create("kallsyms", MFD_CLOEXEC);
	assert_int_equal(write(f->kallsyms->fd, "abcd", 4), 4);
	f->kallsyms->identity.size_bytes = 4;
	do {
		struct window_id id = lease(f);
		uint64_t requests[3];

		has_failed = serve_all(f, n++, requests);
		for (size_t i = 0; i < 3; i++)
			assert_non_null(fake_link_answer(requests[i]));
		windows_done(f->windows, windows_find(f->windows, id), f->now_ns);
		assert_int_equal(fake_objects_n(), 2);
		assert_int_equal(f->object->n_refs, 1);
	} while (has_failed);
	assert_true(n > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(bytes_of_a_named_object_come_through_the_opener),
		POOL_TEST(reads_end_at_the_end_of_the_file),
		POOL_TEST(kallsyms_is_read_at_once),
		POOL_TEST(only_objects_of_the_leased_window_are_read),
		POOL_TEST(without_a_lease_the_pipe_is_closed),
		POOL_TEST(a_garbled_request_costs_the_pipe),
		POOL_TEST(a_late_worker_reads_on_until_another_has_its_window),
		POOL_TEST(every_outcome_is_a_refusal_and_a_count),
		POOL_TEST(what_is_refused_before_it_is_queued_is_answered),
		POOL_TEST(one_request_a_worker_is_under_way),
		POOL_TEST(a_worker_may_die_while_its_read_is_under_way),
		POOL_TEST(a_worker_may_die_while_its_open_is_under_way),
		POOL_TEST(requests_of_the_dead_are_bounded),
		POOL_TEST(an_opened_file_becomes_an_object_of_the_window),
		POOL_TEST(a_build_id_is_looked_for_in_the_target_then_on_the_host),
		POOL_TEST(what_a_target_puts_in_the_way_hides_nothing_of_the_hosts),
		POOL_TEST(the_hosts_debug_files_can_be_asked_for_alone),
		POOL_TEST(a_root_without_a_mount_namespace_is_cut_off_the_name),
		POOL_TEST(only_build_ids_are_sought_through_links),
		POOL_TEST(without_the_targets_root_only_the_host_is_asked),
		POOL_TEST(bad_names_never_reach_the_opener),
		POOL_TEST(a_name_of_256_bytes_is_refused),
		POOL_TEST(a_perf_map_is_believed_of_its_process_or_of_root),
		POOL_TEST(of_code_without_a_file_the_perf_map_alone_is_opened),
		POOL_TEST(a_file_that_not_everybody_may_read_is_no_debug_file),
		POOL_TEST(a_full_table_is_said_to_be_full),
		POOL_TEST(a_window_does_not_open_files_without_end),
		POOL_TEST(what_was_opened_for_a_window_that_is_done_is_closed),
		POOL_TEST(walks_are_told_apart_by_their_root_alone),
		POOL_TEST(without_memory_every_request_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
