#include "endpoints/push.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PUSH_PATH       "/push.v1.PusherService/Push"
#define IDLE_TIMEOUT_MS 30000u

/* One request, in flight or finished. */
struct pushed {
	struct push *push;
	uint64_t id;
	struct http_transfer *transfer; /* borrowed from the client; NULL: it is finished */
	struct push_answer answer;
	char *content_type; /* owned, as text and error are */
	char *text;
	char *error;
	struct pushed *next;
};

struct push {
	struct http_client *client; /* borrowed */
	struct pushed *all;         /* owned, those that finished among them */
	struct pushed *lent;        /* owned; by the last push_next() */
};

static void pushed_free(struct pushed *pushed)
{
	if (!pushed)
		return;
	if (pushed->transfer)
		http_transfer_cancel(pushed->transfer);
	free(pushed->content_type);
	free(pushed->text);
	free(pushed->error);
	free(pushed);
}

static void pushed_freep(struct pushed **pushed)
{
	pushed_free(*pushed);
}

int push_open(struct http_client *client, struct push **ret_push)
{
	struct push *push = calloc(1, sizeof(*push));

	if (!push)
		return -ENOMEM;
	push->client = client;
	*ret_push = push;
	return 0;
}

void push_free(struct push *push)
{
	if (!push)
		return;
	while (push->all) {
		struct pushed *pushed = push->all;

		push->all = pushed->next;
		pushed_free(pushed);
	}
	pushed_free(push->lent);
	free(push);
}

/* Those that an endpoint's own do not replace; the last one's value is the request's. */
static const struct http_pair own_headers[] = {
	{"Content-Type", "application/proto"},
	{"Connect-Protocol-Version", "1"},
	{"Connect-Timeout-Ms", ""},
};

#define N_OWN_HEADERS (sizeof(own_headers) / sizeof(own_headers[0]))

bool push_sets_header(const char *name)
{
	for (size_t i = 0; i < N_OWN_HEADERS; i++)
		if (strcasecmp(own_headers[i].name, name) == 0)
			return true;
	return http_client_sets_header(name);
}

static enum push_transport transport_of(enum http_outcome outcome)
{
	switch (outcome) {
	case HTTP_ANSWERED:
	case HTTP_TOO_LONG: /* the answer is cut: known enough to judge */
		return PUSH_ANSWERED;
	case HTTP_UNREACHED:
		return PUSH_UNREACHED;
	case HTTP_UNTRUSTED:
		return PUSH_UNTRUSTED;
	case HTTP_DENIED:
	case HTTP_UNUSABLE:
		return PUSH_UNUSABLE;
	case HTTP_LOST:
	case HTTP_STOPPED:
		break;
	}
	return PUSH_LOST;
}

/* Keeps what is borrowed for the call only. Without memory for it, the answer says less. */
static void on_done(void *context, const struct http_result *result)
{
	struct pushed *pushed = context;
	struct push_answer *answer = &pushed->answer;

	pushed->transfer = NULL;
	pushed->content_type = strdup(result->content_type);
	pushed->text = malloc(result->n_bytes + 1); /* bounded by PUSH_ANSWER_BYTES_MAX */
	pushed->error = strdup(result->error);
	answer->transport = transport_of(result->outcome);
	answer->status = result->status;
	answer->content_type = pushed->content_type ? pushed->content_type : "";
	answer->is_cut = result->outcome == HTTP_TOO_LONG;
	answer->retry_after_s = result->retry_after_s;
	answer->was_repeated = result->was_repeated;
	if (!pushed->text)
		return;
	memcpy(pushed->text, result->data, result->n_bytes);
	answer->text = pushed->text;
	answer->n_text_bytes = result->n_bytes;
}

static int start(struct pushed *pushed, const struct push_request *from)
{
	const struct endpoint_configuration *endpoint = from->endpoint;
	struct http_pair own[N_OWN_HEADERS], *private_headers;
	cleanup_with(free_freep) char *url = NULL;
	char timeout[16];
	struct http_request request = {
		.method = "POST",
		.options = endpoint->http,
		.n_headers = N_OWN_HEADERS,
		.headers = own,
		.n_private_headers = endpoint->n_headers,
		.body = from->body->data,
		.n_body_bytes = from->body->n_bytes,
		.timeout_ms = endpoint->remote_timeout_ms,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.bytes_max = PUSH_ANSWER_BYTES_MAX,
		.on_done = on_done,
		.context = pushed,
	};
	int r;

	if (asprintf(&url, "%s" PUSH_PATH, endpoint->url) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	private_headers = calloc(endpoint->n_headers + 1, sizeof(*private_headers));
	if (!private_headers)
		return -ENOMEM;
	for (size_t i = 0; i < endpoint->n_headers; i++)
		private_headers[i] =
			(struct http_pair){endpoint->headers[i].name, endpoint->headers[i].value};
	(void)snprintf(timeout, sizeof(timeout), "%u", endpoint->remote_timeout_ms);
	memcpy(own, own_headers, sizeof(own));
	own[N_OWN_HEADERS - 1].value = timeout;
	request.url = url;
	request.private_headers = private_headers;
	r = http_client_start(pushed->push->client, &request, &pushed->transfer);
	free(private_headers);
	return r;
}

int push_start(struct push *push, const struct push_request *request)
{
	cleanup_with(pushed_freep) struct pushed *pushed = calloc(1, sizeof(*pushed));
	int r;

	if (!pushed)
		return -ENOMEM;
	pushed->push = push;
	pushed->id = request->id;
	r = start(pushed, request);
	if (r < 0)
		return r;
	pushed->next = push->all;
	push->all = take_ptr(pushed);
	return 0;
}

void push_cancel(struct push *push, uint64_t id)
{
	struct pushed **at = &push->all;

	while (*at) {
		struct pushed *pushed = *at;

		if (pushed->id != id) {
			at = &pushed->next;
			continue;
		}
		*at = pushed->next;
		pushed_free(pushed);
	}
}

bool push_next(struct push *push, struct push_result *ret_result)
{
	struct pushed **at = &push->all, *pushed;

	pushed_free(push->lent);
	push->lent = NULL;
	while (*at && (*at)->transfer)
		at = &(*at)->next;
	pushed = *at;
	if (!pushed)
		return false;
	*at = pushed->next;
	push->lent = pushed;
	*ret_result = (struct push_result){
		.id = pushed->id,
		.answer = pushed->answer,
		.error = pushed->error ? pushed->error : "",
	};
	return true;
}
