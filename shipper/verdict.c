#include "verdict.h"

#include <string.h>
#include <strings.h>

#define BACKOFF_SHIFT_MAX 20u

static const char *const names[N_VERDICTS] = {
	[VERDICT_DONE] = "done",       [VERDICT_TRANSIENT] = "transient",
	[VERDICT_FAILED] = "failed",   [VERDICT_THROTTLED] = "throttled",
	[VERDICT_TOO_BIG] = "too_big", [VERDICT_AGED] = "aged",
	[VERDICT_POISON] = "rejected", [VERDICT_MISCONFIGURED] = "misconfigured",
};

const char *verdict_name(enum verdict verdict)
{
	return names[verdict];
}

static bool says(const struct push_answer *answer, const char *words)
{
	return answer->n_text_bytes > 0 &&
	       memmem(answer->text, answer->n_text_bytes, words, strlen(words)) != NULL;
}

/* Whether it is the type that we asked for: success in another is not from a server of this API. */
static bool is_answer_type(const char *content_type)
{
	static const char type[] = "application/proto";
	size_t n = sizeof(type) - 1;

	return strncasecmp(content_type, type, n) == 0 &&
	       (content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ');
}

/* 400 has three meanings, told apart by what the server wrote. */
static enum verdict verdict_of_400(const struct push_answer *answer)
{
	if (says(answer, "ingestion window") || says(answer, "ingestion_window"))
		return VERDICT_AGED;
	if (says(answer, "exceeds") || says(answer, "size_limit") || says(answer, "samples_limit"))
		return VERDICT_TOO_BIG;
	return VERDICT_POISON;
}

/* A tenant with too many series: this one gets nowhere, and those behind it should not wait. */
static enum verdict verdict_of_429(const struct push_answer *answer)
{
	if (says(answer, "series limit exceeded") || says(answer, "series_limit"))
		return VERDICT_POISON;
	return VERDICT_THROTTLED;
}

/* Only 500 is a server that failed at what it got; the others are of one that is not there. */
static enum verdict verdict_of_5xx(const struct push_answer *answer)
{
	switch (answer->status) {
	case 500:
		return VERDICT_FAILED;
	case 501: /* not a server of this API */
	case 511: /* a network that wants a login first */
		return VERDICT_MISCONFIGURED;
	default:
		return VERDICT_TRANSIENT;
	}
}

static enum verdict verdict_of_status(const struct push_answer *answer)
{
	switch (answer->status) {
	case 200: /* a captive portal answers 200, too */
		return is_answer_type(answer->content_type) && !answer->is_cut
			       ? VERDICT_DONE
			       : VERDICT_MISCONFIGURED;
	case 400:
		return verdict_of_400(answer);
	case 413:
		return VERDICT_TOO_BIG;
	case 429:
		return verdict_of_429(answer);
	case 408:
	case 409:
	case 425:
	case 499:
		return VERDICT_TRANSIENT;
	case 422:
		return VERDICT_POISON;
	default:
		return answer->status >= 500 ? verdict_of_5xx(answer) : VERDICT_MISCONFIGURED;
	}
}

enum verdict verdict_of(const struct push_answer *answer)
{
	switch (answer->transport) {
	case PUSH_ANSWERED:
		return verdict_of_status(answer);
	case PUSH_UNTRUSTED:
	case PUSH_UNUSABLE:
		return VERDICT_MISCONFIGURED;
	case PUSH_UNREACHED:
	case PUSH_LOST:
		break;
	}
	return VERDICT_TRANSIENT;
}

uint64_t backoff_ms(unsigned n_attempts, uint32_t min_ms, uint32_t max_ms, uint64_t random)
{
	unsigned shift = n_attempts > 0 ? n_attempts - 1 : 0;
	uint64_t from = (uint64_t)(min_ms ? min_ms : 1)
			<< (shift < BACKOFF_SHIFT_MAX ? shift : BACKOFF_SHIFT_MAX);
	uint64_t wait = from + random % from;

	return wait < max_ms ? wait : max_ms;
}
