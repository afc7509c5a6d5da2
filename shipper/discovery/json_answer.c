#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/json_answer.h"

#include <stdbool.h>

/* Counts what may become a node, and levels. What is no JSON is counted wrong, and refused later.
 */
static bool is_affordable(const char *data, size_t n_bytes)
{
	size_t n_nodes = 0, depth = 0;
	bool is_text = false;

	for (size_t i = 0; i < n_bytes; i++) {
		if (is_text) {
			is_text = data[i] != '"';
			i += data[i] == '\\'; /* and what it escapes */
			continue;
		}
		is_text = data[i] == '"';
		n_nodes += data[i] == '[' || data[i] == '{' || data[i] == ',' || data[i] == ':';
		if (data[i] == '[' || data[i] == '{')
			depth++;
		else if ((data[i] == ']' || data[i] == '}') && depth > 0)
			depth--;
		if (depth > JSON_ANSWER_DEPTH_MAX || n_nodes > JSON_ANSWER_NODES_MAX)
			return false;
	}
	return true;
}

int json_answer_read(const char *data, size_t n_bytes, json_t **ret_json, struct bytes *why)
{
	json_error_t error;
	json_t *json;

	if (n_bytes > JSON_ANSWER_BYTES_MAX || !is_affordable(data, n_bytes)) {
		bytes_printf(why, "it is too long or too deep");
		return JSON_ANSWER_TOO_BIG;
	}
	json = json_loadb(n_bytes > 0 ? data : "", n_bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL,
			  &error);
	if (!json) { /* the library's text quotes what came: a place is enough */
		bytes_printf(why, "it is no JSON from byte %d on", error.position);
		return JSON_ANSWER_MALFORMED;
	}
	*ret_json = json;
	return 0;
}
