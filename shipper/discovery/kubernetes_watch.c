#include "discovery/kubernetes_watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http/http_client.h"

#define SECOND_NS         UINT64_C(1000000000)
#define BACKOFF_NS_MIN    (SECOND_NS * 8 / 10)
#define BACKOFF_NS_MAX    (30 * SECOND_NS)
#define DOUBLINGS_MAX     6u
#define JITTER_PART       4u               /* of a delay: added at most */
#define LIFE_NS           (10 * SECOND_NS) /* a stream that lived so long did work */
#define SETTLE_NS         (45 * SECOND_NS) /* more than a connection may take to be made */
#define BREAKS_MAX        3u
#define STREAM_S_MIN      300u
#define STREAM_S_SPAN     300u
#define LINE_BYTES_KEPT   ((size_t)1 << 20)
#define RETRY_AFTER_S_MAX 60
#define REFUSAL_BYTES_MAX ((size_t)64 << 10)
#define HTTP_OK           200
#define HTTP_UNAUTHORIZED 401 /* whoever may list is somebody again */
#define HTTP_GONE         410
#define HTTP_TOO_MANY     429
#define HTTP_SERVER_ERROR 500

void kubernetes_watch_init(struct kubernetes_watch *watch, const struct kubernetes_query *query,
			   uint64_t seed)
{
	*watch = (struct kubernetes_watch){
		.query = *query,
		.objects.budget = query->budget,
		.incoming.budget = query->budget,
		.next = KUBERNETES_LIST,
		.seed = seed,
		.token = BYTES_INIT(KUBERNETES_CONTINUE_BYTES),
		.line = BYTES_INIT(KUBERNETES_LINE_BYTES_MAX),
	};
}

void kubernetes_watch_deinit(struct kubernetes_watch *watch)
{
	kubernetes_objects_deinit(&watch->objects);
	kubernetes_objects_deinit(&watch->incoming);
	bytes_deinit(&watch->token);
	bytes_deinit(&watch->line);
}

uint64_t kubernetes_watch_due_ns(const struct kubernetes_watch *watch)
{
	if (watch->asked == KUBERNETES_NOTHING)
		return watch->due_ns;
	if (watch->asked == KUBERNETES_WATCH && watch->is_failing)
		return watch->began_ns + SETTLE_NS;
	return KUBERNETES_NEVER;
}

/* Percent-encodes all that is not a letter or a digit. */
static void append_encoded(struct bytes *path, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			bytes_append(path, text, 1);
		else
			bytes_printf(path, "%%%02X", c);
	}
}

static void append_parameter(struct bytes *path, const char *name, const char *value)
{
	if (!value[0])
		return;
	bytes_printf(path, "&%s=", name);
	append_encoded(path, value);
}

/*
 * What the server has in its memory is asked for where a field is selected, a node's pods: that
 * costs it little, and one answer has them all. Its store is asked for everything else, in pages.
 */
static void append_list(const struct kubernetes_watch *watch, struct bytes *path)
{
	bool is_one_answer = watch->query.field[0] && !watch->is_too_big && !watch->has_expired;

	if (is_one_answer)
		append_parameter(path, "resourceVersion", watch->version[0] ? watch->version : "0");
	else if (!watch->has_lost_pages)
		bytes_printf(path, "&limit=%u", KUBERNETES_PAGE_OBJECTS);
	if (watch->token.n_bytes > 0)
		append_parameter(path, "continue", (const char *)watch->token.data);
}

static void append_watch(const struct kubernetes_watch *watch, struct bytes *path)
{
	bytes_printf(path, "&watch=true&allowWatchBookmarks=true&timeoutSeconds=%u",
		     STREAM_S_MIN + (unsigned)(watch->seed % STREAM_S_SPAN));
	append_parameter(path, "resourceVersion", watch->version);
}

/* The stream has been open for so long that it must work, though nothing came. */
static void settle(struct kubernetes_watch *watch)
{
	watch->is_failing = false;
	watch->is_watch_refused = false;
	watch->n_attempts = 0;
	watch->n_breaks = 0;
}

/* One long line leaves no buffer for others of its length. */
static void clear_line(struct kubernetes_watch *watch)
{
	bytes_clear(&watch->line);
	if (watch->line.capacity_bytes > LINE_BYTES_KEPT)
		bytes_deinit(&watch->line);
}

enum kubernetes_question kubernetes_watch_ask(struct kubernetes_watch *watch, uint64_t now_ns,
					      struct bytes *path)
{
	size_t query_at = path->n_bytes + strlen(watch->query.path);

	if (now_ns < kubernetes_watch_due_ns(watch))
		return KUBERNETES_NOTHING;
	if (watch->asked == KUBERNETES_WATCH) {
		settle(watch);
		return KUBERNETES_NOTHING;
	}
	bytes_printf(path, "%s", watch->query.path);
	if (watch->next == KUBERNETES_LIST)
		append_list(watch, path);
	else
		append_watch(watch, path);
	append_parameter(path, "fieldSelector", watch->query.field);
	append_parameter(path, "labelSelector", watch->query.label);
	if (path->n_bytes > query_at)
		path->data[query_at] = '?';
	bytes_append(path, "", 1);
	watch->asked = watch->next;
	watch->began_ns = now_ns;
	watch->is_decided = false;
	clear_line(watch);
	return watch->asked;
}

static uint64_t delay_ns(struct kubernetes_watch *watch)
{
	unsigned n = watch->n_attempts < DOUBLINGS_MAX ? watch->n_attempts : DOUBLINGS_MAX;
	uint64_t delay_ns = BACKOFF_NS_MIN << n;

	watch->n_attempts++;
	if (delay_ns > BACKOFF_NS_MAX)
		delay_ns = BACKOFF_NS_MAX;
	return delay_ns + watch->seed % (delay_ns / JITTER_PART) * (watch->seed > 0);
}

/* What comes next, after a delay. A list begins with its first page. */
static void decide(struct kubernetes_watch *watch, enum kubernetes_question next, uint64_t now_ns)
{
	watch->next = next;
	watch->due_ns = now_ns + delay_ns(watch);
	watch->is_decided = true;
	watch->n_pages = 0;
	watch->has_lost_pages = false;
	kubernetes_objects_deinit(&watch->incoming);
	bytes_clear(&watch->token);
}

static void fail(struct kubernetes_watch *watch, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct kubernetes_watch *watch, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(watch->reason, sizeof(watch->reason), format, args); /* cut */
	va_end(args);
	watch->is_failing = true;
	watch->is_watch_refused = false;
	watch->n_breaks = 0;
}

void kubernetes_watch_give_up(struct kubernetes_watch *watch, const char *reason, uint64_t now_ns)
{
	fail(watch, "%s", reason);
	decide(watch, KUBERNETES_LIST, now_ns);
	watch->asked = KUBERNETES_NOTHING;
}

/* The version is too old for the server: a list from its store has a new one. */
static void expire(struct kubernetes_watch *watch, uint64_t now_ns)
{
	watch->has_expired = true;
	decide(watch, KUBERNETES_LIST, now_ns);
}

/* What an answer that is not the one that was asked for says, for people. */
static void fail_for(struct kubernetes_watch *watch, const struct http_result *result,
		     struct config_text body)
{
	struct bytes words = BYTES_INIT(KUBERNETES_REASON_BYTES);

	if (result->status == 0 || result->status == HTTP_OK) {
		fail(watch, "the API cannot be asked for %s: %s", watch->query.path, result->error);
		return;
	}
	kubernetes_words_print(body, &words);
	fail(watch, "the API answers %ld for %s%.*s", result->status, watch->query.path,
	     (int)words.n_bytes, words.data ? (const char *)words.data : "");
	bytes_deinit(&words);
}

/* A server that says when it wants to be asked again is not asked before, within reason. */
static void heed(struct kubernetes_watch *watch, const struct http_result *result, uint64_t now_ns)
{
	int64_t wait_s = result->retry_after_s;
	uint64_t due_ns;

	if (wait_s <= 0)
		return;
	due_ns = now_ns +
		 (uint64_t)(wait_s < RETRY_AFTER_S_MAX ? wait_s : RETRY_AFTER_S_MAX) * SECOND_NS;
	if (due_ns > watch->due_ns)
		watch->due_ns = due_ns;
}

static void finish_list(struct kubernetes_watch *watch, uint64_t now_ns)
{
	if (!watch->is_synced || !kubernetes_objects_equal(&watch->objects, &watch->incoming))
		watch->has_changed = true;
	kubernetes_objects_deinit(&watch->objects);
	watch->objects = watch->incoming;
	watch->incoming = (struct kubernetes_objects){.budget = watch->query.budget};
	watch->is_synced = true;
	watch->has_expired = false;
	watch->has_lost_pages = false;
	watch->n_pages = 0;
	memcpy(watch->version, watch->incoming_version, sizeof(watch->version));
	if (!watch->is_watch_refused)
		watch->is_failing = false;
	watch->next = KUBERNETES_WATCH;
	watch->due_ns = now_ns;
}

static void ask_in_pages(struct kubernetes_watch *watch, uint64_t now_ns)
{
	watch->is_too_big = true;
	decide(watch, KUBERNETES_LIST, now_ns);
}

/* A page came, whole. */
static void take_page(struct kubernetes_watch *watch, struct config_text text, uint64_t now_ns)
{
	struct bytes why = BYTES_INIT(KUBERNETES_REASON_BYTES);
	char version[KUBERNETES_VERSION_BYTES] = "";
	int r = kubernetes_page_read(text, watch->query.kind, &watch->incoming, version,
				     &watch->token, &why);

	if (watch->n_pages++ == 0)
		memcpy(watch->incoming_version, version, sizeof(version));
	if (r == 0 && watch->token.n_bytes > 0 && watch->n_pages >= KUBERNETES_PAGES_MAX) {
		bytes_printf(&why, "it has more than %u pages", KUBERNETES_PAGES_MAX);
		r = KUBERNETES_TOO_BIG;
	}
	if (r < 0)
		bytes_printf(&why, "%s", strerror(-r));
	if (r == KUBERNETES_TOO_BIG && !watch->is_too_big) {
		ask_in_pages(watch, now_ns);
	} else if (r != 0) {
		fail(watch, "the list of %s is not usable: %.*s", watch->query.path,
		     (int)why.n_bytes, why.data ? (const char *)why.data : "");
		watch->has_expired = true;
		decide(watch, KUBERNETES_LIST, now_ns);
	} else if (watch->token.n_bytes > 0) {
		watch->due_ns = now_ns; /* for the next one */
	} else {
		finish_list(watch, now_ns);
	}
	bytes_deinit(&why);
}

void kubernetes_watch_take_list(struct kubernetes_watch *watch, const struct http_result *result,
				uint64_t now_ns)
{
	const struct config_text body = {result->data, result->n_bytes};

	if (result->outcome == HTTP_ANSWERED && result->status == HTTP_OK) {
		take_page(watch, body, now_ns);
	} else if (result->outcome == HTTP_TOO_LONG && !watch->is_too_big) {
		ask_in_pages(watch, now_ns);
	} else if (result->status == HTTP_GONE && watch->n_pages > 0) {
		expire(watch, now_ns);
		watch->has_lost_pages = true;
	} else {
		fail_for(watch, result, body);
		watch->has_expired = result->status > 0;
		decide(watch, KUBERNETES_LIST, now_ns);
		heed(watch, result, now_ns);
	}
	watch->asked = KUBERNETES_NOTHING;
}

static void take_error(struct kubernetes_watch *watch, const struct kubernetes_event *event,
		       const struct bytes *words, uint64_t now_ns)
{
	if (event->code == HTTP_GONE) {
		expire(watch, now_ns);
		return;
	}
	fail(watch, "the watch of %s ends with error %u%.*s", watch->query.path, event->code,
	     (int)words->n_bytes, words->data ? (const char *)words->data : "");
	decide(watch, KUBERNETES_LIST, now_ns);
}

/* Does what @event says; its object is taken. Returns 0, -ENOMEM or KUBERNETES_TOO_BIG. */
static int apply(struct kubernetes_watch *watch, struct kubernetes_event *event)
{
	bool has_changed = false;
	int r = 0;

	if (event->type == KUBERNETES_DELETED)
		has_changed =
			kubernetes_objects_remove(&watch->objects, (const char *)event->key.data);
	else if (event->object)
		r = kubernetes_objects_put(&watch->objects, take_ptr(event->object), &has_changed);
	watch->has_changed |= has_changed;
	(void)snprintf(watch->version, sizeof(watch->version), "%s", event->version);
	watch->is_failing = false;
	watch->is_watch_refused = false;
	watch->n_breaks = 0;
	return r;
}

static void take_line(struct kubernetes_watch *watch, struct config_text line, uint64_t now_ns)
{
	struct bytes why = BYTES_INIT(KUBERNETES_REASON_BYTES);
	struct kubernetes_event event = {.object = NULL};
	int r;

	if (line.n_bytes == 0)
		return;
	r = kubernetes_event_read(line, watch->query.kind, &event, &why);
	if (r == 0 && event.type == KUBERNETES_ERROR)
		take_error(watch, &event, &why, now_ns);
	else if (r == 0)
		r = apply(watch, &event);
	kubernetes_event_deinit(&event);
	if (r < 0)
		bytes_printf(&why, "%s", strerror(-r));
	else if (r == KUBERNETES_TOO_BIG && why.n_bytes == 0)
		bytes_printf(&why, "more than there may be come of it");
	if (r != 0) {
		fail(watch, "the watch of %s says what is not usable: %.*s", watch->query.path,
		     (int)why.n_bytes, why.data ? (const char *)why.data : "");
		decide(watch, KUBERNETES_LIST, now_ns);
	}
	bytes_deinit(&why);
}

/* Takes the lines that are whole; the rest waits in watch->line. */
static void take_lines(struct kubernetes_watch *watch, const char *data, size_t n_bytes,
		       uint64_t now_ns)
{
	const char *end;

	while (!watch->is_decided && n_bytes > 0) {
		size_t n;

		end = memchr(data, '\n', n_bytes);
		n = end ? (size_t)(end - data) : n_bytes;
		if (watch->line.n_bytes > 0 || !end)
			bytes_append(&watch->line, data, n);
		if (watch->line.error) {
			fail(watch, "the watch of %s has a line of more than %zu bytes",
			     watch->query.path, KUBERNETES_LINE_BYTES_MAX);
			decide(watch, KUBERNETES_LIST, now_ns);
			return;
		}
		if (!end)
			return;
		if (watch->line.n_bytes > 0)
			take_line(watch,
				  (struct config_text){(const char *)watch->line.data,
						       watch->line.n_bytes},
				  now_ns);
		else
			take_line(watch, (struct config_text){data, n}, now_ns);
		clear_line(watch);
		data += n + 1;
		n_bytes -= n + 1;
	}
}

int kubernetes_watch_take_bytes(struct kubernetes_watch *watch, long status, const void *data,
				size_t n_bytes, uint64_t now_ns)
{
	size_t n_left = REFUSAL_BYTES_MAX - watch->line.n_bytes;

	if (status == HTTP_OK)
		take_lines(watch, data, n_bytes, now_ns);
	else if (watch->line.n_bytes < REFUSAL_BYTES_MAX)
		bytes_append(&watch->line, data, n_bytes < n_left ? n_bytes : n_left);
	return watch->is_decided ? -1 : 0;
}

/* A stream that was one has ended: it goes on where it was, at once if it has lived for a while. */
static void reopen(struct kubernetes_watch *watch, const struct http_result *result,
		   uint64_t now_ns)
{
	bool has_lived = now_ns - watch->began_ns >= LIFE_NS;

	if (!has_lived && ++watch->n_breaks >= BREAKS_MAX) {
		fail(watch, "the watch of %s breaks again and again: %s", watch->query.path,
		     result->error[0] ? result->error : "the server ends it");
		watch->is_watch_refused = true;
		decide(watch, KUBERNETES_LIST, now_ns);
		return;
	}
	if (has_lived)
		settle(watch);
	decide(watch, KUBERNETES_WATCH, now_ns);
	if (has_lived) {
		watch->due_ns = now_ns;
		watch->n_attempts = 0;
	}
}

/* A server that has too much to do is asked for the stream again, not for a list. */
static bool is_overload(long status)
{
	return status == HTTP_TOO_MANY || status >= HTTP_SERVER_ERROR;
}

static void take_refusal(struct kubernetes_watch *watch, const struct http_result *result,
			 uint64_t now_ns)
{
	const struct config_text body = {watch->line.data ? (const char *)watch->line.data : "",
					 watch->line.n_bytes};

	if (result->status == HTTP_GONE) {
		expire(watch, now_ns);
		return;
	}
	fail_for(watch, result, body);
	watch->is_watch_refused = result->status > 0 && result->status != HTTP_UNAUTHORIZED;
	decide(watch, is_overload(result->status) ? KUBERNETES_WATCH : KUBERNETES_LIST, now_ns);
	heed(watch, result, now_ns);
}

void kubernetes_watch_take_end(struct kubernetes_watch *watch, const struct http_result *result,
			       uint64_t now_ns)
{
	if (!watch->is_decided && result->status == HTTP_OK)
		reopen(watch, result, now_ns);
	else if (!watch->is_decided)
		take_refusal(watch, result, now_ns);
	watch->asked = KUBERNETES_NOTHING;
}
