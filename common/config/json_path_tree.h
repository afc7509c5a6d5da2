#pragma once
/* A JSONPath, parsed: json_path_parse.c makes it, json_path.c walks it. Internal to both. */
#include "config/json_path.h"

enum json_step_kind {
	JSON_STEP_NAME,
	JSON_STEP_INDEX,
	JSON_STEP_SLICE,
	JSON_STEP_ALL,
	JSON_STEP_DESCENT, /* to everything below, and here */
	JSON_STEP_FILTER,
};

/* One step; several in one pair of brackets are alternatives of one another. */
struct json_step {
	enum json_step_kind kind;
	struct config_text name;
	int64_t start; /* also the index */
	int64_t end;
	int64_t stride;
	bool has_start;
	bool has_end;
	const struct json_filter *filter;
	const struct json_step *other; /* the next alternative */
	const struct json_step *next;
};

enum json_filter_kind {
	JSON_FILTER_VALUE,
	JSON_FILTER_PATH,
	JSON_FILTER_NOT,
	JSON_FILTER_OR,
	JSON_FILTER_AND,
	JSON_FILTER_EQUAL,
	JSON_FILTER_NOT_EQUAL,
	JSON_FILTER_LESS,
	JSON_FILTER_LESS_EQUAL,
	JSON_FILTER_GREATER,
	JSON_FILTER_GREATER_EQUAL,
};

struct json_filter {
	enum json_filter_kind kind;
	struct config_value value;
	const struct json_step *path;
	bool from_root; /* the path begins with `$`, not with `@` */
	const struct json_filter *left;
	const struct json_filter *right;
};

/*
 * Returns 0, a negative error of @arena, or CONFIG_REFUSED after appending the reason to @why.
 *   @ret_steps  set on 0 only; in @arena; NULL for the root itself
 */
int json_path_parse(struct config_text path, struct config_arena *arena,
		    const struct json_step **ret_steps, struct bytes *why) warn_unused_result;
