#include <jansson.h> /* first: it has an attribute that base/cleanup.h gives a meaning */

#include "discovery/json_member.h"

static const char *const type_words[] = {
	[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",    [JSON_STRING] = "a string",
	[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "a boolean",
	[JSON_FALSE] = "a boolean",  [JSON_NULL] = "null",
};

static const json_type types[] = {
	[JSON_MEMBER_OBJECT] = JSON_OBJECT, [JSON_MEMBER_LIST] = JSON_ARRAY,
	[JSON_MEMBER_TEXT] = JSON_STRING,   [JSON_MEMBER_NUMBER] = JSON_INTEGER,
	[JSON_MEMBER_BOOL] = JSON_TRUE,
};

int json_member_check(const json_t *value, enum json_member_type type, const char *what,
		      struct bytes *why)
{
	json_type is = json_typeof(value) == JSON_FALSE ? JSON_TRUE : json_typeof(value);

	if (is == types[type])
		return 0;
	bytes_printf(why, "%s is %s, expected %s", what, type_words[is], type_words[types[type]]);
	return JSON_MEMBER_WRONG;
}

int json_member_get(const json_t *object, const char *name, enum json_member_type type,
		    json_t **ret_value, struct bytes *why)
{
	json_t *value = json_object_get(object, name);
	int r = 0;

	if (value && json_is_null(value))
		value = NULL;
	if (value)
		r = json_member_check(value, type, name, why);
	if (r == 0)
		*ret_value = value;
	return r;
}

int json_member_text(const json_t *object, const char *name, struct config_text *ret_text,
		     struct bytes *why)
{
	json_t *value;
	int r = json_member_get(object, name, JSON_MEMBER_TEXT, &value, why);

	if (r != 0)
		return r;
	*ret_text = (struct config_text)CONFIG_TEXT("");
	if (value)
		*ret_text =
			(struct config_text){json_string_value(value), json_string_length(value)};
	return 0;
}

int json_member_count(const json_t *object, const char *name, uint32_t max, uint32_t *ret_count,
		      struct bytes *why)
{
	json_t *value;
	int r = json_member_get(object, name, JSON_MEMBER_NUMBER, &value, why);
	json_int_t count;

	if (r != 0)
		return r;
	count = value ? json_integer_value(value) : 0;
	if (count < 0 || count > max) {
		bytes_printf(why, "%s is %lld, expected 0 ... %u", name, (long long)count, max);
		return JSON_MEMBER_WRONG;
	}
	*ret_count = (uint32_t)count;
	return 0;
}
