#pragma once
/*
 * JSON that a server answered, into jansson's tree, after a look at what it would cost: a few
 * megabytes of "[[[[" would otherwise become hundreds.
 */
#include <stddef.h>

#include "base/bytes.h"

#define JSON_ANSWER_BYTES_MAX (32u << 20)
#define JSON_ANSWER_NODES_MAX (1u << 20) /* some hundred bytes each */
#define JSON_ANSWER_DEPTH_MAX 64u

struct json_t;

enum json_answer_outcome {
	JSON_ANSWER_MALFORMED = 1,
	JSON_ANSWER_TOO_BIG, /* more bytes, nodes or levels than above */
};

/*
 * Reads all of @data (foreign, borrowed for the call; @n_bytes of it).
 *   @ret_json  set on 0 only; owned: json_decref()
 *   @why       what is wrong, for people: appended to unless 0 is returned
 * Returns 0 or an enum json_answer_outcome.
 */
int json_answer_read(const char *data, size_t n_bytes, struct json_t **ret_json,
		     struct bytes *why) warn_unused_result;
