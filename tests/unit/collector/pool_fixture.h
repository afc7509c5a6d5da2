#pragma once
/* A pool between fakes, and what a worker does to it. */
#include "fake_link.h"
#include "pool.h"

#define POOL_INSTANCE 77u
#define POOL_LEASE_NS UINT64_C(30000000000)
#define POOL_START_NS UINT64_C(1000000000000)

struct pool_fixture {
	struct counters counters;
	struct windows *windows;
	struct pool *pool;
	struct target *target;
	struct object *object; /* of 1000 bytes: every window's only one, but for kallsyms */
	struct object *kallsyms;
	int host_root_fd;
	uint64_t now_ns;
	uint64_t start_wall_ns;
};

int pool_fixture_set_up(void **state);
int pool_fixture_tear_down(void **state);

#define POOL_TEST(name)                                                                            \
	cmocka_unit_test_setup_teardown(name, pool_fixture_set_up, pool_fixture_tear_down)

/* Queues a window of @n_samples; does not offer it. */
struct window_id pool_fixture_queue(struct pool_fixture *f, uint64_t n_samples);

/* @peer asks, as the process with random id 1000 + @peer. Dispatches; returns the request. */
uint64_t pool_fixture_ask(struct pool_fixture *f, uint64_t peer);
uint64_t pool_fixture_ask_stopping(struct pool_fixture *f, uint64_t peer);

/* The same with what became of @window. */
uint64_t pool_fixture_tell(struct pool_fixture *f, uint64_t peer, enum lease_outcome outcome,
			   struct window_id window);
uint64_t pool_fixture_send_lease(struct pool_fixture *f, uint64_t peer,
				 const struct wire_lease *lease);

/* @peer's pipe closes; dispatches. */
void pool_fixture_close(struct pool_fixture *f, uint64_t peer);

/* The id of @request's answer; 0: none yet. */
unsigned pool_fixture_answer(uint64_t request);

/* The sequence of the window that @request was answered with, which must be one. */
uint64_t pool_fixture_window(uint64_t request, bool *ret_name_nothing);

/* Why @request was refused, which it must have been. */
enum refusal pool_fixture_refusal(uint64_t request);

uint64_t pool_fixture_count(const struct pool_fixture *f, enum counter_id id);
