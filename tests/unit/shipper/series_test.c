#include "endpoints/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PAIRS_MAX 6

static struct wire_bytes text(const char *words)
{
	return (struct wire_bytes){words, strlen(words)};
}

static const struct {
	const char *name;
	const char *labels[2 * PAIRS_MAX];
	const char *external[2 * PAIRS_MAX];
	const char *expected;
} rows[] = {
	{"nothing", {NULL}, {NULL}, ""},
	{"sorted by name", {"b", "2", "a", "1"}, {NULL}, "a=\"1\"\nb=\"2\"\n"},
	{"our own are left out",
	 {"__meta_x", "1", "__", "2", "_a", "3", "__name__", "cpu", "__delta__", "false"},
	 {NULL},
	 "__delta__=\"false\"\n__name__=\"cpu\"\n_a=\"3\"\n"},
	{"external labels are set over them",
	 {"a", "1", "b", "2"},
	 {"b", "over", "c", "new"},
	 "a=\"1\"\nb=\"over\"\nc=\"new\"\n"},
	{"the last of equal names", {"a", "1", "a", "2"}, {NULL}, "a=\"2\"\n"},
	{"escaped", {"a", "x\"y\\z\nw"}, {NULL}, "a=\"x\\\"y\\\\z\\nw\"\n"},
};

static void labels_become_what_the_world_sees(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes encoded = BYTES_INIT(4096), printed = BYTES_INIT(4096);
		struct configuration_header external[PAIRS_MAX];
		struct wire_label labels[PAIRS_MAX];
		struct series_labels made;
		size_t n = 0, n_external = 0;

		print_message("%s\n", rows[i].name);
		for (; n < PAIRS_MAX && rows[i].labels[2 * n]; n++)
			labels[n] = (struct wire_label){text(rows[i].labels[2 * n]),
							text(rows[i].labels[2 * n + 1])};
		for (; n_external < PAIRS_MAX && rows[i].external[2 * n_external]; n_external++)
			external[n_external] = (struct configuration_header){
				(char *)rows[i].external[2 * n_external],
				(char *)rows[i].external[2 * n_external + 1]};
		wire_encode_labels(&encoded, labels, n);
		assert_int_equal(
			series_labels_make((struct wire_bytes){encoded.data, encoded.n_bytes},
					   external, n_external, &made),
			0);
		series_labels_print(&made, &printed);
		assert_int_equal(printed.n_bytes, strlen(rows[i].expected));
		if (printed.n_bytes > 0)
			assert_memory_equal(printed.data, rows[i].expected, printed.n_bytes);
		series_labels_deinit(&made);
		bytes_deinit(&encoded);
		bytes_deinit(&printed);
	}
}

static void what_is_no_label_set_is_garbled(void **state)
{
	struct series_labels made;

	(void)state;
	assert_int_equal(series_labels_make(text("\x93\xc0\xc0\xc0"), NULL, 0, &made),
			 MESSAGE_GARBLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_become_what_the_world_sees),
		cmocka_unit_test(what_is_no_label_set_is_garbled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
