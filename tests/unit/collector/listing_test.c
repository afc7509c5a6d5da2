/* Lists of processes, with an opener that answers what the test says. */
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "fake_opener.h"

#define SECOND_NS UINT64_C(1000000000)
#define ENTRY_MAX 64u

static uint64_t now_ns;

struct fixture {
	struct listing *listing;
	unsigned n_parts;
	unsigned n_failed;
	struct wire_process_list part; /* the last one */
	struct wire_listed_process processes[LISTING_PROCESSES_MAX];
};

static uint64_t clock_ns(void)
{
	return now_ns;
}

static void done(void *owner, const struct wire_process_list *part)
{
	struct fixture *f = owner;

	f->n_parts++;
	f->n_failed += part == NULL;
	if (!part)
		return;
	f->part = *part;
	f->part.processes = f->processes;
	if (part->n_processes > 0)
		memcpy(f->processes, part->processes, part->n_processes * sizeof(*f->processes));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	now_ns = SECOND_NS;
	fake_opener_reset();
	*state = f;
	return listing_new(
		&(struct listing_options){.done = done, .owner = f, .clock_ns = clock_ns},
		&f->listing);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	listing_free(f->listing);
	free(f);
	return 0;
}

static void ask(struct fixture *f, uint32_t after_pid, bool wants_commands)
{
	listing_ask(f->listing, &(struct wire_processes){after_pid, wants_commands});
}

/* The request that waits, and its number. */
static const struct opener_request *waiting(void)
{
	assert_true(fake_opener_n() > 0);
	return fake_opener_request(fake_opener_n() - 1);
}

static void answer(const struct opener_result *result)
{
	fake_opener_give(fake_opener_n() - 1, result);
}

/* Appends an entry as getdents64 would. */
static size_t append_entry(char *at, const char *name)
{
	size_t n_head = offsetof(struct dirent64, d_name);
	unsigned short n_bytes = (unsigned short)((n_head + strlen(name) + 1 + 7) & ~7u);

	memset(at, 0, n_bytes);
	memcpy(at + offsetof(struct dirent64, d_reclen), &n_bytes, sizeof(n_bytes));
	memcpy(at + n_head, name, strlen(name));
	return n_bytes;
}

static void give_names(const char *const *names, size_t n_names)
{
	char *entries = calloc(n_names, ENTRY_MAX);
	size_t n_bytes = 0;

	assert_int_equal(waiting()->op, OPENER_LIST_PROC);
	for (size_t i = 0; i < n_names; i++)
		n_bytes += append_entry(entries + n_bytes, names[i]);
	fake_opener_give_bytes(fake_opener_n() - 1, entries, n_bytes);
	free(entries);
}

static void give_pids(uint32_t first, size_t n)
{
	char(*texts)[16] = calloc(n, sizeof(*texts));
	const char **names = calloc(n, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%u", first + (unsigned)i);
		names[i] = texts[i];
	}
	give_names(names, n);
	free(names);
	free(texts);
}

static const char good_status[] = "Name:\tx\nUid:\t7\t8\t9\t10\nNSpid:\t42\n";

static struct wire_bytes text_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

static struct opener_result good_result(void)
{
	return (struct opener_result){
		.fd = -1,
		.bytes = {[1] = text_of(good_status),
			  [2] = text_of("0::/docker/0123456789ab\n"),
			  [4] = {"a\0b\0", 4},
			  [5] = text_of("/bin/x"),
			  [6] = text_of("/")},
	};
}

static void give_good(uint32_t pid)
{
	const struct opener_result result = good_result();

	assert_int_equal(waiting()->op, OPENER_READ_PROC);
	assert_int_equal(waiting()->pid, pid);
	answer(&result);
}

static void fail_with(uint32_t pid, int outcome)
{
	assert_int_equal(waiting()->op, OPENER_READ_PROC);
	assert_int_equal(waiting()->pid, pid);
	fake_opener_fail(fake_opener_n() - 1, outcome);
}

static void assert_text(struct wire_bytes text, const char *expected, size_t n_bytes)
{
	assert_int_equal(text.n_bytes, n_bytes);
	assert_memory_equal(text.data, expected, n_bytes);
}

static void every_process_is_listed_with_what_was_read(void **state)
{
	static const char *const names[] = {".", "..", "1", "12", "self", "2147483647", "12a"};
	struct fixture *f = *state;

	ask(f, 0, true);
	give_names(names, sizeof(names) / sizeof(names[0]));
	assert_int_equal(waiting()->files,
			 OPENER_STATUS | OPENER_CGROUP | OPENER_COMMAND | OPENER_EXE | OPENER_CWD);
	assert_int_equal(waiting()->n_bytes, PROCESS_TEXT_BYTES_MAX);
	give_good(1);
	give_good(12);
	assert_int_equal(f->n_parts, 0);
	give_good(INT32_MAX);
	assert_int_equal(f->n_parts, 1);
	assert_true(f->part.is_last);
	assert_int_equal(f->part.next_after_pid, INT32_MAX);
	assert_int_equal(f->part.n_processes, 3);
	assert_int_equal(f->processes[1].pid, 12);
	assert_int_equal(f->processes[1].uid, 7);
	assert_text(f->processes[1].exe, "/bin/x", 6);
	assert_text(f->processes[1].cwd, "/", 1);
	assert_text(f->processes[1].command, "a\0b\0", 4);
	assert_text(f->processes[1].container_id, "0123456789ab", 12);
	assert_text(f->processes[1].cgroup, "0::/docker/0123456789ab\n", 24);
}

static void command_lines_are_not_read_for_nothing(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, false);
	give_pids(5, 1);
	assert_int_equal(waiting()->files & OPENER_COMMAND, 0);
}

static void a_list_comes_in_parts_of_bounded_length(void **state)
{
	struct fixture *f = *state;
	uint32_t pid = 100;

	ask(f, 0, true);
	give_pids(pid, LISTING_PROCESSES_MAX + 2);
	for (size_t i = 0; i < LISTING_PROCESSES_MAX; i++)
		give_good(pid++);
	assert_int_equal(f->n_parts, 1);
	assert_false(f->part.is_last);
	assert_int_equal(f->part.n_processes, LISTING_PROCESSES_MAX);
	assert_int_equal(f->part.next_after_pid, pid - 1);
	ask(f, f->part.next_after_pid, true); /* goes on with the pids that there were */
	give_good(pid++);
	give_good(pid++);
	assert_int_equal(f->n_parts, 2);
	assert_true(f->part.is_last);
	assert_int_equal(f->part.n_processes, 2);
}

static void long_texts_are_cut_and_end_a_part_early(void **state)
{
	char *long_text = malloc(2 * PROCESS_TEXT_BYTES_MAX);
	struct opener_result result = good_result();
	struct fixture *f = *state;
	uint32_t pid = 1;

	memset(long_text, 'l', 2 * PROCESS_TEXT_BYTES_MAX);
	for (size_t i = 2; i < OPENER_PROC_FILES; i++)
		result.bytes[i] = (struct wire_bytes){long_text, 2 * PROCESS_TEXT_BYTES_MAX};
	ask(f, 0, true);
	give_pids(pid, 100);
	while (f->n_parts == 0) {
		assert_int_equal(waiting()->pid, pid);
		pid++;
		answer(&result);
	}
	assert_int_equal(f->part.n_processes, pid - 1);
	assert_true(pid < 10);
	assert_int_equal(f->processes[0].command.n_bytes, PROCESS_TEXT_BYTES_MAX);
	assert_int_equal(f->processes[0].cgroup.n_bytes, PROCESS_TEXT_BYTES_MAX);
	assert_int_equal(f->processes[0].exe.n_bytes, PROCESS_PATH_BYTES_MAX);
	assert_int_equal(f->processes[0].cwd.n_bytes, PROCESS_PATH_BYTES_MAX);
	free(long_text);
}

static void what_has_gone_is_passed_over_and_what_is_unreadable_counted(void **state)
{
	struct opener_result garbled = good_result();
	struct fixture *f = *state;

	garbled.bytes[1] = text_of("Name:\tx\n");
	ask(f, 0, true);
	give_pids(1, 5);
	fail_with(1, OPENER_GONE);
	fail_with(2, OPENER_DENIED);
	fail_with(3, OPENER_FAILED);
	answer(&garbled);
	give_good(5);
	assert_int_equal(f->n_parts, 1);
	assert_int_equal(f->part.n_processes, 1);
	assert_int_equal(f->processes[0].pid, 5);
	assert_int_equal(f->part.n_unread, 3);
}

static void a_command_line_that_hangs_is_left_out(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, true);
	give_pids(1, 2);
	fail_with(1, OPENER_DEADLINE);
	assert_int_equal(waiting()->files & OPENER_COMMAND, 0);
	give_good(1);
	assert_true(waiting()->files & OPENER_COMMAND); /* the next may have one */
	fail_with(2, OPENER_DEADLINE);
	fail_with(2, OPENER_DEADLINE); /* not only its command line */
	assert_int_equal(f->n_parts, 1);
	assert_int_equal(f->part.n_processes, 1);
	assert_int_equal(f->part.n_unread, 1);
	assert_true(f->part.is_last);
}

static void an_opener_that_refuses_all_ends_the_list_without_recursion(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, true);
	fake_opener_refuse(OPENER_DEADLINE);
	give_pids(1, 100);
	assert_int_equal(f->n_parts, 1);
	assert_int_equal(f->part.n_unread, 100);
	assert_true(f->part.is_last);
}

static void a_full_queue_ends_the_part_and_loses_nobody(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, true);
	give_pids(1, 3);
	fake_opener_refuse(OPENER_FULL);
	give_good(1);
	assert_int_equal(f->n_parts, 1);
	assert_false(f->part.is_last);
	assert_int_equal(f->part.next_after_pid, 1);
	ask(f, 1, true); /* at once, in vain */
	assert_int_equal(f->n_parts, 2);
	assert_int_equal(f->part.n_processes, 0);
	assert_int_equal(f->part.next_after_pid, 1);
	fake_opener_refuse(0);
	ask(f, 1, true);
	give_good(2);
	give_good(3);
	assert_true(f->part.is_last);
}

static void a_part_ends_when_it_takes_long(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, true);
	give_pids(1, 3);
	now_ns += LISTING_SOME_NS;
	give_good(1);
	assert_int_equal(f->n_parts, 1);
	assert_int_equal(f->part.n_processes, 1);
	assert_false(f->part.is_last);
}

static void an_answer_that_is_late_serves_the_next_ask(void **state)
{
	struct fixture *f = *state;
	size_t n_requests;

	ask(f, 0, true);
	give_pids(1, 2);
	n_requests = fake_opener_n();
	assert_int_equal(listing_expire(f->listing, now_ns), now_ns + LISTING_NOTHING_NS);
	assert_int_equal(f->n_parts, 0);
	assert_int_equal(listing_expire(f->listing, now_ns + LISTING_NOTHING_NS), UINT64_MAX);
	assert_int_equal(f->n_parts, 1);
	assert_int_equal(f->part.n_processes, 0);
	assert_int_equal(f->part.next_after_pid, 0);
	assert_false(f->part.is_last);
	ask(f, 0, true); /* of the same list: nothing was told of it */
	assert_int_equal(fake_opener_n(), n_requests);
	give_good(1);
	assert_int_equal(listing_expire(f->listing, now_ns + LISTING_SOME_NS), UINT64_MAX);
	assert_int_equal(f->n_parts, 2);
	assert_int_equal(f->part.next_after_pid, 1);
	ask(f, 1, true);
	give_good(2); /* which was asked for before */
	assert_int_equal(f->n_parts, 3);
	assert_int_equal(f->part.n_processes, 1);
	assert_true(f->part.is_last);
}

static void a_new_list_has_new_pids(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, true);
	give_pids(1, 2);
	(void)listing_expire(f->listing, now_ns + LISTING_NOTHING_NS);
	now_ns += 60 * SECOND_NS;
	ask(f, 0, true);
	give_good(1); /* of the list before */
	give_pids(3, 2);
	give_good(3);
	ask(f, 0, true); /* the asker began again */
	give_good(4);
	give_pids(5, 1);
	give_good(5);
	assert_true(f->part.is_last);
	assert_int_equal(f->part.n_processes, 1);
	ask(f, 0, true);
	give_pids(6, 1);
}

static void a_late_answer_without_what_is_wanted_is_read_again(void **state)
{
	struct fixture *f = *state;

	ask(f, 0, false);
	give_pids(1, 2);
	give_good(1);
	(void)listing_expire(f->listing, now_ns + LISTING_SOME_NS);
	ask(f, 1, true);
	give_good(2);
	assert_true(waiting()->files & OPENER_COMMAND);
	give_good(2);
	assert_int_equal(f->n_parts, 2);
	assert_int_equal(f->part.n_processes, 1);
}

static void an_asker_that_goes_on_where_none_began_is_served(void **state)
{
	struct fixture *f = *state;

	ask(f, 7, true); /* this collector has started since */
	give_pids(5, 4);
	give_good(8);
	assert_int_equal(f->part.n_processes, 1);
	assert_true(f->part.is_last);
}

static void without_a_list_of_proc_there_is_none(void **state)
{
	static const int outcomes[] = {OPENER_FAILED, OPENER_DENIED, OPENER_DEADLINE, OPENER_FULL};
	const unsigned n_outcomes = sizeof(outcomes) / sizeof(outcomes[0]);
	struct fixture *f = *state;
	char entries[ENTRY_MAX];
	size_t n_bytes;

	for (unsigned i = 0; i < n_outcomes; i++) {
		ask(f, 0, true);
		fake_opener_fail(fake_opener_n() - 1, outcomes[i]);
		assert_int_equal(f->n_failed, i + 1);
	}
	ask(f, 0, true);
	n_bytes = append_entry(entries, "41");
	failing_memory_begin(0, true);
	fake_opener_give_bytes(fake_opener_n() - 1, entries, n_bytes);
	assert_true(failing_memory_end());
	assert_int_equal(f->n_failed, n_outcomes + 1);
}

static void entries_that_make_no_sense_end_the_list_of_pids(void **state)
{
	static const unsigned short lengths[] = {0, 3, 19, 25, UINT16_MAX};
	struct fixture *f = *state;
	char entries[ENTRY_MAX];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n_bytes = append_entry(entries, "41");

		memcpy(entries + offsetof(struct dirent64, d_reclen), &lengths[i],
		       sizeof(lengths[i]));
		ask(f, 0, true);
		fake_opener_give_bytes(fake_opener_n() - 1, entries, n_bytes);
		assert_int_equal(f->n_parts, i + 1);
		assert_int_equal(f->n_failed, 0);
		assert_int_equal(f->part.n_processes, 0);
		assert_true(f->part.is_last);
	}
}

#define listing_test_of(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		listing_test_of(every_process_is_listed_with_what_was_read),
		listing_test_of(command_lines_are_not_read_for_nothing),
		listing_test_of(a_list_comes_in_parts_of_bounded_length),
		listing_test_of(long_texts_are_cut_and_end_a_part_early),
		listing_test_of(what_has_gone_is_passed_over_and_what_is_unreadable_counted),
		listing_test_of(a_command_line_that_hangs_is_left_out),
		listing_test_of(an_opener_that_refuses_all_ends_the_list_without_recursion),
		listing_test_of(a_full_queue_ends_the_part_and_loses_nobody),
		listing_test_of(a_part_ends_when_it_takes_long),
		listing_test_of(an_answer_that_is_late_serves_the_next_ask),
		listing_test_of(a_new_list_has_new_pids),
		listing_test_of(a_late_answer_without_what_is_wanted_is_read_again),
		listing_test_of(an_asker_that_goes_on_where_none_began_is_served),
		listing_test_of(without_a_list_of_proc_there_is_none),
		listing_test_of(entries_that_make_no_sense_end_the_list_of_pids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
