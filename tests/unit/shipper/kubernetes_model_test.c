#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "discovery/kubernetes_watch.h"
#include "http/http_client.h"

/*
 * A server that is only what it has to be, with all that may go wrong on the way: whatever happens
 * in whatever order, what is known is in the end what the server has.
 */

#define SECOND_NS   UINT64_C(1000000000)
#define N_PODS      6u
#define N_RUNS      300u
#define N_STEPS     400u
#define EVENTS_MAX  1024u
#define EVENT_BYTES 320u

struct event {
	unsigned version;
	char line[EVENT_BYTES];
};

struct model {
	unsigned shapes[N_PODS]; /* 0: there is none; else its address */
	unsigned version;
	unsigned oldest; /* that is remembered */
	size_t n_events;
	struct event events[EVENTS_MAX];

	struct kubernetes_watch watch;
	uint64_t now_ns;
	unsigned random;
	size_t n_sent; /* events of the stream, and bytes of the next */
	size_t n_sent_bytes;
};

static unsigned draw(struct model *model, unsigned n)
{
	model->random = model->random * 1103515245u + 12345u;
	return (model->random >> 16) % n;
}

static void print_pod(struct bytes *out, unsigned i, unsigned shape, unsigned version)
{
	bytes_printf(out,
		     "{\"metadata\":{\"namespace\":\"n\",\"name\":\"p%u\","
		     "\"resourceVersion\":\"%u\"},\"spec\":{\"containers\":[{\"name\":\"c\"}]},"
		     "\"status\":{\"podIP\":\"10.0.0.%u\"}}",
		     i, version, shape);
}

static void remember(struct model *model, const char *type, unsigned i, unsigned shape)
{
	struct event *event = &model->events[model->n_events++];
	struct bytes line = BYTES_INIT(EVENT_BYTES - 1);

	assert_true(model->n_events < EVENTS_MAX);
	event->version = ++model->version;
	bytes_printf(&line, "{\"type\":\"%s\",\"object\":", type);
	print_pod(&line, i, shape, event->version);
	bytes_append(&line, "}\n", 3);
	assert_int_equal(line.error, 0);
	memcpy(event->line, line.data, line.n_bytes);
	bytes_deinit(&line);
}

static void change(struct model *model)
{
	unsigned i = draw(model, N_PODS), shape = draw(model, 4);

	if (shape == 0 && model->shapes[i] == 0)
		return;
	remember(model,
		 shape == 0              ? "DELETED"
		 : model->shapes[i] == 0 ? "ADDED"
					 : "MODIFIED",
		 i, shape ? shape : model->shapes[i]);
	model->shapes[i] = shape;
}

static void answer_list(struct model *model, const char *path)
{
	struct http_result result = {.outcome = HTTP_ANSWERED, .status = 200, .error = ""};
	struct bytes text = BYTES_INIT(1 << 16);
	unsigned first = strstr(path, "continue=") ? N_PODS / 2 : 0;
	bool is_half = strstr(path, "limit=") && first == 0;
	unsigned n = 0;

	bytes_printf(&text, "{\"metadata\":{\"resourceVersion\":\"%u\"%s},\"items\":[",
		     model->version, is_half ? ",\"continue\":\"x\"" : "");
	for (unsigned i = first; i < (is_half ? N_PODS / 2 : N_PODS); i++) {
		if (model->shapes[i] == 0)
			continue;
		bytes_printf(&text, "%s", n++ > 0 ? "," : "");
		print_pod(&text, i, model->shapes[i], model->version);
	}
	bytes_printf(&text, "]}");
	result.data = (const char *)text.data;
	result.n_bytes = text.n_bytes;
	kubernetes_watch_take_list(&model->watch, &result, model->now_ns);
	bytes_deinit(&text);
}

/* Anything but the answer. */
static void end_badly(struct model *model)
{
	static const struct http_result ends[] = {
		{.outcome = HTTP_UNREACHED, .data = "", .error = "no"},
		{.outcome = HTTP_LOST, .status = 200, .data = "", .error = "lost"},
		{.outcome = HTTP_ANSWERED, .status = 410, .data = "{}", .error = ""},
		{.outcome = HTTP_ANSWERED, .status = 503, .data = "<", .error = ""},
		{.outcome = HTTP_TOO_LONG, .status = 200, .data = "", .error = "long"},
		{.outcome = HTTP_ANSWERED, .status = 401, .data = "{}", .error = ""},
	};
	const struct http_result *end = &ends[draw(model, sizeof(ends) / sizeof(ends[0]))];

	if (model->watch.asked == KUBERNETES_LIST)
		kubernetes_watch_take_list(&model->watch, end, model->now_ns);
	else
		kubernetes_watch_take_end(&model->watch, end, model->now_ns);
}

static void end_stream(struct model *model, enum http_outcome outcome, long status)
{
	const struct http_result end = {
		.outcome = outcome, .status = status, .data = "", .error = "over"};

	kubernetes_watch_take_end(&model->watch, &end, model->now_ns);
}

/* The stream begins behind the version that is asked for, or is refused. */
static void open_stream(struct model *model)
{
	unsigned version = (unsigned)strtoul(model->watch.version, NULL, 10);

	model->n_sent = 0;
	model->n_sent_bytes = 0;
	if (version < model->oldest) {
		end_stream(model, HTTP_ANSWERED, 410);
		return;
	}
	while (model->n_sent < model->n_events && model->events[model->n_sent].version <= version)
		model->n_sent++;
}

/* Some bytes more of it. */
static void send(struct model *model, size_t n_max)
{
	const char *line;
	size_t n_left;

	if (model->watch.asked != KUBERNETES_WATCH || model->n_sent == model->n_events)
		return;
	line = model->events[model->n_sent].line + model->n_sent_bytes;
	n_left = strlen(line);
	if (n_max > n_left)
		n_max = n_left;
	assert_int_equal(
		kubernetes_watch_take_bytes(&model->watch, 200, line, n_max, model->now_ns), 0);
	model->n_sent_bytes += n_max;
	if (n_max == n_left) {
		model->n_sent++;
		model->n_sent_bytes = 0;
	}
}

static void say(struct model *model, const char *line)
{
	if (model->watch.asked != KUBERNETES_WATCH || model->n_sent_bytes > 0)
		return;
	if (kubernetes_watch_take_bytes(&model->watch, 200, line, strlen(line), model->now_ns) != 0)
		end_stream(model, HTTP_STOPPED, 200);
}

/* Asks what is due, and answers it well or not. */
static void ask(struct model *model, bool is_well)
{
	struct bytes path = BYTES_INIT(1 << 16);
	enum kubernetes_question question =
		kubernetes_watch_ask(&model->watch, model->now_ns, &path);

	if (question != KUBERNETES_NOTHING && !is_well)
		end_badly(model);
	else if (question == KUBERNETES_LIST)
		answer_list(model, (const char *)path.data);
	else if (question == KUBERNETES_WATCH)
		open_stream(model);
	bytes_deinit(&path);
}

static void step(struct model *model)
{
	switch (draw(model, 12)) {
	case 0:
	case 1:
		change(model);
		break;
	case 2:
		if (model->watch.asked != KUBERNETES_NOTHING)
			end_badly(model);
		break;
	case 3:
		if (draw(model, 8) == 0)
			model->oldest = model->version;
		break;
	case 4:
		say(model, draw(model, 2) ? "{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n"
					  : "{\"type\":\"ADDED\",\"object\":{}}\n");
		break;
	case 5:
		ask(model, false);
		break;
	case 6:
		model->now_ns += draw(model, 20) * SECOND_NS;
		break;
	case 7:
		ask(model, true);
		break;
	default:
		send(model, 1 + draw(model, 400));
		break;
	}
}

static size_t count_pods(const struct model *model)
{
	size_t n = 0;

	for (unsigned i = 0; i < N_PODS; i++)
		n += model->shapes[i] != 0;
	return n;
}

static void assert_as_the_server_has_it(const struct model *model)
{
	assert_int_equal(model->watch.objects.n, count_pods(model));
	for (unsigned i = 0; i < N_PODS; i++) {
		char key[16], address[32];
		const struct kubernetes_object *object;
		const char *at;
		struct kubernetes_label label = {.key = CONFIG_TEXT("")};

		(void)snprintf(key, sizeof(key), "n/p%u", i);
		(void)snprintf(address, sizeof(address), "10.0.0.%u", model->shapes[i]);
		object = kubernetes_objects_find(&model->watch.objects, key);
		assert_int_equal(object != NULL, model->shapes[i] != 0);
		if (!object)
			continue;
		at = object->groups;
		while (strcmp(label.key.data, "__meta_kubernetes_pod_ip") != 0)
			assert_true(kubernetes_label_next(&at, &label));
		assert_string_equal(label.value.data, address);
	}
}

/* All goes well from here on, for long enough. */
static void calm_down(struct model *model)
{
	for (unsigned i = 0; i < 20; i++) {
		model->now_ns += 60 * SECOND_NS;
		ask(model, true);
		while (model->watch.asked == KUBERNETES_WATCH && model->n_sent < model->n_events)
			send(model, EVENT_BYTES);
	}
}

static void whatever_happens_it_ends_with_what_the_server_has(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	unsigned n_lists = 0;

	(void)state;
	assert_non_null(model);
	for (unsigned run = 1; run <= N_RUNS; run++) {
		const struct kubernetes_query query = {KUBERNETES_POD, "/api/v1/pods",
						       run % 2 ? "a=b" : "", "", NULL};

		*model = (struct model){
			.version = 10, .now_ns = 1000 * SECOND_NS, .random = run * 7919};
		kubernetes_watch_init(&model->watch, &query, run % 3 ? run : 0);
		for (unsigned i = 0; i < N_STEPS; i++)
			step(model);
		n_lists += model->watch.is_synced;
		calm_down(model);
		assert_false(model->watch.is_failing);
		assert_as_the_server_has_it(model);
		kubernetes_watch_deinit(&model->watch);
	}
	assert_true(n_lists > N_RUNS / 2); /* it did get somewhere in all that */
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_it_ends_with_what_the_server_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
