#include "collector_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "link/link.h"
#include "log/log.h"

#define SECOND_NS         UINT64_C(1000000000)
#define EVERY_NS          (15 * SECOND_NS)
#define LOOKED_AT_NS      (20 * SECOND_NS) /* after a look: it is asked each second */
#define OLD_NS            (60 * SECOND_NS) /* then it is not shown any more */
#define ANSWER_TIMEOUT_MS 3000

struct collector_view {
	struct link_client *client; /* owned */
	bool is_asking;
	uint64_t ask_ns;
	uint64_t asked_ns;
	uint64_t looked_ns;        /* 0: never */
	uint64_t seen_ns;          /* 0: never */
	struct link_answer answer; /* owned: what the view points into */
	struct wire_arena arena;   /* owned */
	struct wire_view view;
};

int collector_view_open(const char *path, uid_t uid, struct collector_view **ret_view)
{
	struct link_dial_options dial = {
		.path = path,
		.self = SHIPPER,
		.peer = COLLECTOR,
		.n_uids = 1,
		.uids = {uid},
		.tells_connections = true,
	};
	struct collector_view *view = calloc(1, sizeof(*view));
	int r;

	if (!view)
		return -ENOMEM;
	r = link_dial(&dial, &view->client);
	if (r < 0) {
		free(view);
		return r;
	}
	*ret_view = view;
	return 0;
}

void collector_view_free(struct collector_view *view)
{
	if (!view)
		return;
	link_client_free(view->client);
	wire_arena_deinit(&view->arena);
	link_answer_deinit(&view->answer);
	free(view);
}

int collector_view_fd(const struct collector_view *view)
{
	return link_client_fd(view->client);
}

uint64_t collector_view_deadline_ns(const struct collector_view *view)
{
	return view->is_asking ? UINT64_MAX : view->ask_ns;
}

/* Takes @answer (consumed) in the place of the last one. What is not as it should be changes
 * nothing. */
static void take_answer(struct collector_view *view, struct link_answer *answer, uint64_t now_ns)
{
	struct wire_arena arena = {0};
	struct wire_view said;

	if (answer->id != MESSAGE_VIEW ||
	    wire_decode_view(answer->frame, answer->n_bytes, &arena, &said) != 0) {
		log_warn("answer-garbled", "from=collector message=%s", message_name(answer->id));
		wire_arena_deinit(&arena);
		link_answer_deinit(answer);
		return;
	}
	wire_arena_deinit(&view->arena);
	link_answer_deinit(&view->answer);
	view->arena = arena;
	view->answer = *answer;
	view->view = said;
	view->seen_ns = now_ns;
}

static void finish(struct collector_view *view, uint64_t now_ns)
{
	struct link_answer answer = {0};
	int r = link_ask_finish(view->client, &answer);

	if (r == -EAGAIN)
		return;
	view->is_asking = false;
	if (r == 0)
		take_answer(view, &answer, now_ns);
}

static void begin(struct collector_view *view, uint64_t now_ns)
{
	bool is_looked_at = view->looked_ns != 0 && now_ns - view->looked_ns < LOOKED_AT_NS;
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_LOOK);

	wire_encode_bare(&frame, MESSAGE_LOOK);
	view->is_asking = frame.error == 0 && link_ask_begin(view->client, frame.data,
							     frame.n_bytes, ANSWER_TIMEOUT_MS) == 0;
	bytes_deinit(&frame);
	view->asked_ns = now_ns;
	view->ask_ns = now_ns + (is_looked_at ? SECOND_NS : EVERY_NS);
}

void collector_view_note_look(struct collector_view *view, uint64_t now_ns)
{
	view->looked_ns = now_ns;
	if (view->ask_ns > view->asked_ns + SECOND_NS)
		view->ask_ns = view->asked_ns + SECOND_NS;
}

void collector_view_run(struct collector_view *view, uint64_t now_ns)
{
	if (view->is_asking)
		finish(view, now_ns);
	if (link_client_connected(view->client) && view->ask_ns > view->asked_ns + SECOND_NS)
		view->ask_ns = view->asked_ns + SECOND_NS;
	if (!view->is_asking && now_ns >= view->ask_ns)
		begin(view, now_ns);
}

const struct wire_view *collector_view_last(const struct collector_view *view, uint64_t now_ns)
{
	return view->seen_ns != 0 && now_ns - view->seen_ns < OLD_NS ? &view->view : NULL;
}
