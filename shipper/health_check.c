#include "health_check.h"

#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/identity.h"
#include "http/http_client.h"
#include "options.h"

#define ANSWER_MS  4000u
#define URL_BYTES  512
#define STEP_MS    100
#define STATUS_OK  200
#define STATUS_ILL 500 /* of /-/healthy: it answers, and says which component is not well */

static const char help[] =
	"Usage: triptych-shipper health [--ready] [--http ADDRESS:PORT]\n"
	"Says whether the shipper that serves there (default " HTTP_DEFAULT ") answers; with\n"
	"--ready, whether it has what it needs: its configuration and a collector.\n"
	"Exit status: 0 it is so; 1 it is not; 64 wrong option.\n";

struct check {
	bool asks_ready;
	bool is_done;
	int status;
};

static void on_done(void *context, const struct http_result *result)
{
	struct check *check = context;
	bool answers = result->outcome == HTTP_ANSWERED &&
		       (result->status == STATUS_OK ||
			(!check->asks_ready && result->status == STATUS_ILL));

	if (result->outcome == HTTP_ANSWERED)
		(void)printf("%.*s\n", (int)result->n_bytes, result->data);
	else
		(void)printf("unhealthy: %s\n", result->error);
	check->status = answers ? EXIT_SUCCESS : EXIT_FAILURE;
	check->is_done = true;
}

static int ask(struct http_client *client, const char *url, struct check *check)
{
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.timeout_ms = ANSWER_MS,
		.on_done = on_done,
		.context = check,
	};

	if (http_client_start(client, &request, NULL) < 0)
		return EXIT_STATUS_MACHINE;
	while (!check->is_done) {
		struct pollfd fd = {.fd = http_client_fd(client), .events = POLLIN};

		http_client_run(client, clock_monotonic_ns());
		if (!check->is_done && poll(&fd, 1, STEP_MS) < 0)
			return EXIT_STATUS_MACHINE;
	}
	return check->status;
}

static int run(const char *address, bool asks_ready)
{
	struct check check = {.asks_ready = asks_ready};
	struct http_client *client;
	char url[URL_BYTES];
	int n, status;

	n = snprintf(url, sizeof(url), "http://%s/-/%s", address, asks_ready ? "ready" : "healthy");
	if (n < 0 || (size_t)n >= sizeof(url))
		return EXIT_STATUS_USAGE;
	if (http_client_init() < 0 || http_client_open(&client) < 0)
		return EXIT_STATUS_MACHINE;
	status = ask(client, url, &check);
	http_client_free(client);
	return status;
}

int health_check_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"http", required_argument, NULL, 'a'},
		{"ready", no_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *address = HTTP_DEFAULT;
	bool asks_ready = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			address = optarg;
			break;
		case 'r':
			asks_ready = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return EXIT_STATUS_OK;
		default: /* getopt has said what is wrong */
			return EXIT_STATUS_USAGE;
		}
	}
	if (optind < argc) {
		(void)fputs("triptych-shipper: health takes no arguments; see --help\n", stderr);
		return EXIT_STATUS_USAGE;
	}
	return run(address, asks_ready);
}
