#include "endpoints/verdict.h"

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
	{"no such path, in JSON of somebody", 404, "application/json", "{\"code\":404}", false,
	 VERDICT_MISCONFIGURED},
	{"no such profile", 404, "application/json", "{\"code\":\"not_found\"}", false,
	 VERDICT_POISON},
	{"not built in, by an old server", 404, "application/json", "{\"code\":\"unimplemented\"}",
	 false, VERDICT_MISCONFIGURED},
	{"a code in no JSON", 404, "text/html", "{\"code\":\"not_found\"}", false,
	 VERDICT_MISCONFIGURED},
	{"a code that is not the status's", 401, "application/json", "{\"code\":\"unknown\"}",
	 false, VERDICT_MISCONFIGURED},
	{"cancelled, by an old server", 408, "application/json", "{\"code\":\"canceled\"}", false,
	 VERDICT_TRANSIENT},
	{"out of time, by an old server", 408, "application/json",
	 "{\"code\":\"deadline_exceeded\"}", false, VERDICT_TRANSIENT},
	{"a precondition", 412, "application/json", "{\"code\":\"failed_precondition\"}", false,
	 VERDICT_POISON},
	{"out of range", 400, "application/json", "{\"code\":\"out_of_range\"}", false,
	 VERDICT_POISON},
	{"unauthenticated, by its code", 401, "application/json; charset=utf-8",
	 "{\"code\":\"unauthenticated\",\"message\":\"no org id\"}", false, VERDICT_MISCONFIGURED},
	{"not allowed", 403, "application/json", "{\"code\":\"permission_denied\"}", false,
	 VERDICT_MISCONFIGURED},
	{"there already", 409, "application/json", "{\"code\":\"already_exists\"}", false,
	 VERDICT_POISON},
	{"aborted, by its code", 409, "application/json", "{\"code\":\"aborted\"}", false,
	 VERDICT_TRANSIENT},
	{"throttled, by its code", 429, "application/json",
	 "{\"code\":\"resource_exhausted\",\"message\":\"ingestion rate limit exceeded\"}", false,
	 VERDICT_THROTTLED},
	{"too large between its parts", 429, "application/json",
	 "{\"code\":\"resource_exhausted\",\"message\":\"grpc: received message larger than max\"}",
	 false, VERDICT_TOO_BIG},
	{"unknown", 500, "application/json", "{\"code\":\"unknown\"}", false, VERDICT_FAILED},
	{"lost", 500, "application/json", "{\"code\":\"data_loss\"}", false, VERDICT_FAILED},
	{"unavailable, by its code", 503, "application/json", "{\"code\":\"unavailable\"}", false,
	 VERDICT_TRANSIENT},
	{"cut JSON", 503, "application/json", "{\"code\":\"intern", true, VERDICT_TRANSIENT},
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

static void people_get_the_code_and_the_message(void **state)
{
	static const struct {
		long status;
		const char *content_type, *text, *expected;
	} rows[] = {
		{400, "application/json", "{\"code\":\"invalid_argument\",\"message\":\"no\"}",
		 "400 invalid_argument: no"},
		{500, "application/json", "{\"code\":\"internal\"}", "500 internal: "},
		{502, "text/html", "<html>", "502 <html>"},
		{400, "application/json", "{\"code\":7}", "400 {\"code\":7}"},
		{404, "", "", "404 "},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct push_answer answer = {
			.transport = PUSH_ANSWERED,
			.status = rows[i].status,
			.content_type = rows[i].content_type,
			.text = rows[i].text,
			.n_text_bytes = strlen(rows[i].text),
		};

		push_answer_describe(&answer, text, sizeof(text));
		assert_string_equal(text, rows[i].expected);
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
		cmocka_unit_test(people_get_the_code_and_the_message),
		cmocka_unit_test(without_an_answer_the_way_it_failed_decides),
		cmocka_unit_test(a_wait_doubles_within_its_bounds_and_never_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
