/*
 * Answers a shipper as a collector does. Prints a line for each SETTINGS:
 *
 *   settings GENERATION full N_TARGETS SAMPLE_RATE        settings GENERATION heartbeat
 *
 * and answers with STATE: the last full generation, the counter TICKS counting answers up, and an
 * id that no counter has. LOOK is answered with an empty VIEW. Lines on standard input: "forget",
 * the generation is 0 again; "stop", the phase is the one of a collector that stops.
 *
 * usage: control_listener SOCKET SHIPPER_UID
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "link/link.h"
#include "wire/counters.h"
#include "wire/wire.h"

#define UNKNOWN_COUNTER 4000000u

static struct link_listener *listener;
static uint64_t generation;
static uint64_t n_answers;
static enum collector_phase phase = COLLECTOR_SAMPLING;

static void answer(uint64_t request)
{
	struct bytes frame = BYTES_INIT(65536);
	struct wire_counter counters[] = {
		{COUNTER_TICKS, ++n_answers},
		{UNKNOWN_COUNTER, 1},
		{COUNTER_FRAMES_NAMED, 999}, /* not a collector's: passed over */
	};
	static const struct wire_rounds rounds[] = {{7, 5, 1}};
	struct wire_state state = {
		.instance = 42,
		.generation = generation,
		.phase = phase,
		.n_cpus = 2,
		.version = {"9.9\"test", 8},
		.n_counters = sizeof(counters) / sizeof(counters[0]),
		.counters = counters,
		.n_rounds = 1,
		.rounds = rounds,
	};

	wire_encode_state(&frame, &state);
	link_reply(listener, request, frame.data, frame.n_bytes);
	bytes_deinit(&frame);
}

static void take(const struct link_event *event)
{
	struct wire_settings_message m;
	struct wire_arena arena = {0};

	if (wire_decode_settings(event->frame, event->n_bytes, &arena, &m) != 0) {
		puts("garbled");
		link_refuse(listener, event->request);
		return;
	}
	if (m.is_heartbeat) {
		printf("settings %" PRIu64 " heartbeat\n", m.generation);
	} else {
		printf("settings %" PRIu64 " full %zu %u\n", m.generation, m.jobs[0].n_targets,
		       m.jobs[0].sample_rate_hz);
		generation = m.generation;
	}
	wire_arena_deinit(&arena);
	answer(event->request);
}

/* Somebody looks: there is nothing to be seen. */
static void show(uint64_t request)
{
	const struct wire_view view = {.instance = 42};
	struct bytes frame = BYTES_INIT(65536);

	wire_encode_view(&frame, &view);
	link_reply(listener, request, frame.data, frame.n_bytes);
	bytes_deinit(&frame);
}

int main(int argc, char **argv)
{
	struct link_listen_options options = {
		.self = COLLECTOR,
		.peer = SHIPPER,
		.n_uids = 1,
		.permissions = 0660,
		.n_contexts = 4,
	};
	struct link_event event;
	uint64_t peer = 0;
	char line[64];

	if (argc != 3)
		return 64;
	options.path = argv[1];
	options.uids[0] = (uid_t)atoi(argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	link_init();
	if (link_listen(&options, &listener) != 0)
		return 71;
	for (;;) {
		struct pollfd fds[] = {{.fd = link_listener_fd(listener), .events = POLLIN},
				       {.fd = STDIN_FILENO, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0)
			return 71;
		if (fds[1].revents) {
			if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
				break;
			if (line[0] == 's') {
				phase = COLLECTOR_STOPPING;
				link_expel(listener, peer);
			} else {
				generation = 0;
			}
		}
		while (link_next(listener, &event))
			if (event.kind == LINK_REQUEST && event.id == MESSAGE_LOOK) {
				show(event.request);
			} else if (event.kind == LINK_REQUEST) {
				peer = event.peer;
				take(&event);
			}
	}
	link_listener_free(listener);
	return 0;
}
