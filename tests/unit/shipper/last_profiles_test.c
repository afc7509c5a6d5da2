#include "last_profiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct wire_bytes bytes_of(const char *text)
{
	return (struct wire_bytes){text, strlen(text)};
}

/* A PROFILE of window @sequence with parts of these labels, each of @n_samples. */
static void note(struct last_profiles *last, uint64_t sequence, const char *const *labels,
		 uint64_t n_samples)
{
	struct wire_part parts[4];
	struct wire_profile profile = {{9, sequence}, 1000 * sequence, 0, parts};
	struct bytes frame = BYTES_INIT(1 << 16);

	for (; labels[profile.n_parts]; profile.n_parts++)
		parts[profile.n_parts] = (struct wire_part){
			.labels = bytes_of(labels[profile.n_parts]),
			.pprof_gz = bytes_of("12345"),
			.n_samples = n_samples,
		};
	wire_encode_profile(&frame, &profile);
	last_profiles_note(last, frame.data, frame.n_bytes, 5000 + sequence);
	bytes_deinit(&frame);
}

static const struct last_profile *find(const struct last_profiles *last, const char *labels)
{
	return last_profiles_find(last, wire_labels_hash(bytes_of(labels)));
}

static void parts_of_a_target_are_one_profile(void **state)
{
	struct last_profiles *last = last_profiles_new();

	(void)state;
	note(last, 1, (const char *const[]){"a", "b", "a", NULL}, 7);
	assert_int_equal(find(last, "a")->n_samples, 14);
	assert_int_equal(find(last, "a")->n_bytes, 10);
	assert_int_equal(find(last, "a")->time_wall_ns, 1000);
	assert_int_equal(find(last, "a")->stored_wall_ns, 5001);
	assert_int_equal(find(last, "b")->n_samples, 7);
	assert_null(find(last, "c"));
	last_profiles_free(last);
}

static void a_newer_window_replaces_an_older_one_and_not_the_reverse(void **state)
{
	struct last_profiles *last = last_profiles_new();

	(void)state;
	note(last, 5, (const char *const[]){"a", NULL}, 7);
	note(last, 6, (const char *const[]){"a", NULL}, 9);
	assert_int_equal(find(last, "a")->n_samples, 9);
	note(last, 4, (const char *const[]){"a", NULL}, 1); /* came late */
	assert_int_equal(find(last, "a")->n_samples, 9);
	assert_int_equal(find(last, "a")->time_wall_ns, 6000);
	last_profiles_free(last);
}

static void foreign_numbers_do_not_wrap(void **state)
{
	struct last_profiles *last = last_profiles_new();

	(void)state;
	note(last, 1, (const char *const[]){"a", "a", NULL}, UINT64_MAX);
	assert_true(find(last, "a")->n_samples == UINT64_MAX);
	last_profiles_free(last);
}

static void of_too_many_the_oldest_go(void **state)
{
	struct last_profiles *last = last_profiles_new();
	char labels[16];

	(void)state;
	for (unsigned i = 1; i <= LAST_PROFILES_MAX + 2; i++) {
		(void)snprintf(labels, sizeof(labels), "%u", i);
		note(last, i, (const char *const[]){labels, NULL}, i);
	}
	assert_null(find(last, "1"));
	assert_null(find(last, "2"));
	assert_int_equal(find(last, "3")->n_samples, 3);
	assert_int_equal(find(last, labels)->n_samples, LAST_PROFILES_MAX + 2);
	last_profiles_free(last);
}

static void what_is_garbled_is_not_noted(void **state)
{
	struct last_profiles *last = last_profiles_new();

	(void)state;
	last_profiles_note(last, "\x94\x0e", 2, 1);
	assert_null(find(last, ""));
	last_profiles_free(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_target_are_one_profile),
		cmocka_unit_test(a_newer_window_replaces_an_older_one_and_not_the_reverse),
		cmocka_unit_test(foreign_numbers_do_not_wrap),
		cmocka_unit_test(of_too_many_the_oldest_go),
		cmocka_unit_test(what_is_garbled_is_not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
