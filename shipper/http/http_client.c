#include "http/http_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/clock.h"

#define SECRET_BYTES_MIN 6u /* what is shorter stands in any text by chance */
#define CONNECTIONS_MAX  64L
#define PASSED_OVER_MAX  HTTP_COLLECT_BYTES_MAX
#define EVENTS_MAX       16
#define MS_NS            UINT64_C(1000000)

int http_client_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

/* libcurl says which socket it wants to be woken for, and how. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct http_client *client = context;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) { /* it may be closed: then it is gone already */
		(void)epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(client->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
	    epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		return -1;
	(void)curl_multi_assign(client->multi, fd, client); /* only a mark: known from now on */
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct http_client *client = context;

	(void)multi;
	client->deadline_ns =
		timeout_ms < 0 ? HTTP_NONE : clock_monotonic_ns() + (uint64_t)timeout_ms * MS_NS;
	return 0;
}

int http_client_open(struct http_client **ret_client)
{
	struct http_client *client = calloc(1, sizeof(*client));
	int r = 0;

	if (!client)
		return -ENOMEM;
	client->deadline_ns = HTTP_NONE;
	client->multi = curl_multi_init();
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client->epoll < 0)
		r = -errno;
	else if (!client->multi)
		r = -ENOMEM;
	if (r < 0) {
		http_client_free(client);
		return r;
	}
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	(void)curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	*ret_client = client;
	return 0;
}

static void transfer_free(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	http_transfer_ground(transfer);
	http_url_deinit(&transfer->origin);
	http_url_deinit(&transfer->url);
	bytes_deinit(&transfer->body);
	config_arena_deinit(&transfer->memory);
	free(transfer);
}

static void transfer_freep(struct http_transfer **transfer)
{
	transfer_free(*transfer);
}

/* Takes @transfer out of the list and out of libcurl's hands, and frees it. */
static void drop(struct http_transfer *transfer)
{
	struct http_transfer **at = &transfer->client->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	transfer_free(transfer);
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	while (client->transfers)
		drop(client->transfers);
	http_tokens_free(client);
	if (client->multi)
		(void)curl_multi_cleanup(client->multi);
	close_fdp(&client->epoll);
	free(client);
}

static const struct http_pair *copy_headers(struct config_arena *memory,
					    const struct http_pair *from, size_t n)
{
	struct http_pair *pairs = config_arena_array(memory, n, sizeof(*pairs));

	for (size_t i = 0; pairs && i < n; i++)
		pairs[i] = (struct http_pair){
			config_arena_copy(memory, from[i].name, strlen(from[i].name)),
			config_arena_copy(memory, from[i].value, strlen(from[i].value))};
	return pairs;
}

/* Copies all that is borrowed for the call only. */
static int copy_request(struct http_transfer *transfer, const struct http_request *from)
{
	struct config_arena *memory = &transfer->memory;
	struct http_request *to = &transfer->request;
	int r;

	*to = *from;
	r = http_options_copy(memory, from->options ? from->options : &http_options_default,
			      &transfer->options);
	if (r < 0)
		return r;
	to->options = &transfer->options;
	to->url = config_arena_copy(memory, from->url, strlen(from->url));
	if (from->unix_socket)
		to->unix_socket =
			config_arena_copy(memory, from->unix_socket, strlen(from->unix_socket));
	to->headers = copy_headers(memory, from->headers, from->n_headers);
	to->private_headers = copy_headers(memory, from->private_headers, from->n_private_headers);
	if (to->bytes_max == 0)
		to->bytes_max = HTTP_COLLECT_BYTES_MAX;
	return memory->error;
}

int http_client_start(struct http_client *client, const struct http_request *request,
		      struct http_transfer **ret_transfer)
{
	cleanup_with(transfer_freep) struct http_transfer *transfer = calloc(1, sizeof(*transfer));
	struct http_transfer **at = &client->transfers;
	int r;

	if (!transfer)
		return -ENOMEM;
	transfer->client = client;
	transfer->memory = (struct config_arena)CONFIG_ARENA_INIT(HTTP_MEMORY_BYTES_MAX);
	if (copy_request(transfer, request) < 0)
		return -ENOMEM;
	transfer->body = (struct bytes)BYTES_INIT(transfer->request.bytes_max);
	r = http_url_parse(request->url, &transfer->origin);
	if (r == 0)
		r = http_url_parse(request->url, &transfer->url);
	if (r < 0)
		return r;
	if (r > 0)
		http_transfer_end(transfer, HTTP_UNUSABLE, "the URL is none");
	while (*at)
		at = &(*at)->next;
	if (ret_transfer)
		*ret_transfer = transfer;
	*at = take_ptr(transfer);
	return 0;
}

void http_transfer_cancel(struct http_transfer *transfer)
{
	if (transfer->phase == HTTP_ENDING)
		return;
	if (transfer->client->is_in_libcurl)
		transfer->is_cancelled = true;
	else
		drop(transfer);
}

void http_transfer_end(struct http_transfer *transfer, enum http_outcome outcome,
		       const char *format, ...)
{
	va_list args;

	transfer->phase = HTTP_OVER;
	transfer->outcome = outcome;
	va_start(args, format);
	(void)vsnprintf(transfer->error, sizeof(transfer->error), format, args);
	va_end(args);
}

int http_client_fd(const struct http_client *client)
{
	return client->epoll;
}

uint64_t http_client_deadline_ns(const struct http_client *client)
{
	for (const struct http_transfer *i = client->transfers; i; i = i->next)
		if (i->phase == HTTP_QUEUED || i->phase == HTTP_OVER || i->is_cancelled)
			return 0;
	return client->deadline_ns;
}

const char *http_result_header(const struct http_result *result, const char *name)
{
	struct curl_header *header = NULL;

	if (!result->transfer->easy || curl_easy_header(result->transfer->easy, name, 0,
							CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

static bool is_redirect(const struct http_transfer *transfer, long status)
{
	const struct http_request *request = &transfer->request;
	struct curl_header *location = NULL;

	if (!transfer->options.follow_redirects || request->unix_socket ||
	    transfer->n_redirects >= HTTP_REDIRECTS_MAX)
		return false;
	/* Others than these two would turn a POST into a GET, which cannot be what was meant. */
	if (status != 307 && status != 308 &&
	    (request->body || (status != 301 && status != 302 && status != 303)))
		return false;
	return curl_easy_header(transfer->easy, "Location", 0, CURLH_HEADER, -1, &location) ==
	       CURLHE_OK;
}

static bool is_token_refused(const struct http_transfer *transfer, long status)
{
	return status == 401 && transfer->token && !transfer->has_left && !transfer->was_refreshed;
}

/* Whether the answer is not the caller's, because the request goes on after it. */
static bool goes_on(const struct http_transfer *transfer, long status)
{
	return is_redirect(transfer, status) || is_token_refused(transfer, status);
}

/* Returns whether the transfer may go on. */
static bool take_body(struct http_transfer *transfer, const void *data, size_t n_bytes)
{
	const struct http_request *request = &transfer->request;
	long status = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->n_bytes += n_bytes;
	if (goes_on(transfer, status)) {
		transfer->is_passed_over = true;
		return transfer->n_bytes <= PASSED_OVER_MAX;
	}
	if (transfer->n_bytes > request->bytes_max) {
		transfer->is_too_long = true;
		n_bytes -= transfer->n_bytes - request->bytes_max;
	}
	if (request->on_bytes)
		transfer->is_stopped =
			request->on_bytes(request->context, status, data, n_bytes) != 0;
	else
		bytes_append(&transfer->body, data, n_bytes);
	return !transfer->is_too_long && !transfer->is_stopped && !transfer->body.error;
}

size_t http_transfer_on_body(char *data, size_t size, size_t n, void *context)
{
	struct http_transfer *transfer = context;
	bool may_go_on;

	if (transfer->is_cancelled)
		return CURL_WRITEFUNC_ERROR;
	transfer->client->is_in_libcurl = true;
	may_go_on = take_body(transfer, data, size * n);
	transfer->client->is_in_libcurl = false;
	return may_go_on && !transfer->is_cancelled ? size * n : CURL_WRITEFUNC_ERROR;
}

/* Gives @transfer to libcurl, or ends it. */
static int begin(struct http_transfer *transfer)
{
	const struct http_request *request = &transfer->request;
	const char *bearer = NULL;
	int r = 0;

	if (transfer->options.authentication == HTTP_OAUTH2 && !transfer->has_left) {
		r = http_token_take(transfer, &bearer);
		if (r < 0 || transfer->phase != HTTP_QUEUED)
			return r;
	}
	if (transfer->deadline_ns == 0 && request->timeout_ms > 0)
		transfer->deadline_ns = clock_monotonic_ns() + request->timeout_ms * MS_NS;
	r = http_transfer_prepare(transfer, bearer);
	if (r < 0 || transfer->phase != HTTP_QUEUED)
		return r;
	if (curl_multi_add_handle(transfer->client->multi, transfer->easy) != CURLM_OK)
		return -ENOMEM;
	transfer->phase = HTTP_FLYING;
	return 0;
}

/* Resolves where the answer leads to. */
static int resolve(const struct http_transfer *transfer, struct http_url *ret_url)
{
	struct curl_header *location = NULL;
	CURLU *handle = curl_url();
	char *text = NULL;
	int r = HTTP_URL_MALFORMED;

	if (handle &&
	    curl_easy_header(transfer->easy, "Location", 0, CURLH_HEADER, -1, &location) ==
		    CURLHE_OK &&
	    curl_url_set(handle, CURLUPART_URL, transfer->url.clean, 0) == CURLUE_OK &&
	    curl_url_set(handle, CURLUPART_URL, location->value, CURLU_URLENCODE) == CURLUE_OK &&
	    curl_url_get(handle, CURLUPART_URL, &text, 0) == CURLUE_OK)
		r = http_url_parse(text, ret_url);
	curl_free(text);
	curl_url_cleanup(handle);
	return handle ? r : -ENOMEM;
}

static void follow(struct http_transfer *transfer, long status)
{
	struct http_url url;
	int r = resolve(transfer, &url);

	if (r != 0) {
		http_transfer_end(transfer, r < 0 ? HTTP_UNREACHED : HTTP_ANSWERED,
				  r < 0 ? "out of memory" : "redirected to what is no URL");
		return;
	}
	if (strcmp(url.scheme, "http") != 0 && strcmp(url.scheme, "https") != 0) {
		http_transfer_end(transfer, HTTP_ANSWERED, "redirected to another protocol");
		http_url_deinit(&url);
		return;
	}
	if (status == 303 && strcmp(transfer->request.method, "HEAD") != 0)
		transfer->request.method = "GET";
	if (!http_url_is_same_place(&transfer->origin, &url))
		transfer->has_left = true;
	http_url_deinit(&transfer->url);
	transfer->url = url;
	transfer->n_redirects++;
	transfer->phase = HTTP_QUEUED;
}

/* One that is not followed: where to, so that somebody can write that in place of the URL. */
static void describe_redirect(const struct http_transfer *transfer, char text[HTTP_ERROR_BYTES])
{
	struct http_url url;

	if (resolve(transfer, &url) != 0)
		return;
	(void)snprintf(text, HTTP_ERROR_BYTES, "redirected to %s", url.clean);
	http_url_deinit(&url);
}

/* Why there was no answer. Of a socket's path libcurl speaks as of a host and a port. */
static void describe_failure(const struct http_transfer *transfer, CURLcode code,
			     char text[HTTP_ERROR_BYTES])
{
	long error = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_COULDNT_CONNECT && transfer->request.unix_socket && error > 0)
		(void)snprintf(text, HTTP_ERROR_BYTES, "%s: %s", transfer->request.unix_socket,
			       strerror((int)error));
	else
		(void)snprintf(text, HTTP_ERROR_BYTES, "%s",
			       transfer->error[0] ? transfer->error : curl_easy_strerror(code));
}

/* What libcurl is done with: is it the end, or does it go on? */
static void land(struct http_transfer *transfer, CURLcode code)
{
	char text[HTTP_ERROR_BYTES] = "";
	long status = 0;

	(void)curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if ((code == CURLE_OK || transfer->is_passed_over) && is_token_refused(transfer, status)) {
		http_token_refuse(transfer);
		transfer->was_refreshed = true;
		transfer->phase = HTTP_QUEUED;
	} else if ((code == CURLE_OK || transfer->is_passed_over) &&
		   is_redirect(transfer, status)) {
		follow(transfer, status);
	} else {
		if (code != CURLE_OK)
			describe_failure(transfer, code, text);
		else if (status >= 300 && status < 400)
			describe_redirect(transfer, text);
		http_transfer_end(transfer, http_transfer_outcome(transfer, code), "%s", text);
	}
	if (transfer->phase == HTTP_QUEUED)
		http_transfer_ground(transfer);
}

static void hide(struct bytes *body, const char *value)
{
	unsigned char *at = body->data;
	size_t n = strlen(value);

	if (n < SECRET_BYTES_MIN)
		return;
	while (at && (at = memmem(at, (size_t)(body->data + body->n_bytes - at), value, n)))
		memset(at, '*', n);
}

/* An error's body may repeat what we sent, and be shown: secrets in it are asterisks from here. */
static void scrub(struct http_transfer *transfer)
{
	const struct http_request *request = &transfer->request;
	const char *value, *blank;

	for (struct curl_slist *i = transfer->headers; i; i = i->next) {
		value = strchr(i->data, ':');
		if (!value || http_headers_have(request->headers, request->n_headers, i->data))
			continue;
		value += strspn(value, ": ");
		blank = strrchr(value, ' ');
		hide(&transfer->body, value);
		if (blank) /* what follows the type of an authorization */
			hide(&transfer->body, blank + 1);
	}
}

/* The last thing that happens to @transfer. */
static void finish(struct http_transfer *transfer)
{
	struct http_result result = {
		.outcome = transfer->outcome,
		.content_type = transfer->content_type,
		.data = transfer->body.data ? (const char *)transfer->body.data : "",
		.n_bytes = transfer->body.n_bytes,
		.was_repeated = transfer->n_sent > 1,
		.error = transfer->error,
		.transfer = transfer,
	};
	curl_off_t retry_after_s = 0;
	const char *type = NULL;

	if (transfer->easy) {
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &result.status);
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
		(void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	}
	result.retry_after_s = retry_after_s;
	(void)snprintf(transfer->content_type, sizeof(transfer->content_type), "%s",
		       type ? type : "");
	if (result.status >= 300)
		scrub(transfer);
	transfer->phase = HTTP_ENDING;
	transfer->request.on_done(transfer->request.context, &result);
	drop(transfer);
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

static void serve_sockets(struct http_client *client, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int n_running, n;

	n = epoll_wait(client->epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++)
		(void)curl_multi_socket_action(client->multi, events[i].data.fd,
					       action_of(events[i].events), &n_running);
	if (client->deadline_ns != HTTP_NONE && now_ns >= client->deadline_ns) {
		client->deadline_ns = HTTP_NONE; /* libcurl sets the next one, if there is one */
		(void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
	}
}

static void land_all(struct http_client *client)
{
	CURLMsg *message;
	CURLcode code;
	char *transfer;
	int n_left;

	while ((message = curl_multi_info_read(client->multi, &n_left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result; /* the message does not outlive the next call */
		transfer = NULL;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		land((struct http_transfer *)transfer, code);
	}
}

/* The first that something is to be done about; callbacks change the list, so each time anew. */
static struct http_transfer *first_due(const struct http_client *client)
{
	struct http_transfer *i = client->transfers;

	while (i && !i->is_cancelled && i->phase != HTTP_QUEUED && i->phase != HTTP_OVER)
		i = i->next;
	return i;
}

/* Those that callbacks start wait for the next run where they are many: others have a turn, too. */
static void serve_due(struct http_client *client)
{
	struct http_transfer *due;
	size_t n_max = 1;

	for (const struct http_transfer *i = client->transfers; i; i = i->next)
		n_max += 2; /* it begins, it ends */
	while (n_max-- > 0 && (due = first_due(client))) {
		if (due->is_cancelled)
			drop(due);
		else if (due->phase == HTTP_OVER)
			finish(due);
		else if (begin(due) < 0)
			http_transfer_end(due, HTTP_UNREACHED, "out of memory");
	}
}

void http_client_run(struct http_client *client, uint64_t now_ns)
{
	serve_due(client);
	serve_sockets(client, now_ns);
	land_all(client);
	serve_due(client);
}
