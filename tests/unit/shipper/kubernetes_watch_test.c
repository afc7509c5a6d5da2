#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/kubernetes_watch.h"
#include "http/http_client.h"

/* A list and a stream, fed with answers at times of the test's own. */

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS     UINT64_C(1000000)
#define START_NS  (1000 * SECOND_NS)
#define PODS      "/api/v1/pods"

#define POD(name, version)                                                                         \
	"{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name "\",\"resourceVersion\":\"" version  \
	"\"},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"10.0.0.1\"}}"
#define LIST(version, more, items)                                                                 \
	"{\"metadata\":{\"resourceVersion\":\"" version "\"" more "},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(v)         EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" v "\"}}")
#define STATUS(n)           "{\"kind\":\"Status\",\"code\":" n ",\"message\":\"no \\u001b more\"}"

struct rig {
	struct kubernetes_watch watch;
	uint64_t now_ns;
	struct bytes path;
};

static struct rig open_rig(const char *field)
{
	const struct kubernetes_query query = {KUBERNETES_POD, PODS, field, "", NULL};
	struct rig rig = {.now_ns = START_NS, .path = BYTES_INIT(1 << 16)};

	kubernetes_watch_init(&rig.watch, &query, 0);
	return rig;
}

static void close_rig(struct rig *rig)
{
	kubernetes_watch_deinit(&rig->watch);
	bytes_deinit(&rig->path);
}

/* Goes on to when it is due, and returns what is asked. */
static const char *ask(struct rig *rig, enum kubernetes_question question)
{
	uint64_t due_ns = kubernetes_watch_due_ns(&rig->watch);

	assert_true(due_ns != KUBERNETES_NEVER);
	if (due_ns > rig->now_ns) {
		assert_int_equal(kubernetes_watch_ask(&rig->watch, due_ns - 1, &rig->path),
				 KUBERNETES_NOTHING);
		rig->now_ns = due_ns;
	}
	bytes_clear(&rig->path);
	assert_int_equal(kubernetes_watch_ask(&rig->watch, rig->now_ns, &rig->path), question);
	return (const char *)rig->path.data;
}

/* How long it waits before it asks. */
static uint64_t wait_ms(struct rig *rig, enum kubernetes_question question)
{
	uint64_t before_ns = rig->now_ns;

	(void)ask(rig, question);
	return (rig->now_ns - before_ns) / MS_NS;
}

static void answer(struct rig *rig, enum http_outcome outcome, long status, const char *text)
{
	const struct http_result result = {
		.outcome = outcome,
		.status = status,
		.data = text,
		.n_bytes = strlen(text),
		.error = outcome == HTTP_ANSWERED ? "" : "no luck",
	};

	if (rig->watch.asked == KUBERNETES_LIST)
		kubernetes_watch_take_list(&rig->watch, &result, rig->now_ns);
	else
		kubernetes_watch_take_end(&rig->watch, &result, rig->now_ns);
}

static int stream(struct rig *rig, const char *text)
{
	return kubernetes_watch_take_bytes(&rig->watch, 200, text, strlen(text), rig->now_ns);
}

static void refuse(struct rig *rig, long status, const char *text)
{
	(void)kubernetes_watch_take_bytes(&rig->watch, status, text, strlen(text), rig->now_ns);
	answer(rig, HTTP_ANSWERED, status, "");
}

/* A list of @items is there, and the stream is asked for. */
static struct rig open_stream(const char *items)
{
	struct rig rig = open_rig("spec.nodeName=n1");

	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 200, items);
	(void)ask(&rig, KUBERNETES_WATCH);
	rig.watch.has_changed = false;
	return rig;
}

static void assert_pods(const struct rig *rig, const char *expected)
{
	struct bytes text = BYTES_INIT(4096);

	for (size_t i = 0; i < rig->watch.objects.n; i++)
		bytes_printf(&text, "%s ", rig->watch.objects.items[i]->text);
	bytes_append(&text, "", 1);
	assert_string_equal((const char *)text.data, expected);
	bytes_deinit(&text);
}

static void pods_of_a_node_are_listed_as_the_server_has_them_in_memory(void **state)
{
	struct rig rig = open_rig("spec.nodeName=n1");

	(void)state;
	assert_string_equal(ask(&rig, KUBERNETES_LIST),
			    PODS "?resourceVersion=0&fieldSelector=spec%2EnodeName%3Dn1");
	answer(&rig, HTTP_ANSWERED, 200, LIST("8", "", POD("b", "3") "," POD("a", "4")));
	assert_true(rig.watch.is_synced && rig.watch.has_changed);
	assert_pods(&rig, "n/a n/b ");
	assert_string_equal(ask(&rig, KUBERNETES_WATCH),
			    PODS "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&"
				 "resourceVersion=8&fieldSelector=spec%2EnodeName%3Dn1");
	assert_int_equal(rig.now_ns, START_NS);
	assert_true(kubernetes_watch_due_ns(&rig.watch) == KUBERNETES_NEVER);
	close_rig(&rig);
}

static void all_pods_are_listed_in_pages(void **state)
{
	struct rig rig = open_rig("");

	(void)state;
	assert_string_equal(ask(&rig, KUBERNETES_LIST), PODS "?limit=250");
	answer(&rig, HTTP_ANSWERED, 200, LIST("8", ",\"continue\":\"a b&c\"", POD("a", "1")));
	assert_false(rig.watch.is_synced || rig.watch.has_changed);
	assert_pods(&rig, "");
	assert_string_equal(ask(&rig, KUBERNETES_LIST), PODS "?limit=250&continue=a%20b%26c");
	answer(&rig, HTTP_ANSWERED, 200, LIST("8", "", POD("b", "1")));
	assert_pods(&rig, "n/a n/b ");
	(void)ask(&rig, KUBERNETES_WATCH);
	close_rig(&rig);
}

static void pages_that_expire_under_way_are_asked_for_in_one_answer(void **state)
{
	struct rig rig = open_rig("");

	(void)state;
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 200, LIST("8", ",\"continue\":\"x\"", POD("a", "1")));
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 410, STATUS("410"));
	assert_false(rig.watch.is_failing);
	assert_string_equal(ask(&rig, KUBERNETES_LIST), PODS);
	answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("b", "1")));
	assert_pods(&rig, "n/b ");
	close_rig(&rig);
}

static void a_list_that_is_too_long_for_one_answer_is_asked_for_in_pages(void **state)
{
	struct rig rig = open_rig("a=b");

	(void)state;
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_TOO_LONG, 200, "");
	assert_false(rig.watch.is_failing);
	assert_string_equal(ask(&rig, KUBERNETES_LIST), PODS "?limit=250&fieldSelector=a%3Db");
	answer(&rig, HTTP_TOO_LONG, 200, "");
	assert_true(rig.watch.is_failing);
	close_rig(&rig);
}

static void what_the_stream_says_is_done(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	assert_int_equal(stream(&rig, EVENT("ADDED", POD("b", "9"))), 0);
	assert_true(rig.watch.has_changed);
	assert_pods(&rig, "n/a n/b ");
	rig.watch.has_changed = false;
	assert_int_equal(stream(&rig, EVENT("MODIFIED", POD("b", "10"))), 0);
	assert_false(rig.watch.has_changed); /* nothing that makes a label */
	assert_int_equal(stream(&rig, EVENT("DELETED", POD("a", "11")) BOOKMARK("12") "\n"), 0);
	assert_true(rig.watch.has_changed);
	assert_pods(&rig, "n/b ");
	assert_string_equal(rig.watch.version, "12");
	assert_int_equal(stream(&rig, EVENT("DELETED", POD("a", "13"))), 0); /* it is gone */
	assert_pods(&rig, "n/b ");
	close_rig(&rig);
}

static void a_line_counts_when_it_is_whole(void **state)
{
	struct rig rig = open_stream(LIST("8", "", ""));
	static const char text[] = EVENT("ADDED", POD("a", "9")) EVENT("ADDED", POD("b", "10"));

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 2; i++)
		assert_int_equal(
			kubernetes_watch_take_bytes(&rig.watch, 200, &text[i], 1, rig.now_ns), 0);
	assert_pods(&rig, "n/a ");
	answer(&rig, HTTP_LOST, 200, ""); /* the half of b is nothing */
	assert_false(rig.watch.is_failing);
	assert_non_null(strstr(ask(&rig, KUBERNETES_WATCH), "&resourceVersion=9&"));
	assert_int_equal(stream(&rig, EVENT("ADDED", POD("b", "10"))), 0);
	assert_pods(&rig, "n/a n/b ");
	close_rig(&rig);
}

static void a_stream_that_lived_is_opened_again_at_once_where_it_was(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	(void)stream(&rig, BOOKMARK("20"));
	rig.now_ns += 300 * SECOND_NS;
	answer(&rig, HTTP_ANSWERED, 200, "");
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 0);
	assert_non_null(strstr((const char *)rig.path.data, "&resourceVersion=20&"));
	answer(&rig, HTTP_LOST, 200, "");
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 800);
	assert_pods(&rig, "n/a ");
	close_rig(&rig);
}

static void streams_that_break_again_and_again_are_a_failure_and_lead_to_a_list(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	answer(&rig, HTTP_LOST, 200, "");
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 800);
	answer(&rig, HTTP_LOST, 200, "");
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 1600);
	assert_false(rig.watch.is_failing);
	answer(&rig, HTTP_LOST, 200, "");
	assert_true(rig.watch.is_failing);
	assert_string_equal(rig.watch.reason,
			    "the watch of " PODS " breaks again and again: no luck");
	assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 3200);
	assert_pods(&rig, "n/a ");
	close_rig(&rig);
}

static void attempts_come_ever_slower_until_30_seconds(void **state)
{
	static const uint64_t waits[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
	struct rig rig = open_rig("");

	(void)state;
	(void)ask(&rig, KUBERNETES_LIST);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		answer(&rig, HTTP_UNREACHED, 0, "");
		assert_true(rig.watch.is_failing);
		assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), waits[i]);
	}
	answer(&rig, HTTP_ANSWERED, 200, LIST("8", "", ""));
	assert_false(rig.watch.is_failing);
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 0);
	rig.now_ns += 10 * SECOND_NS; /* all went well */
	answer(&rig, HTTP_LOST, 200, "");
	(void)ask(&rig, KUBERNETES_WATCH);
	answer(&rig, HTTP_LOST, 200, "");
	assert_int_equal(wait_ms(&rig, KUBERNETES_WATCH), 800);
	close_rig(&rig);
}

static void delays_of_processes_differ(void **state)
{
	const struct kubernetes_query query = {KUBERNETES_POD, PODS, "", "", NULL};
	struct rig rig = {.now_ns = START_NS, .path = BYTES_INIT(1 << 16)};

	(void)state;
	kubernetes_watch_init(&rig.watch, &query, UINT64_C(0x123456789abcdef));
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_UNREACHED, 0, "");
	assert_in_range(wait_ms(&rig, KUBERNETES_LIST), 801, 1000);
	close_rig(&rig);
}

static void a_version_that_is_gone_leads_to_a_list_from_the_store(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	refuse(&rig, 410, STATUS("410"));
	assert_false(rig.watch.is_failing);
	assert_pods(&rig, "n/a ");
	assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 800);
	assert_non_null(strstr((const char *)rig.path.data, "?limit=250&"));
	answer(&rig, HTTP_ANSWERED, 200, LIST("90", "", POD("b", "1")));
	assert_true(rig.watch.has_changed);
	assert_pods(&rig, "n/b ");
	assert_non_null(strstr(ask(&rig, KUBERNETES_WATCH), "&resourceVersion=90&"));
	close_rig(&rig);
}

static void so_does_one_that_is_gone_while_it_is_watched(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	assert_int_equal(stream(&rig, EVENT("ERROR", STATUS("410"))), -1);
	answer(&rig, HTTP_STOPPED, 200, "");
	assert_false(rig.watch.is_failing);
	assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 800);
	answer(&rig, HTTP_ANSWERED, 200, LIST("90", "", POD("a", "1")));
	assert_false(rig.watch.has_changed);
	(void)ask(&rig, KUBERNETES_WATCH);
	refuse(&rig, 410, ""); /* again, at once: no faster for that */
	assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 1600);
	close_rig(&rig);
}

static const struct {
	const char *text, *reason;
} lies[] = {
	{"<html>\n", "the watch of " PODS " says what is not usable: it is no JSON"},
	{"{\"type\":7}\n", "type is a number, expected a string"},
	{"{\"type\":\"RENAMED\",\"object\":{}}\n", "an event has the type \"RENAMED\""},
	{"{\"type\":\"ADDED\"}\n", "an event has no object"},
	{"{\"type\":\"ADDED\",\"object\":[]}\n", "object is a list, expected an object"},
	{EVENT("ADDED", "{}"), "resourceVersion is none"},
	{EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"\"}}"), "resourceVersion is none"},
	{EVENT("MODIFIED", "{\"metadata\":{\"resourceVersion\":\"9\"}}"), "name is none"},
	{EVENT("DELETED", "{\"metadata\":{\"resourceVersion\":\"9\",\"name\":7}}"),
	 "name is a number"},
	{EVENT("ADDED", "{\"metadata\":{\"resourceVersion\":\"9\",\"name\":\"a\"},\"spec\":7}"),
	 "spec is a number, expected an object"},
	{EVENT("ERROR", STATUS("500")),
	 "the watch of " PODS " ends with error 500: \"no \\x1b more\""},
	{EVENT("ERROR", "{\"code\":\"410\"}"), "ends with error 0"},
};

static void a_lie_of_the_stream_changes_nothing_and_leads_to_a_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

		assert_int_equal(stream(&rig, lies[i].text), -1);
		answer(&rig, HTTP_STOPPED, 200, "");
		assert_true(rig.watch.is_failing);
		if (!strstr(rig.watch.reason, lies[i].reason))
			fail_msg("%s: %s", lies[i].text, rig.watch.reason);
		assert_pods(&rig, "n/a ");
		assert_false(rig.watch.has_changed);
		assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 800);
		answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("a", "1")));
		assert_false(rig.watch.is_failing);
		close_rig(&rig);
	}
}

static void who_may_list_again_is_well(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	refuse(&rig, 401, STATUS("401"));
	assert_true(rig.watch.is_failing);
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("a", "1")));
	assert_false(rig.watch.is_failing);
	close_rig(&rig);
}

static void a_list_that_is_none_changes_nothing(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	refuse(&rig, 410, "");
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("b", "1") ",{}"));
	assert_true(rig.watch.is_failing);
	assert_string_equal(rig.watch.reason,
			    "the list of " PODS " is not usable: namespace or name is none, has a "
			    "NUL or more than 512 bytes");
	assert_pods(&rig, "n/a ");
	(void)ask(&rig, KUBERNETES_LIST);
	answer(&rig, HTTP_ANSWERED, 200, LIST("10", "", POD("c", "1")));
	assert_pods(&rig, "n/c ");
	assert_false(rig.watch.is_failing);
	close_rig(&rig);
}

static void pages_without_end_are_not_followed(void **state)
{
	struct rig rig = open_rig("");
	unsigned n = 0;

	(void)state;
	while (!rig.watch.is_failing && n++ < 2 * KUBERNETES_PAGES_MAX) {
		(void)ask(&rig, KUBERNETES_LIST);
		answer(&rig, HTTP_ANSWERED, 200, LIST("8", ",\"continue\":\"x\"", ""));
		if (n == KUBERNETES_PAGES_MAX) /* once more, as if it had been one too long */
			assert_true(kubernetes_watch_due_ns(&rig.watch) > rig.now_ns);
	}
	assert_true(rig.watch.is_failing);
	assert_non_null(strstr(rig.watch.reason, "more than 4096 pages"));
	close_rig(&rig);
}

static const struct {
	long status;
	enum kubernetes_question next;
} refusals[] = {
	{400, KUBERNETES_LIST},  {403, KUBERNETES_LIST},  {404, KUBERNETES_LIST},
	{429, KUBERNETES_WATCH}, {500, KUBERNETES_WATCH}, {503, KUBERNETES_WATCH},
};

static void who_must_not_watch_is_not_well_although_the_list_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

		refuse(&rig, refusals[i].status, STATUS("0"));
		assert_true(rig.watch.is_failing);
		assert_non_null(strstr(rig.watch.reason, " for " PODS ": \"no \\x1b more\""));
		(void)ask(&rig, refusals[i].next);
		if (refusals[i].next == KUBERNETES_LIST) {
			answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("b", "1")));
			assert_pods(&rig, "n/b ");
			assert_true(rig.watch.is_failing);
			(void)ask(&rig, KUBERNETES_WATCH);
		}
		assert_int_equal(stream(&rig, BOOKMARK("10")), 0);
		assert_false(rig.watch.is_failing);
		close_rig(&rig);
	}
}

static void a_stream_that_stays_open_in_silence_is_well(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	refuse(&rig, 503, "");
	(void)ask(&rig, KUBERNETES_WATCH);
	assert_true(rig.watch.is_failing);
	assert_int_equal(wait_ms(&rig, KUBERNETES_NOTHING), 45000);
	assert_false(rig.watch.is_failing);
	assert_true(kubernetes_watch_due_ns(&rig.watch) == KUBERNETES_NEVER);
	assert_int_equal(stream(&rig, EVENT("ADDED", POD("b", "9"))), 0);
	assert_pods(&rig, "n/a n/b ");
	close_rig(&rig);
}

static void a_server_that_is_not_reached_for_the_stream_is_asked_for_a_list(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));

	(void)state;
	answer(&rig, HTTP_UNREACHED, 0, "");
	assert_true(rig.watch.is_failing);
	assert_string_equal(rig.watch.reason, "the API cannot be asked for " PODS ": no luck");
	assert_non_null(strstr(ask(&rig, KUBERNETES_LIST), "?resourceVersion=8&"));
	answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", POD("a", "1")));
	assert_false(rig.watch.is_failing);
	assert_false(rig.watch.has_changed);
	close_rig(&rig);
}

static void a_line_that_is_too_long_ends_the_stream(void **state)
{
	struct rig rig = open_stream(LIST("8", "", POD("a", "1")));
	static char piece[1 << 20];
	int n = 0;

	(void)state;
	memset(piece, ' ', sizeof(piece));
	while (kubernetes_watch_take_bytes(&rig.watch, 200, piece, sizeof(piece), rig.now_ns) == 0)
		assert_true(++n <= 16);
	assert_int_equal(n, 16);
	assert_string_equal(rig.watch.reason,
			    "the watch of " PODS " has a line of more than 16777216 bytes");
	assert_pods(&rig, "n/a ");
	close_rig(&rig);
}

static void a_server_that_says_when_is_not_asked_before(void **state)
{
	static const struct {
		int64_t retry_after_s;
		uint64_t wait_ms;
	} rows[] = {{0, 800}, {-7, 800}, {5, 5000}, {86400, 60000}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct http_result result = {.outcome = HTTP_ANSWERED,
						   .status = 429,
						   .data = "",
						   .error = "",
						   .retry_after_s = rows[i].retry_after_s};
		struct rig rig = open_rig("");

		(void)ask(&rig, KUBERNETES_LIST);
		kubernetes_watch_take_list(&rig.watch, &result, rig.now_ns);
		assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), rows[i].wait_ms);
		close_rig(&rig);
	}
}

/* Puts pods of a megabyte each, and returns how many there was room for. */
static size_t fill(struct kubernetes_objects *objects)
{
	size_t n_bytes = (size_t)1 << 20, n = 0;
	bool has_changed;
	int r = 0;

	while (r == 0) {
		struct kubernetes_object *object = calloc(1, sizeof(*object) + n_bytes);

		assert_non_null(object);
		object->n_bytes = n_bytes;
		(void)snprintf(object->text, n_bytes, "n/%zu", n);
		r = kubernetes_objects_put(objects, object, &has_changed);
		n += r == 0;
	}
	assert_int_equal(r, KUBERNETES_TOO_BIG);
	return n;
}

static void sets_have_bounds_of_their_own_and_together(void **state)
{
	struct kubernetes_budget budget = {.n_bytes = 0};
	struct kubernetes_objects sets[3] = {
		{.budget = &budget}, {.budget = &budget}, {.budget = &budget}};

	(void)state;
	assert_int_equal(fill(&sets[0]), 48);
	assert_int_equal(fill(&sets[1]), 48);
	assert_int_equal(fill(&sets[2]), 0);
	assert_true(kubernetes_objects_remove(&sets[0], "n/7"));
	assert_int_equal(fill(&sets[2]), 1);
	kubernetes_objects_deinit(&sets[1]);
	assert_int_equal(budget.n_bytes, (size_t)48 << 20);
	kubernetes_objects_deinit(&sets[0]);
	kubernetes_objects_deinit(&sets[2]);
	assert_int_equal(budget.n_bytes, 0);
}

static void what_could_not_be_asked_is_asked_later(void **state)
{
	struct rig rig = open_rig("");

	(void)state;
	(void)ask(&rig, KUBERNETES_LIST);
	kubernetes_watch_give_up(&rig.watch, "there is no such file", rig.now_ns);
	assert_true(rig.watch.is_failing);
	assert_string_equal(rig.watch.reason, "there is no such file");
	assert_int_equal(wait_ms(&rig, KUBERNETES_LIST), 800);
	answer(&rig, HTTP_ANSWERED, 200, LIST("9", "", ""));
	assert_false(rig.watch.is_failing);
	close_rig(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_of_a_node_are_listed_as_the_server_has_them_in_memory),
		cmocka_unit_test(all_pods_are_listed_in_pages),
		cmocka_unit_test(pages_that_expire_under_way_are_asked_for_in_one_answer),
		cmocka_unit_test(a_list_that_is_too_long_for_one_answer_is_asked_for_in_pages),
		cmocka_unit_test(what_the_stream_says_is_done),
		cmocka_unit_test(a_line_counts_when_it_is_whole),
		cmocka_unit_test(a_stream_that_lived_is_opened_again_at_once_where_it_was),
		cmocka_unit_test(
			streams_that_break_again_and_again_are_a_failure_and_lead_to_a_list),
		cmocka_unit_test(attempts_come_ever_slower_until_30_seconds),
		cmocka_unit_test(delays_of_processes_differ),
		cmocka_unit_test(a_version_that_is_gone_leads_to_a_list_from_the_store),
		cmocka_unit_test(so_does_one_that_is_gone_while_it_is_watched),
		cmocka_unit_test(a_lie_of_the_stream_changes_nothing_and_leads_to_a_list),
		cmocka_unit_test(who_may_list_again_is_well),
		cmocka_unit_test(a_list_that_is_none_changes_nothing),
		cmocka_unit_test(pages_without_end_are_not_followed),
		cmocka_unit_test(who_must_not_watch_is_not_well_although_the_list_is),
		cmocka_unit_test(a_stream_that_stays_open_in_silence_is_well),
		cmocka_unit_test(a_server_that_is_not_reached_for_the_stream_is_asked_for_a_list),
		cmocka_unit_test(a_line_that_is_too_long_ends_the_stream),
		cmocka_unit_test(a_server_that_says_when_is_not_asked_before),
		cmocka_unit_test(sets_have_bounds_of_their_own_and_together),
		cmocka_unit_test(what_could_not_be_asked_is_asked_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
