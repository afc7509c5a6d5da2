#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	long status;
	const char *content_type;
	const char *text;
	bool is_cut;
	enum verdict expected;
} answers[] = {
	{"success", 200, "application/proto", "", false, VERDICT_DONE},
	{"success with a parameter", 200, "application/proto; v=1", "", false, VERDICT_DONE},
	{"success in capitals", 200, "Application/Proto", "", false, VERDICT_DONE},
	{"a portal in JSON", 200, "application/json", "{\"login\":\"/\"}", false,
	 VERDICT_MISCONFIGURED},
	{"a captive portal", 200, "text/html", "<html>", false, VERDICT_MISCONFIGURED},
	{"a type that only starts right", 200, "application/protocol", "", false,
	 VERDICT_MISCONFIGURED},
	{"no type", 200, "", "", false, VERDICT_MISCONFIGURED},
	{"an endless success", 200, "application/proto", "x", true, VERDICT_MISCONFIGURED},
	{"another success", 204, "application/proto", "", false, VERDICT_MISCONFIGURED},
	{"a redirect", 302, "text/html", "", false, VERDICT_MISCONFIGURED},
	{"bad", 400, "application/json", "{\"code\":\"invalid_argument\"}", false, VERDICT_POISON},
	{"too old", 400, "application/json", "timestamp outside of ingestion window", false,
	 VERDICT_AGED},
	{"too old, by code", 400, "application/json", "not_in_ingestion_window", false,
	 VERDICT_AGED},
	{"too big by words", 400, "application/json", "size exceeds 4194304", false,
	 VERDICT_TOO_BIG},
	{"too many samples", 400, "application/json", "samples_limit", false, VERDICT_TOO_BIG},
	{"unauthenticated", 401, "", "", false, VERDICT_MISCONFIGURED},
	{"forbidden", 403, "", "", false, VERDICT_MISCONFIGURED},
	{"no such path", 404, "", "", false, VERDICT_MISCONFIGURED},
	{"timeout", 408, "", "", false, VERDICT_TRANSIENT},
	{"aborted", 409, "", "", false, VERDICT_TRANSIENT},
	{"too large", 413, "", "", false, VERDICT_TOO_BIG},
	{"unprocessable", 422, "", "", false, VERDICT_POISON},
	{"too many", 429, "", "", false, VERDICT_THROTTLED},
	{"too many series", 429, "application/json", "Maximum active series limit exceeded (1/1)",
	 false, VERDICT_POISON},
	{"cancelled", 499, "", "", false, VERDICT_TRANSIENT},
	{"internal", 500, "", "", false, VERDICT_FAILED},
	{"unimplemented", 501, "", "", false, VERDICT_MISCONFIGURED},
	{"bad gateway", 502, "", "", false, VERDICT_TRANSIENT},
	{"unavailable", 503, "", "", false, VERDICT_TRANSIENT},
	{"gateway timeout", 504, "", "", false, VERDICT_TRANSIENT},
	{"a portal's login", 511, "text/html", "", false, VERDICT_MISCONFIGURED},
	{"a proxy without its server", 521, "text/html", "", false, VERDICT_TRANSIENT},
	{"an unheard-of failure", 599, "", "", false, VERDICT_TRANSIENT},
};

static void every_status_has_its_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct push_answer answer = {
			.transport = PUSH_ANSWERED,
			.status = answers[i].status,
			.content_type = answers[i].content_type,
			.text = answers[i].text,
			.n_text_bytes = strlen(answers[i].text),
			.is_cut = answers[i].is_cut,
		};

		print_message("%s\n", answers[i].name);
		assert_int_equal(verdict_of(&answer), answers[i].expected);
	}
}

static void without_an_answer_the_way_it_failed_decides(void **state)
{
	static const struct {
		enum push_transport transport;
		enum verdict expected;
	} rows[] = {
		{PUSH_UNREACHED, VERDICT_TRANSIENT},
		{PUSH_LOST, VERDICT_TRANSIENT},
		{PUSH_UNTRUSTED, VERDICT_MISCONFIGURED},
		{PUSH_UNUSABLE, VERDICT_MISCONFIGURED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct push_answer answer = {.transport = rows[i].transport, .content_type = ""};

		assert_int_equal(verdict_of(&answer), rows[i].expected);
	}
	for (int verdict = 0; verdict < N_VERDICTS; verdict++)
		assert_non_null(verdict_name((enum verdict)verdict));
}

static void a_wait_doubles_within_its_bounds_and_never_overflows(void **state)
{
	static const uint64_t randoms[] = {0, 1, 499, 12345678901, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(randoms) / sizeof(randoms[0]); i++) {
		uint64_t low = 500;

		for (unsigned n = 1; n <= 9; n++, low *= 2) {
			uint64_t wait = backoff_ms(n, 500, 300000, randoms[i]);

			assert_in_range(wait, low < 300000 ? low : 300000,
					2 * low < 300000 ? 2 * low : 300000);
		}
		assert_int_equal(backoff_ms(4000000000u, 500, 300000, randoms[i]), 300000);
		assert_true(backoff_ms(1, 0, 300000, randoms[i]) <= 2); /* no division by zero */
		assert_int_equal(backoff_ms(1, 500, 0, randoms[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_its_meaning),
		cmocka_unit_test(without_an_answer_the_way_it_failed_decides),
		cmocka_unit_test(a_wait_doubles_within_its_bounds_and_never_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
