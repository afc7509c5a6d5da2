#include "control.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "link/link.h"
#include "log/log.h"

#define HEARTBEAT_NS       UINT64_C(4000000000) /* below READY_COLLECTOR_NS */
#define SOON_NS            UINT64_C(1000000000) /* while somebody looks, or it will not listen */
#define RECONNECTED_NS     UINT64_C(100000000)  /* however often its connection breaks */
#define LOOK_NS            UINT64_C(5000000000)
#define ANSWER_TIMEOUT_MS  3000
#define SETTINGS_BYTES_MAX (8192u * 1024u) /* its row of messages.def */

struct control {
	struct link_client *client; /* owned */
	struct bytes settings;      /* owned; the frame with everything */
	struct bytes heartbeat;     /* owned */
	uint64_t generation;
	bool is_asking;
	bool is_seen; /* said in the log */
	uint64_t ask_ns;
	uint64_t asked_ns;
	uint64_t looked_ns; /* 0: never */
	struct control_state state;
};

/*
 * Encodes both frames. The generation is a hash over the content: a shipper that starts again with
 * the same configuration brings the same one, and the collector has nothing to do.
 */
static int encode(struct control *control, const struct configuration *configuration)
{
	struct wire_settings_message m = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.settings = configuration->settings,
		.n_targets = configuration->n_targets,
		.targets = configuration->targets,
	};

	wire_encode_settings(&control->settings, &m);
	if (control->settings.error)
		return control->settings.error;
	m.generation = hash_bytes(0, control->settings.data, control->settings.n_bytes) | 1;
	control->generation = m.generation;
	bytes_clear(&control->settings);
	wire_encode_settings(&control->settings, &m);
	m.is_heartbeat = true;
	m.n_targets = 0;
	wire_encode_settings(&control->heartbeat, &m);
	return control->settings.error ? control->settings.error : control->heartbeat.error;
}

int control_open(const char *path, uid_t uid, const struct configuration *configuration,
		 struct control **ret_control)
{
	struct link_dial_options dial = {
		.path = path,
		.self = SHIPPER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {uid},
		.tells_connections = true,
	};
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	control->settings = (struct bytes)BYTES_INIT(SETTINGS_BYTES_MAX);
	control->heartbeat = (struct bytes)BYTES_INIT(SETTINGS_BYTES_MAX);
	r = encode(control, configuration);
	if (r == 0)
		r = link_dial(&dial, &control->client);
	if (r < 0) {
		control_free(control);
		return r;
	}
	*ret_control = control;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	link_client_free(control->client);
	bytes_deinit(&control->settings);
	bytes_deinit(&control->heartbeat);
	free(control);
}

int control_fd(const struct control *control)
{
	return link_client_fd(control->client);
}

uint64_t control_deadline_ns(const struct control *control)
{
	return control->is_asking ? UINT64_MAX : control->ask_ns;
}

const struct control_state *control_state(const struct control *control)
{
	return &control->state;
}

static void copy_version(struct control_state *state, struct wire_bytes version)
{
	const unsigned char *from = version.data;
	size_t n = version.n_bytes < CONTROL_VERSION_MAX - 1 ? version.n_bytes
							     : CONTROL_VERSION_MAX - 1;

	for (size_t i = 0; i < n; i++)
		state->version[i] =
			isalnum(from[i]) || strchr(".-+~_", from[i]) ? (char)from[i] : '?';
	state->version[n] = '\0';
}

static void take_state(struct control *control, const struct wire_state *m, uint64_t now_ns)
{
	struct control_state *state = &control->state;

	if (!control->is_seen || state->instance != m->instance)
		log_info("collector-seen", "instance=%016" PRIx64 " cpus=%u", m->instance,
			 m->n_cpus);
	control->is_seen = true;
	state->seen_ns = now_ns;
	state->instance = m->instance;
	state->phase = m->phase;
	state->n_cpus = m->n_cpus;
	state->is_current = m->generation == control->generation;
	copy_version(state, m->version);
	memset(&state->counters, 0, sizeof(state->counters));
	for (size_t i = 0; i < m->n_counters; i++) {
		size_t at = counter_index(m->counters[i].id);

		if (at < n_counter_rows && counter_rows[at].owner == COLLECTOR)
			state->counters.values[at] = m->counters[i].value;
	}
}

static void take_answer(struct control *control, const struct link_answer *answer, uint64_t now_ns)
{
	struct wire_arena arena = {0};
	enum refusal reason = 0;
	struct wire_state m;

	if (answer->id == MESSAGE_STATE &&
	    wire_decode_state(answer->frame, answer->n_bytes, &arena, &m) == 0)
		take_state(control, &m, now_ns);
	else if (answer->id == MESSAGE_REFUSED &&
		 wire_decode_refused(answer->frame, answer->n_bytes, &reason) == 0)
		log_warn("settings-refused", "reason=%s, asking again", refusal_name(reason));
	else
		log_warn("answer-garbled", "from=collector message=%s", message_name(answer->id));
	wire_arena_deinit(&arena);
}

static void finish(struct control *control, uint64_t now_ns)
{
	struct link_answer answer = {0};
	bool was_current = control->state.is_current;
	int r = link_ask_finish(control->client, &answer);

	if (r == -EAGAIN)
		return;
	control->is_asking = false;
	if (r == 0) {
		take_answer(control, &answer, now_ns);
	} else {
		control->state.n_unanswered++;
		control->state.is_current = false; /* it may be another one the next time */
		if (control->is_seen)
			log_warn("collector-gone", "%s, going on without it",
				 r == LINK_BAD_ANSWER ? "bad answer" : "no answer");
		control->is_seen = false;
	}
	link_answer_deinit(&answer);
	if (r == 0 && !was_current && !control->state.is_current)
		control->ask_ns = now_ns + SOON_NS; /* it was told and did not: no hurry */
	else if (r == 0 && !control->state.is_current)
		control->ask_ns = now_ns; /* it started again, and waits for its settings */
}

static bool is_looked_at(const struct control *control, uint64_t now_ns)
{
	return control->looked_ns != 0 && now_ns - control->looked_ns < LOOK_NS;
}

static void begin(struct control *control, uint64_t now_ns)
{
	const struct bytes *frame =
		control->state.is_current ? &control->heartbeat : &control->settings;
	int r;

	r = link_ask_begin(control->client, frame->data, frame->n_bytes, ANSWER_TIMEOUT_MS);
	control->is_asking = r == 0;
	control->asked_ns = now_ns;
	control->ask_ns = now_ns + (is_looked_at(control, now_ns) ? SOON_NS : HEARTBEAT_NS);
	control->state.n_asks++;
	if (r < 0)
		log_warn("ask-failed", "to=collector error=\"%s\"", strerror(-r));
}

void control_note_look(struct control *control, uint64_t now_ns)
{
	control->looked_ns = now_ns;
	if (control->ask_ns > control->asked_ns + SOON_NS)
		control->ask_ns = control->asked_ns + SOON_NS;
}

void control_run(struct control *control, uint64_t now_ns)
{
	if (control->is_asking)
		finish(control, now_ns);
	if (link_client_connected(control->client) && !control->is_asking) {
		control->state.is_current = false; /* it may be another collector */
		if (control->ask_ns > control->asked_ns + RECONNECTED_NS)
			control->ask_ns = control->asked_ns + RECONNECTED_NS;
	}
	if (!control->is_asking && now_ns >= control->ask_ns)
		begin(control, now_ns);
}
