#include "container_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N_HOLDERS 8u

static void keep(struct container_ids *ids, struct cached_container_id **holder, unsigned n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "container-%u", n);
	container_ids_keep(ids, holder, (struct wire_bytes){text, strlen(text)});
}

/* Which of the holders have one, as bits. */
static unsigned held(struct cached_container_id *const holders[N_HOLDERS])
{
	unsigned bits = 0;

	for (unsigned i = 0; i < N_HOLDERS; i++)
		bits |= (unsigned)(holders[i] != NULL) << i;
	return bits;
}

static void the_one_that_was_used_longest_ago_goes_first(void **state)
{
	struct cached_container_id *holders[N_HOLDERS] = {NULL};
	struct container_ids ids = {.n_max = 3};
	struct wire_bytes id;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		keep(&ids, &holders[i], i);
	id = container_ids_use(&ids, &holders[0]);
	assert_int_equal(id.n_bytes, 11);
	assert_memory_equal(id.data, "container-0", 11);
	keep(&ids, &holders[3], 3);
	assert_int_equal(held(holders), 0xd);
	assert_int_equal(container_ids_use(&ids, &holders[1]).n_bytes, 0);
	keep(&ids, &holders[2], 22); /* in its own place */
	assert_int_equal(held(holders), 0xd);
	assert_int_equal(ids.n, 3);
	assert_int_equal(ids.n_evicted, 1);
	keep(&ids, &holders[4], 4);
	assert_int_equal(held(holders), 0x1c);
	container_ids_limit(&ids, 1);
	assert_int_equal(held(holders), 0x10);
	container_ids_limit(&ids, 0);
	assert_int_equal(held(holders), 0x10);
	container_ids_forget(&ids, &holders[4]);
	container_ids_forget(&ids, &holders[4]);
	assert_int_equal(ids.n, 0);
	assert_null(ids.newest);
	assert_null(ids.oldest);
}

static void whatever_is_forgotten_the_others_stay_in_order(void **state)
{
	(void)state;
	for (unsigned forgotten = 0; forgotten < N_HOLDERS; forgotten++) {
		struct cached_container_id *holders[N_HOLDERS] = {NULL};
		struct container_ids ids = {.n_max = N_HOLDERS};
		unsigned expected = 0xff & ~(1u << forgotten);

		for (unsigned i = 0; i < N_HOLDERS; i++)
			keep(&ids, &holders[i], i);
		container_ids_forget(&ids, &holders[forgotten]);
		for (unsigned i = 0; i < N_HOLDERS; i++) {
			if (i == forgotten)
				continue;
			assert_int_equal(held(holders), expected);
			expected &= ~(1u << i);
			container_ids_limit(&ids, ids.n - 1);
			if (ids.n_max == 1 && expected == 0)
				container_ids_forget(&ids, &holders[i]);
		}
		for (unsigned i = 0; i < N_HOLDERS; i++)
			container_ids_forget(&ids, &holders[i]);
		assert_int_equal(ids.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_that_was_used_longest_ago_goes_first),
		cmocka_unit_test(whatever_is_forgotten_the_others_stay_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
