#pragma once
/*
 * Knowing the pods or nodes that one question of the Kubernetes API is about: a list, page by page,
 * then the stream of what changes from its version on. This says what to ask next and takes what
 * comes; it does no input or output, and knows no clock but the times it is given.
 *
 * What is known stays through every failure: a new list takes the place of the old when it is
 * whole. A stream that breaks is opened again where it was; a version that the server no longer has
 * (410), an answer that is none of the API's, or anything else that is wrong begins a new list.
 * Attempts come at once after a while in which all went well, then 0.8 s apart, doubling to 30 s.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "discovery/kubernetes_answers.h"
#include "discovery/kubernetes_objects.h"

#define KUBERNETES_PAGE_OBJECTS   250u
#define KUBERNETES_PAGES_MAX      4096u
#define KUBERNETES_LINE_BYTES_MAX ((size_t)16 << 20)
#define KUBERNETES_REASON_BYTES   512
#define KUBERNETES_NEVER          UINT64_MAX

struct http_result;

enum kubernetes_question {
	KUBERNETES_NOTHING, /* until kubernetes_watch_due_ns() */
	KUBERNETES_LIST,
	KUBERNETES_WATCH,
};

/* What it is about. All borrowed for the watch's life. */
struct kubernetes_query {
	enum kubernetes_kind kind;
	const char *path;  /* "/api/v1/pods" */
	const char *field; /* selectors as the API has them; "": none */
	const char *label;
	struct kubernetes_budget *budget; /* NULL: none but its own */
};

struct kubernetes_watch {
	struct kubernetes_query query;
	struct kubernetes_objects objects; /* owned: what is known */
	bool is_synced;                    /* a list was whole */
	bool has_changed;                  /* what is known, since the owner last cleared this */
	bool is_failing;                   /* for the reason below */
	char reason[KUBERNETES_REASON_BYTES];

	enum kubernetes_question asked; /* and not over yet */
	enum kubernetes_question next;
	uint64_t due_ns;
	uint64_t began_ns;   /* the stream */
	bool is_decided;     /* what comes after it, whatever its end is */
	unsigned n_attempts; /* since there was last a while in which all went well */
	unsigned n_breaks;   /* of streams, in a row */
	uint64_t seed;

	struct kubernetes_objects incoming; /* owned: of the pages so far */
	unsigned n_pages;
	char incoming_version[KUBERNETES_VERSION_BYTES]; /* of the first: none is newer */
	struct bytes token;    /* owned, with a NUL: for the next page; empty: the first */
	bool is_too_big;       /* for one answer: in pages, always */
	bool has_expired;      /* what the server has in memory will not do */
	bool has_lost_pages;   /* they expired under way: in one answer, this time */
	bool is_watch_refused; /* is why it is_failing: a list alone does not mend that */
	char version[KUBERNETES_VERSION_BYTES];

	struct bytes line; /* owned: of the stream, not yet ended; or a refusal's body */
};

/* @seed is for delays that differ between processes; 0: they have none beside those above. */
void kubernetes_watch_init(struct kubernetes_watch *watch, const struct kubernetes_query *query,
			   uint64_t seed);

void kubernetes_watch_deinit(struct kubernetes_watch *watch);

/* When kubernetes_watch_ask() has something to do; KUBERNETES_NEVER while a list is on its way. */
uint64_t kubernetes_watch_due_ns(const struct kubernetes_watch *watch);

/*
 * Is it time to ask? Then appends to @path the path and query, with a NUL, and takes it for asked.
 * Otherwise KUBERNETES_NOTHING.
 */
enum kubernetes_question kubernetes_watch_ask(struct kubernetes_watch *watch, uint64_t now_ns,
					      struct bytes *path);

/* It could not be asked, for @reason: as if the answer had not come. */
void kubernetes_watch_give_up(struct kubernetes_watch *watch, const char *reason, uint64_t now_ns);

/* The answer to KUBERNETES_LIST. */
void kubernetes_watch_take_list(struct kubernetes_watch *watch, const struct http_result *result,
				uint64_t now_ns);

/* A piece of the answer to KUBERNETES_WATCH. Returns 0, or -1: no more of it is wanted. */
int kubernetes_watch_take_bytes(struct kubernetes_watch *watch, long status, const void *data,
				size_t n_bytes, uint64_t now_ns);

/* Its end. */
void kubernetes_watch_take_end(struct kubernetes_watch *watch, const struct http_result *result,
			       uint64_t now_ns);
