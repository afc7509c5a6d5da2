#pragma once
/* Endpoints from within: shared by endpoints.c (running) and endpoints_reload.c (which there are).
 */
#include "batch.h"
#include "endpoints.h"
#include "push.h"
#include "store.h"

enum phase {
	PHASE_IDLE,      /* may start on what is at its cursor */
	PHASE_IN_FLIGHT, /* a request is out */
	PHASE_WAITING,   /* for wait_until_ns */
};

struct endpoint {
	const struct endpoint_configuration *configuration; /* borrowed */
	char *key;                                          /* owned; what makes it the same */
	char *label;                                        /* owned */
	struct store *store;                                /* owned; NULL for a server */
	size_t reader;
	enum phase phase;
	uint64_t wait_until_ns;
	unsigned n_attempts; /* failed so far, at what is at the cursor */
	size_t n_alone;      /* parts that go alone from the cursor on */
	bool was_tried;      /* since endpoints_stop() */
	bool is_failing;
	char error[ENDPOINT_ERROR_MAX];
	struct spool_amount sent;
	struct spool_amount dropped[N_ENDPOINT_DROPS];
	uint64_t n_requests[N_VERDICTS];
	uint64_t n_retries;
	uint64_t n_repeated;
	struct bytes body;
	struct batch batch;
};

struct endpoints {
	struct spool *spool;      /* borrowed */
	struct push *push;        /* owned */
	struct store *quarantine; /* owned */
	bool is_stopping;
	size_t n;
	struct endpoint *all[ENDPOINTS_MAX]; /* owned */
};
