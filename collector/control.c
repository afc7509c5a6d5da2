#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link/link.h"
#include "listing.h"
#include "log/log.h"
#include "sampler.h"

#define CONTROL_CONTEXTS  4u
#define REFUSED_BYTES_MAX 64u

struct control {
	struct control_options options;
	struct link_listener *listener; /* owned */
	enum collector_phase phase;
	uint64_t generation; /* applied; 0: none */
	uint64_t n_answers;
	uint64_t peer;       /* who asked last; 0: nobody */
	struct bytes answer; /* reused */

	struct listing *listing; /* owned */
	struct bytes list;       /* its answers; reused */
	uint64_t list_request;   /* not answered yet */
	bool is_listing;
};

static void reply(struct control *control, uint64_t request, const struct bytes *frame)
{
	if (frame->error == 0)
		link_reply(control->listener, request, frame->data, frame->n_bytes);
	else
		link_refuse(control->listener, request);
}

static void reply_list(void *owner, const struct wire_process_list *part)
{
	struct control *control = owner;

	control->is_listing = false;
	bytes_clear(&control->list);
	if (part)
		wire_encode_process_list(&control->list, part);
	else
		wire_encode_refused(&control->list, REFUSAL_BUSY);
	reply(control, control->list_request, &control->list);
}

int control_listen(const struct control_options *options, struct control **ret_control)
{
	struct link_listen_options listen = {
		.path = options->socket_path,
		.self = COLLECTOR,
		.peer = SHIPPER,
		.n_uids = options->n_uids,
		.permissions = 0660,
		.n_contexts = CONTROL_CONTEXTS,
	};
	struct control *control;
	int r;

	if (options->n_uids == 0 || options->n_uids > LINK_UIDS_MAX)
		return -EINVAL;
	memcpy(listen.uids, options->uids, options->n_uids * sizeof(*options->uids));
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->options = *options;
	control->phase = COLLECTOR_SAMPLING;
	control->answer = (struct bytes)BYTES_INIT(MESSAGE_BYTES_MAX_VIEW);
	control->list = (struct bytes)BYTES_INIT(MESSAGE_BYTES_MAX_PROCESS_LIST);
	r = listing_new(&(struct listing_options){.opener = options->opener,
						  .done = reply_list,
						  .owner = control},
			&control->listing);
	if (r == 0)
		r = link_listen(&listen, &control->listener);
	if (r != 0) {
		listing_free(control->listing);
		free(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

int control_fd(const struct control *control)
{
	return link_listener_fd(control->listener);
}

static bool jobs_are_sane(const struct wire_settings_message *m)
{
	for (size_t i = 0; i < m->n_jobs; i++) {
		const struct wire_job *job = &m->jobs[i];

		if (job->sample_rate_hz < 1 || job->sample_rate_hz > SAMPLE_RATE_HZ_MAX ||
		    job->collect_interval_ms < COLLECT_INTERVAL_MS_MIN ||
		    job->collect_interval_ms > COLLECT_INTERVAL_MS_MAX)
			return false;
	}
	return true;
}

static void answer_state(struct control *control, uint64_t request)
{
	struct wire_counter values[COUNTERS_MAX];
	struct wire_state state = {
		.instance = control->options.instance,
		.generation = control->generation,
		.phase = control->phase,
		.n_cpus = control->options.n_cpus,
		.version = {TRIPTYCH_VERSION, strlen(TRIPTYCH_VERSION)},
		.counters = values,
		.n_rounds = control->options.rounds->n_jobs,
		.rounds = control->options.rounds->jobs,
	};

	control->options.refresh(control->options.owner);
	for (size_t i = 0; i < n_counter_rows; i++) {
		if (counter_rows[i].owner != COLLECTOR)
			continue;
		values[state.n_counters++] = (struct wire_counter){
			.id = counter_rows[i].id,
			.value = counters_get(control->options.counters, counter_rows[i].id),
		};
	}
	bytes_clear(&control->answer);
	wire_encode_state(&control->answer, &state);
	reply(control, request, &control->answer);
	control->n_answers += control->answer.error == 0;
}

static void refuse(struct control *control, uint64_t request, enum refusal reason)
{
	bytes_clear(&control->answer);
	wire_encode_refused(&control->answer, reason);
	reply(control, request, &control->answer);
	counters_add(control->options.counters, COUNTER_MESSAGES_REFUSED, 1);
	log_warn("settings-refused", "reason=%s, the settings in force stay", refusal_name(reason));
}

static void take_settings(struct control *control, const struct link_event *event)
{
	struct wire_arena arena = {NULL};
	struct wire_settings_message m;
	int r = wire_decode_settings(event->frame, event->n_bytes, &arena, &m);

	control->peer = event->peer;
	if (r != 0) {
		counters_add(control->options.counters, COUNTER_MESSAGES_REFUSED, 1);
		link_refuse(control->listener, event->request);
	} else if (m.protocol_version != WIRE_PROTOCOL_VERSION) {
		refuse(control, event->request, REFUSAL_VERSION);
	} else if (!m.is_heartbeat && !jobs_are_sane(&m)) {
		refuse(control, event->request, REFUSAL_STATE);
	} else {
		if (!m.is_heartbeat && m.generation != control->generation &&
		    control->options.apply(control->options.owner, &m) == 0)
			control->generation = m.generation;
		answer_state(control, event->request);
	}
	wire_arena_deinit(&arena);
}

/* One list at a time: of two who ask, or of one who dialed again, the later one gets it. */
static void take_processes(struct control *control, const struct link_event *event)
{
	struct wire_processes ask;

	if (wire_decode_processes(event->frame, event->n_bytes, &ask) != 0) {
		counters_add(control->options.counters, COUNTER_MESSAGES_REFUSED, 1);
		link_refuse(control->listener, event->request);
		return;
	}
	if (control->is_listing)
		reply_list(control, NULL);
	control->list_request = event->request;
	control->is_listing = true;
	listing_ask(control->listing, &ask);
}

static void answer_look(struct control *control, const struct link_event *event)
{
	bool is_garbled = wire_decode_bare(event->frame, event->n_bytes, MESSAGE_LOOK) != 0;

	counters_add(control->options.counters, COUNTER_MESSAGES_REFUSED, is_garbled);
	bytes_clear(&control->answer);
	if (is_garbled || control->options.view(control->options.owner, &control->answer) < 0)
		link_refuse(control->listener, event->request); /* without memory: it asks again */
	else
		reply(control, event->request, &control->answer);
}

static void note_refused(const struct link_event *event)
{
	if (event->outcome == 0)
		log_warn("peer-refused", "socket=control uid=%u, closing its pipe", event->uid);
	else
		log_warn("message-refused", "socket=control outcome=%d, closing its pipe",
			 event->outcome);
}

void control_dispatch(struct control *control)
{
	struct link_event event;

	while (link_next(control->listener, &event)) {
		switch (event.kind) {
		case LINK_REQUEST:
			if (event.id == MESSAGE_PROCESSES)
				take_processes(control, &event);
			else if (event.id == MESSAGE_LOOK)
				answer_look(control, &event);
			else
				take_settings(control, &event);
			break;
		case LINK_REFUSED:
			counters_add(control->options.counters, COUNTER_MESSAGES_REFUSED, 1);
			note_refused(&event);
			break;
		case LINK_PEER_GONE:
			break;
		}
	}
}

uint64_t control_expire(struct control *control, uint64_t now_ns)
{
	return listing_expire(control->listing, now_ns);
}

int control_probe(struct control *control)
{
	return link_listener_probe(control->listener);
}

void control_set_phase(struct control *control, enum collector_phase phase)
{
	control->phase = phase;
	link_expel(control->listener, control->peer);
}

uint64_t control_n_answers(const struct control *control)
{
	return control->n_answers;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	link_listener_free(control->listener);
	listing_free(control->listing);
	bytes_deinit(&control->answer);
	bytes_deinit(&control->list);
	free(control);
}
