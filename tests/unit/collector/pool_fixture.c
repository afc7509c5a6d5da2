#include "pool_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_objects.h"
#include "fake_opener.h"

int pool_fixture_set_up(void **state)
{
	static const uid_t uid = 59113;
	struct pool_fixture *f = calloc(1, sizeof(*f));
	struct windows_options windows = {
		.instance = POOL_INSTANCE,
		.bytes_max = WINDOWS_BYTES_MAX_DEFAULT,
		.counters = &f->counters,
	};
	struct pool_options options = {
		.socket_path = "unused",
		.n_uids = 1,
		.uids = &uid,
		.lease_ns = POOL_LEASE_NS,
		.counters = &f->counters,
	};

	fake_link_reset();
	fake_opener_reset();
	fake_objects_set_full(false);
	assert_int_equal(windows_new(&windows, &f->windows), 0);
	f->host_root_fd = open("/", O_PATH | O_CLOEXEC);
	options.windows = f->windows;
	options.host_root_fd = f->host_root_fd;
	assert_int_equal(pool_listen(&options, &f->pool), 0);
	f->target = fake_target("web");
	f->object = fake_object(OBJECT_FILE, "/opt/app/a", open("/dev/null", O_RDONLY), 1000);
	f->object->root_fd = open("/", O_PATH | O_CLOEXEC);
	f->object->namespace_pid = 42;
	f->object->process_uid = 1000;
	f->kallsyms = fake_object(OBJECT_KALLSYMS, "[kernel.kallsyms]", -1, 0);
	f->now_ns = POOL_START_NS;
	*state = f;
	return 0;
}

int pool_fixture_tear_down(void **state)
{
	struct pool_fixture *f = *state;

	close_fdp(&f->object->root_fd);
	close_fdp(&f->host_root_fd);
	pool_free(f->pool);
	windows_free(f->windows);
	object_release(NULL, f->object, 0);
	object_release(NULL, f->kallsyms, 0);
	free(f->target);
	free(f);
	fake_link_reset();
	return fake_objects_n() == 0 ? 0 : -1;
}

struct window_id pool_fixture_queue(struct pool_fixture *f, uint64_t n_samples)
{
	const struct window_frame frames[] = {{FRAME_KERNEL, f->kallsyms, 1},
					      {FRAME_USER, f->object, 1}};
	const struct window_span span = {.start_wall_ns = ++f->start_wall_ns};
	const char comm[COMM_BYTES] = "web";
	struct window *window;

	windows_begin(f->windows, 0, &span, f->now_ns);
	assert_int_equal(fake_add(f->windows, f->target, comm, frames, 2, 0, n_samples), 0);
	windows_end(f->windows, 0, f->now_ns);
	for (window = windows_first(f->windows); window->next; window = window->next)
		;
	return window->id;
}

uint64_t pool_fixture_send_lease(struct pool_fixture *f, uint64_t peer,
				 const struct wire_lease *lease)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LEASE);
	uint64_t request;

	wire_encode_lease(&frame, lease);
	request = fake_link_send(peer, &frame);
	pool_dispatch(f->pool, f->now_ns);
	return request;
}

uint64_t pool_fixture_ask(struct pool_fixture *f, uint64_t peer)
{
	const struct wire_lease lease = {.protocol_version = WIRE_PROTOCOL_VERSION,
					 .worker = 1000 + peer};

	return pool_fixture_send_lease(f, peer, &lease);
}

uint64_t pool_fixture_ask_stopping(struct pool_fixture *f, uint64_t peer)
{
	const struct wire_lease lease = {
		.protocol_version = WIRE_PROTOCOL_VERSION, .worker = 1000 + peer, .stopping = true};

	return pool_fixture_send_lease(f, peer, &lease);
}

uint64_t pool_fixture_tell(struct pool_fixture *f, uint64_t peer, enum lease_outcome outcome,
			   struct window_id window)
{
	const struct wire_lease lease = {.protocol_version = WIRE_PROTOCOL_VERSION,
					 .worker = 1000 + peer,
					 .outcome = outcome,
					 .window = window};

	return pool_fixture_send_lease(f, peer, &lease);
}

void pool_fixture_close(struct pool_fixture *f, uint64_t peer)
{
	fake_link_close(peer);
	pool_dispatch(f->pool, f->now_ns);
}

unsigned pool_fixture_answer(uint64_t request)
{
	const struct fake_answer *answer = fake_link_answer(request);

	return answer ? answer->id : 0;
}

uint64_t pool_fixture_window(uint64_t request, bool *ret_name_nothing)
{
	const struct fake_answer *answer = fake_link_answer(request);
	struct wire_arena arena = {0};
	struct wire_window window = {0};

	assert_non_null(answer);
	assert_int_equal(wire_decode_window(answer->frame, answer->n_bytes, &arena, &window), 0);
	wire_arena_deinit(&arena);
	if (ret_name_nothing)
		*ret_name_nothing = window.name_nothing;
	return window.id.sequence;
}

enum refusal pool_fixture_refusal(uint64_t request)
{
	const struct fake_answer *answer = fake_link_answer(request);
	enum refusal reason = 0;

	assert_non_null(answer);
	assert_false(answer->is_pipe_closed);
	assert_int_equal(wire_decode_refused(answer->frame, answer->n_bytes, &reason), 0);
	return reason;
}

uint64_t pool_fixture_count(const struct pool_fixture *f, enum counter_id id)
{
	return counters_get(&f->counters, id);
}
