#include "profiles.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "log/log.h"
#include "endpoints/profile_record.h"

#define SOCKET_PERMISSIONS 0660
#define CONTEXTS           8u                    /* as many PROFILEs may be in memory at once */
#define PROBE_EVERY_NS     UINT64_C(60000000000) /* each costs a connection */
#define ANSWER_BYTES_MAX   64u
#define EVENTS_A_TURN      32u /* who asks without end must not keep the loop from its other work */

struct profiles {
	struct link_listener *listener; /* owned */
	struct spool *spool;            /* borrowed */
	struct workers *workers;        /* borrowed */
	struct tallies *tallies;        /* borrowed */
	struct last_profiles *last;     /* borrowed */
	struct reports *reports;        /* borrowed */
	uint64_t probe_ns;
	struct profiles_counts counts;
};

const struct histogram_class profiles_append_class = {
	.name = "triptych_spool_append_duration_seconds",
	.help = "Until a PROFILE is on disk, or refused by it.",
	.n_bounds = 11,
	.bounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5},
};

int profiles_open(const struct profiles_options *options, struct profiles **ret_profiles)
{
	struct link_listen_options listen = {
		.path = options->path,
		.self = SHIPPER,
		.peer = SYMBOLIZER,
		.n_uids = options->n_uids,
		.permissions = SOCKET_PERMISSIONS,
		.n_contexts = CONTEXTS,
	};
	struct profiles *profiles = calloc(1, sizeof(*profiles));
	int r;

	if (!profiles)
		return -ENOMEM;
	memcpy(listen.uids, options->uids, sizeof(listen.uids));
	profiles->spool = options->spool;
	profiles->workers = options->workers;
	profiles->tallies = options->tallies;
	profiles->last = options->last;
	profiles->reports = options->reports;
	r = link_listen(&listen, &profiles->listener);
	if (r < 0) {
		free(profiles);
		return r;
	}
	*ret_profiles = profiles;
	return 0;
}

void profiles_free(struct profiles *profiles)
{
	if (!profiles)
		return;
	link_listener_free(profiles->listener);
	free(profiles);
}

int profiles_fd(const struct profiles *profiles)
{
	return link_listener_fd(profiles->listener);
}

uint64_t profiles_deadline_ns(const struct profiles *profiles)
{
	return profiles->probe_ns;
}

struct profiles_counts profiles_counts(const struct profiles *profiles)
{
	return profiles->counts;
}

static void reply(struct profiles *profiles, uint64_t request, struct bytes *answer)
{
	if (!answer->error)
		link_reply(profiles->listener, request, answer->data, answer->n_bytes);
	else
		link_refuse(profiles->listener, request); /* it asks again */
	bytes_deinit(answer);
}

static void reply_refused(struct profiles *profiles, uint64_t request, enum refusal reason)
{
	struct bytes answer = BYTES_INIT(ANSWER_BYTES_MAX);

	wire_encode_refused(&answer, reason);
	reply(profiles, request, &answer);
}

static void reply_stored(struct profiles *profiles, uint64_t request, struct window_id window,
			 bool was_known)
{
	struct bytes answer = BYTES_INIT(ANSWER_BYTES_MAX);

	wire_encode_stored(&answer, &(struct wire_stored){window, was_known});
	reply(profiles, request, &answer);
}

static void refuse_frame(struct profiles *profiles, const struct link_event *event)
{
	profiles->counts.n_refused[MESSAGE_GARBLED]++;
	log_warn("message-refused", "message=%s reason=garbled, closing its pipe",
		 message_name(event->id));
	link_refuse(profiles->listener, event->request);
}

static void take_profile(struct profiles *profiles, const struct link_event *event)
{
	uint64_t start_ns = clock_monotonic_ns();
	struct spool_record record;
	int r;

	r = profile_record_describe(event->frame, event->n_bytes, &record);
	if (r > 0) {
		refuse_frame(profiles, event);
		return;
	}
	if (r == 0)
		r = spool_append(profiles->spool, &record, event->frame);
	histogram_observe(&profiles->counts.append_seconds, &profiles_append_class,
			  histogram_seconds(start_ns, clock_monotonic_ns()));
	if (r == 0) {
		tallies_note_profile(profiles->tallies, event->frame, event->n_bytes);
		last_profiles_note(profiles->last, event->frame, event->n_bytes, clock_wall_ns());
	}
	if (r < 0) {
		profiles->counts.n_refused_disk++;
		log_err("spool-unwritable", "error=\"%s\", symbolizers keep what they have",
			strerror(-r));
		reply_refused(profiles, event->request, r == -ENOMEM ? REFUSAL_BUSY : REFUSAL_DISK);
		return;
	}
	profiles->counts.n_profiles += r == 0;
	reply_stored(profiles, event->request, record.window, r == SPOOL_KNOWN);
}

static void take_stats(struct profiles *profiles, const struct link_event *event, uint64_t now_ns)
{
	cleanup_with(wire_arena_deinit) struct wire_arena arena = {0};
	struct bytes answer = BYTES_INIT(ANSWER_BYTES_MAX);
	struct wire_stats stats;
	int r;

	r = wire_decode_stats(event->frame, event->n_bytes, &arena, &stats);
	if (r > 0) {
		refuse_frame(profiles, event);
		return;
	}
	if (r < 0) {
		reply_refused(profiles, event->request, REFUSAL_BUSY);
		return;
	}
	profiles->counts.n_stats++;
	workers_note_stats(profiles->workers, event->peer, &stats, now_ns);
	wire_encode_bare(&answer, MESSAGE_NOTED);
	reply(profiles, event->request, &answer);
}

static void take_report(struct profiles *profiles, const struct link_event *event, uint64_t now_ns)
{
	struct bytes answer = BYTES_INIT(ANSWER_BYTES_MAX);
	int r = reports_note(profiles->reports, event->peer, event->frame, event->n_bytes, now_ns);

	if (r > 0) {
		refuse_frame(profiles, event);
		return;
	}
	if (r < 0) {
		reply_refused(profiles, event->request, REFUSAL_BUSY);
		return;
	}
	wire_encode_bare(&answer, MESSAGE_NOTED);
	reply(profiles, event->request, &answer);
}

static void take_request(struct profiles *profiles, const struct link_event *event, uint64_t now_ns)
{
	workers_note_peer(profiles->workers, event->peer, now_ns);
	if (event->id == MESSAGE_PROFILE)
		take_profile(profiles, event);
	else if (event->id == MESSAGE_STATS)
		take_stats(profiles, event, now_ns);
	else if (event->id == MESSAGE_REPORT)
		take_report(profiles, event, now_ns);
	else
		refuse_frame(profiles, event);
}

static void note_refused(struct profiles *profiles, const struct link_event *event)
{
	if (event->outcome >= 0 && event->outcome < PROFILES_OUTCOMES)
		profiles->counts.n_refused[event->outcome]++;
	if (event->outcome == 0)
		log_warn("peer-refused", "uid=%u, not one that --symbolizer-uid names", event->uid);
	else
		log_warn("message-refused", "reason=%d, closing its pipe", event->outcome);
}

int profiles_run(struct profiles *profiles, uint64_t now_ns)
{
	struct link_event event;

	for (unsigned i = 0; i < EVENTS_A_TURN && link_next(profiles->listener, &event); i++) {
		switch (event.kind) {
		case LINK_REQUEST:
			take_request(profiles, &event, now_ns);
			break;
		case LINK_PEER_GONE:
			workers_note_gone(profiles->workers, event.peer);
			reports_forget(profiles->reports, event.peer);
			break;
		case LINK_REFUSED:
			note_refused(profiles, &event);
			break;
		}
	}
	if (now_ns < profiles->probe_ns)
		return 0;
	profiles->probe_ns = now_ns + PROBE_EVERY_NS;
	return link_listener_probe(profiles->listener);
}
