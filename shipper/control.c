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
#define LAST_WORDS_NS      UINT64_C(100000000)  /* it waits until its last counters are heard */
#define RECONNECTED_NS     UINT64_C(100000000)  /* however often its connection breaks */
#define LOOK_NS            UINT64_C(5000000000)
#define ANSWER_TIMEOUT_MS  3000
#define SETTINGS_BYTES_MAX (8192u * 1024u) /* its row of messages.def */

/* A part of the list of processes that somebody waits for. */
struct control_list {
	process_list_part_fn *done; /* NULL: nobody does */
	void *owner;
	struct wire_processes ask;
	bool is_asked; /* it is what the answer that is waited for is about */
};

struct control {
	struct link_client *client;   /* owned */
	struct control_frames frames; /* owned */
	bool is_asking;
	bool is_outdated; /* what was asked is of a generation before this one */
	bool is_seen;     /* said in the log */
	uint64_t ask_ns;
	uint64_t asked_ns;
	uint64_t looked_ns; /* 0: never */
	bool is_asking_list;
	struct control_list list;
	struct control_state state;
};

/*
 * The generation is a hash over the content: a shipper that starts again with the same
 * configuration brings the same one, and the collector has nothing to do.
 */
int control_frames_encode(const struct configuration *configuration,
			  struct control_frames *ret_frames)
{
	cleanup_with(control_frames_deinit) struct control_frames frames = {
		.settings = BYTES_INIT(SETTINGS_BYTES_MAX),
		.heartbeat = BYTES_INIT(SETTINGS_BYTES_MAX),
	};
	struct wire_settings_message m = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.settings = configuration->settings,
		.n_jobs = configuration->n_jobs,
		.jobs = configuration->jobs,
	};

	wire_encode_settings(&frames.settings, &m);
	if (frames.settings.error)
		return frames.settings.error;
	m.generation = hash_bytes(0, frames.settings.data, frames.settings.n_bytes) | 1;
	frames.generation = m.generation;
	bytes_clear(&frames.settings);
	wire_encode_settings(&frames.settings, &m);
	m.is_heartbeat = true;
	m.n_jobs = 0;
	wire_encode_settings(&frames.heartbeat, &m);
	if (frames.settings.error || frames.heartbeat.error)
		return frames.settings.error ? frames.settings.error : frames.heartbeat.error;
	*ret_frames = frames;
	frames = (struct control_frames){0};
	return 0;
}

void control_frames_deinit(struct control_frames *frames)
{
	bytes_deinit(&frames->settings);
	bytes_deinit(&frames->heartbeat);
	*frames = (struct control_frames){0};
}

int control_open(const char *path, uid_t uid, struct control_frames *frames,
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
	r = link_dial(&dial, &control->client);
	if (r < 0) {
		control_free(control);
		return r;
	}
	control->frames = *frames;
	*frames = (struct control_frames){0};
	*ret_control = control;
	return 0;
}

void control_replace(struct control *control, struct control_frames *frames)
{
	bool is_other = frames->generation != control->frames.generation;

	control_frames_deinit(&control->frames);
	control->frames = *frames;
	*frames = (struct control_frames){0};
	if (!is_other)
		return;
	control->state.is_current = false;
	control->is_outdated = control->is_asking;
	control->ask_ns = 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	link_client_free(control->client);
	control_frames_deinit(&control->frames);
	free(control);
}

int control_fd(const struct control *control)
{
	return link_client_fd(control->client);
}

/* Of a collector that is there to stay. */
static bool may_ask_list(const struct control *control)
{
	return control->list.done && control->is_seen && control->state.is_current &&
	       control->state.phase == COLLECTOR_SAMPLING;
}

uint64_t control_deadline_ns(const struct control *control)
{
	if (control->is_asking)
		return UINT64_MAX;
	return may_ask_list(control) ? 0 : control->ask_ns;
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

/* Another collector than the one before: what that one counted stays, what it held does not. */
static void begin_instance(struct control_state *state)
{
	for (size_t i = 0; i < n_counter_rows; i++)
		if (counter_rows[i].kind == COUNTER_KIND_C &&
		    __builtin_add_overflow(state->of_others.values[i], state->counters.values[i],
					   &state->of_others.values[i]))
			state->of_others.values[i] = UINT64_MAX; /* foreign numbers */
	round_sums_begin(&state->rounds);
}

static void take_state(struct control *control, const struct wire_state *m, uint64_t now_ns)
{
	struct control_state *state = &control->state;

	if (!control->is_seen || state->instance != m->instance)
		log_info("collector-seen", "instance=%016" PRIx64 " cpus=%u", m->instance,
			 m->n_cpus);
	if (state->seen_ns != CONTROL_NEVER && state->instance != m->instance)
		begin_instance(state);
	control->is_seen = true;
	state->seen_ns = now_ns;
	state->instance = m->instance;
	state->phase = m->phase;
	state->n_cpus = m->n_cpus;
	state->is_current = m->generation == control->frames.generation;
	copy_version(state, m->version);
	memset(&state->counters, 0, sizeof(state->counters));
	for (size_t i = 0; i < m->n_counters; i++) {
		size_t at = counter_index(m->counters[i].id);

		if (at < n_counter_rows && counter_rows[at].owner == COLLECTOR)
			state->counters.values[at] = m->counters[i].value;
	}
	for (size_t i = 0; i < m->n_rounds; i++)
		round_sums_take(&state->rounds, &m->rounds[i]);
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

/* It may ask for the next part at once. */
static void tell_list(struct control *control, const struct wire_process_list *part)
{
	const struct control_list list = control->list;

	control->list.done = NULL;
	control->list.is_asked = false;
	if (list.done)
		list.done(list.owner, part);
}

void control_ask_processes(void *control, const struct wire_processes *ask,
			   process_list_part_fn *done, void *owner)
{
	((struct control *)control)->list =
		(struct control_list){.done = done, .owner = owner, .ask = *ask};
}

void control_forget_processes(void *control)
{
	((struct control *)control)->list.done = NULL;
}

static void begin_list(struct control *control)
{
	cleanup_with(bytes_deinit) struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_PROCESSES);
	int r;

	wire_encode_processes(&frame, &control->list.ask);
	r = frame.error;
	if (r == 0)
		r = link_ask_begin(control->client, frame.data, frame.n_bytes, ANSWER_TIMEOUT_MS);
	control->is_asking = control->is_asking_list = control->list.is_asked = r == 0;
	if (r < 0)
		tell_list(control, NULL);
}

/* What is wrong with the collector itself the next heartbeat finds out. */
static void finish_list(struct control *control)
{
	cleanup_with(link_answer_deinit) struct link_answer answer = {0};
	struct wire_arena arena = {0};
	struct wire_process_list part;
	int r = link_ask_finish(control->client, &answer);

	if (r == -EAGAIN)
		return;
	control->is_asking = control->is_asking_list = false;
	if (r == 0 && answer.id == MESSAGE_PROCESS_LIST)
		r = wire_decode_process_list(answer.frame, answer.n_bytes, &arena, &part);
	else if (r == 0)
		r = LINK_BAD_ANSWER;
	if (r == MESSAGE_GARBLED)
		log_warn("answer-garbled", "from=collector message=%s", message_name(answer.id));
	if (control->list.is_asked)
		tell_list(control, r == 0 ? &part : NULL);
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
	if (control->is_outdated)
		control->ask_ns = now_ns;
	else if (r == 0 && !was_current && !control->state.is_current)
		control->ask_ns = now_ns + SOON_NS; /* it was told and did not: no hurry */
	else if (r == 0 && !control->state.is_current)
		control->ask_ns = now_ns; /* it started again, and waits for its settings */
	else if (r == 0 && control->state.phase == COLLECTOR_STOPPING)
		control->ask_ns = now_ns + LAST_WORDS_NS;
}

static bool is_looked_at(const struct control *control, uint64_t now_ns)
{
	return control->looked_ns != 0 && now_ns - control->looked_ns < LOOK_NS;
}

static void begin(struct control *control, uint64_t now_ns)
{
	const struct bytes *frame =
		control->state.is_current ? &control->frames.heartbeat : &control->frames.settings;
	int r;

	r = link_ask_begin(control->client, frame->data, frame->n_bytes, ANSWER_TIMEOUT_MS);
	control->is_asking = r == 0;
	control->is_outdated = false;
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
	if (control->is_asking_list)
		finish_list(control);
	else if (control->is_asking)
		finish(control, now_ns);
	if (link_client_connected(control->client) && !control->is_asking) {
		control->state.is_current = false; /* it may be another collector */
		if (control->ask_ns > control->asked_ns + RECONNECTED_NS)
			control->ask_ns = control->asked_ns + RECONNECTED_NS;
	}
	if (!control->is_asking && now_ns >= control->ask_ns)
		begin(control, now_ns);
	if (!control->is_asking && may_ask_list(control))
		begin_list(control);
}
