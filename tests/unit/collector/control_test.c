/* SETTINGS and STATE over a listener without sockets. */
#include "control.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fake_link.h"
#include "fake_opener.h"
#include "sampler.h"

#define SHIPPER_PEER 3u
#define INSTANCE     UINT64_C(77)

struct fixture {
	struct counters counters;
	struct rounds rounds;
	struct control *control;
	unsigned n_applied;
	uint32_t applied_hz;
	size_t n_targets;
	int apply_result;
	uint64_t n_taken; /* what a refresh finds */
};

static int apply(void *owner, const struct wire_settings_message *m)
{
	struct fixture *f = owner;

	f->n_applied++;
	f->applied_hz = m->jobs[0].sample_rate_hz;
	f->n_targets = m->jobs[0].n_targets;
	return f->apply_result;
}

static void refresh(void *owner)
{
	struct fixture *f = owner;

	counters_set(&f->counters, COUNTER_TAKEN, f->n_taken);
}

static int encode_view(void *owner, struct bytes *out)
{
	const struct wire_view view = {.instance = INSTANCE};

	(void)owner;
	wire_encode_view(out, &view);
	return 0;
}

static struct control_options options_of(struct fixture *f)
{
	static const uid_t uid = 59114;

	return (struct control_options){
		.socket_path = "unused",
		.n_uids = 1,
		.uids = &uid,
		.instance = INSTANCE,
		.n_cpus = 5,
		.counters = &f->counters,
		.rounds = &f->rounds,
		.apply = apply,
		.refresh = refresh,
		.view = encode_view,
		.owner = f,
	};
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct control_options options = options_of(f);

	fake_link_reset();
	fake_opener_reset();
	*state = f;
	return control_listen(&options, &f->control);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	control_free(f->control);
	free(f);
	fake_link_reset();
	return 0;
}

static struct wire_job job; /* of good_settings(): a test may change it behind the call */

static struct wire_settings_message good_settings(uint64_t generation)
{
	static const struct wire_target_rule everything = {
		.key_kind = TARGET_DEFAULT, .key = {"", 0}, .labels = {"labels", 6}};
	job = (struct wire_job){
		.sample_rate_hz = 97,
		.collect_interval_ms = 15000,
		.n_targets = 1,
		.targets = &everything,
	};

	return (struct wire_settings_message){
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.generation = generation,
		.n_jobs = 1,
		.jobs = &job,
	};
}

static const struct fake_answer *send_settings(struct fixture *f,
					       const struct wire_settings_message *m)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_SETTINGS);
	uint64_t request;

	wire_encode_settings(&frame, m);
	request = fake_link_send(SHIPPER_PEER, &frame);
	control_dispatch(f->control);
	return fake_link_answer(request);
}

/* The answer must be a STATE; its counters are looked at by @check_counters. */
static uint64_t generation_in(const struct fake_answer *answer)
{
	struct wire_arena arena = {NULL};
	struct wire_state state;
	uint64_t generation;

	assert_non_null(answer);
	assert_int_equal(answer->id, MESSAGE_STATE);
	assert_int_equal(wire_decode_state(answer->frame, answer->n_bytes, &arena, &state), 0);
	assert_int_equal(state.instance, INSTANCE);
	generation = state.generation;
	wire_arena_deinit(&arena);
	return generation;
}

static void assert_refused(const struct fake_answer *answer, enum refusal reason)
{
	enum refusal found;

	assert_non_null(answer);
	assert_int_equal(answer->id, MESSAGE_REFUSED);
	assert_int_equal(wire_decode_refused(answer->frame, answer->n_bytes, &found), 0);
	assert_int_equal(found, reason);
}

static void settings_are_applied_once_and_said_to_be_in_force(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message m = good_settings(42);

	assert_int_equal(generation_in(send_settings(f, &m)), 42);
	assert_int_equal(f->n_applied, 1);
	assert_int_equal(f->applied_hz, 97);
	assert_int_equal(f->n_targets, 1);
	assert_int_equal(generation_in(send_settings(f, &m)), 42);
	assert_int_equal(f->n_applied, 1);
	assert_int_equal(control_n_answers(f->control), 2);
}

static void a_heartbeat_changes_nothing_and_learns_what_is_in_force(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message heartbeat = {
		.protocol_version = WIRE_PROTOCOL_VERSION, .generation = 9, .is_heartbeat = true};
	const struct wire_settings_message m = good_settings(42);

	assert_int_equal(generation_in(send_settings(f, &heartbeat)), 0);
	assert_int_equal(generation_in(send_settings(f, &m)), 42);
	assert_int_equal(generation_in(send_settings(f, &heartbeat)), 42);
	assert_int_equal(f->n_applied, 1);
}

static void settings_out_of_bounds_are_refused_and_the_old_ones_stay(void **state)
{
	static const struct {
		const char *name;
		uint32_t hz, interval_ms;
	} rows[] = {
		{"a rate too high", SAMPLE_RATE_HZ_MAX + 1, 15000},
		{"the highest number", UINT32_MAX, 15000},
		{"an interval too short", 97, COLLECT_INTERVAL_MS_MIN - 1},
		{"an interval too long", 97, COLLECT_INTERVAL_MS_MAX + 1},
	};
	const struct wire_settings_message heartbeat = {.protocol_version = WIRE_PROTOCOL_VERSION,
							.is_heartbeat = true};
	struct fixture *f = *state;
	struct wire_settings_message m = good_settings(42);

	assert_int_equal(generation_in(send_settings(f, &m)), 42);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		m = good_settings(43);
		job.sample_rate_hz = rows[i].hz;
		job.collect_interval_ms = rows[i].interval_ms;
		print_message("%s\n", rows[i].name);
		assert_refused(send_settings(f, &m), REFUSAL_STATE);
		assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), i + 1);
	}
	assert_int_equal(f->n_applied, 1);
	assert_int_equal(generation_in(send_settings(f, &heartbeat)), 42);
}

static void the_bounds_themselves_are_good(void **state)
{
	struct fixture *f = *state;
	struct wire_settings_message m = good_settings(1);

	job.sample_rate_hz = SAMPLE_RATE_HZ_MAX;
	job.collect_interval_ms = COLLECT_INTERVAL_MS_MIN;
	assert_int_equal(generation_in(send_settings(f, &m)), 1);
	m.generation = 2;
	job.sample_rate_hz = 1;
	job.collect_interval_ms = COLLECT_INTERVAL_MS_MAX;
	assert_int_equal(generation_in(send_settings(f, &m)), 2);
}

static void another_protocol_version_is_refused(void **state)
{
	struct fixture *f = *state;
	struct wire_settings_message m = good_settings(42);

	m.protocol_version = WIRE_PROTOCOL_VERSION + 1;
	assert_refused(send_settings(f, &m), REFUSAL_VERSION);
	assert_int_equal(f->n_applied, 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), 1);
}

static void settings_that_could_not_be_applied_are_not_said_to_be_in_force(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message m = good_settings(42);

	f->apply_result = -ENOMEM;
	assert_int_equal(generation_in(send_settings(f, &m)), 0);
	f->apply_result = 0;
	assert_int_equal(generation_in(send_settings(f, &m)), 42);
	assert_int_equal(f->n_applied, 2);
}

static void a_garbled_frame_closes_its_pipe_and_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message m = good_settings(42);
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_SETTINGS);
	uint64_t request;

	wire_encode_settings(&frame, &m);
	frame.n_bytes--;
	request = fake_link_send(SHIPPER_PEER, &frame);
	control_dispatch(f->control);
	assert_true(fake_link_answer(request)->is_pipe_closed);
	assert_int_equal(f->n_applied, 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), 1);
}

static uint64_t send_processes(struct fixture *f, uint64_t peer, uint32_t after_pid)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_PROCESSES);
	uint64_t request;

	wire_encode_processes(&frame, &(struct wire_processes){after_pid, true});
	request = fake_link_send(peer, &frame);
	control_dispatch(f->control);
	return request;
}

static void a_list_of_processes_is_answered_when_it_is_read(void **state)
{
	static const char status[] = "Name:\tx\nUid:\t1\t1\t1\t1\nNSpid:\t42\n";
	const struct opener_result result = {.fd = -1,
					     .bytes = {[1] = {status, sizeof(status) - 1}}};
	struct wire_arena arena = {NULL};
	struct wire_process_list list;
	const struct fake_answer *answer;
	struct fixture *f = *state;
	struct {
		struct dirent64 entry;
	} directory = {.entry = {.d_reclen = sizeof(struct dirent64), .d_name = "42"}};
	uint64_t request = send_processes(f, SHIPPER_PEER, 0);

	fake_opener_give_bytes(0, &directory, sizeof(directory));
	assert_null(fake_link_answer(request));
	fake_opener_give(1, &result);
	answer = fake_link_answer(request);
	assert_int_equal(answer->id, MESSAGE_PROCESS_LIST);
	assert_int_equal(wire_decode_process_list(answer->frame, answer->n_bytes, &arena, &list),
			 0);
	assert_true(list.is_last);
	assert_int_equal(list.n_processes, 1);
	assert_int_equal(list.processes[0].pid, 42);
	wire_arena_deinit(&arena);
}

static void of_two_askers_for_processes_the_later_gets_them(void **state)
{
	struct fixture *f = *state;
	uint64_t first = send_processes(f, SHIPPER_PEER, 0);
	uint64_t second = send_processes(f, SHIPPER_PEER + 1, 0);

	assert_refused(fake_link_answer(first), REFUSAL_BUSY);
	assert_null(fake_link_answer(second));
	fake_opener_fail(0, OPENER_FAILED);
	assert_refused(fake_link_answer(second), REFUSAL_BUSY);
}

static void a_list_that_takes_long_is_answered_in_part(void **state)
{
	struct fixture *f = *state;
	uint64_t request = send_processes(f, SHIPPER_PEER, 0);
	uint64_t until_ns = control_expire(f->control, 0);

	assert_int_not_equal(until_ns, UINT64_MAX);
	assert_null(fake_link_answer(request));
	assert_int_equal(control_expire(f->control, until_ns), UINT64_MAX);
	assert_int_equal(fake_link_answer(request)->id, MESSAGE_PROCESS_LIST);
}

static void a_garbled_ask_for_processes_closes_its_pipe_and_is_counted(void **state)
{
	struct fixture *f = *state;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_PROCESSES);
	uint64_t request;

	wire_encode_processes(&frame, &(struct wire_processes){0, true});
	frame.n_bytes--;
	request = fake_link_send(SHIPPER_PEER, &frame);
	control_dispatch(f->control);
	assert_true(fake_link_answer(request)->is_pipe_closed);
	assert_int_equal(fake_opener_n(), 0);
	assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), 1);
}

static void whoever_is_turned_away_is_counted(void **state)
{
	struct fixture *f = *state;

	fake_link_turn_away(0, 1234);
	fake_link_close(SHIPPER_PEER);
	control_dispatch(f->control);
	assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), 1);
}

static void the_state_has_every_counter_of_the_collector_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message m = good_settings(42);
	struct wire_arena arena = {NULL};
	const struct fake_answer *answer;
	struct wire_state s;
	size_t n_own = 0, n_taken = 0;

	f->n_taken = 4711;
	f->rounds = (struct rounds){1, {{.job = 77, .n_ended = 3}}};
	(void)send_settings(f, &m); /* the shipper that is to hear of it */
	control_set_phase(f->control, COLLECTOR_STOPPING);
	assert_int_equal(fake_link_expelled(), SHIPPER_PEER);
	answer = send_settings(f, &m);
	assert_int_equal(wire_decode_state(answer->frame, answer->n_bytes, &arena, &s), 0);
	assert_int_equal(s.phase, COLLECTOR_STOPPING);
	assert_int_equal(s.n_cpus, 5);
	for (size_t i = 0; i < n_counter_rows; i++)
		n_own += counter_rows[i].owner == COLLECTOR;
	assert_int_equal(s.n_counters, n_own);
	for (size_t i = 0; i < s.n_counters; i++)
		if (s.counters[i].id == COUNTER_TAKEN)
			n_taken = s.counters[i].value;
	assert_int_equal(n_taken, 4711);
	assert_int_equal(s.n_rounds, 1);
	assert_int_equal(s.rounds[0].job, 77);
	assert_int_equal(s.rounds[0].n_ended, 3);
	wire_arena_deinit(&arena);
}

static void without_memory_for_the_state_the_pipe_is_closed(void **state)
{
	struct fixture *f = *state;
	const struct wire_settings_message m = good_settings(42);
	const struct fake_answer *answer;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_SETTINGS);
	uint64_t request;

	wire_encode_settings(&frame, &m);
	request = fake_link_send(SHIPPER_PEER, &frame);
	failing_memory_begin(1, true); /* the settings themselves can be decoded */
	control_dispatch(f->control);
	assert_true(failing_memory_end());
	answer = fake_link_answer(request);
	assert_true(answer->is_pipe_closed);
	assert_int_equal(control_n_answers(f->control), 0);
	assert_int_equal(generation_in(send_settings(f, &m)), 42);
}

static const struct fake_answer *send_look(struct fixture *f, bool is_garbled)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LOOK);
	uint64_t request;

	wire_encode_bare(&frame, MESSAGE_LOOK);
	if (is_garbled)
		bytes_append(&frame, "\x00", 1);
	request = fake_link_send(SHIPPER_PEER, &frame);
	control_dispatch(f->control);
	return fake_link_answer(request);
}

static void a_look_is_answered_with_a_view_and_changes_nothing(void **state)
{
	const struct fake_answer *answer = send_look(*state, false);
	struct wire_arena arena = {NULL};
	struct fixture *f = *state;
	struct wire_view view;

	assert_int_equal(answer->id, MESSAGE_VIEW);
	assert_int_equal(wire_decode_view(answer->frame, answer->n_bytes, &arena, &view), 0);
	assert_int_equal(view.instance, INSTANCE);
	assert_int_equal(control_n_answers(f->control), 0); /* of STATE: no counters were heard */
	assert_int_equal(f->n_applied, 0);
	wire_arena_deinit(&arena);
}

static void a_garbled_look_closes_its_pipe_and_is_counted(void **state)
{
	struct fixture *f = *state;

	assert_true(send_look(f, true)->is_pipe_closed);
	assert_int_equal(counters_get(&f->counters, COUNTER_MESSAGES_REFUSED), 1);
}

static void a_listener_for_nobody_is_refused(void **state)
{
	struct fixture *f = *state;
	struct control_options options = options_of(f);
	struct control *control;

	options.n_uids = 0;
	assert_int_equal(control_listen(&options, &control), -EINVAL);
	options.n_uids = LINK_UIDS_MAX + 1;
	assert_int_equal(control_listen(&options, &control), -EINVAL);
	control_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(settings_are_applied_once_and_said_to_be_in_force),
		TEST(a_heartbeat_changes_nothing_and_learns_what_is_in_force),
		TEST(settings_out_of_bounds_are_refused_and_the_old_ones_stay),
		TEST(the_bounds_themselves_are_good),
		TEST(another_protocol_version_is_refused),
		TEST(settings_that_could_not_be_applied_are_not_said_to_be_in_force),
		TEST(a_look_is_answered_with_a_view_and_changes_nothing),
		TEST(a_garbled_look_closes_its_pipe_and_is_counted),
		TEST(a_garbled_frame_closes_its_pipe_and_is_counted),
		TEST(a_list_of_processes_is_answered_when_it_is_read),
		TEST(of_two_askers_for_processes_the_later_gets_them),
		TEST(a_list_that_takes_long_is_answered_in_part),
		TEST(a_garbled_ask_for_processes_closes_its_pipe_and_is_counted),
		TEST(whoever_is_turned_away_is_counted),
		TEST(the_state_has_every_counter_of_the_collector_brought_up_to_date),
		TEST(without_memory_for_the_state_the_pipe_is_closed),
		TEST(a_listener_for_nobody_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
