#include "endpoints/endpoints_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "http/http_content.h"
#include "log/log.h"
#include "endpoints/push_body.h"

#define STORE_BATCH_PARTS     16u /* two synced files each, before the event loop goes on */
#define MS_NS                 UINT64_C(1000000)
#define RETRY_AFTER_MAX_S     600
#define RETRY_AFTER_JITTER_MS 250u
#define POISON_TRIES_MAX      3u /* alone: the first and two more */
#define THROTTLE_TRIES_MAX    3u
#define THROTTLE_BURST_BYTES  (2u << 20) /* a series above a server's burst never passes */
#define BATCH_BYTES_MAX       (THROTTLE_BURST_BYTES / 2) /* of both kinds: two in a row pass */
#define LOOK_EVERY_MS         1000u
#define OPERATOR_WAIT_MS      30000u /* … to twice that: only an operator can help */

static const char *const drop_names[N_ENDPOINT_DROPS] = {
	[ENDPOINT_DROP_FULL] = "spool_full",     [ENDPOINT_DROP_AGED] = "aged",
	[ENDPOINT_DROP_DAMAGED] = "damaged",     [ENDPOINT_DROP_EXPIRED] = "outside_window",
	[ENDPOINT_DROP_TOO_BIG] = "too_big",     [ENDPOINT_DROP_REJECTED] = "rejected",
	[ENDPOINT_DROP_RETRIES] = "max_retries",
};

const char *endpoint_drop_name(enum endpoint_drop reason)
{
	return drop_names[reason];
}

const struct histogram_class endpoint_seconds_class = {
	.name = "triptych_endpoint_request_duration_seconds",
	.help = "From a request's start to its answer, or to its failure.",
	.n_bounds = 12,
	.bounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
};

const struct histogram_class endpoint_bytes_class = {
	.name = "triptych_endpoint_request_size_bytes",
	.help = "Bytes of a request's body; of directories: of a batch's profiles.",
	.n_bounds = 7,
	.bounds = {1024, 4096, 16384, 65536, 262144, 1048576, 4194304},
};

const struct histogram_class endpoint_age_class = {
	.name = "triptych_endpoint_profile_age_seconds",
	.help = "From the start of a profile's window to its arrival.",
	.n_bounds = 12,
	.bounds = {0.5, 1, 2.5, 5, 10, 15, 20, 30, 60, 300, 900, 3600},
};

static uint64_t random_bits(void)
{
	uint64_t bits = 0;

	(void)!getrandom(&bits, sizeof(bits), 0); /* worst case: no jitter */
	return bits;
}

static void amount_add(struct spool_amount *sum, const struct wire_part *part)
{
	sum->n_samples += part->n_samples;
	sum->n_profiles++;
	sum->n_bytes += part->pprof_gz.n_bytes;
}

static void observe_age(struct endpoint *endpoint, uint64_t time_wall_ns)
{
	histogram_observe(&endpoint->age, &endpoint_age_class,
			  histogram_seconds(time_wall_ns, clock_wall_ns()));
}

/* Notes how long the batch was on its way, whatever came of it. */
static void observe_try(struct endpoints *endpoints, struct endpoint *endpoint, size_t n_bytes,
			double seconds)
{
	histogram_observe(&endpoint->seconds, &endpoint_seconds_class, seconds);
	histogram_observe(&endpoint->bytes, &endpoint_bytes_class, (double)n_bytes);
	for (size_t i = 0; i < endpoint->batch.n_items; i++)
		tallies_note_push(endpoints->tallies, endpoint->batch.items[i].part.labels,
				  seconds);
}

/*
 * Books what the batch's items came to and moves the cursor behind them. Items that the spool
 * dropped in the meantime are in its books already.
 */
static void settle(struct endpoints *endpoints, struct endpoint *endpoint,
		   struct spool_amount *account)
{
	const struct spool_reader *reader = spool_reader(endpoints->spool, endpoint->reader);
	struct batch *batch = &endpoint->batch;
	struct spool_cursor last = reader->cursor;

	for (size_t i = 0; i < batch->n_items; i++) {
		if (batch_is_behind(&batch->items[i].at, &reader->cursor))
			continue;
		amount_add(account, &batch->items[i].part);
		if (account == &endpoint->sent)
			observe_age(endpoint, batch->items[i].time_wall_ns);
		last = batch->items[i].behind;
	}
	for (size_t i = 0; i < batch->n_passed; i++) {
		const struct batch_passed *passed = &batch->passed[i];

		if (batch_is_behind(&passed->at, &reader->cursor))
			continue;
		endpoint->passed.n_samples += passed->n_samples;
		endpoint->passed.n_profiles++;
		endpoint->passed.n_bytes += passed->n_bytes;
		if (batch_is_behind(&last, &passed->behind))
			last = passed->behind;
	}
	if (batch_is_behind(&reader->cursor, &last))
		spool_advance(endpoints->spool, endpoint->reader, &last);
	endpoint->n_alone -=
		batch->n_items < endpoint->n_alone ? batch->n_items : endpoint->n_alone;
	endpoint->n_attempts = 0;
	endpoint->phase = PHASE_IDLE;
	batch_clear(batch);
}

static void set_failing(struct endpoint *endpoint, bool is_failing, const char *error)
{
	if (is_failing && !endpoint->is_failing)
		log_warn("endpoint-failing", "endpoint=%s error=%s, keeping profiles in the spool",
			 endpoint->label, error);
	else if (!is_failing && endpoint->is_failing)
		log_info("endpoint-well", "endpoint=%s", endpoint->label);
	endpoint->is_failing = is_failing;
	(void)snprintf(endpoint->error, sizeof(endpoint->error), "%s", error);
}

static void wait_ms(struct endpoint *endpoint, uint64_t now_ns, uint64_t ms)
{
	endpoint->phase = PHASE_WAITING;
	endpoint->wait_until_ns = now_ns + ms * MS_NS;
	endpoint->look_ns = ENDPOINTS_NO_TIME;
	endpoint->n_retries++;
	batch_clear(&endpoint->batch);
}

static void back_off(struct endpoint *endpoint, uint64_t now_ns)
{
	const struct endpoint_configuration *configuration = endpoint->configuration;

	endpoint->n_attempts++;
	wait_ms(endpoint, now_ns,
		backoff_ms(endpoint->n_attempts, configuration->min_backoff_ms,
			   configuration->max_backoff_ms, random_bits()));
}

/* Keeps the one item of the batch where a human can look at it. */
static void quarantine(struct endpoints *endpoints, const struct endpoint *endpoint)
{
	int r = store_write(endpoints->quarantine, &endpoint->batch.items[0],
			    endpoint->configuration->external_labels,
			    endpoint->configuration->n_external_labels);

	if (r == 0)
		r = store_sync(endpoints->quarantine);
	if (r < 0)
		log_warn("quarantine-failed", "error=\"%s\", the profile is gone", strerror(-r));
}

/* Gives up on the one item of the batch. */
static void give_up(struct endpoints *endpoints, struct endpoint *endpoint,
		    enum endpoint_drop reason)
{
	const struct batch_item *item = &endpoint->batch.items[0];

	log_warn("profile-refused",
		 "endpoint=%s reason=%s window=%016" PRIx64 "/%" PRIu64 " part=%u samples=%" PRIu64
		 " answer=%s",
		 endpoint->label, drop_names[reason], item->window.instance, item->window.sequence,
		 item->at.part, item->part.n_samples, endpoint->error);
	if (reason != ENDPOINT_DROP_EXPIRED)
		quarantine(endpoints, endpoint);
	settle(endpoints, endpoint, &endpoint->dropped[reason]);
}

/* Waits as long as the server says, if it says so. */
static void wait_as_told(struct endpoint *endpoint, const struct push_answer *answer,
			 uint64_t now_ns)
{
	int64_t said_s = answer->retry_after_s;

	if (said_s <= 0) { /* not said, or nonsense */
		back_off(endpoint, now_ns);
		return;
	}
	if (said_s > RETRY_AFTER_MAX_S)
		said_s = RETRY_AFTER_MAX_S;
	endpoint->n_attempts++;
	wait_ms(endpoint, now_ns, (uint64_t)said_s * 1000 + random_bits() % RETRY_AFTER_JITTER_MS);
}

/* Counts how often the one item of the batch came to @verdict, this time included. */
static unsigned count_try(struct endpoint *endpoint, enum verdict verdict)
{
	const struct spool_cursor *at = &endpoint->batch.items[0].at;
	struct tries *tries = &endpoint->tries;

	if (tries->sequence != at->sequence || tries->part != at->part)
		*tries = (struct tries){.sequence = at->sequence, .part = at->part};
	return ++tries->n[verdict];
}

/* What to do about one part that went alone. */
static void act_alone(struct endpoints *endpoints, struct endpoint *endpoint,
		      const struct push_answer *answer, uint64_t now_ns)
{
	const struct wire_part *part = &endpoint->batch.items[0].part;
	uint32_t n_failures_max = endpoint->configuration->max_backoff_retries;
	enum verdict verdict = verdict_of(answer);
	unsigned n_tries = count_try(endpoint, verdict);

	switch (verdict) {
	case VERDICT_TOO_BIG:
		give_up(endpoints, endpoint, ENDPOINT_DROP_TOO_BIG);
		return;
	case VERDICT_AGED:
		give_up(endpoints, endpoint, ENDPOINT_DROP_EXPIRED);
		return;
	case VERDICT_POISON:
		if (n_tries >= POISON_TRIES_MAX)
			give_up(endpoints, endpoint, ENDPOINT_DROP_REJECTED);
		else
			back_off(endpoint, now_ns);
		return;
	case VERDICT_FAILED:
		if (n_failures_max > 0 && n_tries >= n_failures_max)
			give_up(endpoints, endpoint, ENDPOINT_DROP_RETRIES);
		else
			back_off(endpoint, now_ns);
		return;
	case VERDICT_THROTTLED:
		if (n_tries >= THROTTLE_TRIES_MAX &&
		    part->uncompressed_bytes > THROTTLE_BURST_BYTES)
			give_up(endpoints, endpoint, ENDPOINT_DROP_TOO_BIG);
		else
			wait_as_told(endpoint, answer, now_ns);
		return;
	default:
		wait_as_told(endpoint, answer, now_ns);
	}
}

/* What to do about several: nobody knows which of them it was, so each goes alone next. */
static void act_together(struct endpoint *endpoint, const struct push_answer *answer,
			 uint64_t now_ns)
{
	if (answer->transport != PUSH_UNREACHED)
		endpoint->n_alone = endpoint->batch.n_items;
	switch (verdict_of(answer)) {
	case VERDICT_TOO_BIG:
	case VERDICT_AGED:
	case VERDICT_POISON:
		endpoint->phase = PHASE_IDLE;
		endpoint->n_retries++;
		batch_clear(&endpoint->batch);
		return;
	case VERDICT_THROTTLED:
	case VERDICT_TRANSIENT:
		wait_as_told(endpoint, answer, now_ns);
		return;
	default:
		back_off(endpoint, now_ns);
	}
}

/* Waits for an operator, who may have to change no more than a file with a token. */
static void wait_for_operator(struct endpoint *endpoint, uint64_t now_ns)
{
	endpoint->n_alone = 0; /* nothing was looked at */
	wait_ms(endpoint, now_ns, OPERATOR_WAIT_MS + random_bits() % OPERATOR_WAIT_MS);
	if (endpoint->files_stamp != 0)
		endpoint->look_ns = now_ns + LOOK_EVERY_MS * MS_NS;
}

/* Ends the wait when the files changed. */
static void look_at_files(struct endpoint *endpoint, uint64_t now_ns)
{
	if (endpoint->phase != PHASE_WAITING || now_ns < endpoint->look_ns)
		return;
	endpoint->look_ns = now_ns + LOOK_EVERY_MS * MS_NS;
	if (http_files_stamp(endpoint->configuration->http) != endpoint->files_stamp)
		endpoint->wait_until_ns = 0;
}

/* Whether any of what was sent may be stored, so that sending it again may store it twice. */
static bool may_have_stored(const struct push_answer *answer, size_t n_items)
{
	if (answer->transport == PUSH_LOST)
		return true;
	if (answer->transport != PUSH_ANSWERED || answer->status == 413)
		return false;
	if (answer->status >= 500 || answer->status == 499 || answer->status == 200)
		return true;
	return n_items > 1 &&
	       verdict_of(answer) != VERDICT_MISCONFIGURED; /* one failed, of several */
}

static void act(struct endpoints *endpoints, struct endpoint *endpoint,
		const struct push_result *result, uint64_t now_ns)
{
	const struct push_answer *answer = &result->answer;
	enum verdict verdict = verdict_of(answer);
	char error[ENDPOINT_ERROR_MAX / 2];

	observe_try(endpoints, endpoint, endpoint->body.n_bytes,
		    histogram_seconds(endpoint->start_ns, now_ns));
	endpoint->n_requests[verdict]++;
	endpoint->was_tried = endpoint->was_tried || verdict != VERDICT_DONE;
	if (answer->was_repeated)
		endpoint->n_repeated += endpoint->batch.n_items;
	if (verdict == VERDICT_DONE) {
		set_failing(endpoint, false, "");
		settle(endpoints, endpoint, &endpoint->sent);
		return;
	}
	if (may_have_stored(answer, endpoint->batch.n_items))
		endpoint->n_repeated += endpoint->batch.n_items;
	if (answer->transport != PUSH_ANSWERED)
		(void)snprintf(error, sizeof(error), "%s", result->error);
	else if (answer->status >= 300 && answer->status < 400 && result->error[0])
		(void)snprintf(error, sizeof(error), "%ld %s", answer->status, result->error);
	else
		push_answer_describe(answer, error, sizeof(error));
	set_failing(endpoint, true, log_quote(error, strlen(error)).text);
	if (verdict == VERDICT_MISCONFIGURED) {
		wait_for_operator(endpoint, now_ns);
	} else if (endpoint->batch.n_items == 1) {
		act_alone(endpoints, endpoint, answer, now_ns);
	} else {
		act_together(endpoint, answer, now_ns);
	}
}

/* Puts the batch into the endpoint's directory. */
static void write_batch(struct endpoints *endpoints, struct endpoint *endpoint, uint64_t now_ns)
{
	const struct endpoint_configuration *configuration = endpoint->configuration;
	uint64_t start_ns = clock_monotonic_ns();
	size_t n_bytes = 0;
	int r = 0;

	for (size_t i = 0; i < endpoint->batch.n_items; i++)
		n_bytes += endpoint->batch.items[i].part.pprof_gz.n_bytes;
	for (size_t i = 0; r == 0 && i < endpoint->batch.n_items; i++)
		r = store_write(endpoint->store, &endpoint->batch.items[i],
				configuration->external_labels, configuration->n_external_labels);
	if (r == 0)
		r = store_sync(endpoint->store);
	observe_try(endpoints, endpoint, n_bytes,
		    histogram_seconds(start_ns, clock_monotonic_ns()));
	if (r == 0) {
		endpoint->n_requests[VERDICT_DONE]++;
		set_failing(endpoint, false, "");
		settle(endpoints, endpoint, &endpoint->sent);
		return;
	}
	endpoint->n_requests[VERDICT_TRANSIENT]++;
	endpoint->was_tried = true;
	set_failing(endpoint, true, log_quote(strerror(-r), strlen(strerror(-r))).text);
	back_off(endpoint, now_ns);
}

static int start_push(struct endpoints *endpoints, struct endpoint *endpoint, uint64_t now_ns)
{
	struct push_request request = {
		.endpoint = endpoint->configuration,
		.body = &endpoint->body,
		.id = endpoint->reader,
	};
	int r;

	r = push_body_encode(&endpoint->batch, endpoint->configuration->external_labels,
			     endpoint->configuration->n_external_labels, &endpoint->body);
	if (endpoint->configuration->http) /* before it reads them: what changes later is new */
		endpoint->files_stamp = http_files_stamp(endpoint->configuration->http);
	if (r == 0)
		r = push_start(endpoints->push, &request);
	endpoint->start_ns = now_ns;
	if (r == 0)
		endpoint->phase = PHASE_IN_FLIGHT;
	return r;
}

/* Whether @endpoint could start on something now. */
static bool is_hungry(const struct endpoints *endpoints, const struct endpoint *endpoint)
{
	const struct spool_reader *reader = spool_reader(endpoints->spool, endpoint->reader);
	struct spool_entry entry;

	return endpoint->phase == PHASE_IDLE && !(endpoints->is_stopping && endpoint->was_tried) &&
	       spool_find(endpoints->spool, reader->cursor.sequence, &entry);
}

/* Starts on what is at the cursor. */
static void step(struct endpoints *endpoints, struct endpoint *endpoint, uint64_t now_ns)
{
	struct batch_limits limits = {
		.n_parts = endpoint->store ? STORE_BATCH_PARTS : BATCH_PARTS_MAX,
		.n_bytes = BATCH_BYTES_MAX,
		.uncompressed_bytes = BATCH_BYTES_MAX,
		.route = endpoint->route,
	};
	int r;

	if (endpoint->n_alone > 0)
		limits.n_parts = 1;
	r = batch_gather(&endpoint->batch, endpoints->spool, endpoint->reader, &limits);
	if (r == BATCH_EMPTY)
		return;
	if (r == BATCH_DAMAGED) {
		log_warn("record-damaged", "endpoint=%s, passing over it", endpoint->label);
		spool_pass_damaged(endpoints->spool, endpoint->reader);
		return;
	}
	if (r == 0 && endpoint->batch.n_items == 0) { /* all of it is for others */
		settle(endpoints, endpoint, &endpoint->passed);
		return;
	}
	if (r == 0 && endpoint->store) {
		write_batch(endpoints, endpoint, now_ns);
		return;
	}
	if (r == 0)
		r = start_push(endpoints, endpoint, now_ns);
	if (r < 0) {
		log_warn("push-not-started", "endpoint=%s error=\"%s\"", endpoint->label,
			 strerror(-r));
		endpoint->was_tried = true;
		back_off(endpoint, now_ns);
	}
}

/* Requests are called by their endpoint's reader: an index may change while they are out. */
static struct endpoint *of_reader(const struct endpoints *endpoints, uint64_t reader)
{
	for (size_t i = 0; i < endpoints->n; i++)
		if (endpoints->all[i]->reader == reader)
			return endpoints->all[i];
	return NULL;
}

void endpoints_run(struct endpoints *endpoints, uint64_t now_ns)
{
	struct push_result result;

	while (push_next(endpoints->push, &result)) {
		struct endpoint *endpoint = of_reader(endpoints, result.id);

		if (endpoint)
			act(endpoints, endpoint, &result, now_ns);
	}
	for (size_t i = 0; i < endpoints->n; i++) {
		struct endpoint *endpoint = endpoints->all[i];

		look_at_files(endpoint, now_ns);
		if (endpoint->phase == PHASE_WAITING && now_ns >= endpoint->wait_until_ns)
			endpoint->phase = PHASE_IDLE;
		if (is_hungry(endpoints, endpoint))
			step(endpoints, endpoint, now_ns);
	}
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t endpoints_deadline_ns(const struct endpoints *endpoints)
{
	uint64_t deadline_ns = ENDPOINTS_NO_TIME;

	for (size_t i = 0; i < endpoints->n; i++) {
		const struct endpoint *endpoint = endpoints->all[i];

		if (is_hungry(endpoints, endpoint))
			return 0;
		if (endpoint->phase != PHASE_WAITING)
			continue;
		deadline_ns = min_ns(deadline_ns, endpoint->wait_until_ns);
		deadline_ns = min_ns(deadline_ns, endpoint->look_ns);
	}
	return deadline_ns;
}

void endpoints_stop(struct endpoints *endpoints)
{
	if (endpoints->is_stopping)
		return;
	endpoints->is_stopping = true;
	for (size_t i = 0; i < endpoints->n; i++) {
		endpoints->all[i]->was_tried = false;
		if (endpoints->all[i]->phase == PHASE_WAITING)
			endpoints->all[i]->wait_until_ns = 0;
	}
}

bool endpoints_are_done(const struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->n; i++) {
		const struct endpoint *endpoint = endpoints->all[i];

		if (endpoint->phase == PHASE_IN_FLIGHT || is_hungry(endpoints, endpoint))
			return false;
		if (endpoint->phase == PHASE_WAITING && !endpoint->was_tried)
			return false; /* its wait ends with the next endpoints_run() */
	}
	return true;
}

size_t endpoints_count(const struct endpoints *endpoints)
{
	return endpoints->n;
}

struct endpoint_books endpoints_books(const struct endpoints *endpoints, size_t i)
{
	const struct endpoint *endpoint = endpoints->all[i];
	const struct spool_reader *reader = spool_reader(endpoints->spool, endpoint->reader);
	struct endpoint_books books = {
		.label = endpoint->label,
		.spooled = reader->spooled,
		.sent = endpoint->sent,
		.passed = endpoint->passed,
		.held = spool_held(endpoints->spool, endpoint->reader),
		.n_retries = endpoint->n_retries,
		.n_repeated = endpoint->n_repeated,
		.is_failing = endpoint->is_failing,
		.error = endpoint->error,
		.component_id = endpoint->configuration->component_id,
		.seconds = &endpoint->seconds,
		.bytes = &endpoint->bytes,
		.age = &endpoint->age,
	};

	memcpy(books.dropped, endpoint->dropped, sizeof(books.dropped));
	memcpy(books.dropped, reader->dropped, sizeof(reader->dropped));
	memcpy(books.n_requests, endpoint->n_requests, sizeof(books.n_requests));
	return books;
}

uint64_t endpoints_quarantine_bytes(const struct endpoints *endpoints)
{
	return store_bytes(endpoints->quarantine);
}
