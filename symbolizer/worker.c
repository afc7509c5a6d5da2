#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "log/log.h"
#include "object_client.h"
#include "report.h"
#include "window_profile.h"

#define PROFILE_FRAME_BYTES_MAX (16384u * 1024u)
#define STATS_FRAME_BYTES_MAX   (256u * 1024u)
#define LEASE_FRAME_BYTES_MAX   256u
#define LEASE_ANSWER_MS         35000 /* the collector parks an ask for 30 s */
#define GO_ANSWER_MS            2000
#define PROFILE_ANSWER_MS       10000
#define STATS_ANSWER_MS         500
#define PAUSE_MS                500
#define STOP_NS                 UINT64_C(5000000000)  /* for the shipper, once asked to stop */
#define STATS_NS                UINT64_C(5000000000)  /* when they have changed */
#define STATS_ALIVE_NS          UINT64_C(20000000000) /* when not */

struct worker {
	struct worker_options options;
	uint64_t id;
	bool is_stopping;
	bool is_leaving;
	uint64_t leave_at_ns;   /* once stopping: when to give up on the shipper */
	uint64_t stats_sent_ns; /* 0: never */
	struct counters stats_sent;
	enum lease_outcome outcome; /* to be said with the next lease */
	struct window_id window;
	struct object_client objects;
	struct kernel_symbols kernel;
	int kernel_outcome; /* said last */
	struct bytes profile;
	struct last_named last;
};

int worker_new(const struct worker_options *options, struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return -ENOMEM;
	worker->options = *options;
	worker->id = hash_new_seed();
	worker->objects.pool = options->pool;
	worker->kernel.directory = options->directory;
	worker->profile = (struct bytes)BYTES_INIT(PROFILE_FRAME_BYTES_MAX);
	*ret_worker = worker;
	return 0;
}

/* Takes what the signalfd has: the first asks to stop, the second to leave at once. */
static void take_signals(struct worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->options.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (worker->is_stopping)
			worker->is_leaving = true;
		else
			log_info("stopping", "signal=%u", info.ssi_signo);
		worker->is_stopping = true;
		worker->leave_at_ns = clock_monotonic_ns() + STOP_NS;
	}
}

static void pause_for_signals(struct worker *worker, int timeout_ms)
{
	struct pollfd signals = {.fd = worker->options.signal_fd, .events = POLLIN};

	if (poll(&signals, 1, timeout_ms) > 0)
		take_signals(worker);
}

/* Asks; a signal meanwhile is taken, and gives -EINTR. */
static int ask(struct worker *worker, struct link_client *client, const struct bytes *frame,
	       int timeout_ms, struct link_answer *ret_answer)
{
	int r;

	if (frame->error)
		return frame->error;
	heartbeat_beat(worker->options.heartbeat);
	r = link_ask(client, frame->data, frame->n_bytes, timeout_ms, worker->options.signal_fd,
		     ret_answer);
	if (r == -EINTR)
		take_signals(worker);
	return r;
}

static bool stats_are_due(const struct worker *worker, uint64_t now_ns)
{
	bool have_changed = memcmp(&worker->stats_sent, worker->options.counters,
				   sizeof(worker->stats_sent)) != 0;

	return worker->stats_sent_ns == 0 ||
	       now_ns - worker->stats_sent_ns >= (have_changed ? STATS_NS : STATS_ALIVE_NS);
}

/* For people, with the stats; one that is lost is followed by another. */
static void send_report(struct worker *worker)
{
	struct bytes frame = BYTES_INIT(MESSAGE_BYTES_MAX_REPORT);
	struct link_answer answer = {0};
	const struct report_sources sources = {
		.worker = worker->id,
		.status_fd = worker->options.status_fd,
		.tables = worker->options.tables,
		.last = &worker->last,
	};

	if (report_encode(&sources, &frame) == 0)
		(void)!ask(worker, worker->options.profiles, &frame, STATS_ANSWER_MS, &answer);
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
}

static void send_stats(struct worker *worker)
{
	struct wire_counter values[COUNTERS_MAX];
	struct bytes frame = BYTES_INIT(STATS_FRAME_BYTES_MAX);
	struct wire_stats stats = {.worker = worker->id, .counters = values};
	struct link_answer answer = {0};
	uint64_t now_ns = clock_monotonic_ns();

	if (!stats_are_due(worker, now_ns))
		return;
	worker->stats_sent_ns = now_ns;
	worker->stats_sent = *worker->options.counters;
	for (size_t i = 0; i < n_counter_rows; i++)
		if (counter_rows[i].owner == SYMBOLIZER)
			values[stats.n_counters++] = (struct wire_counter){
				counter_rows[i].id, worker->options.counters->values[i]};
	wire_encode_stats(&frame, &stats);
	if (ask(worker, worker->options.profiles, &frame, STATS_ANSWER_MS, &answer) != 0)
		worker->stats_sent = (struct counters){0}; /* the next one says it all again */
	link_answer_deinit(&answer);
	bytes_deinit(&frame);
	send_report(worker);
}

static bool is_stored(const struct link_answer *answer, struct window_id window)
{
	struct wire_stored stored;

	return answer->id == MESSAGE_STORED &&
	       wire_decode_stored(answer->frame, answer->n_bytes, &stored) == 0 &&
	       stored.window.instance == window.instance &&
	       stored.window.sequence == window.sequence;
}

static void say_refused(const struct link_answer *answer, const char *by)
{
	enum refusal reason;

	if (answer->id != MESSAGE_REFUSED ||
	    wire_decode_refused(answer->frame, answer->n_bytes, &reason) != 0)
		log_warn("answer-unexpected", "by=%s message=%s, asking again", by,
			 message_name(answer->id));
	else if (reason == REFUSAL_VERSION)
		log_err("version-refused", "by=%s version=%u, asking again", by,
			WIRE_PROTOCOL_VERSION);
	else
		log_warn("refused", "by=%s reason=%s, asking again", by, refusal_name(reason));
}

/* How long to wait for the shipper: once asked to stop, no longer than until leaving. */
static int profile_answer_ms(const struct worker *worker)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!worker->is_stopping)
		return PROFILE_ANSWER_MS;
	return now_ns < worker->leave_at_ns ? 1 + (int)((worker->leave_at_ns - now_ns) / 1000000)
					    : 1;
}

/*
 * Hands the same frame to the shipper until it is stored, however long that takes: the window is
 * safe nowhere else. A lease that runs out meanwhile only means that it is stored by whoever is
 * first. Asked to stop, gives it back after a while. Returns the outcome to say, or -errno.
 */
static int deliver(struct worker *worker)
{
	while (!worker->is_leaving) {
		struct link_answer answer = {0};
		int r = ask(worker, worker->options.profiles, &worker->profile,
			    profile_answer_ms(worker), &answer);
		bool stored = r == 0 && is_stored(&answer, worker->window);

		if (r == 0 && !stored)
			say_refused(&answer, "shipper");
		link_answer_deinit(&answer);
		if (stored)
			return LEASE_OUTCOME_STORED;
		if (r < 0 && r != -EINTR)
			return r;
		if (worker->is_stopping && clock_monotonic_ns() >= worker->leave_at_ns)
			break;
		if (r != -EINTR && r != LINK_UNANSWERED)
			pause_for_signals(worker, PAUSE_MS);
	}
	return LEASE_OUTCOME_FAILED;
}

/* Says once what became of the kernel's symbols, when it changes. */
static void say_kernel(struct worker *worker)
{
	if (worker->kernel.outcome == worker->kernel_outcome)
		return;
	worker->kernel_outcome = worker->kernel.outcome;
	counters_set(worker->options.counters, COUNTER_KERNEL_SYMBOLS_HIDDEN,
		     worker->kernel_outcome == KERNEL_SYMBOLS_HIDDEN);
	if (worker->kernel_outcome == KERNEL_SYMBOLS_HIDDEN)
		log_warn("kernel-symbols-hidden",
			 "kallsyms=zeros, naming kernel frames [kernel]: kptr_restrict hides them");
	else if (worker->kernel_outcome != 0)
		log_warn("kernel-symbols-malformed", "outcome=%d, naming kernel frames [kernel]",
			 worker->kernel_outcome);
}

/* Makes the profile of a window. Returns 0, or the outcome to say. */
static int name_window(struct worker *worker, const struct wire_window *window)
{
	const struct frame_sources sources = {
		.tables = worker->options.tables,
		.kernel = &worker->kernel,
		.reader = {object_client_fetch, object_client_open, &worker->objects},
	};
	const struct window_profile_results results = {
		.out = &worker->profile,
		.counters = worker->options.counters,
		.last = &worker->last,
	};
	struct pprof_limits limits = PPROF_LIMITS_DEFAULT;
	int r;

	object_client_begin(&worker->objects);
	table_cache_limit(worker->options.tables, &window->caches);
	table_cache_begin_round(worker->options.tables);
	r = window_profile_encode(window, &sources, &limits, &results);
	say_kernel(worker);
	if (worker->objects.is_lease_lost) {
		log_info("lease-lost", "sequence=%llu, somebody else names it",
			 (unsigned long long)window->id.sequence);
		return -EAGAIN;
	}
	if (r != 0)
		log_warn("window-failed", "sequence=%llu result=%d, giving it back",
			 (unsigned long long)window->id.sequence, r);
	return r < 0 ? r : r > 0 ? -EMSGSIZE : 0;
}

/* Takes a WINDOW from decoding to storing; sets what the next lease says of it. */
static int take_window(struct worker *worker, const struct link_answer *answer)
{
	struct wire_arena arena = {0};
	struct wire_window window;
	int r = wire_decode_window(answer->frame, answer->n_bytes, &arena, &window);

	worker->outcome = LEASE_OUTCOME_NONE;
	if (r != 0) {
		log_warn("window-garbled", "bytes=%zu result=%d, asking for another",
			 answer->n_bytes, r);
		wire_arena_deinit(&arena);
		pause_for_signals(worker, PAUSE_MS);
		return 0;
	}
	worker->window = window.id;
	r = name_window(worker, &window);
	wire_arena_deinit(&arena);
	if (r == -EAGAIN)
		return 0;
	r = r == 0 ? deliver(worker) : LEASE_OUTCOME_FAILED;
	if (r < 0)
		return r;
	worker->outcome = (enum lease_outcome)r;
	if (worker->outcome == LEASE_OUTCOME_STORED)
		counters_add(worker->options.counters, COUNTER_WINDOWS_DONE, 1);
	return 0;
}

static int take_answer(struct worker *worker, const struct link_answer *answer)
{
	switch (answer->id) {
	case MESSAGE_WINDOW:
		return take_window(worker, answer);
	case MESSAGE_NOTHING_YET:
		worker->outcome = LEASE_OUTCOME_NONE;
		return 0;
	case MESSAGE_GO:
		worker->outcome = LEASE_OUTCOME_NONE;
		worker->is_leaving = worker->is_stopping;
		return 0;
	default:
		say_refused(answer, "collector");
		pause_for_signals(worker, PAUSE_MS);
		return 0;
	}
}

/* One lease. What is said of the last window is said again until an answer shows that it arrived.
 */
static int lease(struct worker *worker)
{
	const bool was_stopping = worker->is_stopping;
	const struct wire_lease message = {
		.protocol_version = WIRE_PROTOCOL_VERSION,
		.worker = worker->id,
		.stopping = was_stopping,
		.outcome = worker->outcome,
		.window = worker->outcome == LEASE_OUTCOME_NONE ? (struct window_id){0}
								: worker->window,
	};
	struct bytes frame = BYTES_INIT(LEASE_FRAME_BYTES_MAX);
	struct link_answer answer = {0};
	int r;

	wire_encode_lease(&frame, &message);
	r = ask(worker, worker->options.pool, &frame, was_stopping ? GO_ANSWER_MS : LEASE_ANSWER_MS,
		&answer);
	bytes_deinit(&frame);
	if (r == 0)
		r = take_answer(worker, &answer);
	else if (was_stopping && r != -EINTR)
		worker->is_leaving = true; /* nobody is there to say go */
	else if (r == LINK_BAD_ANSWER)
		pause_for_signals(worker, PAUSE_MS);
	link_answer_deinit(&answer);
	return r < 0 && r != -EINTR ? r : 0;
}

int worker_run(struct worker *worker)
{
	int r = 0;

	while (r == 0 && !worker->is_leaving) {
		send_stats(worker);
		r = lease(worker);
	}
	return worker->is_leaving ? 0 : r;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	object_client_deinit(&worker->objects);
	kernel_symbols_deinit(&worker->kernel);
	bytes_deinit(&worker->profile);
	free(worker);
}
