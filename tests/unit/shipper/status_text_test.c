/* Words of the page, and its targets with labels that were made to break it. */
#include "pages/status_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pages/status_page.h"

static struct bytes out = BYTES_INIT(16 << 20);

static int clear(void **state)
{
	(void)state;
	bytes_clear(&out);
	return 0;
}

static void assert_is(const char *text)
{
	bytes_append(&out, "", 1);
	assert_string_equal((const char *)out.data, text);
	bytes_clear(&out);
}

static void foreign_bytes_stay_text(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} rows[] = {
		{"plain", "plain"},
		{"<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"},
		{"a&amp;\"b\"", "a&amp;amp;&quot;b&quot;"},
		{"two\nlines\tand \x7f", "two lines and  "},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xff<", "\xef\xbf\xbd&lt;"},
		{"\xc3<b>", "\xef\xbf\xbd&lt;b>"},
		{"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"}, /* an overlong '<' */
		{"cut\xe2\x82", "cut\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status_string(&out, rows[i].bytes);
		assert_is(rows[i].text);
	}
}

static void digits_stand_in_groups(void **state)
{
	(void)state;
	status_number(&out, 0);
	assert_is("0");
	status_number(&out, 999);
	assert_is("999");
	status_number(&out, 1000);
	assert_is("1&#8239;000");
	status_number(&out, UINT64_MAX);
	assert_is("18&#8239;446&#8239;744&#8239;073&#8239;709&#8239;551&#8239;615");
}

static void ages_are_in_the_unit_that_says_enough(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {{0, "0 s ago"},       {1, "1 s ago"},        {119, "119 s ago"},
		    {120, "2 min ago"},   {7199, "119 min ago"}, {7200, "2 h ago"},
		    {172799, "47 h ago"}, {172800, "2 d ago"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status_age(&out, rows[i].seconds * UINT64_C(1000000000));
		assert_is(rows[i].text);
	}
}

static void labels_of_our_own_are_not_shown_and_long_ones_are_cut(void **state)
{
	static char value[1000];
	struct wire_label labels[] = {
		{{"__block__", 9}, {"1", 1}},
		{{"__name__", 8}, {"process_cpu", 11}},
		{{"long", 4}, {value, sizeof(value)}},
	};
	struct bytes set = BYTES_INIT(1 << 16);

	(void)state;
	memset(value, 'x', sizeof(value));
	memcpy(value + 199, "\xc3\xa9", 2); /* would be cut in the middle */
	wire_encode_labels(&set, labels, 3);
	status_labels(&out, (struct wire_bytes){set.data, set.n_bytes});
	bytes_append(&out, "", 1);
	assert_null(strstr((const char *)out.data, "__block__"));
	assert_non_null(strstr((const char *)out.data, "<b>__name__</b>=process_cpu</span>"));
	assert_non_null(strstr((const char *)out.data, "xxx…</span>"));
	assert_null(strstr((const char *)out.data, "\xef\xbf\xbd"));
	bytes_deinit(&set);
}

/* A thousand targets with the longest labels that there may be: the page stays a page. */
static void many_targets_with_long_labels_fit_the_page(void **state)
{
	enum { N_TARGETS = 2000, N_LABELS = 250 };
	static char value[2048];
	static struct wire_label labels[N_LABELS];
	static struct wire_target_rule rules[N_TARGETS];
	struct bytes set = BYTES_INIT(2 << 20);
	const char *id = "pyroscope.ebpf.many";
	struct wire_job job = {
		.id = 1, .sample_rate_hz = 97, .n_targets = N_TARGETS, .targets = rules};
	struct configuration configuration = {
		.n_jobs = 1, .jobs = &job, .job_ids = &id, .n_targets = N_TARGETS};
	struct debug_sources debug = {.configuration = &configuration, .reports = reports_new()};
	struct status_sources sources = {.debug = &debug, .last = last_profiles_new()};

	(void)state;
	memset(value, '"', sizeof(value));
	for (size_t i = 0; i < N_LABELS; i++)
		labels[i] = (struct wire_label){{value, sizeof(value)}, {value, sizeof(value)}};
	wire_encode_labels(&set, labels, N_LABELS);
	for (size_t i = 0; i < N_TARGETS; i++)
		rules[i] = (struct wire_target_rule){.key_kind = TARGET_DEFAULT,
						     .labels = {set.data, set.n_bytes}};
	status_targets_print(&sources, &out);
	assert_in_range(out.n_bytes, STATUS_BYTES_FULL, PAGE_BYTES_MAX);
	bytes_append(&out, "", 1);
	assert_non_null(strstr((const char *)out.data, " more</p>"));
	bytes_deinit(&set);
	reports_free((struct reports *)debug.reports);
	last_profiles_free((struct last_profiles *)sources.last);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)
	const struct CMUnitTest tests[] = {
		TEST(foreign_bytes_stay_text),
		TEST(digits_stand_in_groups),
		TEST(ages_are_in_the_unit_that_says_enough),
		TEST(labels_of_our_own_are_not_shown_and_long_ones_are_cut),
		TEST(many_targets_with_long_labels_fit_the_page),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	bytes_deinit(&out);
	return r;
}
