#include "table/held_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct table_digest digest_of(unsigned number)
{
	struct table_digest digest = {{0}};

	memcpy(digest.bytes, &number, sizeof(number));
	return digest;
}

static void add(struct held_tables *tables, unsigned number, enum table_class class, size_t n_bytes)
{
	struct held_table *table = calloc(1, sizeof(*table));

	table->digest = digest_of(number);
	table->class = class;
	table->n_bytes = n_bytes;
	table->block = malloc(1);
	held_tables_add(tables, table);
}

static bool has(struct held_tables *tables, unsigned number)
{
	const struct table_digest digest = digest_of(number);

	return held_tables_find(tables, &digest) != NULL;
}

static void each_class_lets_its_least_recently_used_go(void **state)
{
	struct held_tables tables;
	struct counters counters = {0};

	(void)state;
	held_tables_init(&tables, 1000, &counters);
	for (unsigned class = 0; class < TABLE_CLASSES; class ++)
		held_tables_limit(&tables, (enum table_class) class, 2);
	for (unsigned i = 0; i < 6; i++)
		add(&tables, i, (enum table_class)(i / 2), 1);
	assert_true(has(&tables, 0)); /* now newer than 1 */
	add(&tables, 10, TABLE_OF_BUILD_ID, 1);
	add(&tables, 11, TABLE_OF_PROCESS, 1);
	assert_false(has(&tables, 1));
	assert_false(has(&tables, 4));
	for (unsigned i = 0; i < 12; i++)
		if (i != 1 && i != 4 && (i < 6 || i > 9))
			assert_true(has(&tables, i));
	assert_int_equal(counters_get(&counters, COUNTER_TABLES_OF_BUILD_IDS_EVICTED), 1);
	assert_int_equal(counters_get(&counters, COUNTER_TABLES_OF_FILES_EVICTED), 0);
	assert_int_equal(counters_get(&counters, COUNTER_TABLES_OF_PROCESSES_EVICTED), 1);
	assert_int_equal(counters_get(&counters, COUNTER_TABLES_OF_PROCESSES), 2);
	held_tables_deinit(&tables);
}

static void the_byte_budget_stands_above_all_classes(void **state)
{
	struct held_tables tables;
	struct counters counters = {0};

	(void)state;
	held_tables_init(&tables, 100, &counters);
	add(&tables, 1, TABLE_OF_FILE, 40);
	add(&tables, 2, TABLE_OF_BUILD_ID, 40);
	add(&tables, 3, TABLE_OF_PROCESS, 20);
	assert_true(has(&tables, 1)); /* the oldest of all is 2, of another class */
	add(&tables, 4, TABLE_OF_FILE, 1);
	assert_false(has(&tables, 2));
	assert_int_equal(counters_get(&counters, COUNTER_TABLE_BYTES), 61);
	add(&tables, 5, TABLE_OF_FILE, 500); /* too large for the budget, and in use */
	assert_true(has(&tables, 5));
	assert_int_equal(counters_get(&counters, COUNTER_TABLE_BYTES), 500);
	add(&tables, 6, TABLE_OF_FILE, 1);
	assert_false(has(&tables, 5));
	assert_int_equal(counters_get(&counters, COUNTER_TABLE_BYTES), 1);
	held_tables_deinit(&tables);
}

static void many_tables_are_found_again(void **state)
{
	struct held_tables tables;
	struct counters counters = {0};

	(void)state;
	held_tables_init(&tables, UINT64_MAX, &counters);
	for (unsigned i = 0; i < 10000; i++)
		add(&tables, i, (enum table_class)(i % TABLE_CLASSES), 1);
	for (unsigned i = 0; i < 10000; i++)
		assert_true(has(&tables, i));
	held_tables_limit(&tables, TABLE_OF_FILE, 10);
	assert_int_equal(counters_get(&counters, COUNTER_TABLES_OF_FILES), 10);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(has(&tables, i), i % TABLE_CLASSES != 1 || i >= 9970);
	held_tables_deinit(&tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_lets_its_least_recently_used_go),
		cmocka_unit_test(the_byte_budget_stands_above_all_classes),
		cmocka_unit_test(many_tables_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
