/*
 * `discovery.docker`, a round of questions at a time: the version to speak (/_ping), the stream of
 * events where it does not run, the lists of containers and networks. The stream is opened before
 * the lists are asked for, and from a time before that on: no change can fall between the two. What
 * an event says does not matter, only that something happened.
 */
#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/docker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "discovery/docker_arguments.h"
#include "discovery/docker_version.h"
#include "discovery/json_answer.h"
#include "http/http_client.h"
#include "log/log.h"

#define MS_NS              UINT64_C(1000000)
#define SECOND_NS          UINT64_C(1000000000)
#define GAP_NS_MIN         (25 * MS_NS) /* between rounds that events ask for */
#define GAP_NS_MAX         (500 * MS_NS)
#define BACKOFF_NS_MIN     (250 * MS_NS)
#define BACKOFF_NS_MAX     (30 * SECOND_NS)
#define TIMEOUT_MS_MIN     5000u
#define TIMEOUT_MS_MAX     30000u
#define STREAM_IDLE_MS     600000u /* a connection that died without a word is found by this */
#define STREAM_LIFE_NS     (10 * SECOND_NS) /* one that lived so long did work */
#define STREAM_BREAKS_TOLD 3u
#define REASON_BYTES_MAX   512u
#define URL_BYTES_MAX      (64u << 10)
#define SINCE_BYTES        24

struct docker {
	const struct docker_arguments *arguments;
	struct source_slot *slot;
	char version[DOCKER_VERSION_BYTES]; /* "": not known, or to be asked for again */
	char since[SINCE_BYTES];            /* seconds, before the engine was asked; "" */

	struct http_transfer *question; /* borrowed; NULL: no round is going on */
	struct bytes containers;        /* owned: the answer, until the networks are known */
	uint64_t began_ns;
	uint64_t gap_ns;
	uint64_t due_ns;     /* of the next round, when none is going on */
	bool has_happened;   /* something, while a round was going on */
	unsigned n_failures; /* in a row */
	bool has_told_of_left_out;

	struct http_transfer *stream; /* borrowed; NULL: it does not run */
	uint64_t stream_began_ns;
	uint64_t stream_due_ns;
	unsigned n_breaks; /* in a row */
};

static uint64_t backoff_ns(unsigned n)
{
	return n < 7 ? BACKOFF_NS_MIN << n : BACKOFF_NS_MAX;
}

static uint32_t timeout_ms(const struct docker *docker)
{
	uint32_t interval_ms = docker->arguments->refresh_interval_ms;

	if (interval_ms < TIMEOUT_MS_MIN)
		return TIMEOUT_MS_MIN;
	return interval_ms < TIMEOUT_MS_MAX ? interval_ms : TIMEOUT_MS_MAX;
}

static void end_round(struct docker *docker)
{
	bytes_deinit(&docker->containers);
	docker->question = NULL;
	docker->has_happened = false;
}

/* What was asked for did not come, for @why (consumed). The next round asks for all of it anew. */
static void fail(struct docker *docker, struct bytes *why)
{
	bytes_append(why, "", 1);
	if (why->error == -EMSGSIZE) /* cut */
		why->data[why->n_bytes - 1] = '\0';
	source_fail(docker->slot, why->error == -ENOMEM ? strerror(ENOMEM) : (char *)why->data);
	bytes_deinit(why);
	end_round(docker);
	docker->version[0] = '\0';
	docker->due_ns = clock_monotonic_ns() + backoff_ns(docker->n_failures++);
}

/* The engine's own words, {"message": "..."}, as far as they are fit for a line. */
static void print_words(const struct http_result *result, struct bytes *out)
{
	struct bytes ignored = BYTES_INIT(REASON_BYTES_MAX);
	const json_t *message;
	json_t *json = NULL;

	if (json_answer_read(result->data, result->n_bytes, &json, &ignored) == 0) {
		message = json_object_get(json, "message");
		if (json_is_string(message))
			bytes_printf(
				out, ": %s",
				log_quote(json_string_value(message), json_string_length(message))
					.text);
	}
	json_decref(json);
	bytes_deinit(&ignored);
}

/* Why @result is not what was asked for at @path: appended to @why. Returns whether it is not. */
static bool is_refusal(const struct http_result *result, const char *path, struct bytes *why)
{
	if (result->outcome != HTTP_ANSWERED) {
		bytes_printf(why, "the engine cannot be asked for %s: %s", path, result->error);
		return true;
	}
	if (result->status == 200)
		return false;
	bytes_printf(why, "the engine answers %ld for %s", result->status, path);
	print_words(result, why);
	return true;
}

/*
 * Starts a request for @path, with the version before it unless that is NULL. In @request are the
 * method and what to do with the answer. Returns 0 or -ENOMEM.
 */
static int ask(struct docker *docker, struct http_request *request, const char *version,
	       const char *path, struct http_transfer **ret_transfer)
{
	struct bytes url = BYTES_INIT(URL_BYTES_MAX);
	int r;

	bytes_printf(&url, "%s%s%s%s", docker->arguments->url, version ? "/v" : "",
		     version ? version : "", path);
	bytes_append(&url, "", 1);
	request->url = (const char *)url.data;
	request->unix_socket = docker->arguments->unix_socket;
	request->options = docker->arguments->http;
	request->context = docker;
	r = url.error;
	if (r == 0)
		r = http_client_start(source_environment(docker->slot)->http_client, request,
				      ret_transfer);
	bytes_deinit(&url);
	return r;
}

/* One question of a round. */
static void go_on(struct docker *docker, const char *method, const char *version, const char *path,
		  void (*on_done)(void *, const struct http_result *))
{
	struct http_request request = {
		.method = method,
		.timeout_ms = timeout_ms(docker),
		.bytes_max = JSON_ANSWER_BYTES_MAX,
		.on_done = on_done,
	};
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	int r = ask(docker, &request, version, path, &docker->question);

	if (r == 0)
		return;
	bytes_printf(&why, "%s", strerror(-r));
	fail(docker, &why);
}

static void finish(struct docker *docker)
{
	uint64_t interval_ns = docker->arguments->refresh_interval_ms * MS_NS;
	bool has_happened = docker->has_happened;

	end_round(docker);
	docker->n_failures = 0;
	docker->due_ns = docker->began_ns + interval_ns;
	if (has_happened)
		docker->due_ns = docker->began_ns + docker->gap_ns;
	else if (!docker->stream && docker->stream_due_ns < docker->due_ns)
		docker->due_ns = docker->stream_due_ns;
}

static void tell_of_left_out(struct docker *docker, size_t n_left_out)
{
	if (n_left_out > 0 && !docker->has_told_of_left_out)
		log_warn("docker-labels-left-out",
			 "component=%s n=%zu, labels of more than %u bytes and ports beyond the "
			 "first %u of a container are not published",
			 source_id(docker->slot), n_left_out, DOCKER_LABEL_BYTES_MAX,
			 DOCKER_PORTS_MAX);
	docker->has_told_of_left_out = n_left_out > 0;
}

static void on_networks(void *context, const struct http_result *result)
{
	struct docker *docker = context;
	struct config_arena arena = CONFIG_ARENA_INIT(CONFIG_ARENA_BYTES_MAX);
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);
	struct docker_targets targets;
	const struct docker_answers answers = {
		.containers = {(const char *)docker->containers.data, docker->containers.n_bytes},
		.networks = {result->data, result->n_bytes},
	};
	int r = is_refusal(result, "/networks", &why) ? DOCKER_MALFORMED : 0;

	if (r == 0)
		r = docker_targets_read(&answers, &docker->arguments->rules, &arena, &targets,
					&why);
	if (r < 0)
		bytes_printf(&why, "%s", strerror(-r));
	if (r != 0) {
		fail(docker, &why);
	} else {
		tell_of_left_out(docker, targets.n_left_out);
		source_publish(docker->slot, targets.list, &arena);
		finish(docker);
	}
	bytes_deinit(&why);
	config_arena_deinit(&arena);
}

static void on_containers(void *context, const struct http_result *result)
{
	struct docker *docker = context;
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);

	if (is_refusal(result, "/containers/json", &why)) {
		fail(docker, &why);
		return;
	}
	docker->containers = (struct bytes)BYTES_INIT(JSON_ANSWER_BYTES_MAX);
	bytes_append(&docker->containers, result->data, result->n_bytes);
	if (docker->containers.error) {
		bytes_printf(&why, "%s", strerror(-docker->containers.error));
		fail(docker, &why);
		return;
	}
	go_on(docker, "GET", docker->version, "/networks", on_networks);
}

static void something_happened(struct docker *docker)
{
	uint64_t due_ns = docker->began_ns + docker->gap_ns;

	docker->has_happened = docker->question != NULL; /* it may have been asked too early */
	if (!docker->question && due_ns < docker->due_ns)
		docker->due_ns = due_ns;
}

static int on_events(void *context, long status, const void *data, size_t n_bytes)
{
	(void)data;
	if (status == 200 && n_bytes > 0)
		something_happened(context);
	return status == 200 ? 0 : -1;
}

/* Whatever ended it, the engine may be another now: a round begins with its version. */
static void on_stream_end(void *context, const struct http_result *result)
{
	struct docker *docker = context;
	uint64_t now_ns = clock_monotonic_ns();

	docker->stream = NULL;
	docker->version[0] = '\0';
	if (now_ns - docker->stream_began_ns >= STREAM_LIFE_NS)
		docker->n_breaks = 0;
	docker->stream_due_ns = now_ns + backoff_ns(docker->n_breaks++);
	if (docker->n_breaks == STREAM_BREAKS_TOLD)
		log_warn("docker-events-missing",
			 "component=%s status=%ld error=\"%s\", containers are seen late: every "
			 "refresh_interval, and when the stream of events is tried again",
			 source_id(docker->slot), result->status, result->error);
	if (!docker->question && docker->stream_due_ns < docker->due_ns)
		docker->due_ns = docker->stream_due_ns;
}

static int open_stream(struct docker *docker, uint64_t now_ns)
{
	struct http_request request = {
		.method = "GET",
		.idle_timeout_ms = STREAM_IDLE_MS,
		.bytes_max = UINT64_MAX,
		.on_bytes = on_events,
		.on_done = on_stream_end,
	};
	struct bytes path = BYTES_INIT(URL_BYTES_MAX);
	int r;

	bytes_printf(&path, "/events?%s%s%sfilters=%s", docker->since[0] ? "since=" : "",
		     docker->since, docker->since[0] ? "&" : "", docker->arguments->event_filters);
	bytes_append(&path, "", 1);
	docker->stream_began_ns = now_ns;
	r = path.error;
	if (r == 0)
		r = ask(docker, &request, docker->version, (const char *)path.data,
			&docker->stream);
	bytes_deinit(&path);
	return r;
}

static void ask_for_lists(struct docker *docker)
{
	struct bytes path = BYTES_INIT(URL_BYTES_MAX);
	uint64_t now_ns = clock_monotonic_ns();
	int r = 0;

	if (!docker->stream && now_ns >= docker->stream_due_ns)
		r = open_stream(docker, now_ns);
	bytes_printf(&path, "/containers/json%s%s",
		     docker->arguments->filters[0] ? "?filters=" : "", docker->arguments->filters);
	bytes_append(&path, "", 1);
	r = r ? r : path.error;
	if (r == 0) {
		go_on(docker, "GET", docker->version, (const char *)path.data, on_containers);
	} else {
		bytes_clear(&path);
		bytes_printf(&path, "%s", strerror(-r));
		fail(docker, &path);
	}
	bytes_deinit(&path);
}

/* The engine's clock as it says it, a second earlier: it tells whole ones. */
static void note_time(struct docker *docker, const struct http_result *result)
{
	const char *date = http_result_header(result, "Date");
	struct tm tm = {.tm_year = 0};
	const char *end = date ? strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
	time_t seconds = end && *end == '\0' ? timegm(&tm) : 0;

	docker->since[0] = '\0';
	if (seconds > 0)
		(void)snprintf(docker->since, sizeof(docker->since), "%lld",
			       (long long)seconds - 1);
}

/* Returns whether the answer says how to go on. */
static bool take_version(struct docker *docker, const struct http_result *result)
{
	const char *theirs = http_result_header(result, "API-Version");

	if (!theirs || docker_version_choose(theirs, docker->version) != 0)
		return false;
	note_time(docker, result);
	return true;
}

/* An engine that says no version is an old one; one that is not to be pinged may still list. */
static void on_ping(void *context, const struct http_result *result)
{
	struct docker *docker = context;
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);

	if (result->outcome != HTTP_ANSWERED) {
		(void)is_refusal(result, "/_ping", &why);
		fail(docker, &why);
		return;
	}
	if (!take_version(docker, result)) {
		(void)snprintf(docker->version, sizeof(docker->version), "%s",
			       result->status == 200 ? DOCKER_VERSION_UNSAID : DOCKER_VERSION_OWN);
		note_time(docker, result);
	}
	ask_for_lists(docker);
}

static void on_ping_head(void *context, const struct http_result *result)
{
	struct docker *docker = context;
	struct bytes why = BYTES_INIT(REASON_BYTES_MAX);

	if (result->outcome == HTTP_ANSWERED && take_version(docker, result)) {
		ask_for_lists(docker);
	} else if (result->outcome == HTTP_ANSWERED || result->outcome == HTTP_LOST) {
		go_on(docker, "GET", NULL, "/_ping", on_ping);
	} else {
		(void)is_refusal(result, "/_ping", &why);
		fail(docker, &why);
	}
}

/* Rounds come at once after a silence, and ever slower while something happens all the time. */
static void begin_round(struct docker *docker, uint64_t now_ns)
{
	bool is_calm = now_ns - docker->began_ns >= SECOND_NS;

	docker->gap_ns = is_calm ? GAP_NS_MIN : docker->gap_ns * 2;
	if (docker->gap_ns > GAP_NS_MAX)
		docker->gap_ns = GAP_NS_MAX;
	docker->began_ns = now_ns;
	docker->has_happened = false;
	if (docker->version[0])
		ask_for_lists(docker);
	else
		go_on(docker, "HEAD", NULL, "/_ping", on_ping_head);
}

static int start(const struct source_configuration *source, struct source_slot *slot,
		 void **ret_source)
{
	struct docker *docker = calloc(1, sizeof(*docker));

	if (!docker)
		return -ENOMEM;
	docker->arguments = source->arguments;
	docker->slot = slot;
	*ret_source = docker;
	return 0;
}

static void stop(void *source)
{
	struct docker *docker = source;

	if (docker->question)
		http_transfer_cancel(docker->question);
	if (docker->stream)
		http_transfer_cancel(docker->stream);
	bytes_deinit(&docker->containers);
	free(docker);
}

static uint64_t deadline_ns(const void *source)
{
	const struct docker *docker = source;

	return docker->question ? SOURCE_NO_TIME : docker->due_ns;
}

static void run(void *source, uint64_t now_ns)
{
	struct docker *docker = source;

	if (!docker->question && now_ns >= docker->due_ns)
		begin_round(docker, now_ns);
}

const struct source_class docker_class = {
	.name = "discovery.docker",
	.export_name = "targets",
	.load = docker_arguments_load,
	.start = start,
	.stop = stop,
	.run = run,
	.deadline_ns = deadline_ns,
};
