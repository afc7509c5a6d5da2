#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log/log.h"

/* What was written to standard error since it was opened. */
struct capture {
	int saved;
	int read_end;
};

static struct capture capture_open(void)
{
	struct capture capture = {.saved = dup(STDERR_FILENO)};
	int ends[2];

	assert_true(capture.saved >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	assert_int_equal(close(ends[1]), 0);
	capture.read_end = ends[0];
	return capture;
}

static const char *capture_close(struct capture *capture)
{
	static char text[8192];
	ssize_t n;

	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	assert_int_equal(close(capture->saved), 0);
	n = read(capture->read_end, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	assert_int_equal(close(capture->read_end), 0);
	return text;
}

static void a_line_is_logfmt_unless_json_is_asked_for(void **state)
{
	struct capture capture = capture_open();

	(void)state;
	log_info("opened", "file=%s reason=\"%s\"", "a", "b\\c");
	log_set_format(LOG_JSON);
	log_warn("opened", "file=%s reason=\"%s\"", "a", "b\\c");
	log_err("alone", "%s", "");
	log_info("foreign", "name=%s", "x\ty\xff");
	log_set_format(LOG_LOGFMT);
	log_err("alone", "%s", "");
	assert_string_equal(capture_close(&capture),
			    "level=info event=opened file=a reason=\"b\\c\"\n"
			    "{\"level\":\"warn\",\"event\":\"opened\",\"msg\":\"file=a "
			    "reason=\\\"b\\\\c\\\"\"}\n"
			    "{\"level\":\"error\",\"event\":\"alone\",\"msg\":\"\"}\n"
			    "{\"level\":\"info\",\"event\":\"foreign\",\"msg\":\"name=x?y?\"}\n"
			    "level=error event=alone\n");
}

static void what_is_less_urgent_than_the_level_is_not_written(void **state)
{
	struct capture capture = capture_open();

	(void)state;
	log_set_level(LOG_WARN);
	log_info("quiet", "%s", "");
	log_warn("loud", "%s", "");
	log_set_level(LOG_INFO);
	assert_string_equal(capture_close(&capture), "level=warn event=loud\n");
}

static void a_flood_is_cut_after_ten_lines(void **state)
{
	struct capture capture = capture_open();
	const char *text, *at;
	unsigned n_lines = 0;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		log_info("flood", "i=%u", i);
	text = capture_close(&capture);
	for (at = text; (at = strchr(at, '\n')); at++)
		n_lines++;
	assert_int_equal(n_lines, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_logfmt_unless_json_is_asked_for),
		cmocka_unit_test(what_is_less_urgent_than_the_level_is_not_written),
		cmocka_unit_test(a_flood_is_cut_after_ten_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
