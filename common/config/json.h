#pragma once
/* JSON to values of the language, and back. */
#include "config/value.h"
#include "base/bytes.h"

#define CONFIG_JSON_DEPTH_MAX 200u

enum config_json_numbers {
	CONFIG_JSON_FLOATS, /* every number is a float, as Go reads them into anything */
	CONFIG_JSON_WHOLES, /* what is whole stays whole */
};

/*
 * Reads all of @text into a value in @arena. Returns 0, a negative error of the arena, or
 * CONFIG_REFUSED after appending the reason to @why.
 */
int config_json_read(struct config_text text, enum config_json_numbers numbers,
		     struct config_arena *arena, struct config_value *ret_value,
		     struct bytes *why) warn_unused_result;

/*
 * Appends @value to @out as Go writes it: no blanks, keys in order, <, > and & escaped.
 * Returns 0, or CONFIG_REFUSED for what JSON does not have: secrets, functions, capsules.
 */
int config_json_write(const struct config_value *value, struct bytes *out) warn_unused_result;
