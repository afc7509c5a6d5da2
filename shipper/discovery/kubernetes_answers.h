#pragma once
/* What a Kubernetes API answers: pages of lists, events of watches, refusals. Foreign bytes. */
#include "config/source.h"
#include "discovery/kubernetes_objects.h"

#define KUBERNETES_VERSION_BYTES  256
#define KUBERNETES_CONTINUE_BYTES ((size_t)16 << 10)

/*
 * Reads a page of a list, whose objects it puts into @objects, which has some of the page when it
 * fails.
 *   @version  of the list
 *   @token    for the next page, with a NUL; empty: this was the last
 *   @why      what is wrong, for people: appended to when an outcome is returned
 * Returns 0, -ENOMEM, or an enum kubernetes_outcome.
 */
int kubernetes_page_read(struct config_text text, enum kubernetes_kind kind,
			 struct kubernetes_objects *objects, char version[KUBERNETES_VERSION_BYTES],
			 struct bytes *token, struct bytes *why) warn_unused_result;

enum kubernetes_event_type {
	KUBERNETES_ADDED,
	KUBERNETES_MODIFIED,
	KUBERNETES_DELETED,
	KUBERNETES_BOOKMARK,
	KUBERNETES_ERROR,
};

struct kubernetes_event {
	enum kubernetes_event_type type;
	struct kubernetes_object *object;       /* owned: added or modified; else NULL */
	struct bytes key;                       /* owned, with a NUL: deleted */
	char version[KUBERNETES_VERSION_BYTES]; /* of all but errors */
	uint32_t code;                          /* of an error: 410, or 0 */
};

/*
 * Reads one line of a watch. @ret_event is set on 0 only, owned: kubernetes_event_deinit(). An
 * error is an event like others; its message is appended to @why. Returns like
 * kubernetes_page_read().
 */
int kubernetes_event_read(struct config_text line, enum kubernetes_kind kind,
			  struct kubernetes_event *ret_event, struct bytes *why) warn_unused_result;

void kubernetes_event_deinit(struct kubernetes_event *event);

/* The server's own words for a refusal, as far as they are fit for a line: ": words" or nothing. */
void kubernetes_words_print(struct config_text text, struct bytes *out);
