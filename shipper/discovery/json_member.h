#pragma once
/*
 * Members of JSON objects that a server sent, checked. What is absent or null is the type's zero,
 * as it is for Go; a member of another type makes the whole malformed.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "config/source.h"

struct json_t;

enum json_member_type {
	JSON_MEMBER_OBJECT,
	JSON_MEMBER_LIST,
	JSON_MEMBER_TEXT,
	JSON_MEMBER_NUMBER,
	JSON_MEMBER_BOOL,
};

enum json_member_outcome {
	JSON_MEMBER_WRONG = 1 /* of another type, or not within its bounds */
};

/*
 * Is @value (borrowed for the call) of @type? @what says in @why which it is; nothing is appended
 * when it is. Returns 0 or JSON_MEMBER_WRONG.
 */
int json_member_check(const struct json_t *value, enum json_member_type type, const char *what,
		      struct bytes *why) warn_unused_result;

/*
 * *@ret_value is the member @name of @object, borrowed from it, or NULL for one that is absent or
 * null; set on 0 only. Returns like json_member_check(); a NULL @object has no members.
 */
int json_member_get(const struct json_t *object, const char *name, enum json_member_type type,
		    struct json_t **ret_value, struct bytes *why) warn_unused_result;

/* The same for a text, of any length and with any bytes: "" for one that is absent. */
int json_member_text(const struct json_t *object, const char *name, struct config_text *ret_text,
		     struct bytes *why) warn_unused_result;

/* The same for a whole number of 0 ... @max. */
int json_member_count(const struct json_t *object, const char *name, uint32_t max,
		      uint32_t *ret_count, struct bytes *why) warn_unused_result;
