#include "pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "pool_fixture.h"

static void the_oldest_window_goes_to_whoever_asks(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t first, second;

	(void)pool_fixture_queue(f, 3);
	(void)pool_fixture_queue(f, 4);
	first = pool_fixture_ask(f, 1);
	second = pool_fixture_ask(f, 2);
	assert_int_equal(pool_fixture_window(first, NULL), 1);
	assert_int_equal(pool_fixture_window(second, NULL), 2);
	assert_true(fake_link_is_leased(1));
	assert_int_equal(pool_n_workers(f->pool), 2);
	assert_int_equal(windows_n_waiting(f->windows), 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_GRANTED), 2);
	assert_int_equal(pool_fixture_count(f, COUNTER_HELD_WINDOWS), 7);
}

static void an_ask_is_parked_until_there_is_work(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t first = pool_fixture_ask(f, 1), second;

	f->now_ns += 1;
	second = pool_fixture_ask(f, 2);
	assert_int_equal(pool_fixture_answer(first), 0);
	(void)pool_fixture_queue(f, 1);
	pool_offer(f->pool, f->now_ns);
	assert_int_equal(pool_fixture_window(first, NULL), 1); /* it waited longer */
	assert_int_equal(pool_fixture_answer(second), 0);
}

static void a_parked_ask_is_answered_in_time(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t request = pool_fixture_ask(f, 1);

	assert_int_equal(pool_expire(f->pool, f->now_ns), f->now_ns + POOL_PARK_NS);
	f->now_ns += POOL_PARK_NS - 1;
	assert_int_equal(pool_expire(f->pool, f->now_ns), f->now_ns + 1);
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(pool_expire(f->pool, f->now_ns + 1), UINT64_MAX);
	assert_int_equal(pool_fixture_answer(request), MESSAGE_NOTHING_YET);
	(void)pool_fixture_queue(f, 1);
	pool_offer(f->pool, f->now_ns); /* nobody is parked any more */
	assert_int_equal(windows_n_waiting(f->windows), 1);
}

static void a_second_ask_of_a_worker_ends_its_first(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t first = pool_fixture_ask(f, 1), second = pool_fixture_ask(f, 1);

	assert_int_equal(pool_fixture_answer(first), MESSAGE_NOTHING_YET);
	assert_int_equal(pool_fixture_answer(second), 0);
	assert_int_equal(pool_n_workers(f->pool), 1);
}

static void what_is_stored_is_spooled(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t request;

	(void)pool_fixture_ask(f, 1);
	request = pool_fixture_tell(f, 1, LEASE_OUTCOME_STORED, id);
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
	assert_int_equal(pool_fixture_count(f, COUNTER_HELD_WINDOWS), 0);
	assert_int_equal(windows_n(f->windows), 0);
	assert_false(fake_link_is_leased(1));
	(void)pool_fixture_tell(f, 1, LEASE_OUTCOME_STORED, id); /* once */
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
}

static void nobody_speaks_of_windows_that_it_was_not_given(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	struct window_id foreign = {POOL_INSTANCE + 1, id.sequence};

	(void)pool_fixture_ask(f, 1);
	(void)pool_fixture_tell(f, 2, LEASE_OUTCOME_STORED, id);
	(void)pool_fixture_tell(f, 2, LEASE_OUTCOME_FAILED, id);
	(void)pool_fixture_tell(f, 1, LEASE_OUTCOME_STORED, foreign);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 0);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
}

static void a_late_window_waits_again(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t other;

	(void)pool_fixture_ask(f, 1);
	assert_int_equal(pool_expire(f->pool, f->now_ns), f->now_ns + POOL_LEASE_NS);
	f->now_ns += POOL_LEASE_NS - 1;
	other = pool_fixture_ask(f, 2);
	(void)pool_expire(f->pool, f->now_ns);
	assert_int_equal(pool_fixture_answer(other), 0);
	(void)pool_expire(f->pool, f->now_ns + 1);
	assert_int_equal(pool_fixture_window(other, NULL), id.sequence);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_EXPIRED), 1);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
}

static void a_late_window_that_was_stored_is_done(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);

	(void)pool_fixture_ask(f, 1);
	f->now_ns += POOL_LEASE_NS;
	(void)pool_fixture_ask(f, 2);
	(void)pool_expire(f->pool, f->now_ns); /* to worker 2 */
	(void)pool_fixture_tell(f, 1, LEASE_OUTCOME_STORED, id);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
	assert_int_equal(windows_n(f->windows), 0);
	assert_true(fake_link_is_leased(2)); /* it does not know yet: answers, no closed pipes */
	(void)pool_fixture_tell(f, 2, LEASE_OUTCOME_STORED, id);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
	assert_int_equal(pool_expire(f->pool, f->now_ns), f->now_ns + POOL_PARK_NS);
}

static void a_late_failure_does_not_take_another_workers_lease(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);

	(void)pool_fixture_ask(f, 1);
	f->now_ns += POOL_LEASE_NS;
	(void)pool_fixture_ask(f, 2);
	(void)pool_expire(f->pool, f->now_ns);
	(void)pool_fixture_tell(f, 1, LEASE_OUTCOME_FAILED, id);
	assert_int_equal(windows_find(f->windows, id)->leased_by, 2);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
}

static void a_dead_workers_window_goes_to_the_next_at_once(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t other;
	bool name_nothing;

	(void)pool_fixture_ask(f, 1);
	other = pool_fixture_ask(f, 2);
	pool_fixture_close(f, 1);
	assert_int_equal(pool_fixture_window(other, &name_nothing), id.sequence);
	assert_false(name_nothing);
	assert_int_equal(pool_n_workers(f->pool), 1);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_GONE), 1);
	assert_int_equal(pool_fixture_count(f, COUNTER_WINDOWS_POISONED), 0);
}

static void after_two_deaths_nothing_is_named(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t request;
	bool name_nothing;

	for (uint64_t peer = 1; peer <= POOL_DEATHS_MAX; peer++) {
		(void)pool_fixture_window(pool_fixture_ask(f, peer), &name_nothing);
		assert_false(name_nothing);
		pool_fixture_close(f, peer);
	}
	request = pool_fixture_ask(f, 3);
	assert_int_equal(pool_fixture_window(request, &name_nothing), id.sequence);
	assert_true(name_nothing);
	pool_fixture_close(f, 3);
	(void)pool_fixture_window(pool_fixture_ask(f, 4), &name_nothing);
	assert_true(name_nothing);
	assert_int_equal(pool_fixture_count(f, COUNTER_WINDOWS_POISONED), 1);
	(void)pool_fixture_tell(f, 4, LEASE_OUTCOME_STORED, id);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
}

static void a_worker_that_hangs_and_is_then_killed_died_of_its_window(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);

	(void)pool_fixture_ask(f, 1);
	f->now_ns += POOL_LEASE_NS;
	(void)pool_expire(f->pool, f->now_ns);
	pool_fixture_close(f, 1);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 1);
	assert_int_equal(windows_n_waiting(f->windows), 1);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_EXPIRED), 1);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_GONE), 0); /* one end a lease */
}

static void a_worker_that_died_behind_its_ask_gets_no_window(void **state)
{
	struct pool_fixture *f = *state;
	const struct wire_lease lease = {.protocol_version = WIRE_PROTOCOL_VERSION, .worker = 1};
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LEASE);
	struct window_id id = pool_fixture_queue(f, 3);

	wire_encode_lease(&frame, &lease);
	(void)fake_link_send(1, &frame);
	pool_fixture_close(f, 1);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_LEASES_GRANTED), 0);
	assert_int_equal(pool_n_workers(f->pool), 0);
}

static void a_window_that_is_given_back_does_not_circle_for_ever(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t request = pool_fixture_ask(f, 1);
	bool name_nothing;

	for (unsigned i = 0; i < POOL_GIVEN_BACK_MAX; i++) {
		assert_int_equal(pool_fixture_window(request, &name_nothing), id.sequence);
		assert_int_equal(name_nothing, i >= POOL_DEATHS_MAX);
		request = pool_fixture_tell(f, 1, LEASE_OUTCOME_FAILED, id);
	}
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(windows_n(f->windows), 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_DROPPED_REFUSED), 3);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 0);
}

static void a_window_given_back_to_stop_is_not_to_blame(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	const struct wire_lease lease = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.stopping = true,
		.outcome = LEASE_OUTCOME_FAILED,
		.window = id,
	};

	(void)pool_fixture_ask(f, 1);
	assert_int_equal(pool_fixture_answer(pool_fixture_send_lease(f, 1, &lease)), MESSAGE_GO);
	assert_int_equal(windows_n_waiting(f->windows), 1);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
}

static void a_worker_that_lost_track_gets_its_window_again(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);

	(void)pool_fixture_ask(f, 1);
	for (unsigned i = 0; i < POOL_GIVEN_BACK_MAX - 1; i++)
		assert_int_equal(pool_fixture_window(pool_fixture_ask(f, 1), NULL), id.sequence);
	assert_int_equal(windows_find(f->windows, id)->n_deaths, 0);
	assert_int_equal(pool_fixture_answer(pool_fixture_ask(f, 1)), 0); /* enough of it */
	assert_int_equal(pool_fixture_count(f, COUNTER_DROPPED_REFUSED), 3);
}

static void a_worker_that_dials_again_may_say_what_became_of_its_window(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	const struct wire_lease lease = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.worker = 1001,
		.outcome = LEASE_OUTCOME_STORED,
		.window = id,
	};

	(void)pool_fixture_ask(f, 1);
	pool_fixture_close(f, 1);
	(void)pool_fixture_send_lease(f, 2, &lease);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
}

static void a_stopping_worker_goes_though_work_waits(void **state)
{
	struct pool_fixture *f = *state;

	(void)pool_fixture_queue(f, 3);
	assert_int_equal(pool_fixture_answer(pool_fixture_ask_stopping(f, 1)), MESSAGE_GO);
	assert_int_equal(windows_n_waiting(f->windows), 1);
}

static void when_all_stop_the_work_is_finished_first(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	const struct wire_lease stored = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.worker = 1001,
		.stopping = true,
		.outcome = LEASE_OUTCOME_STORED,
		.window = id,
	};
	uint64_t holder, spare;

	pool_set_stopping(f->pool);
	holder = pool_fixture_ask_stopping(f, 1);
	assert_int_equal(pool_fixture_window(holder, NULL), id.sequence);
	spare = pool_fixture_ask_stopping(f, 2); /* needed if the holder dies */
	assert_int_equal(pool_fixture_answer(spare), 0);
	holder = pool_fixture_send_lease(f, 1, &stored);
	assert_int_equal(pool_fixture_answer(holder), MESSAGE_GO);
	assert_int_equal(pool_fixture_answer(spare), MESSAGE_GO);
	assert_int_equal(pool_fixture_count(f, COUNTER_SPOOLED), 3);
}

static void when_all_stop_a_dead_workers_window_is_finished_by_another(void **state)
{
	struct pool_fixture *f = *state;
	struct window_id id = pool_fixture_queue(f, 3);
	uint64_t spare;

	pool_set_stopping(f->pool);
	(void)pool_fixture_ask_stopping(f, 1);
	spare = pool_fixture_ask_stopping(f, 2);
	pool_fixture_close(f, 1);
	assert_int_equal(pool_fixture_window(spare, NULL), id.sequence);
}

static void another_protocol_is_refused_by_name(void **state)
{
	struct pool_fixture *f = *state;
	const struct wire_lease lease = {.protocol_version = WIRE_PROTOCOL_VERSION + 1};
	uint64_t request;

	(void)pool_fixture_queue(f, 1);
	request = pool_fixture_send_lease(f, 1, &lease);
	assert_int_equal(pool_fixture_refusal(request), REFUSAL_VERSION);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 1);
	assert_int_equal(pool_n_workers(f->pool), 0);
	assert_int_equal(windows_n_waiting(f->windows), 1);
}

static void a_garbled_ask_costs_the_pipe(void **state)
{
	struct pool_fixture *f = *state;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LEASE);
	uint64_t request;

	wire_encode_bare(&frame, MESSAGE_LEASE);
	request = fake_link_send(1, &frame);
	pool_dispatch(f->pool, f->now_ns);
	assert_true(fake_link_answer(request)->is_pipe_closed);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 1);
}

static void what_the_link_turned_away_is_counted(void **state)
{
	struct pool_fixture *f = *state;

	fake_link_turn_away(0, 1234);
	fake_link_turn_away(MESSAGE_TOO_LONG, 0);
	pool_dispatch(f->pool, f->now_ns);
	assert_int_equal(pool_fixture_count(f, COUNTER_MESSAGES_REFUSED), 2);
}

static void workers_are_bounded(void **state)
{
	struct pool_fixture *f = *state;

	for (uint64_t peer = 1; peer <= POOL_WORKERS_MAX; peer++)
		assert_int_equal(pool_fixture_answer(pool_fixture_ask(f, peer)), 0);
	assert_int_equal(pool_fixture_refusal(pool_fixture_ask(f, POOL_WORKERS_MAX + 1)),
			 REFUSAL_BUSY);
	pool_fixture_close(f, 7);
	assert_int_equal(pool_fixture_answer(pool_fixture_ask(f, POOL_WORKERS_MAX + 2)), 0);
	assert_int_equal(pool_n_workers(f->pool), POOL_WORKERS_MAX);
}

static void a_poisoned_window_is_dropped_rather_than_leased_without_saying_so(void **state)
{
	struct pool_fixture *f = *state;
	uint64_t request = pool_fixture_ask(f, 1);
	struct window_id id = pool_fixture_queue(f, 3);

	windows_find(f->windows, id)->n_deaths = POOL_DEATHS_MAX;
	failing_memory_begin(0, false);
	pool_offer(f->pool, f->now_ns);
	assert_true(failing_memory_end());
	assert_int_equal(pool_fixture_answer(request), 0);
	assert_int_equal(windows_n(f->windows), 0);
	assert_int_equal(pool_fixture_count(f, COUNTER_DROPPED_NO_MEMORY), 3);
	assert_int_equal(pool_fixture_count(f, COUNTER_WINDOWS_POISONED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(the_oldest_window_goes_to_whoever_asks),
		POOL_TEST(an_ask_is_parked_until_there_is_work),
		POOL_TEST(a_parked_ask_is_answered_in_time),
		POOL_TEST(a_second_ask_of_a_worker_ends_its_first),
		POOL_TEST(what_is_stored_is_spooled),
		POOL_TEST(nobody_speaks_of_windows_that_it_was_not_given),
		POOL_TEST(a_late_window_waits_again),
		POOL_TEST(a_late_window_that_was_stored_is_done),
		POOL_TEST(a_late_failure_does_not_take_another_workers_lease),
		POOL_TEST(a_dead_workers_window_goes_to_the_next_at_once),
		POOL_TEST(after_two_deaths_nothing_is_named),
		POOL_TEST(a_worker_that_hangs_and_is_then_killed_died_of_its_window),
		POOL_TEST(a_worker_that_died_behind_its_ask_gets_no_window),
		POOL_TEST(a_window_that_is_given_back_does_not_circle_for_ever),
		POOL_TEST(a_window_given_back_to_stop_is_not_to_blame),
		POOL_TEST(a_worker_that_lost_track_gets_its_window_again),
		POOL_TEST(a_worker_that_dials_again_may_say_what_became_of_its_window),
		POOL_TEST(a_stopping_worker_goes_though_work_waits),
		POOL_TEST(when_all_stop_the_work_is_finished_first),
		POOL_TEST(when_all_stop_a_dead_workers_window_is_finished_by_another),
		POOL_TEST(another_protocol_is_refused_by_name),
		POOL_TEST(a_garbled_ask_costs_the_pipe),
		POOL_TEST(what_the_link_turned_away_is_counted),
		POOL_TEST(workers_are_bounded),
		POOL_TEST(a_poisoned_window_is_dropped_rather_than_leased_without_saying_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
