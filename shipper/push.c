#include "push.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "base/clock.h"

#define PUSH_PATH          "/push.v1.PusherService/Push"
#define CRAWL_BYTES_PER_S  64L
#define CRAWL_SECONDS      30L
#define CONNECTIONS_MAX    16L
#define CONTENT_TYPE_BYTES 128

/* One request in flight. */
struct transfer {
	CURL *easy;                 /* owned */
	struct curl_slist *headers; /* owned */
	struct bytes text;          /* owned: the start of the answer's body */
	bool is_cut;
	uint64_t id;
	char content_type[CONTENT_TYPE_BYTES];
	char error[CURL_ERROR_SIZE];
	struct transfer *next; /* of those in flight */
};

struct push {
	CURLM *multi; /* owned */
	int epoll;    /* of libcurl's sockets; readable inside the caller's loop */
	uint64_t deadline_ns;
	struct transfer *in_flight; /* owned; a list */
	struct transfer *finished;  /* owned; lent by the last push_next() */
};

int push_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

static void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	bytes_deinit(&transfer->text);
	free(transfer);
}

static void transfer_freep(struct transfer **transfer)
{
	transfer_free(*transfer);
}

/* libcurl says which socket it wants to be woken for, and how. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct push *push = context;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(push->epoll, EPOLL_CTL_DEL, fd,
				NULL); /* may be closed: then gone */
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(push->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
	    epoll_ctl(push->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	(void)curl_multi_assign(push->multi, fd, push); /* only a mark: known from now on */
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct push *push = context;

	(void)multi;
	push->deadline_ns =
		timeout_ms < 0 ? PUSH_NONE
			       : clock_monotonic_ns() + (uint64_t)timeout_ms * UINT64_C(1000000);
	return 0;
}

/* Keeps the start of the body; more than that ends the transfer. */
static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct transfer *transfer = context;

	bytes_append(&transfer->text, data, size * n);
	if (transfer->text.error) {
		transfer->is_cut = true;
		return 0;
	}
	return size * n;
}

int push_open(struct push **ret_push)
{
	struct push *push = calloc(1, sizeof(*push));
	int r = 0;

	if (!push)
		return -ENOMEM;
	push->deadline_ns = PUSH_NONE;
	push->multi = curl_multi_init();
	push->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (push->epoll < 0)
		r = -errno;
	else if (!push->multi)
		r = -ENOMEM;
	if (r < 0) {
		push_free(push);
		return r;
	}
	(void)curl_multi_setopt(push->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(push->multi, CURLMOPT_SOCKETDATA, push);
	(void)curl_multi_setopt(push->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(push->multi, CURLMOPT_TIMERDATA, push);
	(void)curl_multi_setopt(push->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	*ret_push = push;
	return 0;
}

static struct transfer *transfer_of(CURL *easy)
{
	char *transfer = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	return (struct transfer *)transfer;
}

/* Takes @transfer out of the list and out of libcurl's hands; it is the caller's then. */
static void land(struct push *push, struct transfer *transfer)
{
	struct transfer **at = &push->in_flight;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	(void)curl_multi_remove_handle(push->multi, transfer->easy);
}

void push_free(struct push *push)
{
	if (!push)
		return;
	while (push->in_flight) {
		struct transfer *transfer = push->in_flight;

		land(push, transfer);
		transfer_free(transfer);
	}
	transfer_free(push->finished);
	if (push->multi)
		(void)curl_multi_cleanup(push->multi);
	close_fdp(&push->epoll);
	free(push);
}

static bool add_header(struct transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (!longer)
		return false;
	transfer->headers = longer;
	return true;
}

/* Ours, which an endpoint's own headers do not replace. "Expect:" keeps libcurl from asking first.
 */
static const char *const own_headers[] = {
	"Content-Type: application/proto",
	"Connect-Protocol-Version: 1",
	"User-Agent: Triptych/" TRIPTYCH_VERSION " (linux)",
	"Expect:",
};

static bool is_own_header(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++)
		if (strncasecmp(own_headers[i], name, n) == 0 && own_headers[i][n] == ':')
			return true;
	return strcasecmp(name, "Content-Length") == 0 ||
	       strcasecmp(name, "Transfer-Encoding") == 0 ||
	       strcasecmp(name, "Connect-Timeout-Ms") == 0;
}

static int set_headers(struct transfer *transfer, const struct endpoint_configuration *endpoint)
{
	struct bytes line = BYTES_INIT(64u * 1024u);
	bool added = true;

	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++)
		added = added && add_header(transfer, own_headers[i]);
	for (size_t i = 0; added && i < endpoint->n_headers; i++) {
		const struct configuration_header *header = &endpoint->headers[i];

		if (is_own_header(header->name))
			continue;
		bytes_clear(&line);
		bytes_printf(&line, header->value[0] ? "%s: %s" : "%s;", header->name,
			     header->value);
		bytes_append(&line, "", 1);
		added = !line.error && add_header(transfer, (const char *)line.data);
	}
	bytes_clear(&line);
	bytes_printf(&line, "Connect-Timeout-Ms: %u", endpoint->remote_timeout_ms);
	bytes_append(&line, "", 1);
	added = added && !line.error && add_header(transfer, (const char *)line.data);
	bytes_deinit(&line);
	return added ? 0 : -ENOMEM;
}

static void set_options(struct transfer *transfer, const struct push_request *request,
			const char *url)
{
	CURL *easy = transfer->easy;

	/* None of these can fail but for memory, and then the request fails, too. */
	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	(void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	(void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body->data);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)request->body->n_bytes);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			       (long)request->endpoint->remote_timeout_ms);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, CRAWL_BYTES_PER_S);
	(void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, CRAWL_SECONDS);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

int push_start(struct push *push, const struct push_request *request)
{
	cleanup_with(transfer_freep) struct transfer *transfer = calloc(1, sizeof(*transfer));
	cleanup_with(free_freep) char *url = NULL;
	int r;

	if (!transfer)
		return -ENOMEM;
	transfer->text = (struct bytes)BYTES_INIT(PUSH_ANSWER_BYTES_MAX);
	transfer->id = request->id;
	transfer->easy = curl_easy_init();
	if (!transfer->easy || asprintf(&url, "%s" PUSH_PATH, request->endpoint->url) < 0)
		return -ENOMEM;
	r = set_headers(transfer, request->endpoint);
	if (r < 0)
		return r;
	set_options(transfer, request, url);
	if (curl_multi_add_handle(push->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	transfer->next = push->in_flight;
	push->in_flight = take_ptr(transfer);
	return 0;
}

void push_cancel(struct push *push, uint64_t id)
{
	struct transfer *next;

	for (struct transfer *i = push->in_flight; i; i = next) {
		next = i->next;
		if (i->id != id)
			continue;
		land(push, i);
		transfer_free(i);
	}
}

int push_fd(const struct push *push)
{
	return push->epoll;
}

uint64_t push_deadline_ns(const struct push *push)
{
	return push->deadline_ns;
}

static int action_of(uint32_t events)
{
	int action = 0;

	if (events & EPOLLIN)
		action |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		action |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		action |= CURL_CSELECT_ERR;
	return action;
}

void push_run(struct push *push, uint64_t now_ns)
{
	struct epoll_event events[16];
	int n_running, n;

	n = epoll_wait(push->epoll, events, 16, 0);
	for (int i = 0; i < n; i++)
		(void)curl_multi_socket_action(push->multi, events[i].data.fd,
					       action_of(events[i].events), &n_running);
	if (push->deadline_ns != PUSH_NONE && now_ns >= push->deadline_ns) {
		push->deadline_ns = PUSH_NONE; /* libcurl sets the next one, if there is one */
		(void)curl_multi_socket_action(push->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
	}
}

static enum push_transport transport_of(const struct transfer *transfer, CURLcode code)
{
	curl_off_t pretransfer_us = 0;

	switch (code) {
	case CURLE_OK:
		return PUSH_ANSWERED;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_OUT_OF_MEMORY:
		return PUSH_UNREACHED;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return PUSH_UNTRUSTED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return PUSH_UNUSABLE;
	case CURLE_WRITE_ERROR: /* ours: the body is longer than we read */
		return transfer->is_cut ? PUSH_ANSWERED : PUSH_LOST;
	default:
		break;
	}
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
	return pretransfer_us > 0 ? PUSH_LOST : PUSH_UNREACHED;
}

static void fill_result(struct transfer *transfer, CURLcode code, struct push_result *ret_result)
{
	struct push_answer *answer = &ret_result->answer;
	curl_off_t retry_after_s = 0;
	const char *type = NULL;

	*ret_result = (struct push_result){.id = transfer->id};
	answer->transport = transport_of(transfer, code);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	(void)snprintf(transfer->content_type, sizeof(transfer->content_type), "%s",
		       type ? type : "");
	answer->content_type = transfer->content_type;
	answer->text = (const char *)transfer->text.data;
	answer->n_text_bytes = transfer->text.n_bytes;
	answer->is_cut = transfer->is_cut;
	answer->retry_after_s = retry_after_s;
	if (code != CURLE_OK && !transfer->is_cut)
		ret_result->error = transfer->error[0] ? transfer->error : curl_easy_strerror(code);
	else
		ret_result->error = "";
}

bool push_next(struct push *push, struct push_result *ret_result)
{
	CURLMsg *message;
	CURLcode code;
	int n_left;

	transfer_free(push->finished);
	push->finished = NULL;
	do {
		message = curl_multi_info_read(push->multi, &n_left);
		if (!message)
			return false;
	} while (message->msg != CURLMSG_DONE);
	code = message->data.result; /* the message does not outlive the next call */
	push->finished = transfer_of(message->easy_handle);
	land(push, push->finished);
	fill_result(push->finished, code, ret_result);
	return true;
}
