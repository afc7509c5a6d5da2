/*
 * The shipper's HTTP client, driven by lines on stdin. The options are those of the first endpoint
 * in the configuration that is named. Each line is a request, of one blank between its words:
 *
 *	METHOD TIMEOUT_MS UNIX_SOCKET|- URL [BODY]     collect the answer
 *	STREAM N UNIX_SOCKET|- URL                     pieces, until N of them came; then stop
 *	CANCEL N UNIX_SOCKET|- URL                     the same, but cancel from within
 *	MANY N UNIX_SOCKET|- URL                       N requests at once; a line for each
 *
 * and gets a line of JSON back.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "configuration/configuration.h"
#include "http/http_client.h"

#define MS_NS      UINT64_C(1000000)
#define BODY_MAX   (1u << 20)
#define WAIT_S_MAX 60

struct exchange {
	struct http_transfer *transfer;
	json_t *pieces;
	long n_pieces_max;
	bool cancels;
	bool is_done;
};

static const char *const outcome_names[] = {
	[HTTP_ANSWERED] = "answered", [HTTP_UNREACHED] = "unreached",
	[HTTP_LOST] = "lost",         [HTTP_UNTRUSTED] = "untrusted",
	[HTTP_DENIED] = "denied",     [HTTP_UNUSABLE] = "unusable",
	[HTTP_STOPPED] = "stopped",   [HTTP_TOO_LONG] = "too_long",
};

static void print(json_t *line)
{
	(void)json_dumpf(line, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	(void)printf("\n");
	(void)fflush(stdout);
	json_decref(line);
}

static void on_done(void *context, const struct http_result *result)
{
	struct exchange *exchange = context;
	const char *via = http_result_header(result, "Via");
	json_t *body = json_stringn(result->data, result->n_bytes);

	print(json_pack("{s:s, s:i, s:o, s:s, s:s, s:I, s:O, s:s, s:I}", "outcome",
			outcome_names[result->outcome], "status", (int)result->status, "body",
			body ? body : json_null(), "type", result->content_type, "error",
			result->error, "retry_after", (json_int_t)result->retry_after_s, "pieces",
			exchange->pieces, "via", via ? via : "", "n_bytes",
			(json_int_t)result->n_bytes));
	exchange->is_done = true;
}

static int on_bytes(void *context, long status, const void *data, size_t n_bytes)
{
	struct exchange *exchange = context;

	(void)status;
	(void)json_array_append_new(exchange->pieces, json_stringn(data, n_bytes));
	if ((long)json_array_size(exchange->pieces) < exchange->n_pieces_max)
		return 0;
	if (!exchange->cancels)
		return 1;
	http_transfer_cancel(exchange->transfer);
	print(json_pack("{s:s, s:O}", "outcome", "cancelled", "pieces", exchange->pieces));
	exchange->is_done = true;
	return 0;
}

/* The loop of a process that has nothing else to do. */
static void run_until_done(struct http_client *client, const struct exchange *exchanges, size_t n)
{
	uint64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + WAIT_S_MAX * 1000 * MS_NS;
	struct pollfd fd = {.fd = http_client_fd(client), .events = POLLIN};
	size_t n_done = 0;

	while (n_done < n && now_ns < end_ns) {
		uint64_t deadline_ns = http_client_deadline_ns(client);
		uint64_t wait_ms = 1000;

		if (deadline_ns != HTTP_NONE)
			wait_ms = deadline_ns > now_ns ? (deadline_ns - now_ns) / MS_NS + 1 : 0;
		(void)poll(&fd, 1, wait_ms < 1000 ? (int)wait_ms : 1000);
		now_ns = clock_monotonic_ns();
		http_client_run(client, now_ns);
		n_done = 0;
		for (size_t i = 0; i < n; i++)
			n_done += exchanges[i].is_done;
	}
	http_client_run(client, now_ns); /* what was cancelled goes */
}

static void serve(struct http_client *client, const struct http_options *options, char *line)
{
	static const struct http_pair post[] = {{"Content-Type", "text/plain"}};
	const char *word = strtok(line, " "), *number = strtok(NULL, " ");
	const char *socket = strtok(NULL, " "), *url = strtok(NULL, " "),
		   *body = strtok(NULL, "\n");
	bool is_stream = strcmp(word, "STREAM") == 0, cancels = strcmp(word, "CANCEL") == 0;
	bool are_many = strcmp(word, "MANY") == 0;
	long n = strtol(number, NULL, 10);
	size_t n_exchanges = are_many ? (size_t)n : 1;
	struct exchange *exchanges = calloc(n_exchanges, sizeof(*exchanges));
	struct http_request request = {
		.method = is_stream || cancels || are_many ? "GET" : word,
		.url = url,
		.unix_socket = socket[0] == '-' ? NULL : socket,
		.options = options,
		.n_headers = body ? 1 : 0,
		.headers = post,
		.body = body,
		.n_body_bytes = body ? strlen(body) : 0,
		.timeout_ms = is_stream || cancels || are_many ? 20000 : (uint32_t)n,
		.idle_timeout_ms = 5000,
		.on_bytes = is_stream || cancels ? on_bytes : NULL,
		.on_done = on_done,
	};

	for (size_t i = 0; exchanges && i < n_exchanges; i++) {
		exchanges[i] = (struct exchange){.n_pieces_max = n, .cancels = cancels};
		exchanges[i].pieces = json_array();
		request.context = &exchanges[i];
		if (http_client_start(client, &request, &exchanges[i].transfer) < 0)
			abort();
	}
	run_until_done(client, exchanges, n_exchanges);
	for (size_t i = 0; i < n_exchanges; i++)
		json_decref(exchanges[i].pieces);
	free(exchanges);
}

int main(int argc, char **argv)
{
	struct configuration *configuration = NULL;
	struct bytes messages = BYTES_INIT(BODY_MAX);
	struct http_client *client = NULL;
	static char line[BODY_MAX];
	int r;

	if (argc != 2 || http_client_init() < 0 || http_client_open(&client) < 0)
		return 2;
	r = configuration_load(argv[1], NULL, &configuration, &messages);
	(void)fprintf(stderr, "%.*s", (int)messages.n_bytes,
		      messages.data ? (const char *)messages.data : "");
	bytes_deinit(&messages);
	while (r == 0 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		serve(client, configuration->endpoints[0].http, line);
	}
	http_client_free(client);
	configuration_free(configuration);
	return r == 0 ? 0 : 1;
}
