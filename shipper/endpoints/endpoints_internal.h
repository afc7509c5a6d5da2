#pragma once
/* Endpoints from within: endpoints.c runs them, endpoints_reload.c decides which there are. */
#include "endpoints/batch.h"
#include "endpoints/endpoints.h"
#include "endpoints/push.h"
#include "endpoints/store.h"

enum phase {
	PHASE_IDLE,      /* may start on what is at its cursor */
	PHASE_IN_FLIGHT, /* a request is out */
	PHASE_WAITING,   /* for wait_until_ns */
};

/* What came of the part at the cursor when it went alone. */
struct tries {
	uint64_t sequence; /* whose these are */
	uint32_t part;
	unsigned n[N_VERDICTS];
};

struct endpoint {
	const struct endpoint_configuration *configuration; /* borrowed */
	char *key;                                          /* owned; what makes it the same */
	char *label;                                        /* owned */
	struct store *store;                                /* owned; NULL for a server */
	uint64_t route;                                     /* of its key */
	size_t reader;
	enum phase phase;
	uint64_t wait_until_ns;
	uint64_t look_ns;     /* when to look at files_stamp again; ENDPOINTS_NO_TIME: not */
	uint64_t files_stamp; /* of credentials and certificates, as the last request had them */
	unsigned n_attempts;  /* failed in a row, whatever the reason: waits grow with them */
	struct tries tries;
	size_t n_alone; /* parts that go alone from the cursor on */
	bool was_tried; /* since endpoints_stop() */
	bool is_failing;
	char error[ENDPOINT_ERROR_MAX];
	struct spool_amount sent;
	struct spool_amount passed; /* for other endpoints */
	struct spool_amount dropped[N_ENDPOINT_DROPS];
	uint64_t n_requests[N_VERDICTS];
	uint64_t n_retries;
	uint64_t n_repeated;
	uint64_t start_ns; /* of the request that is out */
	struct histogram seconds;
	struct histogram bytes;
	struct histogram age;
	struct bytes body;
	struct batch batch;
};

struct endpoints {
	struct spool *spool;      /* borrowed */
	struct tallies *tallies;  /* borrowed */
	struct push *push;        /* owned */
	struct store *quarantine; /* owned */
	bool is_stopping;
	size_t n;
	struct endpoint *all[ENDPOINTS_MAX]; /* owned */
};
