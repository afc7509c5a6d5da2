#include "endpoints/verdict.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "endpoints/connect_error.h"

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

static bool is_type(const char *content_type, const char *type)
{
	size_t n = strlen(type);

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

/*
 * A tenant with too many series: this one gets nowhere, and those behind it should not wait. One
 * too large for a message between the server's parts is so for ever.
 */
static enum verdict verdict_of_429(const struct push_answer *answer)
{
	if (says(answer, "message larger than max"))
		return VERDICT_TOO_BIG;
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
	case 200: /* a captive portal answers 200, too: in another type */
		return is_type(answer->content_type, "application/proto") && !answer->is_cut
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

static bool read_error(const struct push_answer *answer, struct connect_error *ret_error)
{
	return is_type(answer->content_type, "application/json") &&
	       connect_error_read(answer->text, answer->n_text_bytes, answer->status, ret_error);
}

/* What the server says goes before what its status could mean. */
static enum verdict verdict_of_code(const struct push_answer *answer, enum connect_code code)
{
	switch (code) {
	case CONNECT_CANCELED:
	case CONNECT_DEADLINE_EXCEEDED:
	case CONNECT_ABORTED:
	case CONNECT_UNAVAILABLE:
		return VERDICT_TRANSIENT;
	case CONNECT_UNKNOWN:
	case CONNECT_INTERNAL:
	case CONNECT_DATA_LOSS:
		return VERDICT_FAILED;
	case CONNECT_INVALID_ARGUMENT:
	case CONNECT_FAILED_PRECONDITION:
	case CONNECT_OUT_OF_RANGE:
		return verdict_of_400(answer);
	case CONNECT_NOT_FOUND: /* the path is right: something of the profile's is not there */
	case CONNECT_ALREADY_EXISTS:
		return VERDICT_POISON;
	case CONNECT_RESOURCE_EXHAUSTED:
		return verdict_of_429(answer);
	case CONNECT_PERMISSION_DENIED:
	case CONNECT_UNIMPLEMENTED:
	case CONNECT_UNAUTHENTICATED:
	case N_CONNECT_CODES:
		break;
	}
	return VERDICT_MISCONFIGURED;
}

static enum verdict verdict_of_answer(const struct push_answer *answer)
{
	struct connect_error error;

	if (answer->status != 200 && read_error(answer, &error))
		return verdict_of_code(answer, error.code);
	return verdict_of_status(answer);
}

void push_answer_describe(const struct push_answer *answer, char *text, size_t n_bytes)
{
	struct connect_error error;

	if (read_error(answer, &error))
		(void)snprintf(text, n_bytes, "%ld %s: %s", answer->status,
			       connect_code_name(error.code), error.message);
	else
		(void)snprintf(text, n_bytes, "%ld %.*s", answer->status, (int)answer->n_text_bytes,
			       answer->text ? answer->text : "");
}

enum verdict verdict_of(const struct push_answer *answer)
{
	switch (answer->transport) {
	case PUSH_ANSWERED:
		return verdict_of_answer(answer);
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
