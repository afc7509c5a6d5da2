#include "pages/pages.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/number.h"
#include "pages/histogram.h"

#define CONNECTIONS_MAX      32u
#define CONNECTION_SECONDS   10u /* from its first byte to our last: who trickles must go, too */
#define CONNECTION_BYTES_MAX (32u * 1024u) /* of requests; pages are ours */
#define PATH_BYTES_MAX       64
#define LISTEN_BACKLOG       16
#define HOST_BYTES           64
#define PORT_BYTES           8

/* A place that a client holds. */
struct visit {
	struct MHD_Connection *connection; /* the daemon's; NULL: free */
	uint64_t end_ns;
};

struct pages {
	struct MHD_Daemon *daemon; /* owned */
	const struct page *table;  /* borrowed */
	size_t n_pages;
	void *context;
	int epoll; /* the daemon's; borrowed */
	struct visit visits[CONNECTIONS_MAX];
	struct histogram *seconds; /* owned; of each page */
};

static const struct histogram_class seconds_class = {
	.name = "triptych_page_duration_seconds",
	.help = "To make a page that was asked for.",
	.n_bounds = 8,
	.bounds = {0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5},
};

/* The daemon says that a client came or went. It has no more of them than there are places. */
static void on_connection(void *context, struct MHD_Connection *connection, void **ret_visit,
			  enum MHD_ConnectionNotificationCode what)
{
	struct pages *pages = context;
	struct visit *visit = *ret_visit;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (visit)
			visit->connection = NULL;
		return;
	}
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (!pages->visits[i].connection) {
			visit = &pages->visits[i];
			break;
		}
	*ret_visit = visit;
	if (visit)
		*visit = (struct visit){
			connection,
			clock_monotonic_ns() + CONNECTION_SECONDS * UINT64_C(1000000000),
		};
}

/* Ends the connection of a visit; the daemon notices, and says that it is gone. */
static void show_out(struct visit *visit)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		(void)shutdown(info->connect_fd, SHUT_RDWR); /* it may be closed by the client */
	visit->end_ns = PAGES_NO_TIME;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
			      const struct page *page, struct bytes *content)
{
	struct MHD_Response *response;
	enum MHD_Result queued;

	response = MHD_create_response_from_buffer(content->n_bytes, content->data,
						   MHD_RESPMEM_MUST_COPY);
	bytes_deinit(content);
	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      page && status != MHD_HTTP_METHOD_NOT_ALLOWED
					      ? page->content_type
					      : "text/plain; charset=utf-8");
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					      page && page->acts ? "GET, POST" : "GET, HEAD");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* What of @path is below @page, or NULL when nothing is. */
static const char *below_of(const struct page *page, const char *path)
{
	size_t n = strlen(page->path);

	if (!page->render_below || strncmp(page->path, path, n) != 0 || path[n] != '/' ||
	    path[n + 1] == '\0')
		return NULL;
	return path + n + 1;
}

static const struct page *page_at(const struct pages *pages, const char *path)
{
	for (size_t i = 0; i < pages->n_pages; i++)
		if (strcmp(pages->table[i].path, path) == 0 || below_of(&pages->table[i], path))
			return &pages->table[i];
	return NULL;
}

static unsigned render(const struct pages *pages, const struct page *page, const char *path,
		       struct bytes *out)
{
	const char *below = below_of(page, path);
	uint64_t start_ns = clock_monotonic_ns();
	unsigned status = below ? page->render_below(pages->context, below, out)
				: page->render(pages->context, out);

	histogram_observe(&pages->seconds[page - pages->table], &seconds_class,
			  histogram_seconds(start_ns, clock_monotonic_ns()));
	return status;
}

void pages_print_metrics(const struct pages *pages, struct bytes *out)
{
	histogram_family(out, &seconds_class);
	for (size_t i = 0; i < pages->n_pages; i++) {
		char label[PATH_BYTES_MAX];

		(void)snprintf(label, sizeof(label), "path=\"%s\"", pages->table[i].path);
		histogram_print(out, &seconds_class, &pages->seconds[i], label);
	}
}

static bool takes(const struct page *page, const char *method)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
		return true;
	return strcmp(method, page && page->acts ? MHD_HTTP_METHOD_POST : MHD_HTTP_METHOD_HEAD) ==
	       0;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *n_upload, void **state)
{
	struct pages *pages = context;
	struct bytes content = BYTES_INIT(PAGE_BYTES_MAX);
	const struct page *page = page_at(pages, url);
	bool is_first = *state == NULL;
	unsigned status;

	(void)version, (void)upload;
	*state = pages;
	if (takes(page, method) && strcmp(method, MHD_HTTP_METHOD_POST) == 0 &&
	    (is_first || *n_upload > 0)) { /* its body comes, or is coming: nobody reads it */
		*n_upload = 0;
		return MHD_YES;
	}
	if (!takes(page, method)) {
		bytes_printf(&content, page && page->acts ? "only GET and POST\n" : "only GET\n");
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	} else if (!page) {
		bytes_printf(&content, "no such page\n");
		status = MHD_HTTP_NOT_FOUND;
	} else {
		status = render(pages, page, url, &content);
	}
	if (content.error) {
		bytes_clear(&content);
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	return answer(connection, status, page, &content);
}

/* Splits "HOST:PORT"; the host may stand in brackets. */
static int split_address(const char *address, char host[HOST_BYTES], char port[PORT_BYTES])
{
	const char *colon = strrchr(address, ':');
	uint64_t number;
	size_t n_host;

	/* Asked here: getaddrinfo() takes 65537 for 1. */
	if (!colon || colon == address || number_parse(colon + 1, 0, UINT16_MAX, &number) != 0)
		return -EINVAL;
	n_host = (size_t)(colon - address);
	if (address[0] == '[' && n_host > 2 && address[n_host - 1] == ']') {
		address++;
		n_host -= 2;
	}
	if (n_host >= HOST_BYTES)
		return -EINVAL;
	memcpy(host, address, n_host);
	host[n_host] = '\0';
	(void)snprintf(port, PORT_BYTES, "%u", (unsigned)number);
	return 0;
}

static int listen_at(const char *address)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	cleanup_with(close_fdp) int fd = -1;
	char host[HOST_BYTES], port[PORT_BYTES];
	struct addrinfo *found;
	int r, on = 1;

	r = split_address(address, host, port);
	if (r < 0)
		return r;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -EINVAL;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : 0;
	if (r == 0 &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	     bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0))
		r = -errno;
	freeaddrinfo(found);
	return r < 0 ? r : take_fd(&fd);
}

int pages_open(const char *address, const struct page *table, size_t n_pages, void *context,
	       struct pages **ret_pages)
{
	struct pages *pages = calloc(1, sizeof(*pages));
	cleanup_with(close_fdp) int fd = -1;
	const union MHD_DaemonInfo *info;

	if (!pages)
		return -ENOMEM;
	fd = listen_at(address);
	if (fd < 0) {
		free(pages);
		return fd;
	}
	pages->table = table;
	pages->seconds = calloc(n_pages, sizeof(*pages->seconds));
	pages->n_pages = n_pages;
	pages->context = context;
	pages->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, pages,
					 MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
					 CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
					 CONNECTION_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
					 (size_t)CONNECTION_BYTES_MAX, MHD_OPTION_NOTIFY_CONNECTION,
					 on_connection, pages, MHD_OPTION_END);
	info = pages->daemon ? MHD_get_daemon_info(pages->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (pages->daemon)
		(void)take_fd(&fd); /* the daemon closes it */
	if (!info || !pages->seconds) {
		pages_free(pages);
		return -ENOMEM;
	}
	pages->epoll = info->epoll_fd;
	*ret_pages = pages;
	return 0;
}

void pages_free(struct pages *pages)
{
	if (!pages)
		return;
	if (pages->daemon)
		MHD_stop_daemon(pages->daemon);
	free(pages->seconds);
	free(pages);
}

int pages_fd(const struct pages *pages)
{
	return pages->epoll;
}

uint64_t pages_deadline_ns(const struct pages *pages, uint64_t now_ns)
{
	uint64_t deadline_ns = PAGES_NO_TIME;
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(pages->daemon, &timeout_ms) == MHD_YES)
		deadline_ns = now_ns + (uint64_t)timeout_ms * UINT64_C(1000000);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (pages->visits[i].connection && pages->visits[i].end_ns < deadline_ns)
			deadline_ns = pages->visits[i].end_ns;
	return deadline_ns;
}

void pages_run(struct pages *pages, uint64_t now_ns)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (pages->visits[i].connection && now_ns >= pages->visits[i].end_ns)
			show_out(&pages->visits[i]);
	(void)MHD_run(pages->daemon); /* fails only for a daemon with a thread */
}
