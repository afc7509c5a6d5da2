/* Lists of processes made of parts, by a collector and a clock of the test's own. */
#include "process_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS_NS     UINT64_C(1000000)
#define SECOND_NS (1000 * MS_NS)
#define PATIENCE  (10 * SECOND_NS)

static uint64_t now_ns;

struct witness {
	struct process_asker asker;
	unsigned n_lists;
	unsigned n_failures;
	size_t n; /* of the latest */
	uint64_t began_ns;
	const char *why;
};

struct fixture {
	struct process_list *list;
	process_list_part_fn *done; /* NULL: nothing is asked */
	void *owner;
	struct wire_processes ask;
	unsigned n_asks;
	unsigned n_forgotten;
	struct witness a, b;
};

static uint64_t clock_ns(void)
{
	return now_ns;
}

static void ask(void *owner, const struct wire_processes *processes, process_list_part_fn *done,
		void *list)
{
	struct fixture *f = owner;

	assert_null(f->done);
	f->ask = *processes;
	f->done = done;
	f->owner = list;
	f->n_asks++;
}

static void forget(void *owner)
{
	struct fixture *f = owner;

	f->done = NULL;
	f->n_forgotten++;
}

static void listed(void *owner, const struct process_listing *listing, const char *why)
{
	struct witness *witness = owner;

	if (!listing) {
		witness->n_failures++;
		witness->why = why;
		return;
	}
	witness->n_lists++;
	witness->n = listing->n;
	witness->began_ns = listing->began_ns;
}

static void add(struct fixture *f, struct witness *witness, bool wants_commands)
{
	witness->asker = (struct process_asker){
		.done = listed, .owner = witness, .wants_commands = wants_commands};
	process_list_add(f->list, &witness->asker);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	now_ns = SECOND_NS;
	*state = f;
	return process_list_new(
		&(struct process_list_collector){
			.ask = ask, .forget = forget, .owner = f, .clock_ns = clock_ns},
		&f->list);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	process_list_free(f->list);
	free(f);
	return 0;
}

/* Asks, and runs until the collector is asked. */
static void want(struct fixture *f, struct witness *witness)
{
	process_list_ask(f->list, &witness->asker, now_ns);
	if (process_list_deadline_ns(f->list) > now_ns)
		now_ns = process_list_deadline_ns(f->list);
	process_list_run(f->list, now_ns);
	assert_non_null(f->done);
}

static void give(struct fixture *f, const struct wire_process_list *part)
{
	process_list_part_fn *done = f->done;

	assert_non_null(done);
	f->done = NULL;
	done(f->owner, part);
	if (process_list_deadline_ns(f->list) <= now_ns)
		process_list_run(f->list, now_ns);
}

/* A part of the processes from @first to @last. */
static void give_pids(struct fixture *f, uint32_t first, uint32_t last, bool is_last)
{
	size_t n = last >= first ? last - first + 1 : 0;
	struct wire_listed_process *processes = calloc(n + 1, sizeof(*processes));

	for (size_t i = 0; i < n; i++)
		processes[i].pid = first + (uint32_t)i;
	give(f, &(struct wire_process_list){.next_after_pid = last,
					    .is_last = is_last,
					    .n_processes = n,
					    .processes = processes});
	free(processes);
}

static void a_list_is_made_of_parts(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	assert_int_equal(process_list_deadline_ns(f->list), UINT64_MAX);
	want(f, &f->a);
	assert_int_equal(f->ask.after_pid, 0);
	assert_true(f->ask.wants_commands);
	give_pids(f, 1, 300, false);
	assert_int_equal(f->ask.after_pid, 300);
	give_pids(f, 400, 700, false);
	assert_int_equal(f->a.n_lists, 0);
	assert_null(process_list_latest(f->list, &f->a.asker));
	give_pids(f, 701, 700, true);
	assert_int_equal(f->a.n_lists, 1);
	assert_int_equal(f->a.n, 601);
	assert_int_equal(process_list_latest(f->list, &f->a.asker)->processes[600].pid, 700);
	assert_int_equal(process_list_deadline_ns(f->list), UINT64_MAX);
}

static void texts_are_kept_as_they_came(void **state)
{
	const struct wire_listed_process process = {.pid = 4,
						    .uid = 5,
						    .exe = {"/x\0y", 4},
						    .cwd = {"/", 1},
						    .command = {"a\0b\0", 4},
						    .container_id = {"c", 1},
						    .cgroup = {"0::/\n", 5}};
	struct fixture *f = *state;
	const struct wire_listed_process *kept;

	add(f, &f->a, true);
	want(f, &f->a);
	give(f, &(struct wire_process_list){4, true, 0, 1, &process});
	kept = process_list_latest(f->list, &f->a.asker)->processes;
	assert_int_equal(kept->uid, 5);
	assert_int_equal(kept->exe.n_bytes, 4);
	assert_memory_equal(kept->exe.data, "/x\0y", 4);
	assert_memory_equal(kept->command.data, "a\0b\0", 4);
	assert_memory_equal(kept->container_id.data, "c", 1);
	assert_memory_equal(kept->cgroup.data, "0::/\n", 5);
	assert_ptr_not_equal(kept->exe.data, process.exe.data);
}

static void one_list_serves_all_who_ask_before_it_begins(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, false);
	add(f, &f->b, true);
	process_list_ask(f->list, &f->b.asker, now_ns);
	want(f, &f->a);
	assert_true(f->ask.wants_commands);
	give_pids(f, 1, 2, true);
	assert_int_equal(f->a.n_lists, 1);
	assert_int_equal(f->b.n_lists, 1);
	assert_int_equal(f->n_asks, 1);
}

static void who_asks_while_a_list_is_made_gets_it_and_the_next(void **state)
{
	struct fixture *f = *state;
	uint64_t began_ns;

	add(f, &f->a, true);
	add(f, &f->b, true);
	want(f, &f->a);
	now_ns += MS_NS;
	process_list_ask(f->list, &f->b.asker, now_ns);
	give_pids(f, 1, 2, true);
	assert_int_equal(f->b.n_lists, 1);
	began_ns = process_list_deadline_ns(f->list);
	assert_int_equal(began_ns, now_ns + 500 * MS_NS);
	now_ns = began_ns;
	process_list_run(f->list, now_ns);
	give_pids(f, 1, 3, true);
	assert_int_equal(f->b.n_lists, 2);
	assert_int_equal(f->b.began_ns, began_ns);
	assert_int_equal(f->a.n_lists, 2); /* it hears of that, too */
}

static void lists_take_at_most_a_quarter_of_the_time(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	want(f, &f->a);
	now_ns += 2 * SECOND_NS;
	give_pids(f, 1, 2, true);
	process_list_ask(f->list, &f->a.asker, now_ns);
	assert_int_equal(process_list_deadline_ns(f->list), now_ns + 6 * SECOND_NS);
}

static void a_list_without_command_lines_is_none_for_who_wants_them(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, false);
	want(f, &f->a);
	assert_false(f->ask.wants_commands);
	add(f, &f->b, true);
	give_pids(f, 1, 2, true);
	assert_int_equal(f->b.n_lists, 0);
	assert_non_null(process_list_latest(f->list, &f->a.asker));
	assert_null(process_list_latest(f->list, &f->b.asker));
}

static void a_part_that_gets_nowhere_is_asked_for_again_after_a_pause(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	want(f, &f->a);
	give_pids(f, 1, 5, false);
	give_pids(f, 6, 5, false);
	assert_null(f->done);
	assert_int_equal(process_list_deadline_ns(f->list), now_ns + 50 * MS_NS);
	now_ns += 50 * MS_NS;
	process_list_run(f->list, now_ns);
	assert_int_equal(f->ask.after_pid, 5);
	give_pids(f, 6, 7, true);
	assert_int_equal(f->a.n, 7);
}

static void what_cannot_be_listed_fails_and_the_last_list_stays(void **state)
{
	static const struct wire_listed_process first = {.pid = 1}, many[PROCESS_LIST_MAX + 1];
	static const struct wire_process_list bad[] = {
		{.next_after_pid = 5, .n_processes = 1, .processes = &first}, /* again from 1 */
		{.next_after_pid = 2},                                        /* backwards */
		{.next_after_pid = 9, .n_processes = PROCESS_LIST_MAX + 1, .processes = many},
	};
	struct fixture *f = *state;
	unsigned n = 0;

	add(f, &f->a, true);
	want(f, &f->a);
	give_pids(f, 1, 5, true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		want(f, &f->a);
		give_pids(f, 1, 3, false);
		give(f, &bad[i]);
		assert_int_equal(f->a.n_failures, ++n);
		assert_non_null(f->a.why);
	}
	want(f, &f->a);
	give(f, NULL);
	assert_string_equal(f->a.why, "the collector cannot list processes now");
	assert_int_equal(f->a.n_lists, 1);
	assert_int_equal(process_list_latest(f->list, &f->a.asker)->n, 5);
}

static void a_collector_that_does_not_answer_is_not_waited_for(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	want(f, &f->a);
	now_ns += PATIENCE - 1;
	process_list_run(f->list, now_ns);
	assert_int_equal(f->a.n_failures, 0);
	now_ns++;
	assert_int_equal(process_list_deadline_ns(f->list), now_ns);
	process_list_run(f->list, now_ns);
	assert_int_equal(f->a.n_failures, 1);
	assert_string_equal(f->a.why, "the collector does not answer");
	assert_int_equal(f->n_forgotten, 1);
	want(f, &f->a);
	give_pids(f, 1, 1, true);
	assert_int_equal(f->a.n_lists, 1);
}

static void a_list_that_everybody_left_is_begun_anew(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	want(f, &f->a);
	process_list_remove(f->list, &f->a.asker);
	now_ns += SECOND_NS;
	f->done(f->owner, &(struct wire_process_list){.next_after_pid = 0});
	f->done = NULL;
	now_ns += PATIENCE;
	add(f, &f->b, true);
	want(f, &f->b);
	assert_int_equal(f->ask.after_pid, 0);
	give_pids(f, 7, 8, true);
	assert_int_equal(f->b.n_lists, 1);
	assert_int_equal(f->b.n, 2);
	assert_int_equal(f->a.n_lists, 0);
}

static void who_has_left_is_told_nothing(void **state)
{
	struct fixture *f = *state;

	add(f, &f->a, true);
	add(f, &f->b, true);
	want(f, &f->a);
	process_list_remove(f->list, &f->a.asker);
	process_list_remove(f->list, &f->a.asker); /* it was not there */
	give_pids(f, 1, 1, true);
	assert_int_equal(f->a.n_lists, 0);
	assert_int_equal(f->b.n_lists, 1);
}

/* Long texts of some must not cost the others theirs. */
static void long_texts_share_what_all_have_together(void **state)
{
	enum { N = 300 };
	char *text = calloc(1, PROCESS_TEXT_BYTES_MAX);
	struct wire_listed_process *processes = calloc(N, sizeof(*processes));
	struct fixture *f = *state;
	const struct process_listing *listing;
	size_t n_bytes = 0;

	memset(text, 'x', PROCESS_TEXT_BYTES_MAX);
	for (uint32_t i = 0; i < N; i++)
		processes[i] = (struct wire_listed_process){
			.pid = i + 1,
			.exe = {"/bin/x", 6},
			.cgroup = {text, i < N - 1 ? 1000 : 5},
			.command = {text, i < N - 1 ? PROCESS_TEXT_BYTES_MAX : 9}};
	add(f, &f->a, true);
	want(f, &f->a);
	give(f, &(struct wire_process_list){N, true, 0, N, processes});
	listing = process_list_latest(f->list, &f->a.asker);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(listing->processes[i].exe.n_bytes, 6);
		n_bytes += listing->processes[i].command.n_bytes +
			   listing->processes[i].cgroup.n_bytes + 6;
	}
	assert_true(n_bytes <= PROCESS_LIST_TEXT_BYTES_ALL + N * PROCESS_LIST_TEXT_BYTES);
	assert_true(n_bytes > PROCESS_LIST_TEXT_BYTES_ALL);
	assert_int_equal(listing->processes[0].command.n_bytes, PROCESS_TEXT_BYTES_MAX);
	assert_int_equal(listing->processes[N - 2].cgroup.n_bytes, 0); /* not cut: left out */
	assert_int_equal(listing->processes[N - 2].command.n_bytes, PROCESS_LIST_TEXT_BYTES - 6);
	assert_int_equal(listing->processes[N - 1].command.n_bytes, 9); /* an honest one */
	assert_int_equal(listing->processes[N - 1].cgroup.n_bytes, 5);
	free(processes);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_made_of_parts),
		TEST(texts_are_kept_as_they_came),
		TEST(one_list_serves_all_who_ask_before_it_begins),
		TEST(who_asks_while_a_list_is_made_gets_it_and_the_next),
		TEST(lists_take_at_most_a_quarter_of_the_time),
		TEST(a_list_without_command_lines_is_none_for_who_wants_them),
		TEST(a_part_that_gets_nowhere_is_asked_for_again_after_a_pause),
		TEST(what_cannot_be_listed_fails_and_the_last_list_stays),
		TEST(a_collector_that_does_not_answer_is_not_waited_for),
		TEST(a_list_that_everybody_left_is_begun_anew),
		TEST(who_has_left_is_told_nothing),
		TEST(long_texts_share_what_all_have_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
