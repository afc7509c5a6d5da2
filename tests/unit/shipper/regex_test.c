#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "discovery/regex.h"

#define N_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define STEPS_MAX    ((uint64_t)1 << 24)
#define LONG_BYTES   ((size_t)1 << 20)
#define NS_AT_MOST   UINT64_C(2000000000) /* for a budget of about 200 ms, with a busy machine */

static struct config_text text(const char *string)
{
	return (struct config_text){string, strlen(string)};
}

static struct regex *compile(struct regex_engine *engine, const char *expression)
{
	struct regex_fault fault = {""};
	struct regex *regex = NULL;

	if (regex_compile(engine, text(expression), &regex, &fault) != 0)
		fail_msg("%s: %s", expression, fault.message);
	return regex;
}

static void what_re2_refuses_is_refused_with_its_name(void **state)
{
	static const struct {
		const char *expression;
		const char *message;
	} rows[] = {
		{"(?=a)", "the look-ahead (?=, expected RE2's groups: (, (?:, (?P<name>, or "
			  "flags of imsU"},
		{"(?!a)", "the look-ahead (?!, expected RE2's groups: (, (?:, (?P<name>, or "
			  "flags of imsU"},
		{"(?<=a)", "the look-behind (?<, expected RE2's groups: (, (?:, (?P<name>, or "
			   "flags of imsU"},
		{"(?>a)", "the atomic group (?>, expected RE2's groups: (, (?:, (?P<name>, or "
			  "flags of imsU"},
		{"(?R)", "the recursion (?R, expected RE2's groups: (, (?:, (?P<name>, or flags "
			 "of imsU"},
		{"(?(1)a)", "the condition (?(, expected RE2's groups: (, (?:, (?P<name>, or "
			    "flags of imsU"},
		{"(?C1)", "the callout (?C, expected RE2's groups: (, (?:, (?P<name>, or flags "
			  "of imsU"},
		{"(a)\\1", "the back-reference \\1, expected an escape that RE2 has"},
		{"a\\Z", "the unknown escape \\Z, expected an escape that RE2 has"},
		{"a*+", "the possessive or nested repetition *+, expected one repetition of an "
			"item, or brackets around it"},
		{"a{2}{3}", "the nested repetition {2}{3}, expected one repetition of an item, or "
			    "brackets around it"},
		{"*a", "the repetition *, expected something before it to repeat"},
		{"(*ACCEPT)", "the repetition *, expected something before it to repeat"},
		{"a{1001}", "the repetition count {1001}, expected at most 1000, the smaller one "
			    "first"},
		{"(a{32}){32}", "the nested repetition count {32}, expected at most 1000 in all, "
				"multiplied"},
		{"(a", "no ) for a ( in (a, expected brackets in pairs"},
		{"a)", "a ) without ( in a), expected brackets in pairs"},
		{"[a", "no ] for a [ in [a, expected brackets in pairs"},
		{"[b-a]", "the range b-a, expected the lower character first"},
		{"[[:foo:]]", "the unknown class [:foo:], expected a name such as [:alpha:]"},
		{"\\p{Foo}", "the unknown Unicode class \\p{Foo}, expected a category or a "
			     "script, such as \\p{Lu} or \\p{Greek}"},
		{"(?P<a-b>c)", "the group (?P<a, expected (?P<name>, of letters, digits and _"},
		{"a\\", "a \\ at the end of a\\, expected a character behind it"},
		{"\xff", "bytes that are not UTF-8, expected text"},
		{"(?:[a-z]+:[0-9]+;|[0-9]+){1000}", "an expression that is too large, expected "
						    "fewer or smaller repetitions, classes and "
						    "groups"},
	};
	struct regex_engine *engine;

	(void)state;
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct regex_fault fault = {""};
		struct regex *regex = NULL;

		print_message("%s\n", rows[i].expression);
		assert_int_equal(regex_compile(engine, text(rows[i].expression), &regex, &fault),
				 REGEX_REFUSED);
		assert_string_equal(fault.message + strlen("found "), rows[i].message);
		assert_null(regex);
	}
	regex_engine_free(engine);
}

static void groups_are_those_of_go(void **state)
{
	static const struct {
		const char *expression;
		const char *subject;
		const char *expanded; /* of "$0|$1|$2"; NULL: no match */
	} rows[] = {
		{"", "", "||"},
		{"", "a", NULL},
		{"a", "ba", NULL},
		{"(.*)@(.*)", "a@b@c", "a@b@c|a@b|c"},
		{"(.*?)@(.*)", "a@b@c", "a@b@c|a|b@c"},
		{"(?U)(.*)@(.*)", "a@b@c", "a@b@c|a|b@c"},
		{"a|(ab)(c)?", "ab", "ab|ab|"},
		{"a.b", "a\nb", "a\nb||"},
		{"(?-s)a.b", "a\nb", NULL},
		{"a$", "a\n", NULL},
		{"(?m)a$\n^", "a\n", "a\n||"},
		{"(a|)*(.*)", "aab", "aab|a|b"},
		{"(|a)*(.*)", "aab", "aab||aab"},
		{"(a*)+(.*)", "aab", "aab|aa|b"},
		{"((a)|b)*", "ab", "ab|b|a"},
		{"(a|b*){2,}", "ab", "ab|b|"},
		{"(?i)k", "\xe2\x84\xaa", "\xe2\x84\xaa||"},
		{"(?i)[[:lower:]]", "K", "K||"},
		{"(?i)\\p{Lu}(.)", "k\xc3\xa9", "k\xc3\xa9|\xc3\xa9|"},
		{"\\w+", "\xc3\xa9", NULL},
		{"\\s", "\v", NULL},
		{"(.)(.)", "\xff\xc3\xa9", "\xff\xc3\xa9|\xff|\xc3\xa9"},
		{"(\xef\xbf\xbd)(.)",
		 "\xff"
		 "a",
		 "\xff"
		 "a|\xff|a"},
		{"\\Qa.*\\E", "a.*", "a.*||"},
		{"\\x{d800}?", "", "||"},
	};
	struct regex_engine *engine;

	(void)state;
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct regex *regex = compile(engine, rows[i].expression);
		struct bytes out = BYTES_INIT(1 << 12);
		struct regex_groups groups;

		print_message("%s on %s\n", rows[i].expression, rows[i].subject);
		assert_int_equal(regex_match(engine, regex, text(rows[i].subject), &groups),
				 rows[i].expanded ? 0 : REGEX_NO_MATCH);
		if (rows[i].expanded) {
			regex_expand(regex, &groups, text("$0|$1|$2"), &out);
			bytes_append(&out, "", 1);
			assert_string_equal((const char *)out.data, rows[i].expanded);
		}
		bytes_deinit(&out);
	}
	regex_engine_free(engine);
}

static void templates_expand_as_in_go(void **state)
{
	static const struct {
		const char *from;
		const char *to;
	} rows[] = {
		{"$1", "x"},        {"${1}", "x"},        {"$n", "y"},     {"${n}1", "y1"},
		{"$n1", ""},        {"$1_", ""},          {"${1}_", "x_"}, {"$$", "$"},
		{"$$1", "$1"},      {"$", "$"},           {"a$", "a$"},    {"$-", "$-"},
		{"${", "${"},       {"${1", "${1"},       {"${}", "${}"},  {"$01", ""},
		{"$3", ""},         {"$99999999999", ""}, {"$0", "xy"},    {"$\xc3\xa9-", "-"},
		{"${1}${2}", "xy"},
	};
	struct regex_engine *engine;
	struct regex_groups groups;
	struct regex *regex;

	(void)state;
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	regex = compile(engine, "(x)(?P<n>y)");
	assert_int_equal(regex_match(engine, regex, text("xy"), &groups), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct bytes out = BYTES_INIT(1 << 12);

		regex_expand(regex, &groups, text(rows[i].from), &out);
		bytes_append(&out, "", 1);
		assert_string_equal((const char *)out.data, rows[i].to);
		bytes_deinit(&out);
	}
	regex_engine_free(engine);
}

static void no_expression_takes_long_on_a_label_of_a_mebibyte(void **state)
{
	static const char *const expressions[] = {
		"(a+)+b",        "(a*)*b",       "(a|a)*b",           "(?:a?){1000}a{1000}b",
		"(.*)(.*)(.*)b", ".*a{1000}b",   "(a|b|ab)*c",        "[a-z]*?[a-z]*[0-9]",
		"(.*)*(.*)*b",   "(\\w+\\s?)+!", "((a{0,9}){0,9})*b", "(?i)(ſ|s|a|A)*\\pN",
	};
	char *subject = malloc(LONG_BYTES + 1);
	struct regex_engine *engine;
	uint64_t start_ns;
	int r;

	(void)state;
	assert_non_null(subject);
	memset(subject, 'a', LONG_BYTES);
	for (size_t i = 0; i < N_ROWS(expressions); i++) {
		assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
		start_ns = clock_monotonic_ns();
		r = regex_match(engine, compile(engine, expressions[i]),
				(struct config_text){subject, LONG_BYTES}, NULL);
		print_message("%s: %d after %u ms\n", expressions[i], r,
			      (unsigned)((clock_monotonic_ns() - start_ns) / 1000000));
		assert_true(r == REGEX_LIMITED || r == REGEX_NO_MATCH);
		assert_true(clock_monotonic_ns() - start_ns < NS_AT_MOST);
		regex_engine_free(engine);
	}
	free(subject);
}

static void what_grows_with_the_text_alone_is_never_limited(void **state)
{
	static const char *const expressions[] = {"(.*)", "a*", "[a-z]+", "(?i)A*", ".*a", "a.*?a"};
	char *subject = malloc(LONG_BYTES + 1);
	struct regex_engine *engine;

	(void)state;
	assert_non_null(subject);
	memset(subject, 'a', LONG_BYTES);
	assert_int_equal(regex_engine_new(0, &engine), 0);
	for (size_t i = 0; i < N_ROWS(expressions); i++) {
		print_message("%s\n", expressions[i]);
		assert_int_equal(regex_match(engine, compile(engine, expressions[i]),
					     (struct config_text){subject, LONG_BYTES}, NULL),
				 0);
	}
	regex_engine_free(engine);
	free(subject);
}

static void one_budget_is_for_all_matches_of_an_engine(void **state)
{
	static const char subject[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	struct regex_engine *engine;
	struct regex *evil;
	uint64_t start_ns;

	(void)state;
	assert_int_equal(regex_engine_new(STEPS_MAX, &engine), 0);
	evil = compile(engine, "(a+)+b?");
	start_ns = clock_monotonic_ns();
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(regex_match(engine, evil, text(subject), NULL), REGEX_LIMITED);
	assert_true(clock_monotonic_ns() - start_ns < NS_AT_MOST);
	assert_int_equal(regex_match(engine, compile(engine, "(a+)!"), text(subject), NULL), 0);
	regex_engine_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_re2_refuses_is_refused_with_its_name),
		cmocka_unit_test(groups_are_those_of_go),
		cmocka_unit_test(templates_expand_as_in_go),
		cmocka_unit_test(no_expression_takes_long_on_a_label_of_a_mebibyte),
		cmocka_unit_test(what_grows_with_the_text_alone_is_never_limited),
		cmocka_unit_test(one_budget_is_for_all_matches_of_an_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
