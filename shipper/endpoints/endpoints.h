#pragma once
/*
 * Where profiles go: each endpoint with its own cursor into the spool, its own patience and its own
 * books. One that is slow or down delays nobody else.
 *
 * An endpoint works on what stands at its cursor: several parts in one request; after an answer
 * that is not plain success each of them alone. What was sent, or can never be, moves the cursor;
 * everything else waits, for as long as the spool can hold it. For every endpoint, in samples,
 * profiles and bytes:  spooled = sent + sum(dropped) + passed + held,
 * where passed is what comes from a pyroscope.ebpf that does not forward to it.
 *
 * One thread; times are arguments, but where they are only counted. Borrowed until
 * endpoints_free(): the spool and the client, whose http_client_run() comes before endpoints_run();
 * the configuration, until it is replaced.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "configuration/configuration.h"
#include "pages/histogram.h"
#include "spool/spool.h"
#include "tallies.h"
#include "endpoints/verdict.h"

#define ENDPOINTS_MAX      CONFIGURATION_ENDPOINTS_MAX
#define ENDPOINTS_NO_TIME  UINT64_MAX
#define ENDPOINT_ERROR_MAX 256

/* Why a profile did not arrive. The first are the spool's own. */
enum endpoint_drop {
	ENDPOINT_DROP_FULL = SPOOL_DROP_FULL,
	ENDPOINT_DROP_AGED = SPOOL_DROP_AGED,
	ENDPOINT_DROP_DAMAGED = SPOOL_DROP_DAMAGED,
	ENDPOINT_DROP_EXPIRED = N_SPOOL_DROPS, /* the server finds it too old or too new */
	ENDPOINT_DROP_TOO_BIG,                 /* beyond the server's limits; in quarantine */
	ENDPOINT_DROP_REJECTED,                /* refused for good; in quarantine */
	ENDPOINT_DROP_RETRIES,                 /* max_backoff_retries failures; in quarantine */
	N_ENDPOINT_DROPS,
};

const char *endpoint_drop_name(enum endpoint_drop reason);

struct endpoint_books {
	const char *label; /* the URL without credentials, unique; borrowed from the endpoints */
	struct spool_amount spooled;
	struct spool_amount sent;
	struct spool_amount passed;
	struct spool_amount held;
	struct spool_amount dropped[N_ENDPOINT_DROPS];
	uint64_t n_requests[N_VERDICTS];
	uint64_t n_retries;
	uint64_t n_repeated;      /* profiles sent again though they may have been stored before */
	bool is_failing;          /* the last try did not get through */
	const char *error;        /* why; "" when it did. Foreign bytes, already quoted for logs */
	const char *component_id; /* of its pyroscope.write; borrowed from the configuration */
	/* Of each try: how long, and how many bytes of body (of directories: of profiles). Of each
	 * profile that arrived: how old it was, from the start of its window on. */
	const struct histogram *seconds;
	const struct histogram *bytes;
	const struct histogram *age;
};

extern const struct histogram_class endpoint_seconds_class, endpoint_bytes_class,
	endpoint_age_class;

struct endpoints;

struct endpoints_options {
	struct spool *spool;
	struct tallies *tallies; /* borrowed until endpoints_free() */
	const struct configuration *configuration;
	struct http_client *http;
	const char *quarantine_path; /* a directory, made if it is not there */
};

/*
 * Adds a reader to the spool for each endpoint and opens stores.
 *   @ret_endpoints  set on 0 only; owned, endpoints_free()
 * Returns 0 or a negative errno; what failed was logged.
 */
int endpoints_open(const struct endpoints_options *options,
		   struct endpoints **ret_endpoints) warn_unused_result;

void endpoints_free(struct endpoints *endpoints); /* NULL is fine */

/*
 * Replaces the configuration. An endpoint with the URL, name and tenant of one that was there is
 * that one: it keeps its cursor and its books, and what waits for it is tried at once when somebody
 * asked for the reload (@is_asked) or its arguments are others. A new one begins with the oldest
 * record in the spool. Those that are not there any more end at once: their request, their books
 * and their cursor go. Returns 0, or a negative errno after which everything is as before; what
 * failed was logged.
 */
int endpoints_reload(struct endpoints *endpoints, const struct configuration *configuration,
		     bool is_asked) warn_unused_result;

/* When endpoints_run() must be called at the latest, or ENDPOINTS_NO_TIME. */
uint64_t endpoints_deadline_ns(const struct endpoints *endpoints);

/* Does all that can be done without waiting. Call it after appending to the spool, too. */
void endpoints_run(struct endpoints *endpoints, uint64_t now_ns);

/* From now on: one try for each endpoint, at once, and no waiting. */
void endpoints_stop(struct endpoints *endpoints);

/* After endpoints_stop(): whether everything is sent or was tried. */
bool endpoints_are_done(const struct endpoints *endpoints);

size_t endpoints_count(const struct endpoints *endpoints);

struct endpoint_books endpoints_books(const struct endpoints *endpoints, size_t i);

/* Bytes in quarantine. */
uint64_t endpoints_quarantine_bytes(const struct endpoints *endpoints);
