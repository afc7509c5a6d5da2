#pragma once
/*
 * JSONPath (S. Gössner): `$.store.book[?(@.price < 10)].title`. A leading `$` may be left out.
 *
 * Steps are `.name`, `['name']`, `[3]`, `[-1]`, `[1:5:2]`, `*`, `..`, lists of those in brackets,
 * and filters with == != < <= > >= && || ! over paths and literals. Objects are walked in the order
 * of their keys.
 */
#include "base/bytes.h"
#include "config/value.h"

#define CONFIG_JSON_PATH_STEPS_MAX  64u
#define CONFIG_JSON_PATH_DEPTH_MAX  16u      /* of filters and brackets in filters */
#define CONFIG_JSON_PATH_VISITS_MAX 2000000u /* of values, whatever the path */

/*
 * Finds all in @json (borrowed) that @path leads to: an array, in @arena, that borrows from @json.
 * Returns 0, a negative error of the arena, or CONFIG_REFUSED after appending the reason to @why.
 */
int config_json_path(const struct config_value *json, struct config_text path,
		     struct config_arena *arena, struct config_value *ret_value,
		     struct bytes *why) warn_unused_result;
