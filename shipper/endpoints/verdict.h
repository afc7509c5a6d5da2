#pragma once
/*
 * What an answer to a push means for the profiles in it. A pure function: every row of the table
 * that decides over data is tested without a network.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far a request came. */
enum push_transport {
	PUSH_ANSWERED,  /* there is a status */
	PUSH_UNREACHED, /* no connection: nothing was sent */
	PUSH_LOST,      /* sent, perhaps stored; the answer did not come */
	PUSH_UNTRUSTED, /* TLS: not who it should be, or our certificates do not work */
	PUSH_UNUSABLE,  /* the URL or an option is none that libcurl can use */
};

struct push_answer {
	enum push_transport transport;
	long status;              /* PUSH_ANSWERED */
	const char *content_type; /* "" when there is none */
	const char *text;         /* start of the body; foreign bytes */
	size_t n_text_bytes;
	bool is_cut;           /* the body was longer than we read */
	int64_t retry_after_s; /* 0: not said; may be nonsense */
	bool was_repeated;     /* the request went out twice: a kept connection broke under it */
};

enum verdict {
	VERDICT_DONE,
	VERDICT_TRANSIENT,     /* the same again later */
	VERDICT_FAILED,        /* the server failed at it: later, but not for ever */
	VERDICT_THROTTLED,     /* later, and not before it says */
	VERDICT_TOO_BIG,       /* never as a whole */
	VERDICT_AGED,          /* too old or too new for the server, for ever */
	VERDICT_POISON,        /* it does not like it */
	VERDICT_MISCONFIGURED, /* it would take nothing from us: an operator must act */
	N_VERDICTS,
};

/*
 * The status and what the server said with it, for people: a Connect error's code and message, else
 * the start of the body. Cut to @n_bytes, which is not 0; foreign bytes are in it.
 */
void push_answer_describe(const struct push_answer *answer, char *text, size_t n_bytes);

enum verdict verdict_of(const struct push_answer *answer);

/* A word for metrics and logs. Static. */
const char *verdict_name(enum verdict verdict);

/*
 * How long to wait before attempt @n_attempts + 1, at least 1 attempt having failed: uniform in
 * [min · 2^(n-1), min · 2^n), at most @max_ms.
 *   @random  any 64 random bits
 */
uint64_t backoff_ms(unsigned n_attempts, uint32_t min_ms, uint32_t max_ms, uint64_t random);
