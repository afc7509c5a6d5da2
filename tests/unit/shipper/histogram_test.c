#include "pages/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "pages/metrics_text.h"

static const struct histogram_class class = {
	.name = "h",
	.help = "What it is.",
	.n_bounds = 3,
	.bounds = {0.005, 1, 1048576},
};

static void each_observation_is_in_its_bucket_and_all_above(void **state)
{
	static const double values[] = {0.001, 0.005, 0.0051, 1, 2, 1048577, -3, NAN};
	struct histogram histogram = {0};
	struct bytes out = BYTES_INIT(1 << 16);

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		histogram_observe(&histogram, &class, values[i]);
	histogram_family(&out, &class);
	histogram_print(&out, &class, &histogram, "");
	bytes_append(&out, "", 1);
	assert_string_equal((const char *)out.data, "# HELP h What it is.\n"
						    "# TYPE h histogram\n"
						    "h_bucket{le=\"0.005\"} 4\n"
						    "h_bucket{le=\"1\"} 6\n"
						    "h_bucket{le=\"1048576\"} 7\n"
						    "h_bucket{le=\"+Inf\"} 8\n"
						    "h_sum 1048580.01\n"
						    "h_count 8\n");
	bytes_deinit(&out);
}

static void labels_stand_before_the_bound(void **state)
{
	struct histogram histogram = {0};
	struct bytes out = BYTES_INIT(1 << 16);

	(void)state;
	histogram_print(&out, &class, &histogram, "a=\"b\"");
	bytes_append(&out, "", 1);
	assert_string_equal((const char *)out.data, "h_bucket{a=\"b\",le=\"0.005\"} 0\n"
						    "h_bucket{a=\"b\",le=\"1\"} 0\n"
						    "h_bucket{a=\"b\",le=\"1048576\"} 0\n"
						    "h_bucket{a=\"b\",le=\"+Inf\"} 0\n"
						    "h_sum{a=\"b\"} 0\n"
						    "h_count{a=\"b\"} 0\n");
	bytes_deinit(&out);
}

static void time_that_went_back_is_no_time(void **state)
{
	(void)state;
	assert_true(histogram_seconds(5, 1500000005) == 1.5);
	assert_true(histogram_seconds(7, 5) == 0);
}

static void values_of_labels_are_escaped_and_utf8(void **state)
{
	static const struct {
		const char *value, *printed;
	} rows[] = {
		{"", "l=\"\""},
		{"a\"b\\c\nd", "l=\"a\\\"b\\\\c\\nd\""},
		{"\xc3\xa9\xe4\xb8\x96\t", "l=\"\xc3\xa9\xe4\xb8\x96\t\""},
		{"a\xff\xc3", "l=\"a\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "l=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes out = BYTES_INIT(1 << 10);

		metrics_label(&out, "l", rows[i].value);
		bytes_append(&out, "", 1);
		assert_string_equal((const char *)out.data, rows[i].printed);
		bytes_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_observation_is_in_its_bucket_and_all_above),
		cmocka_unit_test(labels_stand_before_the_bound),
		cmocka_unit_test(time_that_went_back_is_no_time),
		cmocka_unit_test(values_of_labels_are_escaped_and_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
