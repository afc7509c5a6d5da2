/*
 * Speaks to a shipper as a symbolizer does, as lines on standard input say, one answer line each:
 *
 *   profile INSTANCE SEQUENCE N_PARTS SAMPLES BYTES SERVICE [TIME_NS]
 *       N_PARTS parts of SAMPLES samples and BYTES bytes each, service_name SERVICE-<part>
 *       → "stored", "known", "refused REASON" or "unanswered"
 *   stats WORKER ID=VALUE...   → "noted" or "unanswered"
 *   raw HEX                    → the name of the answer's message, or "unanswered"
 *
 * usage: profile_client SOCKET [MILLISECONDS], how long to wait for an answer
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "link/link.h"
#include "wire/wire.h"

#define PARTS_MAX        4096u
#define PART_BYTES_MAX   (8u << 20)
#define FRAME_BYTES_MAX  (17u << 20) /* may be longer than allowed, to be refused */
#define LINE_BYTES_MAX   65536
#define COUNTERS_OF_LINE 64

static struct link_client *client;
static int timeout_ms = 5000;

static struct wire_bytes text(const char *words)
{
	return (struct wire_bytes){words, strlen(words)};
}

/* Asks, and prints what came back. */
static void ask(const struct bytes *frame)
{
	struct link_answer answer = {0};
	struct wire_stored stored;
	enum refusal reason;

	if (link_ask(client, frame->data, frame->n_bytes, timeout_ms, -1, &answer) != 0)
		puts("unanswered");
	else if (wire_decode_stored(answer.frame, answer.n_bytes, &stored) == 0)
		puts(stored.was_known ? "known" : "stored");
	else if (wire_decode_refused(answer.frame, answer.n_bytes, &reason) == 0)
		printf("refused %s\n", refusal_name(reason));
	else
		puts(message_name(answer.id));
	link_answer_deinit(&answer);
}

/* The labels of part @i, one of them for ourselves. */
static struct bytes labels_of(const char *service, uint64_t i)
{
	struct bytes labels = BYTES_INIT(4096);
	char name[256], part[32];

	(void)snprintf(name, sizeof(name), "%s-%" PRIu64, service, i);
	(void)snprintf(part, sizeof(part), "%" PRIu64, i);
	wire_encode_labels(&labels,
			   (struct wire_label[]){
				   {text("__name__"), text("process_cpu")},
				   {text("__private__"), text("stays here")},
				   {text("part"), text(part)},
				   {text("service_name"), text(name)},
			   },
			   4);
	return labels;
}

static void send_profile(const char *line)
{
	struct wire_profile profile = {.time_wall_ns = clock_wall_ns()};
	uint64_t n_parts, n_samples, n_bytes;
	struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);
	struct wire_part *parts;
	struct bytes *labels;
	unsigned char *body;
	char service[128];

	if (sscanf(line,
		   "profile %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %127s %" SCNu64,
		   &profile.window.instance, &profile.window.sequence, &n_parts, &n_samples,
		   &n_bytes, service, &profile.time_wall_ns) < 6 ||
	    n_parts > PARTS_MAX || n_bytes > PART_BYTES_MAX) {
		puts("bad line");
		return;
	}
	parts = calloc(n_parts + 1, sizeof(*parts));
	labels = calloc(n_parts + 1, sizeof(*labels));
	body = malloc(n_bytes + 1);
	if (!parts || !labels || !body)
		abort();
	for (uint64_t i = 0; i < n_bytes; i++)
		body[i] = (unsigned char)(profile.window.sequence * 31 + i * 7);
	for (uint64_t i = 0; i < n_parts; i++) {
		labels[i] = labels_of(service, i);
		parts[i] = (struct wire_part){
			.labels = {labels[i].data, labels[i].n_bytes},
			.pprof_gz = {body, n_bytes},
			.n_samples = n_samples,
			.uncompressed_bytes = 4 * n_bytes,
		};
	}
	profile.n_parts = n_parts;
	profile.parts = parts;
	wire_encode_profile(&frame, &profile);
	ask(&frame);
	for (uint64_t i = 0; i < n_parts; i++)
		bytes_deinit(&labels[i]);
	bytes_deinit(&frame);
	free(parts);
	free(labels);
	free(body);
}

static void send_stats(char *line)
{
	struct wire_counter counters[COUNTERS_OF_LINE];
	struct wire_stats stats = {.counters = counters};
	struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);
	char *word = strtok(line, " \n");

	word = strtok(NULL, " \n");
	stats.worker = word ? strtoull(word, NULL, 10) : 0;
	while ((word = strtok(NULL, " \n")) && stats.n_counters < COUNTERS_OF_LINE)
		if (sscanf(word, "%" SCNu32 "=%" SCNu64, &counters[stats.n_counters].id,
			   &counters[stats.n_counters].value) == 2)
			stats.n_counters++;
	wire_encode_stats(&frame, &stats);
	ask(&frame);
	bytes_deinit(&frame);
}

static void send_raw(const char *hex)
{
	struct bytes frame = BYTES_INIT(FRAME_BYTES_MAX);
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes_append(&frame, &(unsigned char){(unsigned char)byte}, 1);
	ask(&frame);
	bytes_deinit(&frame);
}

int main(int argc, char **argv)
{
	static char line[LINE_BYTES_MAX];
	struct link_dial_options options = {
		.path = argc > 1 ? argv[1] : "",
		.self = SYMBOLIZER,
		.peer = SHIPPER,
	};

	if (argc < 2)
		return 64;
	if (argc > 2)
		timeout_ms = atoi(argv[2]);
	link_init();
	if (link_dial(&options, &client) != 0)
		return 71;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "profile ", 8) == 0)
			send_profile(line);
		else if (strncmp(line, "stats ", 6) == 0)
			send_stats(line);
		else if (strncmp(line, "raw ", 4) == 0)
			send_raw(line + 4);
		else
			puts("bad line");
	}
	link_client_free(client);
	return 0;
}
